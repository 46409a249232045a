"""Charts of the featured cell: decay, funnel, equity, games, reliability, delays and who shows a score first."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from replay.report.facts import BinFact, CurvePoint, Decay, Delay, Equity, Funnel, GameFact, Judgement, LeadLag
from replay.report.gridcharts import dollars
from replay.report.svg import Frame, Scale, num, ticks, whisker

__all__ = [
    "curve_chart",
    "delay_chart",
    "delay_marks",
    "equity_chart",
    "funnel_chart",
    "games_chart",
    "lag_chart",
    "reliability_chart",
    "stake_chart",
]

_HALF = 530
_FULL = 1100
_HORIZON_MARKS = ((0.1, "0.1"), (0.5, "0.5"), (1.0, "1"), (5.0, "5"), (10.0, "10"), (30.0, "30"), (120.0, "120 s"))
_LAG_LIMIT_MS = 15_000


Marks = Sequence[tuple[float | None, str]]
"""Times to be marked, in seconds, and what each is; None and what lies beyond the horizons is left out."""


def delay_marks(decay: Decay) -> Marks:
    """Return where the delays of a setting stand on the way of a trade."""
    return [(decay.order_delay_s, "order arrives"), (decay.poll_s, "poll")]


def curve_chart(points: Sequence[CurvePoint], marks: Marks, title: str, css: str, *, what: str = "trades") -> Markup:
    """Draw a mean by horizon with its band, and lines at the marks."""
    frame = Frame(_HALF, 260, title, top=24)
    edges = [edge for point in points for edge in (point.mean_c, point.low_c, point.high_c) if edge is not None]
    y = Scale(min(*edges, 0.0), max(*edges, 0.0), frame.y0, frame.y1) if edges else Scale(-1, 1, frame.y0, frame.y1)
    if y.low == y.high:
        y = Scale(-1, 1, frame.y0, frame.y1)
    x = Scale(0.1, 120, frame.x0 + 22, frame.x1 - 4, is_log=True)
    frame.y_axis(y, [(value, f"{value:g}") for value in ticks(y.low, y.high)], f"{title}, c a share")
    frame.x_axis(x, _HORIZON_MARKS, "time later, s (logarithmic)")
    frame.path(f"M{frame.x0} {num(y(0))}H{frame.x1}", "zero")
    timed = [(x(point.horizon_ms / 1000) if point.horizon_ms else frame.x0 + 6, point) for point in points]
    banded = [(at, point.low_c, point.high_c) for at, point in timed if point.low_c is not None]
    outline = [(at, high) for at, _, high in banded] + [(at, low) for at, low, _ in reversed(banded)]
    band = "".join(f"{'L' if k else 'M'}{num(at)} {num(y(edge or 0))}" for k, (at, edge) in enumerate(outline))
    frame.path(f"{band}z" if band else "", f"band {css}")
    frame.path(
        "".join(f"{'L' if k else 'M'}{num(at)} {num(y(p.mean_c))}" for k, (at, p) in enumerate(timed)), f"line {css}"
    )
    for at, point in timed:
        limits = "" if point.low_c is None or point.high_c is None else f" [{point.low_c:+.2f}, {point.high_c:+.2f}]"
        words = f"{point.horizon_ms / 1000:g} s later: {point.mean_c:+.2f} c{limits}, {point.trades:,} {what}"
        frame.dot(at, y(point.mean_c), f"dot {css}", words)
    for row, (at_s, words) in enumerate((at, words) for at, words in marks if at):
        if 0.1 <= at_s <= 120:
            frame.path(f"M{num(x(at_s))} {frame.y1}V{frame.y0}", "rule")
            frame.text(x(at_s) + 4, frame.y1 + 10 + 14 * row, f"{words} {at_s:g} s", "tick halo")
    return frame.done()


def funnel_chart(funnel: Funnel) -> Markup:
    """Draw how many got how far, each step against the one before; widths are on a logarithmic scale from one on."""
    row = 34
    frame = Frame(
        _FULL, 26 + row * len(funnel.steps), "from looks to settlements", left=190, right=330, top=22, bottom=4
    )
    most = max(step.count for step in funnel.steps)
    x = Scale(1, max(most, 2), 12, frame.x1 - frame.x0, is_log=True)
    for words, at, anchor in (
        ("count", frame.x1 + 60, "end"),
        ("kept", frame.x1 + 125, "end"),
        ("edge", frame.x1 + 210, "end"),
    ):
        frame.text(at, 12, words, "title", anchor)
    frame.text(frame.x1 + 320, 12, "profit", "title", "end")
    before = 0
    for k, step in enumerate(funnel.steps):
        top = frame.top + k * row
        width = x(step.count) if step.count else 0
        frame.text(frame.x0 - 10, top + 20, step.name, "", "end")
        frame.rect(frame.x0, top + 4, width, row - 10, "bar", f"{step.name}: {step.count:,}")
        frame.text(frame.x1 + 60, top + 20, f"{step.count:,}", "strong", "end")
        if before:
            frame.text(frame.x1 + 125, top + 20, _share(step.count / before), "tick", "end")
        if step.edge_c is not None:
            frame.text(frame.x1 + 210, top + 20, f"{step.edge_c:+.2f} c".replace("-", "−"), "", "end")
        if step.profit_u6 is not None:
            frame.text(frame.x1 + 320, top + 20, dollars(step.profit_u6 / 1e6), "strong", "end")
        before = step.count
    return frame.done()


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{share:.1%}"


def equity_chart(equity: Equity, clock: Sequence[tuple[int, str]]) -> Markup:
    """Draw the sum of profits over time and how far it was below its high; clock names moments (ns) for the axis."""
    frame = Frame(_FULL, 240, "profit over time", top=24)
    sums = [0.0, *(value / 1e6 for _, value, _ in equity.points)]
    y = Scale(min(sums), max(sums), frame.y0, frame.y1) if min(sums) < max(sums) else Scale(-1, 1, frame.y0, frame.y1)
    frame.y_axis(y, [(value, f"{value:g}") for value in ticks(y.low, y.high, 4)], "sum of profits, $")
    times = [at for at, _, _ in equity.points]
    # Idle days between nights tell nothing: fills stand in their order, and the axis says when they were.
    x = Scale(0, max(len(times), 1), frame.x0, frame.x1)
    step = [f"M{num(x(0))} {num(y(0))}"]
    high, under = 0.0, [f"M{num(x(0))} {num(y(0))}"]
    roof: list[tuple[float, float]] = [(x(0), 0.0)]
    for k, value in enumerate(sums[1:], 1):
        step.append(f"H{num(x(k))}V{num(y(value))}")
        under.append(f"H{num(x(k))}V{num(y(value))}")
        high = max(high, value)
        roof.append((x(k), high))
    back = "".join(f"V{num(y(value))}H{num(at)}" for at, value in reversed(roof))
    frame.path("".join(under) + back + "z", "fall")
    frame.path(f"M{frame.x0} {num(y(0))}H{frame.x1}", "zero")
    frame.path("".join(step), "line a")
    for k, (at, value, _) in enumerate(equity.points if len(times) <= 200 else [], 1):
        frame.dot(x(k), y(value / 1e6), "dot a", f"fill {k}: {dollars(value / 1e6)} ({_clock(at, clock)})", 2.5)
    _fills_axis(frame, x, times, clock)
    return frame.done()


def stake_chart(equity: Equity, clock: Sequence[tuple[int, str]]) -> Markup:
    """Draw what was paid and neither sold nor settled after each fill, under the same axis as the profit."""
    frame = Frame(_FULL, 130, "at stake over time", top=24)
    y = Scale(0, max(equity.stake_u6 / 1e6, 0.01), frame.y0, frame.y1)
    frame.y_axis(y, [(value, f"{value:g}") for value in ticks(0, y.high, 3)], "at stake, $")
    x = Scale(0, max(len(equity.points), 1), frame.x0, frame.x1)
    heights = "".join(f"H{num(x(k))}V{num(y(stake / 1e6))}" for k, (*_, stake) in enumerate(equity.points, 1))
    frame.path(f"M{num(x(0))} {num(y(0))}{heights}V{num(y(0))}z", "band b")
    frame.path(f"M{num(x(0))} {num(y(0))}{heights}", "line b thin")
    _fills_axis(frame, x, [at for at, _, _ in equity.points], clock)
    return frame.done()


def _fills_axis(frame: Frame, x: Scale, times: Sequence[int], clock: Sequence[tuple[int, str]]) -> None:
    marks = [(float(k), _clock(times[k - 1], clock)) for k in _spread(len(times), 8)]
    frame.x_axis(x, marks, f"{len(times):,} fills in order (UTC)")


def _spread(count: int, marks: int) -> list[int]:
    return sorted({1 + round(k * (count - 1) / max(min(marks, count) - 1, 1)) for k in range(min(marks, count))})


def _clock(at_ns: int, clock: Sequence[tuple[int, str]]) -> str:
    """Return the time of day, and the day where there are several."""
    minutes = at_ns // 60_000_000_000 % 1440
    days = {day for _, day in clock}
    day = next((day for begin, day in reversed(clock) if begin <= at_ns), "")
    return f"{f'{day[5:]} ' if len(days) > 1 else ''}{minutes // 60:02d}:{minutes % 60:02d}"


def games_chart(games: Sequence[GameFact]) -> Markup:
    """Draw every game's profit as a bar, in the order in which they began."""
    frame = Frame(_FULL, 220, "profit by game", top=24, bottom=46)
    profits = [game.pnl_u6 / 1e6 for game in games]
    low, high = min([*profits, 0.0]), max([*profits, 0.0])
    y = Scale(low, high, frame.y0, frame.y1) if low < high else Scale(-1, 1, frame.y0, frame.y1)
    frame.y_axis(y, [(value, f"{value:g}") for value in ticks(y.low, y.high, 4)], "profit of each game, $")
    width = (frame.x1 - frame.x0) / max(len(games), 1)
    for k, (game, profit) in enumerate(zip(games, profits, strict=True)):
        left = frame.x0 + k * width
        bar = min(width * 0.7, 90)
        words = f"{game.away} at {game.home}: {dollars(profit)}, {game.fills} fills"
        top, bottom = y(max(profit, 0)), y(min(profit, 0))
        css = "gain" if profit >= 0 else "loss"
        frame.rect(left + (width - bar) / 2, top, bar, max(bottom - top, 1), css, words)
        if width >= 84:
            frame.text(left + width / 2, frame.y0 + 16, _cut(game.away, width), "tick", "middle")
            frame.text(left + width / 2, frame.y0 + 30, f"at {_cut(game.home, width)}", "tick", "middle")
    frame.path(f"M{frame.x0} {num(y(0))}H{frame.x1}", "zero")
    if width < 84:
        frame.text((frame.x0 + frame.x1) / 2, frame.height - 12, f"{len(games)} games by start", "title", "middle")
    return frame.done()


