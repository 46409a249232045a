"""
The backtest from a notebook: `replay.open("tape").sweep(...)`, answers as polars data frames.

The same films, trials, sealed nights and digests as on the command line; only the words are Python's. `import replay`
loads nothing of this before `replay.open` is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recorder.clock import SystemClock
from recorder.config import parse_duration_ns
from recorder.errors import UsageError
from replay.backtest import replay_film
from replay.cellmarks import cell_markouts
from replay.controls import Control
from replay.core.cells import ORDER_COLUMNS, OrderStatus
from replay.counterfactual import PollPlan
from replay.film import Film, open_film
from replay.find import cache_folder, find_tapes, load_strategy
from replay.models import load_model
from replay.runs import games_frame, sweep_frame
from replay.settings import (
    AS_RECORDED,
    Setting,
    View,
    grid,
    parse_cents,
    parse_models,
    parse_numbers,
    parse_policies,
    parse_polls,
    views_of,
)
from replay.study import Question, Study, conduct

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Nights", "Results", "open"]

Numbers = str | float | Iterable[float]
Times = str | Iterable[str]

_MS_NS = 1_000_000


def open(*tapes: str | Path) -> Nights:  # noqa: A001 - read as replay.open
    """
    Open tapes: paths, names within the tapes folder, or `s3://bucket/prefix`. Each is decoded once and cached.

    Raises:
        UsageError: there is no such tape, or one is given twice.
        CorruptError: a tape is damaged.
        UpstreamError: the object storage does not answer.
    """
    if not tapes:
        raise UsageError("no tape was named", hint='replay.open("tapes/2026-01-15-nba")')
    found = find_tapes([str(tape) for tape in tapes])
    return Nights(tuple(open_film(tape, cache_folder("film")) for tape in found))


@dataclass(frozen=True, slots=True)
class Nights:
    """Tapes that were opened, decoded. len() is how many."""

    films: tuple[Film, ...]

    def __len__(self) -> int:
        """Return the number of nights."""
        return len(self.films)

    @property
    def games(self) -> pl.DataFrame:
        """
        The games that have a market.

        Shape: one row a game; tape str, game_id str, league str, home str, away str, start_ns i64 (null: not known).

        Units: ns since the epoch, UTC.
        """
        import polars as pl

        schema = {
            "tape": pl.String,
            "game_id": pl.String,
            "league": pl.String,
            "home": pl.String,
            "away": pl.String,
            "start_ns": pl.Int64,
        }
        rows = [
            (film.tape, game.game_id, game.league, game.home, game.away, game.plan.start_ns)
            for film in self.films
            for game in film.catalogue.games
            if game.plan is not None
        ]
        return pl.DataFrame(rows, schema=schema, orient="row")

    def sweep(  # noqa: PLR0913 - options, by keyword
        self,
        min_edge: Numbers = "1:10:1",
        *,
        poll: Numbers | None = None,
        poll_nba: float | None = None,
        phases: int = 1,
        order_delay: Times = "0",
        book_delay: Times = "0",
        venue_delay: Times | None = None,
        policy: str | None = None,
        poll_idle: str = "30s",
        base: Setting = Setting(),  # noqa: B008 - frozen
        strategy: str = "fusion",
        model: str = "brownian",
        seed: int = 0,
        control: str | None = None,
        bounds: bool = False,
        event_times: bool = False,
        controls: bool = False,
        spa: bool = False,
        open_holdout: bool = False,
        executor: str = "local",
        workers: int | None = None,
        parts: str | Path | None = None,
        resume: bool = False,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> Results:
        """
        Sweep a grid of settings, in the words of `gametape sweep`.

        Every other value of a setting is as in base. poll_nba polls the NBA's own scores so often. controls also
        runs the featured cell on broken nights. parts is a folder that keeps finished parts for resume. on_progress is
        told (cells done, cells in all).

        Units: min_edge in cents, poll in seconds: a number, several, `"1,2,5"` or `"first:last:step"`; delays as
        `"250ms"` or `"1s"`, one or several. None is as recorded; a policy of None is that of base. Several models are
        named with commas between.

        Raises:
            UsageError: a value is not what it should be, a plan cannot be answered, a night is sealed.
            RegressionError: a cell that was folded alone differs.
            UpstreamError: the cluster does not answer.
        """
        models = parse_models(model)
        views = _views(poll, poll_nba, phases, book_delay, models)
        question = Question(
            settings=_grid(base, min_edge, views, order_delay, venue_delay, policy),
            strategy=strategy,
            model=models[0],
            polls=PollPlan(seed, _milliseconds(poll_idle)[0]),
            executor=executor,
            workers=workers,
            control=None if control is None else Control(control),
            has_bounds=bounds,
            has_event_times=event_times,
            tests_grid=spa,
            has_controls=controls,
            opens_holdout=open_holdout,
            parts=None if parts is None else Path(parts),
            resumes=resume,
        )
        study = conduct(self.films, question, now_ns=SystemClock().now_ns(), on_progress=on_progress)
        return Results(self, question, study)


@dataclass(frozen=True, slots=True)
class Results:
    """What a sweep came to. study has all that the frames are made of."""

    nights: Nights
    question: Question
    study: Study

    @property
    def digest(self) -> str:
        """The digest that `gametape sweep` prints for the same question."""
        return self.study.sweep.digest()

    @property
    def cells(self) -> pl.DataFrame:
        """
        The cells in the order of the grid.

        Shape: one row a cell; the columns of the JSON contract, among them min_edge_c f64, poll_s f64 (null: as
        recorded), order_delay_ms i64, signals, fills i64, pnl_per_game, ci_low, ci_high f64 (null: under two games).

        Units: cents, seconds, milliseconds, dollars per game; names that end in _u6 are millionths.
        """
        return sweep_frame(self.study.sweep)

    @property
    def games(self) -> pl.DataFrame:
        """
        The profit of every cell in every game.

        Shape: len(cells) * games rows; cell i32, game_id str, pnl_u6 i64.
        """
        return games_frame(self.study.sweep)

    @property
    def choice(self) -> dict[str, object]:
        """What is to be said of the featured cell, as in JSON: trials, deflated Sharpe, walk forward, controls."""
        selection = self.study.facts()["selection"]
        return dict(selection) if isinstance(selection, dict) else {}

    def markouts(self) -> pl.DataFrame:
        """
        Fold all cells again and return what their fills were worth later, and against the closing line.

        Shape: a row a cell and horizon; cell i32, horizon_ms i32 (null: the closing line), fills i64, mean_c, low_c,
        high_c f64 (null: no fill with a mark, or too few games).

        Units: cents a share, before fees; limits are over games.

        Raises:
            UsageError: the nights were broken by a control.
        """
        if self.question.control is not None:
            raise UsageError("broken nights have no markouts", why="they only say whether profit vanishes")
        ideas = load_strategy(self.question.strategy), load_model(self.question.model)
        return cell_markouts(self.nights.films, *ideas, self.study.sweep, polls=self.question.polls)

    def orders(self, cell: int) -> pl.DataFrame:
        """
        Fold one cell again and return its orders.

        Shape: one row an order; tape str, game_id str (null: none), token_id str, the columns of a ledger's orders,
        status as a word.

        Units: ns since the epoch, u6 of a dollar or share.

        Raises:
            IndexError: there is no such cell.
        """
        import polars as pl

        setting = self.study.sweep.cells[cell].setting
        ideas = load_strategy(self.question.strategy), load_model(self.question.model)
        frames = []
        for film in self.nights.films:
            ledger = replay_film(film, *ideas, setting, polls=self.question.polls)
            tokens = ledger.orders[:, ORDER_COLUMNS.index("token")].tolist()
            games = [ledger.games[game] if (game := ledger.game_of[token]) >= 0 else None for token in tokens]
            table = pl.DataFrame({name: ledger.orders[:, k] for k, name in enumerate(ORDER_COLUMNS) if name != "cell"})
            words = pl.Series("status", [OrderStatus(at).name.lower() for at in table["status"]], dtype=pl.String)
            frames.append(
                table.with_columns(words).select(
                    pl.lit(film.tape).alias("tape"),
                    pl.Series("game_id", games, dtype=pl.String),
                    pl.Series("token_id", [ledger.tokens[token] for token in tokens], dtype=pl.String),
                    pl.exclude("token"),
                )
            )
        return pl.concat(frames)


def _grid(
    base: Setting,
    min_edge: Numbers,
    views: list[View],
    order_delay: Times,
    venue_delay: Times | None,
    policy: str | None,
) -> list[Setting]:
    return grid(
        base,
        min_edges_u6=[parse_cents(str(value)) for value in parse_numbers(_listed(min_edge), "min-edge")],
        views=views,
        order_delays_ms=_milliseconds(order_delay),
        venue_delays_ms=[AS_RECORDED] if venue_delay is None else _milliseconds(venue_delay),
        policies=None if policy is None else parse_policies(policy),
    )


def _views(
    poll: Numbers | None, poll_nba: float | None, phases: int, book_delay: Times, models: list[str]
) -> list[View]:
    if poll_nba is not None and poll is None:
        raise UsageError("poll_nba says how one source of a simulated poll differs", hint=f"poll={poll_nba:g}")
    base = View(nba_poll_ms=0 if poll_nba is None else parse_polls(str(poll_nba), "poll-nba")[0])
    polls_ms = [AS_RECORDED] if poll is None else parse_polls(_listed(poll))
    delays_ms = _milliseconds(book_delay)
    return views_of(base, polls_ms=polls_ms, phases=phases, book_delays_ms=delays_ms, models=models)


def _listed(values: Numbers) -> str:
    """Return numbers as they are written on the command line."""
    if isinstance(values, str):
        return values
    return ",".join(str(value) for value in ([values] if isinstance(values, int | float) else values))


def _milliseconds(values: Times) -> list[int]:
    made = []
    for text in values.split(",") if isinstance(values, str) else values:
        ns = parse_duration_ns(text)
        if ns % _MS_NS:
            raise UsageError(f"{text} is finer than a millisecond")
        made.append(ns // _MS_NS)
    return made
