"""The trial ledger counts every distinct setting once."""

from __future__ import annotations

from replay.settings import Setting, View
from replay.trials import TrialLedger

ONE, TWO, THREE = (Setting(min_edge_u6=edge) for edge in (10_000, 20_000, 30_000))


def test_a_setting_counts_once(tmp_path) -> None:
    """The same setting tried again is no new trial; another strategy, model or poll is."""
    trials = TrialLedger(tmp_path / "trials")
    assert trials.count("d") == 0
    assert trials.remember(["d"], "fusion", "brownian", [ONE, TWO, ONE]) == 2
    assert trials.remember(["d"], "fusion", "brownian", [TWO, THREE]) == 3
    assert trials.remember(["d"], "fusion", "other", [ONE]) == 4
    assert trials.remember(["d"], "mine", "brownian", [ONE]) == 5
    assert trials.remember(["d"], "fusion", "brownian", [Setting(view=View(poll_ms=2_000), min_edge_u6=10_000)]) == 6
    assert TrialLedger(tmp_path / "trials").count("d") == 6


def test_the_most_tried_tape_decides(tmp_path) -> None:
    """Over several tapes the count is that of the tape that was tried most; each keeps its own."""
    trials = TrialLedger(tmp_path)
    trials.remember(["a"], "fusion", "brownian", [ONE, TWO])
    assert trials.remember(["a", "b"], "fusion", "brownian", [THREE]) == 3
    assert (trials.count("a"), trials.count("b")) == (3, 1)


def test_a_line_that_was_cut_short_costs_one_trial(tmp_path) -> None:
    """A crash while noting leaves half a line: it does not count, and what is noted afterwards does."""
    trials = TrialLedger(tmp_path)
    trials.remember(["d"], "fusion", "brownian", [ONE, TWO])
    path = tmp_path / "d.ndjson"
    path.write_bytes(path.read_bytes()[:-20])
    assert trials.count("d") == 1
    assert trials.remember(["d"], "fusion", "brownian", [TWO, THREE]) == 3
    assert trials.count("d") == 3
