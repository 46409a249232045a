"""Charts of the grid: heatmaps of profit by minimum edge and poll, all choices in rank, and what every delay costs."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from replay.report.answers import Panel, Price, Verdict
from replay.report.svg import Frame, Scale, num, ticks, whisker

__all__ = ["SHADES", "dollars", "edge_words", "heat_cells", "heatmap", "poll_words", "price_chart", "ranking"]

SHADES = 4
"""Shades of profit, and as many of loss."""

_CELL_HEIGHT = 34
_CELL_WIDTH_MAX = 62
_WORDS_MIN_WIDTH = 34
_WIDTH = 560


def dollars(value: float | None, digits: int = 2) -> str:
    """Return signed dollars with a true minus: +$1.20, −$0.30; an endless limit where there is none."""
    if value is None:
        return "∞"
    return f"{'+' if value >= 0 else '−'}${abs(value):,.{digits}f}"


def poll_words(poll_s: float | None) -> str:
    """Return a poll interval in words."""
    return "recorded" if poll_s is None else f"{poll_s:g} s"


def edge_words(edge_c: float) -> str:
    """Return a minimum edge in cents, without a needless zero."""
    return f"{edge_c:g}"


def _shade(value: float, most: float) -> int:
    """Return 0 for nothing, 1..SHADES for profit and as many below zero for loss."""
    if most <= 0 or value == 0:
        return 0
    step = min(int(abs(value) / most * SHADES) + 1, SHADES)
    return step if value > 0 else -step


def heatmap(panel: Panel, number: int, most: float, fills_most: float, *, words: bool) -> Markup:
    """
    Draw one heatmap: colour is profit per game, hollow where its interval holds zero, the bar is how often it filled.

    most and fills_most set the scales for all panels, in dollars per game and fills. Cells of one colour are one path,
    which keeps a grid of a thousand small.
    """
    columns, rows = len(panel.edges), len(panel.polls)
    width = min(_CELL_WIDTH_MAX, (_WIDTH - 74) / max(columns, 1))
    frame = Frame(round(74 + columns * width + 4), 46 + rows * _CELL_HEIGHT, panel.title, left=70, top=6, bottom=40)
    paths: dict[str, list[str]] = {}
    bars: list[str] = []
    for y, verdicts in enumerate(panel.rows):
        for x, verdict in enumerate(verdicts):
            if verdict is None:
                continue
            left, top = frame.left + x * width, frame.top + y * _CELL_HEIGHT
            shade = _shade(verdict.mean, most)
            css = f"h{'n' if shade < 0 else 'p'}{abs(shade)}{'' if verdict.is_clear else ' hollow'}"
            inset = 1.0 if verdict.is_clear else 2.0
            box = f"M{num(left + inset)} {num(top + inset)}h{num(width - 2 * inset)}v{num(_CELL_HEIGHT - 2 * inset)}"
            paths.setdefault(css, []).append(f"{box}h{num(2 * inset - width)}z")
            bar = (width - 12) * verdict.fills / fills_most if fills_most else 0
            if bar >= 0.5:
                bars.append(f"M{num(left + 6)} {num(top + _CELL_HEIGHT - 7)}h{num(bar)}")
    for css, boxes in sorted(paths.items()):
        frame.path("".join(boxes), css)
    frame.path("".join(bars), "fillbar")
    if words and width >= _WORDS_MIN_WIDTH:
        _heat_words(frame, panel, width, most)
    _heat_axes(frame, panel, width)
    shape = Markup(' tabindex="0" data-heat="{}" data-g="{},{},{},{},{},{}"').format(
        number, frame.left, frame.top, num(width), _CELL_HEIGHT, columns, rows
    )
    return frame.done("heat", shape)


def _heat_words(frame: Frame, panel: Panel, width: float, most: float) -> None:
    """Write every cell's profit into it."""
    frame.parts.append(Markup('<g class="cells">'))
    for y, verdicts in enumerate(panel.rows):
        for x, verdict in enumerate(verdicts):
            if verdict is not None:
                left, top = frame.left + (x + 0.5) * width, frame.top + y * _CELL_HEIGHT + 18
                text = f"{verdict.mean:+.{1 if abs(verdict.mean) < 100 else 0}f}".replace("-", "−")
                is_dark = verdict.is_clear and abs(_shade(verdict.mean, most)) == SHADES
                frame.text(left, top, text, "dark" if is_dark else "")
    frame.parts.append(Markup("</g>"))


def _heat_axes(frame: Frame, panel: Panel, width: float) -> None:
    for y, poll in enumerate(panel.polls):
        frame.text(frame.left - 8, frame.top + y * _CELL_HEIGHT + 21, poll_words(poll), "tick", "end")
        for x, verdict in enumerate(panel.rows[y]):
            if verdict is not None and verdict.is_featured:
                frame.rect(frame.left + x * width, frame.top + y * _CELL_HEIGHT, width, _CELL_HEIGHT, "featured")
    every = max(1, round(26 / width + 0.49))
    for x, edge in enumerate(panel.edges):
        if x % every == 0:
            frame.text(frame.left + (x + 0.5) * width, frame.y0 + 18, edge_words(edge), "tick", "middle")
    frame.text(
        (frame.x0 + frame.left + len(panel.edges) * width) / 2, frame.height - 5, "minimum edge, c", "title", "middle"
    )


