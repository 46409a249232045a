"""The chart of one game: market, model, signals and fills above, the score below, one time axis, gaps shaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from replay.report.facts import GameFact, Overlay
from replay.report.svg import Frame, Scale, num, step_path, ticks

__all__ = ["game_chart"]

_WIDTH = 1100
_PRICES = (16, 236)
_SCORE = (262, 340)


def game_chart(game: GameFact, overlay: Overlay, points: int) -> Markup:
    """
    Draw one game on one time axis.

    points limits every series: what falls on one column of pixels or on the same slice is drawn once.
    """
    frame = Frame(_WIDTH, 374, f"{game.away} at {game.home}", left=44, right=52, top=_PRICES[0], bottom=34)
    x = Scale(0, max(overlay.length_ds, 1), frame.x0, frame.x1)
    y = Scale(0, 1000, _PRICES[1], _PRICES[0])
    for gap in overlay.gaps:
        words = f"no {gap.what} for {(gap.end_ds - gap.begin_ds) / 10:g} s"
        frame.rect(
            x(gap.begin_ds), _PRICES[0], max(x(gap.end_ds) - x(gap.begin_ds), 2), _SCORE[1] - _PRICES[0], "gap", words
        )
    frame.path("".join(f"M{frame.x0} {num(y(value))}H{frame.x1}" for value in range(0, 1001, 250)), "grid")
    for value in range(0, 1001, 250):
        frame.text(frame.x0 - 6, y(value) + 4, f"{value // 10}", "tick", "end")
    frame.text(2, 10, f"price and probability of {game.home}, c", "title")
    frame.path(_band(overlay.band, x, y, points), "band b")
    frame.path(step_path(_series(overlay.mid, x, y, points), frame.x1), "line b thin mid")
    frame.path(step_path(_series(overlay.fair, x, y, points), frame.x1), "line a thin fair")
    _marks(frame, overlay, x, y)
    _score(frame, overlay, x, points)
    minutes = [(value, f"{value / 600:g}") for value in ticks(0, overlay.length_ds / 600, 9)]
    frame.x_axis(x, [(value * 600, f"{value:g}") for value, _ in minutes], "minutes since the start")
    shape = Markup(' tabindex="0" data-over="{},{},{},{},{}"').format(
        frame.x0, frame.x1, _PRICES[1], _PRICES[0], overlay.length_ds
    )
    return frame.done("over", shape)


def _thin(series: Sequence[tuple[int, int]], points: int) -> Iterable[tuple[int, int]]:
    """Keep the lowest, the highest and the last of every slice; the lowest is where a series becomes unknown."""
    if len(series) <= points:
        return series
    size = -(-len(series) // max(points // 3, 1))
    kept: list[tuple[int, int]] = []
    for begin in range(0, len(series), size):
        part = series[begin : begin + size]
        picked = {min(range(len(part)), key=lambda k: part[k][1]), max(range(len(part)), key=lambda k: part[k][1])}
        kept += [part[k] for k in sorted(picked | {len(part) - 1})]
    return kept


def _series(series: Sequence[tuple[int, int]], x: Scale, y: Scale, points: int) -> Iterable[tuple[float, float | None]]:
    return ((x(at), y(value) if value >= 0 else None) for at, value in _thin(series, points))


def _band(band: Sequence[tuple[int, int, int]], x: Scale, y: Scale, points: int) -> str:
    """Return the area between bid and ask, one outline for every stretch in which both were known."""
    rows = _thin_band(band, points)
    outlines: list[str] = []
    stretch: list[tuple[int, int, int]] = []
    for row in [*rows, (round(x.high), -1, -1)]:
        if row[1] >= 0 and row[2] >= 0:
            stretch.append(row)
            continue
        if stretch:
            upper = step_path(((x(at), y(ask)) for at, _, ask in stretch), x(row[0]))
            outlines.append(f"{upper}{_back(stretch, round(x(row[0])), x, y)}z")
        stretch = []
    return "".join(outlines)


def _back(stretch: Sequence[tuple[int, int, int]], end: int, x: Scale, y: Scale) -> str:
    """Return the way back along the bids, from the last ask at the end of a stretch to its beginning."""
    parts: list[str] = []
    last_x, last_y = end, round(y(stretch[-1][2]))
    for at, bid, _ in reversed(stretch):
        new_x, new_y = round(x(at)), round(y(bid))
        if new_y != last_y:
            parts.append(f"v{new_y - last_y}")
        if new_x != last_x:
            parts.append(f"h{new_x - last_x}")
        last_x, last_y = new_x, new_y
    return "".join(parts)


def _thin_band(band: Sequence[tuple[int, int, int]], points: int) -> Sequence[tuple[int, int, int]]:
    """Keep the widest and the last row of every slice."""
    if len(band) <= points:
        return band
    size = -(-len(band) // max(points // 2, 1))
    kept: list[tuple[int, int, int]] = []
    for begin in range(0, len(band), size):
        part = band[begin : begin + size]
        known = [row for row in part if row[1] >= 0 and row[2] >= 0]
        if known:
            kept.append((part[0][0], min(row[1] for row in known), max(row[2] for row in known)))
        kept.append(part[-1])
    return kept


def _marks(frame: Frame, overlay: Overlay, x: Scale, y: Scale) -> None:
    """Draw signals hollow, fills solid, sales crossed: up for home, down for away; one path a kind, to stay small."""
    for marks, css, shape in (
        (overlay.signals, "signal", _triangle),
        (overlay.fills, "filled", _triangle),
        (overlay.exits, "sold", _cross),
    ):
        for side, way in ((1, "up"), (-1, "down")):
            mine = [(round(x(at)), round(y(value))) for at, which, value in marks if which == side]
            frame.path("".join(shape(left, top, side) for left, top in mine), f"{css} {way}")


def _triangle(left: int, top: int, side: int) -> str:
    return f"M{left - 5} {top + 3 * side}h10l-5 {-9 * side}z"


def _cross(left: int, top: int, _side: int) -> str:
    return f"M{left - 4} {top - 4}l8 8m0 -8l-8 8"


def _score(frame: Frame, overlay: Overlay, x: Scale, points: int) -> None:
    """Draw home's lead over time; the words at its end are the score."""
    leads = [home - away for _, home, away in overlay.score]
    most = max([abs(lead) for lead in leads], default=0) or 1
    y = Scale(-most, most, _SCORE[1], _SCORE[0])
    frame.path(f"M{frame.x0} {num(y(0))}H{frame.x1}", "zero")
    course = [(at, lead) for (at, _, _), lead in zip(overlay.score, leads, strict=True)]
    drawn = ((x(at), y(lead)) for at, lead in _thin(course, points))
    frame.path(step_path(drawn, frame.x1), "line c thin lead")
    frame.text(2, _SCORE[0] - 8, "home's lead", "title")
    for value in (-most, most):
        frame.text(frame.x0 - 6, y(value) + 4, f"{value:+d}".replace("-", "−"), "tick", "end")
    if overlay.score:
        _, home, away = overlay.score[-1]
        frame.text(frame.x1 + 4, y(leads[-1]) + 4, f"{home}:{away}", "tick")
