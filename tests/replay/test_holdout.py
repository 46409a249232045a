"""Hold-out nights open once."""

from __future__ import annotations

import pytest

from recorder.errors import UsageError
from replay.holdout import HoldOuts, run_identity
from replay.settings import Setting

ONE, TWO = (run_identity("fusion", "brownian", [Setting(min_edge_u6=edge)]) for edge in (10_000, 20_000))


def test_a_sealed_night_is_refused_until_it_is_opened(tmp_path) -> None:
    """Without --open-holdout nothing is evaluated; with it, once, and the same run may be repeated for ever."""
    nights = HoldOuts(tmp_path)
    nights.seal("d1", "friday", 5, trials=0)
    with pytest.raises(UsageError, match="friday is a hold-out night") as refused:
        nights.admit([("d0", "thursday"), ("d1", "friday")], ONE, 6, opening=False)
    assert "--open-holdout" in refused.value.hint
    assert [one.tape for one in nights.admit([("d0", "thursday"), ("d1", "friday")], ONE, 7, opening=True)] == [
        "friday"
    ]
    assert HoldOuts(tmp_path).admit([("d1", "friday")], ONE, 8, opening=False) == []
    assert HoldOuts(tmp_path).known()["d1"].opened_ns == 7


def test_it_opens_once(tmp_path) -> None:
    """Another setting after the first look is refused, even when opening is asked for, under whatever name."""
    nights = HoldOuts(tmp_path)
    nights.seal("d1", "friday", 5, trials=0)
    nights.admit([("d1", "friday")], ONE, 7, opening=True)
    with pytest.raises(UsageError, match="copy is a hold-out night and has been opened"):
        nights.admit([("d1", "copy")], TWO, 8, opening=True)
    with pytest.raises(UsageError, match="was opened already"):
        nights.seal("d1", "friday", 9, trials=0)


def test_a_refused_run_opens_nothing(tmp_path) -> None:
    """Where one of several tapes is refused, the others stay sealed."""
    nights = HoldOuts(tmp_path)
    for digest in ("d1", "d2"):
        nights.seal(digest, digest, 5, trials=0)
    nights.admit([("d2", "d2")], ONE, 6, opening=True)
    with pytest.raises(UsageError, match="d2"):
        nights.admit([("d1", "d1"), ("d2", "d2")], TWO, 7, opening=True)
    assert nights.known()["d1"].opened_by == ""


def test_only_a_night_that_nobody_tried_can_be_sealed(tmp_path) -> None:
    """A seal after the fact proves nothing; neither does a second one."""
    nights = HoldOuts(tmp_path)
    with pytest.raises(UsageError, match="cannot be held out") as refused:
        nights.seal("d1", "friday", 5, trials=12)
    assert "12 settings" in refused.value.why
    nights.seal("d1", "friday", 5, trials=0)
    with pytest.raises(UsageError, match="is sealed already"):
        nights.seal("d1", "friday", 6, trials=0)


def test_a_damaged_memory_is_no_excuse(tmp_path) -> None:
    """A file that cannot be read does not count as nothing sealed."""
    HoldOuts(tmp_path).seal("d1", "friday", 5, trials=0)
    path = tmp_path / "holdout.ndjson"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(UsageError, match="is damaged"):
        HoldOuts(tmp_path).admit([("d9", "other")], ONE, 6, opening=False)


def test_what_makes_a_run_the_same() -> None:
    """Strategy, model and settings in their order."""
    one, two = Setting(), Setting(min_edge_u6=1)
    runs = [("a", "m", [one, two]), ("a", "m", [two, one]), ("b", "m", [one, two]), ("a", "n", [one, two])]
    assert len({run_identity(*run) for run in runs}) == len(runs)
    assert run_identity("a", "m", [one]) == run_identity("a", "m", [Setting()])
