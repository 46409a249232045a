"""The page: a run in pictures, one HTML file that asks nobody for anything."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jinja2
import msgspec
from markupsafe import Markup

from recorder.tape.show import safe
from recorder.times import utc
from replay.report.answers import Answer, Panel, Verdict, answer_of, choices_of, panels_of, prices_of, swings_of
from replay.report.facts import Evidence
from replay.report.gamechart import game_chart
from replay.report.gridcharts import dollars, heat_cells, heatmap, poll_words, price_chart, ranking
from replay.report.luckcharts import controls_chart, plateau_chart, swing_chart
from replay.report.run import Run
from replay.report.tradecharts import (
    curve_chart,
    delay_chart,
    delay_marks,
    equity_chart,
    funnel_chart,
    games_chart,
    lag_chart,
    reliability_chart,
    stake_chart,
)

__all__ = ["data_block", "render", "sentence"]

_FILES = Path(__file__).parent / "page_files"
_POLLED = ("espn", "nba")
_POINTS = (600, 400, 280, 200, 140, 100, 70, 50, 40, 32)
_CHARTS_BYTES_MAX = 132_000
_PANELS_MAX = 12
_WORDS_MAX = 600
_PLATEAU_MIN = 3
_GRID_VALUES = {
    *("--min-edge", "--poll", "--phases", "--order-delay", "--book-delay", "--venue-delay", "--policy", "--model"),
    *("--recheck", "--control", "--executor", "--workers", "--out"),
}
_GRID_FLAGS = {"--bounds", "--markouts", "--spa", "--resume", "--json"}
_OFF = ("book_delay_ms", "cooldown_ms", "limit_slip_u6", "all_or_none")
_DAY_NS = 86_400_000_000_000


def render(run: Run) -> str:
    """Return the page of a run."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FILES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "dollars": dollars,
        "u6": lambda value: dollars(value / 1e6),
        "utc": _utc,
        "price": lambda value: f"{value / 1e4:.1f} c",
        "share": lambda value: "–" if value is None else f"{value:.1%}",
        "poll": poll_words,
    }
    verdicts = choices_of(run)
    answer = answer_of(verdicts)
    evidence = run.evidence
    panels = panels_of(verdicts)
    page: str = environment.get_template("report.html.j2").render(
        css=_file("report.css"),
        js=_file("report.js"),
        sweep=run.sweep,
        evidence=evidence,
        answer=answer,
        sentence=sentence(answer),
        labels=sorted({tape.label for tape in run.sweep.tapes if tape.label}),
        panels=panels,
        heatmaps=_heatmaps(panels),
        heat_data=data_block(
            {
                "cells": [heat_cells(panel) for panel in panels[:_PANELS_MAX]],
                "runs": [_cell_run(run.sweep.command, panel) for panel in panels[:_PANELS_MAX]],
            }
        ),
        ranking=ranking(verdicts),
        prices=[(price, price_chart(price)) for price in prices_of(verdicts, run.sweep.seed)],
        charts=_charts(evidence) | _choice_charts(run, verdicts, answer),
        games=_games(evidence),
        command=shlex.join(run.sweep.command),
        config=_config(evidence),
        phases=_phases(verdicts),
    )
    return page


def _visible(value: object) -> object:
    """Take from text of strangers what a reader does not see: controls, and marks that turn its direction."""
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _file(name: str) -> Markup:
    """Return one of the page's own files; what we wrote ourselves needs no escaping."""
    return Markup((_FILES / name).read_text(encoding="utf-8"))  # noqa: S704