def _cut(name: str, width: float) -> str:
    room = max(int(width / 7), 3)
    return name if len(name) <= room else f"{name[: room - 1]}…"


def reliability_chart(judgement: Judgement) -> Markup:
    """Draw how often forecasts came true: model and market, with limits by game and how many states each bin holds."""
    frame = Frame(_HALF, 400, "reliability of model and market", top=24, bottom=96)
    x = Scale(0, 1, frame.x0, frame.x1)
    y = Scale(0, 1, frame.y0, frame.y1)
    marks = [(k / 5, f"{k * 20} %") for k in range(6)]
    frame.y_axis(y, marks, "how often the home side won")
    frame.path(f"M{num(x(0))} {num(y(0))}L{num(x(1))} {num(y(1))}", "rule")
    most = max([item.states for item in (*judgement.model, *judgement.market)], default=1)
    for bins, css, shift, who in ((judgement.market, "b", 3, "market"), (judgement.model, "a", -3, "model")):
        _bins(frame, x, y, bins, css, shift, who)
        for item in bins:
            height = 32 * item.states / most
            frame.rect(x(item.forecast) + shift * 1.5 - 4, frame.y0 + 62 - height, 8, height, f"count {css}")
    frame.x_axis(x, marks, "forecast; bars: states in each bin")
    return frame.done()


