"""Charts of the choice itself: what each part of it moves, and what it comes to on nights broken on purpose."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from replay.judgements import Broken
from replay.report.answers import Swing, Verdict
from replay.report.gridcharts import dollars, edge_words, poll_words
from replay.report.svg import Frame, Scale, num, ticks, whisker

__all__ = ["controls_chart", "plateau_chart", "swing_chart"]

_WIDTH = 530
_ROW = 34
_LETTER = 7
_WORDS_ALONG_MAX = 8
_FIELDS = {
    "min_edge_c": "minimum edge",
    "poll_s": "poll interval",
    "order_delay_ms": "order delay",
    "book_delay_ms": "book delay",
    "venue_delay_ms": "venue delay",
    "policy": "policy",
    "model": "model",
}


def swing_chart(swings: Sequence[Swing], featured: Verdict) -> Markup:
    """Draw how far each part of the featured choice moves the profit alone: from its worst to its best value."""
    frame = Frame(_WIDTH, 58 + _ROW * len(swings), "what each part of the choice moves", left=110, top=22, bottom=36)
    ends = [edge for swing in swings for edge in (swing.worst.mean, swing.best.mean)]
    longest = max(len(_value(swing, end)) for swing in swings for end in (swing.worst, swing.best))
    x = _dollar_scale([*ends, featured.mean], frame, max(46, _LETTER * longest))
    for k, swing in enumerate(swings):
        top = frame.top + k * _ROW
        worst, best = _value(swing, swing.worst), _value(swing, swing.best)
        frame.text(frame.x0 - 10, top + 19, _FIELDS[swing.name], "", "end")
        left, right, middle = x(swing.worst.mean), x(swing.best.mean), x(featured.mean)
        words = f"{_FIELDS[swing.name]}: {worst} {dollars(swing.worst.mean)}, {best} {dollars(swing.best.mean)} a game"
        frame.rect(left, top + 6, middle - left, _ROW - 14, "loss", words)
        frame.rect(middle, top + 6, right - middle, _ROW - 14, "gain", words)
        frame.text(left - 5, top + 19, worst, "tick", "end")
        frame.text(right + 5, top + 19, best, "tick")
    frame.path(f"M{num(x(featured.mean))} {frame.y1 - 6}V{frame.y0}", "rule")
    frame.text(x(featured.mean), 12, "featured", "tick", "middle")
    _dollar_axis(frame, x)
    return frame.done()


def plateau_chart(swing: Swing, featured: Verdict) -> Markup:
    """Draw the profit along one part of the choice, each value with its interval: a plateau, or a lone peak."""
    frame = Frame(_WIDTH, 190, f"profit along the {_FIELDS[swing.name]}, all else as featured", top=20)
    lows = [verdict.mean if verdict.low is None else verdict.low for verdict in swing.along]
    highs = [verdict.mean if verdict.high is None else verdict.high for verdict in swing.along]
    x = Scale(-0.5, len(swing.along) - 0.5, frame.x0, frame.x1)
    y = Scale(min(*lows, 0.0), max(*highs, 0.0), frame.y0, frame.y1)
    frame.y_axis(y, [(value, f"{value:g}") for value in ticks(y.low, y.high, 4)], "$ per game")
    frame.path(f"M{frame.x0} {num(y(0))}H{frame.x1}", "zero")
    for k, (verdict, low, high) in enumerate(zip(swing.along, lows, highs, strict=True)):
        is_featured = verdict.choice == featured.choice
        css, words = ("b" if is_featured else "a"), _value(swing, verdict)
        frame.parts.append(whisker(x(k), y(low), y(high), f"whisker {css}"))
        frame.dot(x(k), y(verdict.mean), f"dot {css}", f"{words}: {dollars(verdict.mean)} per game", 4.5)
    step = -(-len(swing.along) // _WORDS_ALONG_MAX)
    marks = [(float(k), _value(swing, verdict)) for k, verdict in enumerate(swing.along) if k % step == 0]
    frame.x_axis(x, marks, _FIELDS[swing.name])
    return frame.done()


def controls_chart(controls: Sequence[Broken], featured: Verdict) -> Markup:
    """Draw what the featured choice earned on the nights as they were, and on nights broken in every way there is."""
    rows = [("as it was", featured.mean, featured.low, featured.high, "a")]
    rows += [
        (control.control.replace("-", " "), control.pnl_per_game, control.ci_low, control.ci_high, "b")
        for control in controls
        if control.pnl_per_game is not None
    ]
    frame = Frame(_WIDTH, 58 + _ROW * len(rows), "profit on broken nights", left=110, top=22, bottom=36)
    x = _dollar_scale([edge for _, *edges, _ in rows for edge in edges if edge is not None], frame, 10)
    frame.path(f"M{num(x(0))} {frame.y1 - 6}V{frame.y0}", "zero")
    for k, (name, mean, low, high, css) in enumerate(rows):
        y = frame.top + k * _ROW + 14
        frame.text(frame.x0 - 10, y + 4, name, "", "end")
        limits = ""
        if low is not None and high is not None:
            frame.parts.append(whisker(y, x(low), x(high), f"whisker {css}", is_flat=True))
            limits = f" [{dollars(low)}, {dollars(high)}]"
        frame.dot(x(mean), y, f"dot {css}", f"{name}: {dollars(mean)}{limits} per game", 4.5)
    _dollar_axis(frame, x)
    return frame.done()


def _value(swing: Swing, verdict: Verdict) -> str:
    value = getattr(verdict.choice, swing.name)
    if swing.name == "min_edge_c":
        return f"{edge_words(value)} c"
    if swing.name == "poll_s":
        return poll_words(value)
    if swing.name in ("policy", "model"):
        return str(value).replace("_", " ")
    return "recorded" if value is None else f"{value:g} ms"


def _dollar_scale(values: Sequence[float], frame: Frame, pad: int) -> Scale:
    """Return a scale over values and zero, with room for words at both ends."""
    low, high = min([*values, 0.0]), max([*values, 0.0])
    if low == high:
        low, high = -1.0, 1.0
    return Scale(low, high, frame.x0 + pad, frame.x1 - pad)


def _dollar_axis(frame: Frame, x: Scale) -> None:
    frame.x_axis(x, [(value, f"{value:g}") for value in ticks(x.low, x.high, 5)], "$ per game")
