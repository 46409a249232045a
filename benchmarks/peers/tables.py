"""What was measured, as one table to read and as the tables of docs/peers.md."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["FIGURES", "OURS", "disagreements", "markdown", "printed", "write_figures"]

OURS = "gametape"
RACES = {
    "replay": "replay with edge strategy and fills",
    "sweep": "1,000 cells, 50 thresholds x 20 poll plans",
    "raw": "from raw frames to signals, decoding included",
    "decode": "decoding alone",
    "record": "recorder append, durable every 256",
    "storage": "bytes kept of the same frames",
    "corruption": "flipped bits",
}
FIGURES = "<!-- figures: make bench-peers -->"
"""Stands before and behind what is written anew in docs/peers.md."""

Case = dict[str, Any]


def disagreements(said: list[Case]) -> list[str]:
    """Return where a peer did not come to the signals that we came to in the same race."""
    told = []
    for race in RACES:
        rows = [one for one in said if one["race"] == race]
        ours = _ours(rows) or {}
        told += [
            f"{race}: {one['case']} {name} {one[name]:,}, ours {ours[name]:,}"
            for one in rows
            for name in ("signals", "signals_of_view_0")
            if name in one and name in ours and abs(one[name] - ours[name]) > one.get("slack", 0) * ours[name]
        ]
    return told


def printed(said: list[Case]) -> Iterator[str]:
    """Yield the lines of the table: a rate is of the best processor time, a ratio says how much more ours does."""
    for race, title in RACES.items():
        rows = [one for one in said if one["race"] == race]
        if rows:
            yield f"\n== {title}"
        for one in rows:
            if "figures" in one:
                yield f"{one['case']:34} {one['figures']}  {one['note']}"
                continue
            ratios = _ratios(one, rows)
            ratio = f"ours {ratios[0]:,.1f} x (wall {ratios[1]:,.1f} x)" if ratios else ""
            counts = " ".join(f"{name} {one[name]:,}" for name in ("signals", "fills", "shares") if name in one)
            yield (
                f"{one['case']:34} {one['count'] / one['cpu_s']:>14,.0f} {one['unit']}/s  {one['cpu_s']:8.2f} s cpu "
                f"{one['wall_s']:8.2f} s wall  {ratio:30} {counts}  [{one['note']}]"
            )


def markdown(said: list[Case], head: str) -> str:
    """Return the same for docs/peers.md, behind a paragraph that says where it was measured."""
    timed = [one for race in RACES for one in said if one["race"] == race and "figures" not in one]
    lines = [
        head,
        "",
        "| race | program | a second of processor time | processor time | ours is | by wall clock | signals | fills |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in timed:
        ratios = _ratios(one, [other for other in timed if other["race"] == one["race"]])
        cells = [
            one["race"],
            one["case"],
            f"{one['count'] / one['cpu_s']:,.0f} {one['unit']}",
            f"{one['cpu_s']:,.2f} s",
            *(f"{ratio:,.1f} ×" for ratio in ratios or ()),
            *("" for _ in range(0 if ratios else 2)),
            *(f"{one[name]:,}" if name in one else "" for name in ("signals", "fills")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    sizes = {one["case"]: f"{one['bytes'] / one['count']:.1f}" for one in said if one["race"] == "storage"}
    flips = {one["case"]: one["figures"] for one in said if one["race"] == "corruption"}
    if sizes:
        lines += ["", "| store | bytes a frame | of so many flipped bits |", "|---|---|---|"]
        lines += [f"| {name} | {sizes.get(name, '')} | {flips.get(name, '')} |" for name in sizes | flips]
    return "\n".join(lines)


def write_figures(path: Path, text: str) -> None:
    """Put the figures between the two marks of a page, in place of those that are there."""
    before, _, behind = path.read_text().split(FIGURES)
    path.write_text(f"{before}{FIGURES}\n{text}\n{FIGURES}{behind}")


def _ours(rows: list[Case]) -> Case | None:
    return next((one for one in rows if one["case"].startswith(OURS)), None)


def _ratios(one: Case, rows: list[Case]) -> tuple[float, float] | None:
    """Return how much more the first of ours does, by processor time and by the wall clock; None for ours."""
    ours = _ours(rows)
    if ours is None or one["case"].startswith(OURS):
        return None
    cpu, wall = ((ours["count"] / ours[time]) / (one["count"] / one[time]) for time in ("cpu_s", "wall_s"))
    return cpu, wall
