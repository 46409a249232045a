"""What a golden check found, said to people, to a JUnit reader and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from recorder.tape.show import safe
from replay.difference import field_lines

if TYPE_CHECKING:
    from replay.gates import GateResult
    from replay.golden_check import Checked, Moved, TapeVerdict

__all__ = ["as_junit", "as_lines", "as_markdown", "workflow_errors"]

_WORDS = {"golden": "golden", "now": "now"}
_STATE = ("game_status", "period", "clock_ms", "home_score", "away_score")
_CELL = ("min_edge_u6", "poll_ms", "phase", "book_delay_ms", "order_delay_ms", "venue_delay_ms", "policy")


def as_lines(checked: Checked) -> list[str]:
    """Say one golden: a line where it holds, else what moved first, both values field by field, and where to look."""
    events = "1 tape" if len(checked.tapes) == 1 else f"{len(checked.tapes)} tapes"
    if checked.ok:
        return [f"{checked.golden}: holds ({events})"]
    lines = [f"{checked.golden}: a change moved what is decided", f"  cell: {_cell(checked)}"]
    lines.append(f"  the golden was made because: {checked.reason}")
    if checked.decoders_changed:
        lines.append("  the source that decodes has changed since")
    for verdict in checked.tapes:
        lines += [f"  {line}" for line in (_told(verdict) if not verdict.ok else [f"tape {verdict.tape}: the same"])]
    # Teams, tokens and payloads are foreign text: nothing of it may break a line or move a terminal.
    return [safe(line) for line in lines]


def _cell(checked: Checked) -> str:
    told = {name: checked.config.get(name) for name in ("strategy", "model", *_CELL)}
    return ", ".join(f"{name} {'as recorded' if value == -1 else value}" for name, value in told.items())


def _told(verdict: TapeVerdict) -> list[str]:
    digests = f"digest {verdict.digest['golden'][:12]}, now {verdict.digest['now'][:12]}"
    lines = [f"tape {verdict.tape} ({verdict.path}): {verdict.why}", f"  {digests}"]
    if verdict.counts:
        told = (f"{name} {pair['golden']}, now {pair['now']}" for name, pair in verdict.counts.items())
        lines.append("  counts: " + "; ".join(told))
    if verdict.evaluation is not None:
        lines += _moved("evaluation", verdict.evaluation)
    if verdict.decision is not None:
        lines += _moved("decision", verdict.decision)
    if verdict.pattern is not None:
        lines += _moved("score pattern", verdict.pattern)
    if verdict.decision is None and verdict.settlements:
        lines += ["  settlements:", *field_lines(verdict.settlements, _WORDS)]
    return lines


def _moved(what: str, moved: Moved) -> list[str]:
    shown = moved.now or moved.golden or {}
    where = "" if moved.seq is None else f", seq {shown.get('seq', moved.seq)}"
    whom = f", {shown['game_id']} {shown.get('team', '')}".rstrip() if "game_id" in shown else ""
    lines = [f"  first {what} that moved: number {moved.index}, {moved.why}{where}{whom}"]
    if moved.fields:
        lines += [f"  {line}" for line in field_lines(moved.fields, _WORDS)]
    else:
        sides = (("golden", moved.golden), ("now", moved.now))
        lines += [f"    {name}: {_said(side)}" for name, side in sides]
    if what == "decision":
        lines.append(f"    the game: golden {_stood(moved.golden)}; now {_stood(moved.now)}")
    if moved.note:
        lines.append(f"    {moved.note}")
    if moved.cat:
        lines += [f"    it follows from: {moved.cat}", f"      {moved.envelope}"]
    return lines


def _said(side: dict[str, Any] | None) -> str:
    if side is None:
        return "none, or not kept"
    return ", ".join(f"{key} {value}" for key, value in side.items() if key not in _STATE)


def _stood(side: dict[str, Any] | None) -> str:
    """Say where a game stood."""
    if side is None:
        return "not known"
    clock = side["clock_ms"]
    left = "" if clock < 0 else f" {clock // 60_000}:{clock // 1_000 % 60:02d}"
    return f"{side['game_status']}, period {side['period']}{left}, {side['home_score']}:{side['away_score']}"


def as_markdown(checks: Sequence[Checked], gates: Sequence[GateResult]) -> str:
    """Return a table of goldens and tapes, one of gates, and the explanation of every tape that moved."""
    rows = ["## Goldens", "", "| golden | tape | | what |", "| --- | --- | --- | --- |"]
    for checked in checks:
        for verdict in checked.tapes:
            mark = "holds" if verdict.ok else "**moved**"
            rows.append(f"| {_plain(checked.golden)} | {_plain(verdict.tape)} | {mark} | {_plain(verdict.why)} |")
    if gates:
        rows += ["", "| gate | figure | |", "| --- | --- | --- |"]
        rows += [
            f"| `{_plain(gate.gate)}` | {_figure(gate.value)} | {'holds' if gate.ok else '**fails**'} |"
            for gate in gates
        ]
    for checked in checks:
        if not checked.ok:
            # Indented by four it is code, whatever a team or a payload is called.
            rows += ["", *(f"    {line}" for line in as_lines(checked))]
    return "\n".join(rows) + "\n"


def _plain(text: str) -> str:
    return escape(text).replace("|", "\\|").replace("\n", " ")


def _figure(value: float | str) -> str:
    return value[:12] if isinstance(value, str) else f"{value:,.4f}".rstrip("0").rstrip(".")


def as_junit(checks: Sequence[Checked], gates: Sequence[GateResult]) -> str:
    """Return a JUnit file: a suite for each golden with a case for each tape, and one suite of gates."""
    suites = []
    for checked in checks:
        cases = [
            _case(checked.golden, verdict.tape, "" if verdict.ok else verdict.why, _told(verdict))
            for verdict in checked.tapes
        ]
        suites.append(_suite(checked.golden, cases, sum(not verdict.ok for verdict in checked.tapes)))
    if gates:
        cases = [
            _case("gates", gate.gate, "" if gate.ok else f"it is {_figure(gate.value)}", [gate.gate]) for gate in gates
        ]
        suites.append(_suite("gates", cases, sum(not gate.ok for gate in gates)))
    return '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n' + "\n".join(suites) + "\n</testsuites>\n"


def _suite(name: str, cases: list[str], failures: int) -> str:
    head = f'<testsuite name="{_xml(name)}" tests="{len(cases)}" failures="{failures}" errors="0">'
    return "\n".join([head, *cases, "</testsuite>"])


def _case(suite: str, name: str, failure: str, lines: list[str]) -> str:
    head = f'<testcase classname="{_xml(suite)}" name="{_xml(name)}"'
    if not failure:
        return f"{head}/>"
    told = _xml("\n".join(lines))
    return f'{head}><failure message="{_xml(failure)}">{told}</failure></testcase>'


def _xml(text: str) -> str:
    """Escape text, and replace what XML cannot hold."""
    return escape("\n".join(map(safe, text.split("\n"))))


def workflow_errors(checks: Sequence[Checked], gates: Sequence[GateResult]) -> list[str]:
    """Return the lines that mark a commit in a GitHub workflow: one for each tape that moved and each failing gate."""
    told = [
        ("golden moved", f"{checked.golden}, tape {verdict.tape}: {verdict.why}")
        for checked in checks
        for verdict in checked.tapes
        if not verdict.ok
    ]
    told += [("gate fails", f"{gate.gate}: it is {_figure(gate.value)}") for gate in gates if not gate.ok]
    return [f"::error title={title}::{_command(text)}" for title, text in told]


def _command(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
