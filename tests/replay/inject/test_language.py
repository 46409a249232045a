"""The language of faults."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import UsageError
from replay.inject.language import FAULTS, Fault, parse_faults

SECOND_NS = 1_000_000_000


def test_the_issue_s_own_example() -> None:
    """Words in any order, defaults where none is said, spaces and empty faults of no account."""
    text = (
        "drop 5% polls; freeze book 20s;; duplicate ;reorder 50ms; stale-cdn 30s; score-flap; clock-step -2s; truncate;"
    )
    faults = parse_faults(text)
    assert [fault.name for fault in faults] == [
        *("drop", "freeze", "duplicate", "reorder", "stale-cdn", "score-flap", "clock-step", "truncate")
    ]
    assert faults[0] == Fault(name="drop", share_u6=50_000, time_ns=0, times=0, target="polls")
    assert faults[1] == Fault(name="freeze", share_u6=0, time_ns=20 * SECOND_NS, times=1, target="book")
    assert (faults[6].time_ns, faults[3].time_ns) == (-2 * SECOND_NS, SECOND_NS // 20)
    assert parse_faults("freeze x3 90s espn.nba")[0] == Fault(
        name="freeze", share_u6=0, time_ns=90 * SECOND_NS, times=3, target="espn.nba"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no fault is named"),
        (" ; ", "no fault is named"),
        ("drop 5%; frieze book", "there is no fault 'frieze', at column 10"),
        ("drop 5% pols", "'pols' is no word of this language, at column 9"),
        ("drop 0%", "'0%' is no share, at column 6"),
        ("drop 101%", "'101%' is no share, at column 6"),
        ("drop nan%", "'nan%' is no share, at column 6"),
        ("drop 20s", "drop takes no time, at column 6"),
        ("freeze 20s 30s", "freeze has two of time, at column 12"),
        ("freeze -20s", "'-20s' goes back, at column 8"),
        ("freeze 20y", "'20y' is no time, at column 8"),
        ("freeze 0s", "'0s' is no time, at column 8"),
        ("freeze x0", "'x0' is not how often, at column 8"),
    ],
)
def test_what_is_wrong_is_said_with_its_column(text: str, told: str) -> None:
    """The word and its column stand in the error."""
    with pytest.raises(UsageError) as refused:
        parse_faults(text)
    assert refused.value.what.startswith(told)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_written_as_it_is_read(name: str) -> None:
    """The text of a fault, defaults spelled out, is that fault."""
    (fault,) = parse_faults(name)
    assert parse_faults(str(fault)) == (fault,)


@given(text=st.text(alphabet="drop freeze;5%20sx3-.book\t\n9é", max_size=40))
def test_any_text_is_faults_or_refused(text: str) -> None:
    """Nothing but the one error comes of any text, and what is read can be written and read again."""
    try:
        faults = parse_faults(text)
    except UsageError:
        return
    assert parse_faults("; ".join(map(str, faults))) == faults
