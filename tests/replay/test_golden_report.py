"""What a check found, in words, as JUnit and as Markdown; names on a tape are hostile text."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from replay.gates import GateResult
from replay.golden_check import Checked, Moved, TapeVerdict
from replay.golden_report import as_junit, as_lines, as_markdown, workflow_errors

DECISION = {"seq": 7, "game_id": "nba:1", "team": "<b>|Nets", "edge_u6": 5, "status": "filled"}
STATE = {"game_status": "live", "period": 3, "clock_ms": 394_000, "home_score": 81, "away_score": 83}
MOVED = Moved(
    index=2,
    seq=7,
    why="differs",
    fields={"edge_u6": {"golden": 5, "now": 6}},
    golden={**DECISION, **STATE},
    now={**DECISION, **STATE, "edge_u6": 6, "clock_ms": -1},
    cat="gametape cat t --first-seq 7 --limit 1",
    envelope="seq 7: \x1b]0;</failure>\x00",
)


def checked(*verdicts: TapeVerdict) -> Checked:
    return Checked(
        golden="g|.json",
        ok=all(one.ok for one in verdicts),
        reason="because",
        config={"strategy": "fusion", "poll_ms": -1},
        decoders_changed=True,
        tapes=list(verdicts),
    )


HOLDS = TapeVerdict(tape="good", path="good", ok=True, digest={"golden": "a", "now": "a"})
FAILS = TapeVerdict(
    tape="bad", path="bad", ok=False, digest={"golden": "a", "now": "b"}, why="a decision\nmoved", decision=MOVED
)
GATES = [GateResult("pnl>0", -1.5, ok=False), GateResult("fills>0", 3, ok=True)]


def test_what_holds_is_one_line() -> None:
    """Good news is short."""
    assert as_lines(checked(HOLDS)) == ["g|.json: holds (1 tape)"]


def test_what_moved_is_told_field_by_field() -> None:
    """Both values, where the game stood on both sides, the envelope and the command that shows it."""
    text = "\n".join(as_lines(checked(HOLDS, FAILS)))
    assert "tape good: the same" in text
    assert "first decision that moved: number 2, differs, seq 7, nba:1 <b>|Nets" in text
    assert "edge_u6      golden 5   now 6" in text
    assert "the game: golden live, period 3 6:34, 81:83; now live, period 3, 81:83" in text
    assert "it follows from: gametape cat t --first-seq 7 --limit 1" in text
    assert "the source that decodes has changed since" in text
    assert "poll_ms as recorded" in text


def test_nothing_on_a_tape_speaks_to_the_terminal() -> None:
    """Control characters and line breaks of a payload or a name are replaced."""
    assert all(line.isprintable() for line in as_lines(checked(FAILS)))


def test_junit_is_read_by_an_xml_parser() -> None:
    """A suite a golden, a case a tape, a failure with the explanation; nothing breaks out of its element."""
    root = ET.fromstring(as_junit([checked(HOLDS, FAILS)], GATES))
    suites = root.findall("testsuite")
    assert [(one.get("name"), one.get("tests"), one.get("failures")) for one in suites] == [
        ("g|.json", "2", "1"),
        ("gates", "2", "1"),
    ]
    failure = suites[0].find("testcase/failure")
    assert failure is not None
    assert "edge_u6      golden 5   now 6" in (failure.text or "")
    assert "</failure>" in (failure.text or "")


def test_markdown_keeps_hostile_names_inside() -> None:
    """A table row stays one row; an explanation is code, indented."""
    text = as_markdown([checked(HOLDS, FAILS)], GATES)
    assert "| g\\|.json | bad | **moved** | a decision moved |" in text
    assert "| `pnl&gt;0` | -1.5 | **fails** |" in text
    after = text[text.index("    g|.json: a change") :]
    assert all(line.startswith("    ") for line in after.splitlines() if line)


def test_an_annotation_is_one_line() -> None:
    """A workflow command ends with its line, so none is broken into two."""
    lines = workflow_errors([checked(HOLDS, FAILS)], GATES)
    assert lines == [
        "::error title=golden moved::g|.json, tape bad: a decision%0Amoved",
        "::error title=gate fails::pnl>0: it is -1.5",
    ]
