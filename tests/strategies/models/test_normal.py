"""The portable normal distribution."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import numpy as np

from strategies.models.normal import phi, probit

PRINT_DIGEST = """
import hashlib, numpy as np
from strategies.models.normal import phi, probit
z = np.linspace(-8, 8, 100_001)
print(hashlib.sha256(phi(z).tobytes() + probit(phi(z)).tobytes()).hexdigest())
"""


def test_it_is_the_normal_distribution() -> None:
    """It agrees with erfc to 2e-12, a millionth of what rounding to prob_u6 can see."""
    z = np.linspace(-8, 8, 40_001)
    expected = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in z])
    assert np.abs(phi(z) - expected).max() < 2e-12


def test_it_is_symmetric_and_rises() -> None:
    """phi(z) + phi(-z) is one, phi(0) exactly a half, and more z is never less."""
    z = np.linspace(0, 9, 10_001)
    assert (phi(z) + phi(-z) == 1).all()
    assert phi(np.zeros(1)).tolist() == [0.5]
    assert (np.diff(phi(np.linspace(-8, 8, 10_001))) >= 0).all()


def test_neither_batch_size_nor_simd_moves_a_bit() -> None:
    """One state at a time equals the batch, and every SIMD level gives the same bytes."""
    z = np.linspace(-3, 3, 101)
    assert np.concatenate([phi(z[i : i + 1]) for i in range(len(z))]).tobytes() == phi(z).tobytes()
    simd = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    digests = {
        subprocess.run(
            [sys.executable, "-c", PRINT_DIGEST],
            env={**os.environ, "NPY_DISABLE_CPU_FEATURES": " ".join(disabled)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for disabled in ([], simd)
    }
    assert len(digests) == 1


def test_probit_undoes_phi() -> None:
    """Within a thousandth of certain the quantile comes back to 1e-10; beyond it is that of the thousandth."""
    z = np.linspace(-3.09, 3.09, 2_001)
    assert np.abs(probit(phi(z)) - z).max() < 1e-10
    assert probit(np.array([0.5])).tolist() == [0]
    assert probit(np.array([0.0, 1.0])).tolist() == probit(np.array([0.001, 0.999])).tolist()
