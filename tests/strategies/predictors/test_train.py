"""Training the recurrent member: only where PyTorch is installed."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_examples import simulated_examples

from strategies.predictors.examples import log_odds
from strategies.predictors.recurrent import Recurrent

torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install 'gametape[train]'")
train = pytest.importorskip("strategies.predictors.train", reason="onnx is an extra: pip install 'gametape[train]'")


def test_what_is_exported_is_what_was_trained() -> None:
    """The ONNX graph says what the PyTorch network says, after any minute."""
    torch.manual_seed(1)
    network = train._Network()
    exported = Recurrent(train._exported(network))
    asked = simulated_examples(50, known=0.5)
    strength = log_odds(asked.prior_u6)
    for minutes in (1, 6, 18):
        patterns = asked.patterns[:, :minutes].astype(np.float64)
        inputs = torch.from_numpy(train.features(patterns, strength))
        with torch.no_grad():
            added = network(inputs)[:, -1].numpy()
        expected = patterns[:, -1:] + added * train.MARGIN_SCALE
        assert exported.margins(patterns, strength) == pytest.approx(expected, abs=1e-3)


def test_training_learns_and_is_the_same_twice() -> None:
    """A trained network errs less than carrying the lead on, and the same seed gives the same bytes."""
    examples = simulated_examples(600)
    fresh = simulated_examples(600, seed=8)
    network = train.train_recurrent(examples, 7)
    assert network == train.train_recurrent(examples, 7)
    assert network != train.train_recurrent(examples, 8)
    said = Recurrent(network).margins(fresh.patterns.astype(np.float64), log_odds(fresh.prior_u6))
    carried = np.abs(fresh.margins[:, 1] - fresh.patterns[:, 17]).mean()
    assert np.abs(fresh.margins[:, 1] - said[:, 1]).mean() < 0.95 * carried