def data_block(value: object) -> Markup:
    """Return a value as JSON that cannot end its script element, open a comment or break a line of JavaScript."""
    text = msgspec.json.encode(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704


def sentence(answer: Answer) -> str:
    """Return the answer in one sentence."""
    choice, verdict = answer.featured.choice, answer.featured
    polls = "polls as recorded" if choice.poll_s is None else f"{choice.poll_s:g} s polls"
    order = f" and a {choice.order_delay_ms:g} ms order delay" if choice.order_delay_ms else ""
    games = f"{answer.games} game{'' if answer.games == 1 else 's'}"
    said = f"A minimum edge of {choice.min_edge_c:g} c at {polls}{order}: {dollars(verdict.mean)} per game"
    if verdict.low is None:
        return f"{said}, from {games}: an interval needs two."
    said += f" [{dollars(verdict.low)}, {dollars(verdict.high)}], {games}"
    if verdict.is_clear:
        return f"{said}: the interval leaves out zero."
    if answer.more_games:
        return f"{said}: not told apart from zero; you need about {answer.more_games:,} more."
    return f"{said}: not told apart from zero."


def _heatmaps(panels: list[Panel]) -> list[Markup]:
    """Draw as many panels as a page can bear, on one scale of colour and of fills."""
    verdicts = [verdict for panel in panels for row in panel.rows for verdict in row if verdict is not None]
    most = max(abs(verdict.mean) for verdict in verdicts)
    fills = max(verdict.fills for verdict in verdicts)
    draw = partial(heatmap, most=most, fills_most=fills, words=len(verdicts) <= _WORDS_MAX)
    return [draw(panel, number) for number, panel in enumerate(panels[:_PANELS_MAX])]


def _charts(evidence: Evidence) -> dict[str, Markup]:
    """Draw everything about the featured cell; what there is no data for is left out."""
    decay = evidence.decay
    days = sorted({game.start_ns // _DAY_NS * _DAY_NS for game in evidence.games if game.start_ns is not None})
    clock = [(day, _utc(day)[:10]) for day in days]
    by_start = sorted(evidence.games, key=lambda game: game.start_ns or 0)
    charts = {"funnel": funnel_chart(evidence.funnel)}
    if decay.left:
        marks = [*delay_marks(decay), (decay.half_life_s, "half-life")]
        charts["left"] = curve_chart(decay.left, marks, "edge left at the ask", "a")
    if decay.markout:
        charts["markout"] = curve_chart(decay.markout, delay_marks(decay), "markout after the fill", "b")
    if evidence.reaction:
        # Of the sources only these two move a game, and are waited for.
        waited = [one for one in evidence.sources if one.source in _POLLED and one.by_ms is not None]
        shown = [(round((one.by_ms or 0) / 1000, 1), f"{one.source} shows it by") for one in waited]
        charts["reaction"] = curve_chart(evidence.reaction, shown, "move of the mid", "a", what="scores")
    if evidence.equity.points:
        charts["equity"] = equity_chart(evidence.equity, clock)
        charts["stake"] = stake_chart(evidence.equity, clock)
    if by_start:
        charts["games"] = games_chart(by_start)
    if evidence.judgement is not None:
        charts["reliability"] = reliability_chart(evidence.judgement)
    if evidence.delays:
        charts["delays"] = delay_chart(evidence.delays)
    if evidence.leadlag:
        charts["lags"] = lag_chart(evidence.leadlag)
    return charts


def _choice_charts(run: Run, verdicts: list[Verdict], answer: Answer) -> dict[str, Markup]:
    """Draw what each part of the choice moves, and the choice on broken nights."""
    charts = {}
    swings = swings_of(verdicts)
    if swings:
        charts["swings"] = swing_chart(swings, answer.featured)
    along = [plateau_chart(swing, answer.featured) for swing in swings if len(swing.along) >= _PLATEAU_MIN]
    if along:
        charts["plateaus"] = Markup().join(Markup("<figure>{}</figure>").format(chart) for chart in along)
    selection = run.sweep.selection
    if selection is not None and any(control.pnl_per_game is not None for control in selection.controls):
        charts["controls"] = controls_chart(selection.controls, answer.featured)
    return charts


def _cell_run(command: Sequence[str], panel: Panel) -> str:
    """Return the command that runs a cell of a panel, but for its edge and polls: the sweep's, its grid left out."""
    kept: list[str] = []
    words = iter(command[2:])
    for word in words:
        name, equals, _ = word.partition("=")
        if name in _GRID_VALUES and not equals:
            next(words, None)
        elif name not in _GRID_VALUES | _GRID_FLAGS:
            kept.append(word)
    choice = next(verdict.choice for row in panel.rows for verdict in row if verdict is not None)
    venue = [] if choice.venue_delay_ms is None else ["--venue-delay", f"{choice.venue_delay_ms}ms"]
    delays = ["--order-delay", f"{choice.order_delay_ms}ms", "--book-delay", f"{choice.book_delay_ms}ms", *venue]
    ideas = ["--policy", choice.policy.replace("_", "-"), "--model", choice.model]
    return safe(shlex.join(["gametape", "replay", *kept, *delays, *ideas]))


def _games(evidence: Evidence) -> list[dict[str, object]]:
    """Return the games by start, each with its chart, in as many points as let the page stay small."""
    by_start = sorted(evidence.games, key=lambda game: game.start_ns or 0)
    charts: list[Markup | None] = []
    for points in _POINTS:
        charts = [None if game.overlay is None else game_chart(game, game.overlay, points) for game in by_start]
        if sum(len(chart) for chart in charts if chart is not None) <= _CHARTS_BYTES_MAX:
            break
    return [{"fact": game, "chart": chart} for game, chart in zip(by_start, charts, strict=True)]


def _config(evidence: Evidence) -> list[tuple[str, str]]:
    """Return the featured setting in words; what is off is left out."""
    hidden = {"poll_ms", "phase", "bankroll_u6"} if evidence.config.get("sizing") != "kelly" else {"poll_ms", "phase"}
    poll_ms = evidence.config.get("poll_ms")
    is_recorded = not isinstance(poll_ms, int) or poll_ms < 0
    words = [("polls", "as recorded" if is_recorded else f"every {int(poll_ms or 0) / 1000:g} s")]
    if not is_recorded:
        words.append(("phase", str(evidence.config.get("phase"))))
    for name, value in evidence.config.items():
        if name in hidden or value is None or (value == 0 and name in _OFF):
            continue
        title = name.removesuffix("_u6").removesuffix("_ms").replace("_", " ")
        if name.endswith("_ms"):
            words.append((title, "as recorded" if value == -1 else f"{value} ms"))
        elif name.endswith("edge_u6"):
            words.append((title, f"{int(value) / 1e4:g} c"))
        elif name.endswith("_u6"):
            words.append((title, f"{int(value) / 1e6:g}"))
        else:
            words.append((title, str(value).replace("_", " ")))
    return words


def _phases(verdicts: list[Verdict]) -> int:
    return max(verdict.phases for verdict in verdicts)


def _utc(at_ns: int | None) -> str:
    """Return a time as UTC to the second."""
    if at_ns is None:
        return "–"
    return utc(at_ns).strftime("%Y-%m-%d %H:%M:%S")