def _bins(frame: Frame, x: Scale, y: Scale, bins: Sequence[BinFact], css: str, shift: int, who: str) -> None:
    points = [(x(item.forecast), y(item.frequency)) for item in bins]
    frame.path("".join(f"{'L' if k else 'M'}{num(a)} {num(b)}" for k, (a, b) in enumerate(points)), f"line {css} thin")
    for item, (at, height) in zip(bins, points, strict=True):
        limits = ""
        if item.low is not None and item.high is not None:
            frame.parts.append(whisker(at + shift, y(item.low), y(item.high), f"whisker {css}"))
            limits = f" [{item.low:.0%}, {item.high:.0%}]"
        words = f"{who} said {item.forecast:.0%}, came true {item.frequency:.0%}{limits}, {item.states:,} states"
        if css == "b":
            frame.rect(at - 4, height - 4, 8, 8, f"dot {css}", words)
        else:
            frame.dot(at, height, f"dot {css}", words, 4)


def delay_chart(delays: Sequence[Delay]) -> Markup:
    """Draw the parts of the way from an event to a fill: a bar to the median, a line to the 99th percentile."""
    row = 30
    frame = Frame(_HALF, 44 + row * len(delays), "latency budget", left=214, right=74, top=8, bottom=36)
    most = max([delay.p99_ms for delay in delays], default=1.0) or 1.0
    x = Scale(0, most, frame.x0, frame.x1)
    for k, delay in enumerate(delays):
        top = frame.top + k * row
        tails = f"p95 {delay.p95_ms:,g}, p99 {delay.p99_ms:,g}; {delay.samples:,} of them"
        words = f"{delay.name}: p50 {delay.p50_ms:,g} ms, {tails}"
        frame.text(frame.x0 - 8, top + 18, delay.name, "tick", "end")
        frame.rect(frame.x0, top + 6, max(x(delay.p50_ms) - frame.x0, 1), 16, "bar", words)
        frame.path(
            f"M{num(x(delay.p50_ms))} {top + 14}H{num(x(delay.p99_ms))}M{num(x(delay.p95_ms))} {top + 9}v10",
            "whisker a",
        )
        frame.text(frame.x1 + 8, top + 18, _ms(delay.p50_ms), "tick")
    frame.x_axis(x, [(value, f"{value / 1000:g}") for value in ticks(0, most, 4)], "s; bar p50, tick p95, end p99")
    return frame.done()