def heat_cells(panel: Panel) -> list[list[float | int | str | None] | None]:
    """Return a panel's figures by row: poll, edge, mean, low, high, fills, signals, lowest and highest phase."""
    return [
        None
        if verdict is None
        else [
            poll_words(verdict.choice.poll_s),
            verdict.choice.min_edge_c,
            round(verdict.mean, 2),
            None if verdict.low is None else round(verdict.low, 2),
            None if verdict.high is None else round(verdict.high, 2),
            round(verdict.fills, 1),
            round(verdict.signals, 1),
            round(verdict.spread[0], 2),
            round(verdict.spread[1], 2),
        ]
        for row in panel.rows
        for verdict in row
    ]


def ranking(verdicts: Sequence[Verdict], width: int = 1100) -> Markup:
    """Draw every choice by rank with its interval: the best is the end of a row, and not a finding."""
    ordered = sorted(verdicts, key=lambda verdict: verdict.mean)
    frame = Frame(width, 190, f"profit per game of all {len(ordered)} choices, by rank", top=20, bottom=30)
    lows = [verdict.low if verdict.low is not None else verdict.mean for verdict in ordered]
    highs = [verdict.high if verdict.high is not None else verdict.mean for verdict in ordered]
    y = Scale(min(*lows, 0.0), max(*highs, 0.0), frame.y0, frame.y1)
    x = Scale(-0.5, len(ordered) - 0.5, frame.x0, frame.x1)
    frame.y_axis(y, [(value, f"{value:g}") for value in ticks(y.low, y.high, 4)], "$ per game")
    frame.path(
        "".join(f"M{num(x(k))} {num(y(a))}V{num(y(b))}" for k, (a, b) in enumerate(zip(lows, highs, strict=True))),
        "range",
    )
    frame.path(f"M{frame.x0} {num(y(0))}H{frame.x1}", "zero")
    # A dash of no length with round caps is a dot: one path instead of a thousand circles.
    frame.path("".join(f"M{num(x(k))} {num(y(v.mean))}h0" for k, v in enumerate(ordered)), "dots")
    for k, verdict in enumerate(ordered):
        if verdict.is_featured:
            frame.dot(x(k), y(verdict.mean), "mark", f"featured: {dollars(verdict.mean)} per game", 5)
    frame.text(
        (frame.x0 + frame.x1) / 2, frame.height - 8, f"all {len(ordered)} choices, worst to best", "title", "middle"
    )
    return frame.done()


def price_chart(price: Price) -> Markup:
    """Draw the paired differences of one delay to its smallest value, with intervals."""
    frame = Frame(530, 210, f"what {price.name} costs, {price.scope}", top=22, bottom=42)
    limits = [edge for _, mean, low, high in price.by_value for edge in (mean, low, high) if edge is not None]
    y = Scale(min(*limits, 0.0), max(*limits, 0.0), frame.y0, frame.y1)
    if y.low == y.high:
        y = Scale(-1, 1, frame.y0, frame.y1)
    values = [value for value, *_ in price.by_value]
    pad = (values[-1] - values[0]) * 0.06
    x = Scale(values[0] - pad, values[-1] + pad, frame.x0, frame.x1)
    is_poll = price.unit == "second"
    frame.y_axis(
        y, [(value, f"{value:g}") for value in ticks(y.low, y.high, 4)], "$ per game against the fastest, paired"
    )
    frame.path(f"M{frame.x0} {num(y(0))}H{frame.x1}", "zero")
    frame.x_axis(x, _spaced(values, x), "poll interval, s" if is_poll else "delay, ms")
    points = "".join(f"{'L' if k else 'M'}{num(x(v))} {num(y(m))}" for k, (v, m, _, _) in enumerate(price.by_value))
    frame.path(points, "line a thin")
    for value, mean, low, high in price.by_value:
        if low is not None and high is not None:
            frame.parts.append(whisker(x(value), y(low), y(high), "whisker a"))
        interval = f" [{dollars(low)}, {dollars(high)}]" if low is not None else ""
        frame.dot(x(value), y(mean), "dot a", f"{value:g} {'s' if is_poll else 'ms'}: {dollars(mean)}{interval}")
    return frame.done()


def _spaced(values: Sequence[float], x: Scale) -> list[tuple[float, str]]:
    """Return the marks of values that do not run into each other."""
    marks: list[tuple[float, str]] = []
    for value in values:
        if not marks or x(value) - x(marks[-1][0]) >= 34:
            marks.append((value, f"{value:g}"))
    return marks
