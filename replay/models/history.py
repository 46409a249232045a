"""The history that models are fitted and checked on: games and score changes, as states on a grid of minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recorder.errors import CorruptError, UsageError
from replay.core.events import GameStatus
from replay.core.gameclock import PERIOD_RULES
from replay.core.models import GameStates

__all__ = ["History", "read_history", "states_on_grid", "states_to_fit", "with_priors"]

_Columns = Mapping[str, type[pl.DataType]]

_GAMES: _Columns = {"game_id": pl.String, "home_final": pl.Int64, "away_final": pl.Int64}
_GAMES_DATED: _Columns = {"season_year": pl.Int64, "date": pl.Int64}
_GAMES_MAY: _Columns = {**_GAMES_DATED, "home": pl.String, "away": pl.String}
_TIMELINE: _Columns = {
    "game_id": pl.String,
    "period": pl.Int64,
    "clock_s": pl.Float64,
    "scoreHome": pl.Int64,
    "scoreAway": pl.Int64,
}
_MOST = {"period": 40, "clock_s": 3_600, "scoreHome": 1_000, "scoreAway": 1_000}
"""More than any league has seen; what lies beyond is no game."""


@dataclass(frozen=True, slots=True)
class History:
    """
    Finished games of one league and their score changes.

    Shape:
        games: one row per game, sorted by date and game_id; game_id str, season_year i64, date i64 (YYYYMMDD),
            home_final i64, away_final i64, home str, away str (the teams' codes; null where the source names none).
        timeline: score changes in the order they happened; game_id str, elapsed_ms i64 (overtime counts on), home
            i64, away i64.
    """

    league: str
    games: pl.DataFrame
    timeline: pl.DataFrame

    def __len__(self) -> int:
        """Return the number of games."""
        return self.games.height

    def between(self, first: int, last: int) -> History:
        """Return the games of the seasons from first to last, with their score changes."""
        games = self.games.filter(pl.col("season_year").is_between(first, last))
        return History(self.league, games, self.timeline.join(games, on="game_id", how="semi", maintain_order="left"))

    def played(self) -> tuple[list[int], list[int], list[str], list[str], list[int]] | None:
        """Return season, date, home, away and margin of every game in order; None where the history lacks any."""
        columns = self.games.select("season_year", "date", "home", "away", pl.col("home_final") - pl.col("away_final"))
        if columns.null_count().sum_horizontal().item():
            return None
        season, date, home, away, margin = (column.to_list() for column in columns)
        return season, date, home, away, margin

    def rows(self, part: History) -> NDArray[np.int64]:
        """Return where the games of a part of this history stand in it. Shape: (games of part,)."""
        index = {name: row for row, name in enumerate(self.games["game_id"])}
        return np.array([index[name] for name in part.games["game_id"]], np.int64)

    def first_and_last(self, column: str) -> tuple[int, int]:
        """Return the least and greatest value of a column of games; 0 where it is missing."""
        first, last = self.games.select(first=pl.col(column).min(), last=pl.col(column).max()).row(0)
        return first or 0, last or 0


def read_history(games: Path, timeline: Path, league: str = "nba", seasons: tuple[int, int] | None = None) -> History:
    """
    Read a history of the shared schema, all of it or the seasons from first to last.

    Draws and games without a score change are left out: a win probability has no outcome there, or no state.
    season_year and date may be missing where no seasons are chosen.

    Raises:
        UsageError: a file is missing, a column is missing or of another type, the league has no clock, or no game is
            left.
        CorruptError: a file is no Parquet file.
    """
    rules = PERIOD_RULES.get(league)
    if rules is None:
        raise UsageError(f"no period rules for league {league!r}", hint=f"one of: {', '.join(PERIOD_RULES)}")
    scored = _read(timeline, _TIMELINE)
    played = (
        _read(games, _GAMES if seasons is None else {**_GAMES, **_GAMES_DATED}, _GAMES_MAY)
        .filter(pl.col("home_final") != pl.col("away_final"))
        .join(scored, on="game_id", how="semi")
        .sort("date", "game_id")
    )
    if seasons is not None:
        played = played.filter(pl.col("season_year").is_between(*seasons))
    _refuse_nonsense(games, timeline, played, scored)
    if played.is_empty():
        raise UsageError(f"no game is left of {games}", why="no season, result or score change fits")
    overtimes = (pl.col("period") - rules.periods - 1) * rules.overtime_ms + rules.regulation_ms
    length = pl.when(pl.col("period") > rules.periods).then(rules.overtime_ms).otherwise(rules.period_ms)
    start = (
        pl.when(pl.col("period") > rules.periods).then(overtimes).otherwise((pl.col("period") - 1) * rules.period_ms)
    )
    clock = (pl.col("clock_s") * 1000).round().cast(pl.Int64)
    changes = scored.join(played, on="game_id", how="semi", maintain_order="left").select(
        "game_id", elapsed_ms=start + length - clock, home="scoreHome", away="scoreAway"
    )
    return History(league, played, changes)


def _refuse_nonsense(games: Path, timeline: Path, played: pl.DataFrame, scored: pl.DataFrame) -> None:
    """Refuse a game that counts twice, and score changes that no game has."""
    twice = played.filter(pl.col("game_id").is_duplicated())
    if not twice.is_empty():
        raise UsageError(f"{games} has a game twice: {twice['game_id'][0]}", why="it would count as two")
    for name, most in _MOST.items():
        strange = scored.filter(~pl.col(name).is_between(0, most).fill_null(value=False))
        if not strange.is_empty():
            raise UsageError(
                f"{timeline} has {strange.height:,} rows with a {name} that no game has",
                why=f"such as {strange[name][0]} in game {strange['game_id'][0]}; 0 to {most:,} can be",
            )


def states_on_grid(
    history: History,
    first_ms: int = 30_000,
    step_ms: int = 60_000,
) -> tuple[GameStates, NDArray[np.int64], NDArray[np.bool_]]:
    """
    Return the state of every game at fixed moments of regulation, by default 0:30, 1:30, ... elapsed, and who won.

    A state is the last score change at or before the moment, 0-0 before the first.

    Shape: states of games * moments, game by game; game_index (n,) row in history.games; is_home_win (n,).
    """
    rules = PERIOD_RULES[history.league]
    moments = np.arange(first_ms, rules.regulation_ms, step_ms, dtype=np.int64)
    games = history.games.height
    game, elapsed, home, away = _changes(history)
    span = np.int64(1) << 40
    asked = (np.arange(games, dtype=np.int64)[:, None] * span + moments[None, :]).ravel()
    at = np.searchsorted(game * span + elapsed, asked, side="right") - 1
    game_index = np.repeat(np.arange(games, dtype=np.int64), len(moments))
    seen = (at >= 0) & (game[np.maximum(at, 0)] == game_index)
    home, away = (np.where(seen, score[np.maximum(at, 0)], 0) for score in (home, away))
    states = _in_regulation(history.league, np.tile(moments, games), home, away)
    return states, game_index, _won(history)[game_index]


def states_to_fit(history: History) -> tuple[GameStates, NDArray[np.int64], NDArray[np.bool_]]:
    """
    Return the states that a model learns from: the grid's, more of the last minute, and the last scores with the ball.

    Whoever has just scored has given the ball away, which is all that a history of scores says about possession. Taken
    in the last two minutes, where it matters, of regulation.

    Shape: as states_on_grid.
    """
    end = PERIOD_RULES[history.league].regulation_ms
    grids = [states_on_grid(history), states_on_grid(history, end - 55_000, 10_000)]
    game, elapsed, home, away = _changes(history)
    lead = home - away
    before = np.where(np.roll(game, 1) == game, np.roll(lead, 1), 0)
    # Free throws share a clock: only after the last of a moment does the ball change hands.
    is_last = np.append((game[1:] != game[:-1]) | (elapsed[1:] != elapsed[:-1]), [True] * min(len(game), 1))
    late = is_last & (lead != before) & (elapsed >= end - 120_000) & (elapsed < end)
    scored = _in_regulation(history.league, elapsed[late], home[late], away[late], np.sign(before - lead)[late])
    parts = [*(grid[0] for grid in grids), scored]
    states = GameStates.from_columns(
        history.league,
        status=GameStatus.LIVE,
        **{
            name: np.concatenate([getattr(part, name) for part in parts])
            for name in ("period", "clock_ms", "home_score", "away_score", "possession")
        },
    )
    game_index = np.concatenate([*(grid[1] for grid in grids), game[late]])
    return states, game_index, _won(history)[game_index]


def with_priors(states: GameStates, game_index: NDArray[np.int64], prior_u6: NDArray[np.int64]) -> GameStates:
    """
    Return states that know their game's pre-game probability.

    Shape: game_index (len(states),); prior_u6 (games,).
    """
    return replace(states, prior_u6=prior_u6[game_index])


def _won(history: History) -> NDArray[np.bool_]:
    return (history.games["home_final"] > history.games["away_final"]).to_numpy()


def _changes(history: History) -> tuple[NDArray[np.int64], ...]:
    """Return game, elapsed_ms, home and away of every score change, game by game and in order of time."""
    index = {name: row for row, name in enumerate(history.games["game_id"])}
    game = history.timeline["game_id"].replace_strict(index, return_dtype=pl.Int64).to_numpy()
    elapsed = history.timeline["elapsed_ms"].to_numpy()
    # A stable sort by game and time keeps the source's order among equal times, and mends the few rows out of order.
    order = np.lexsort((elapsed, game))
    return tuple(
        column[order] for column in (game, elapsed, *(history.timeline[n].to_numpy() for n in ("home", "away")))
    )


def _in_regulation(
    league: str,
    into: NDArray[np.int64],
    home: NDArray[np.int64],
    away: NDArray[np.int64],
    possession: NDArray[np.int64] | int = 0,
) -> GameStates:
    """Return live states so many ms into regulation."""
    rules = PERIOD_RULES[league]
    period = into // rules.period_ms + 1
    return GameStates.from_columns(
        league,
        period=period,
        clock_ms=into if rules.is_counting_up else period * rules.period_ms - into,
        status=GameStatus.LIVE,
        home_score=home,
        away_score=away,
        possession=possession,
    )


def _read(path: Path, columns: _Columns, may: _Columns = MappingProxyType({})) -> pl.DataFrame:
    """Read the columns; one that may be missing is null then."""
    if not path.is_file():
        raise UsageError(f"{path} does not exist", why="it should be a Parquet file of the shared history schema")
    try:
        frame = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise CorruptError(f"{path} is no Parquet file", why=str(error)) from error
    if missing := sorted(columns.keys() - set(frame.columns)):
        raise UsageError(f"{path} has no column {', '.join(missing)}", why=f"it has {', '.join(frame.columns)}")
    absent = {name: pl.lit(None) for name in may if name not in frame.columns}
    try:
        return frame.with_columns(**absent).select(pl.col(name).cast(kind) for name, kind in {**columns, **may}.items())
    except pl.exceptions.PolarsError as error:
        raise UsageError(f"{path} has a column of another type", why=str(error)) from error
