"""What a check finds: the first thing that moved, and nothing where nothing did. Planted bugs: tests/golden."""

from __future__ import annotations

import msgspec
import pytest

from recorder.errors import UsageError
from replay.film import open_film
from replay.golden import Golden, Recipe, Taken, decision_of, take, write_golden
from replay.golden_check import Checked, check_golden, compare
from replay.live.decisions import LiveConfig
from replay.settings import Setting


@pytest.fixture(scope="module")
def film(sample, cache_dir):
    return open_film(sample, cache_dir)


@pytest.fixture(scope="module")
def taken(film) -> Taken:
    return take([film], ["x"], Recipe(LiveConfig()), "why")


def spoilt(golden: Golden, **changed: object) -> Golden:
    """A golden whose only tape says something else, and so has another digest."""
    return msgspec.structs.replace(golden, tapes=[msgspec.structs.replace(golden.tapes[0], digest="0" * 64, **changed)])


def check(golden: Golden, taken: Taken, sample) -> Checked:
    return compare("golden.json", golden, taken, [sample])


def test_the_same_run_holds(taken, sample) -> None:
    """Equal digests: nothing to say."""
    checked = check(taken.golden, taken, sample)
    assert checked.ok
    assert checked.tapes[0].why == ""


def test_another_setting_differs_at_its_first_decision(film, taken, sample) -> None:
    """A lower threshold makes a decision that the golden does not have."""
    eager = take([film], ["x"], Recipe(LiveConfig(setting=Setting(min_edge_u6=45_000))), "")
    moved = check(taken.golden, eager, sample).tapes[0].decision
    assert moved is not None
    assert (moved.why, moved.golden) == ("new", None)
    assert moved.now == decision_of(eager.golden.tapes[0], moved.index)
    back = check(eager.golden, taken, sample).tapes[0].decision
    assert back is not None
    assert (back.why, back.index, back.now) == ("missing now", moved.index, None)
    assert back.note == "the evaluation is there and the same; the policy no longer acts on it"


@pytest.mark.parametrize("index", [0, 7, -1])
def test_a_changed_field_is_named_with_both_values(taken, sample, index) -> None:
    """Any decision, any field: its number, its seq, both values, the envelope to look at."""
    entry = taken.golden.tapes[0]
    rows = [list(row) for row in entry.decisions]
    column = entry.columns.index("fee_u6")
    rows[index][column] += 10
    moved = check(spoilt(taken.golden, decisions=rows), taken, sample).tapes[0].decision
    number = index % len(rows)
    fee = entry.decisions[index][column]
    assert moved is not None
    assert (moved.index, moved.why) == (number, "differs")
    assert moved.fields == {"fee_u6": {"golden": fee + 10, "now": fee}}
    assert moved.cat.endswith(f"--first-seq {moved.seq} --limit 1")
    assert moved.envelope.startswith(f"seq {moved.seq}: ")


def test_beyond_what_is_kept_in_full_the_number_is_still_right(film, taken, sample) -> None:
    """Of a decision that the golden knows by its print alone, number and present values are told."""
    small = take([film], ["x"], Recipe(LiveConfig()), "", full_max=5).golden
    prints = list(small.tapes[0].prints)
    prints[3] = "00000000"
    moved = check(spoilt(small, prints=prints), taken, sample).tapes[0].decision
    assert moved is not None
    assert (moved.index, moved.golden) == (8, None)
    assert moved.now == decision_of(taken.golden.tapes[0], 8)


def test_an_evaluation_that_moved_alone_is_named(taken, sample) -> None:
    """Equal decisions from other evaluations: the first of them."""
    prints = taken.golden.tapes[0].evaluations
    line = prints.lines[0]
    other = msgspec.structs.replace(prints, lines=[line[:40] + "zzzz" + line[44:], *prints.lines[1:]])
    verdict = check(spoilt(taken.golden, evaluations=other), taken, sample).tapes[0]
    assert verdict.decision is None
    assert verdict.evaluation is not None
    assert (verdict.evaluation.index, verdict.evaluation.why) == (10, "differs")
    assert verdict.evaluation.seq == int(taken.ledgers[0].evaluations[10, 0])


@pytest.mark.parametrize("why", ["new", "missing now"])
def test_an_evaluation_too_many_or_too_few_is_told_from_one_that_differs(taken, sample, why) -> None:
    """The prints that follow are found again, moved by one."""
    prints = taken.golden.tapes[0].evaluations
    text = "".join(prints.lines)
    text = text[:40] + ("zzzz" + text[40:] if why == "missing now" else text[44:])
    verdict = check(
        spoilt(taken.golden, evaluations=msgspec.structs.replace(prints, lines=[text])), taken, sample
    ).tapes[0]
    assert verdict.evaluation is not None
    assert (verdict.evaluation.index, verdict.evaluation.why) == (10, why)


def test_a_score_pattern_that_moved_alone_is_named(taken, sample) -> None:
    """Another differential of one minute: which game, which minute, and the envelope that completed it."""
    rows = [list(row) for row in taken.golden.tapes[0].patterns]
    rows[1][8] += 1
    verdict = check(spoilt(taken.golden, patterns=rows), taken, sample).tapes[0]
    assert verdict.decision is None
    assert verdict.pattern is not None
    assert verdict.pattern.fields == {"d3": {"golden": rows[1][8], "now": rows[1][8] - 1}}
    assert verdict.pattern.seq == rows[1][0]


def test_a_settlement_that_moved_alone_is_named(taken, sample) -> None:
    """Another payout of a token, though nothing was decided otherwise."""
    rows = [list(row) for row in taken.golden.tapes[0].settlements]
    rows[0][3] = 500_000
    verdict = check(spoilt(taken.golden, settlements=rows), taken, sample).tapes[0]
    assert verdict.why == "every decision is the same, a settlement moved"
    assert list(verdict.settlements) == [f"{rows[0][0]} payout_u6"]


def test_a_digest_in_another_form_is_told_from_a_decision(taken, sample) -> None:
    """Where all that a golden holds is the same, it says so."""
    assert "another form" in check(spoilt(taken.golden), taken, sample).tapes[0].why


def test_another_tape_is_not_compared(taken, sample) -> None:
    """Other bytes are no regression of the program."""
    verdict = check(spoilt(taken.golden, tape_digest="1" * 64), taken, sample).tapes[0]
    assert "not the tape of the golden" in verdict.why
    assert verdict.decision is None


def test_a_tape_that_is_nowhere_is_a_usage_error(taken, tmp_path, monkeypatch) -> None:
    """Neither where the golden says nor under its name."""
    monkeypatch.chdir(tmp_path)
    write_golden(taken.golden, tmp_path / "golden.json")
    with pytest.raises(UsageError):
        check_golden(tmp_path / "golden.json", lambda _: [])
