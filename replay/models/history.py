"""The history that models are fitted and checked on: games and score changes, as states on a grid of minutes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recorder.errors import CorruptError, UsageError
from replay.core.events import GameStatus
from replay.core.gameclock import PERIOD_RULES
from replay.core.models import GameStates

__all__ = ["History", "read_history", "states_on_grid"]

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

    def between(self, first: int, last: int) -> History:
        """Return the games of the seasons from first to last, with their score changes."""
        games = self.games.filter(pl.col("season_year").is_between(first, last))
        return History(self.league, games, self.timeline.join(games, on="game_id", how="semi", maintain_order="left"))

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
    row = pl.Series(np.arange(games, dtype=np.int64))
    index = dict(zip(history.games["game_id"], row, strict=True))
    game = history.timeline["game_id"].replace_strict(index, return_dtype=pl.Int64).to_numpy()
    elapsed = history.timeline["elapsed_ms"].to_numpy()
    # A stable sort by game and time keeps the source's order among equal times, and mends the few rows out of order.
    order = np.lexsort((elapsed, game))
    span = np.int64(1) << 40
    keys = (game * span + elapsed)[order]
    asked = (np.arange(games, dtype=np.int64)[:, None] * span + moments[None, :]).ravel()
    at = np.searchsorted(keys, asked, side="right") - 1
    game_index = np.repeat(np.arange(games, dtype=np.int64), len(moments))
    seen = (at >= 0) & (game[order][np.maximum(at, 0)] == game_index)
    home, away = (
        np.where(seen, history.timeline[name].to_numpy()[order][np.maximum(at, 0)], 0) for name in ("home", "away")
    )
    into = np.tile(moments, games)
    period = into // rules.period_ms + 1
    shown = into if rules.is_counting_up else period * rules.period_ms - into
    states = GameStates.from_columns(
        history.league,
        period=period,
        clock_ms=shown,
        status=GameStatus.LIVE,
        home_score=home,
        away_score=away,
    )
    won = (history.games["home_final"] > history.games["away_final"]).to_numpy()
    return states, game_index, won[game_index]


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
