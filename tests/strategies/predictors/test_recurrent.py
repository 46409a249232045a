"""The recurrent member, as it ships."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files

import numpy as np
import pytest
from simulated_examples import simulated_examples

from strategies.predictors.ensemble import NETWORK_FILE
from strategies.predictors.examples import log_odds
from strategies.predictors.recurrent import INPUTS, Recurrent, features

NETWORK = files("strategies.predictors").joinpath(NETWORK_FILE).read_bytes()


def test_what_the_network_reads() -> None:
    """Lead, change, minute, strength and whether it is known, all small numbers; nothing comes from later minutes."""
    patterns = np.array([[2, 5, 4], [0, 0, -9]], np.float64)
    read = features(patterns, np.array([1.5, np.nan]))
    assert read.shape == (2, 3, INPUTS)
    assert read[0, 1].tolist() == pytest.approx([0.5, 0.6, 2 / 18, 1.5, 1.0])
    assert read[1, 2].tolist() == pytest.approx([-0.9, -1.8, 3 / 18, 0.0, 0.0])
    assert np.array_equal(features(patterns[:, :2], np.array([1.5, np.nan])), read[:, :2])


def test_the_network_is_small_enough_to_ship() -> None:
    """Well under 300 KB."""
    assert len(NETWORK) < 300_000


@pytest.mark.parametrize("minutes", [1, 2, 11, 18])
def test_it_answers_after_every_minute(minutes: int) -> None:
    """Patterns under way have finite forecasts, the same alone and in a batch."""
    asked = simulated_examples(40, known=0.5)
    member = Recurrent(NETWORK)
    patterns, strength = asked.patterns[:, :minutes].astype(np.float64), log_odds(asked.prior_u6)
    together = member.margins(patterns, strength)
    assert together.shape == (40, 2)
    assert np.isfinite(together).all()
    for k in (0, 39):
        alone = member.margins(patterns[k : k + 1], strength[k : k + 1])
        assert alone[0] == pytest.approx(together[k], abs=1e-4)


def test_it_has_learned_what_a_lead_and_a_favourite_are() -> None:
    """The higher the lead and the stronger the team, the higher the margin to come."""
    member = Recurrent(NETWORK)
    leads = np.repeat(np.array([-20.0, 0.0, 20.0])[:, None], 18, axis=1)
    assert (np.diff(member.margins(leads, np.full(3, np.nan)), axis=0) > 5).all()
    strengths = member.margins(np.zeros((3, 18)), np.array([-1.5, 0.0, 1.5]))
    assert (np.diff(strengths[:, 1]) > 2).all()


def test_what_is_no_network_is_refused() -> None:
    """Bytes that are no ONNX raise when they are loaded, not when they are asked."""
    with pytest.raises(Exception, match=r"(?i)protobuf|model"):
        Recurrent(b"no network")


def test_nothing_is_told_to_anybody(tmp_path) -> None:
    """A process that forecasts leaves no file of events to send, nor an identity, where its library would keep them."""
    loads = "import sys; from strategies.predictors.recurrent import Recurrent; Recurrent(sys.stdin.buffer.read())"
    env = {
        **{key: os.environ[key] for key in os.environ if not key.startswith(("XDG_", "ORT_"))},
        "HOME": str(tmp_path),
    }
    subprocess.run([sys.executable, "-c", loads], input=NETWORK, env=env, check=True)
    assert list(tmp_path.rglob("*")) == []