def _ms(value: float) -> str:
    return f"{value / 1000:.2f} s" if value >= 1000 else f"{value:.0f} ms"


def lag_chart(leads: Sequence[LeadLag]) -> Markup:
    """Draw a histogram of how much later nba showed a score than espn did; the outermost bars hold all beyond."""
    lags = [max(-_LAG_LIMIT_MS, min(lag, _LAG_LIMIT_MS)) for lead in leads for lag in lead.lags_ms]
    frame = Frame(_HALF, 220, "who shows a score first", top=24)
    bins = [0] * 30
    for lag in lags:
        bins[min((lag + _LAG_LIMIT_MS) // 1000, 29)] += 1
    x = Scale(-15, 15, frame.x0, frame.x1)
    y = Scale(0, max(*bins, 1) * 1.15, frame.y0, frame.y1)
    frame.y_axis(y, [(value, f"{value:g}") for value in ticks(0, y.high, 4) if value == int(value)], "score changes")
    width = x(1) - x(0)
    for k, count in enumerate(bins):
        css = "loss" if k < 15 else "gain"
        words = f"{k - 15} to {k - 14} s: {count}"
        if count:
            frame.rect(x(k - 15) + 1, y(count), width - 2, frame.y0 - y(count), css, words)
    frame.path(f"M{num(x(0))} {frame.y1}V{frame.y0}", "rule")
    frame.text(x(0) - 8, frame.y1 + 8, "nba first", "tick", "end")
    frame.text(x(0) + 8, frame.y1 + 8, "espn first", "tick")
    marks = [(-15.0, "≤ −15"), (-10.0, "−10"), (-5.0, "−5"), (0.0, "0"), (5.0, "5"), (10.0, "10"), (15.0, "≥ 15")]
    frame.x_axis(x, marks, "nba minus espn, s")
    return frame.done()
