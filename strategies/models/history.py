"""The history that models are fitted and checked on: games and score changes, as states on a grid of minutes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recorder.errors import CorruptError, UsageError
from replay.core.events import GameStatus
from replay.core.gameclock import PERIOD_RULES
from replay.core.models import GameStates

__all__ = ["History", "read_history", "states_on_grid"]

_GAMES = {
    "game_id": pl.String,
    "season_year": pl.Int64,
    "date": pl.Int64,
    "home_final": pl.Int64,
    "away_final": pl.Int64,
}
_TIMELINE = {
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
            home_final i64, away_final i64.
        timeline: score changes in the order they happened; game_id str, elapsed_ms i64 (overtime counts on), home
            i64, away i64.
    """

    league: str
    games: pl.DataFrame
    timeline: pl.DataFrame


def read_history(games: Path, timeline: Path, league: str = "nba", seasons: tuple[int, int] | None = None) -> History:
    """
    Read a history of the shared schema, all of it or the seasons from first to last.

    Draws are left out: a win probability has no outcome there.

    Raises:
        UsageError: a file is missing, lacks a column, the league has no clock or no game is left.
        CorruptError: a file is no Parquet file.
    """
    rules = PERIOD_RULES.get(league)
    if rules is None:
        raise UsageError(f"no period rules for league {league!r}", hint=f"one of: {', '.join(PERIOD_RULES)}")
    played = _read(games, _GAMES).filter(pl.col("home_final") != pl.col("away_final")).sort("date", "game_id")
    if seasons is not None:
        played = played.filter(pl.col("season_year").is_between(*seasons))
    if played.is_empty():
        raise UsageError(f"no game in {games}", why="none is left after the choice of seasons")
    overtimes = (pl.col("period") - rules.periods - 1) * rules.overtime_ms + rules.regulation_ms
    length = pl.when(pl.col("period") > rules.periods).then(rules.overtime_ms).otherwise(rules.period_ms)
    start = (
        pl.when(pl.col("period") > rules.periods).then(overtimes).otherwise((pl.col("period") - 1) * rules.period_ms)
    )
    clock = (pl.col("clock_s") * 1000).round().cast(pl.Int64)
    changes = (
        _read(timeline, _TIMELINE)
        .join(played.select("game_id"), on="game_id", how="semi", maintain_order="left")
        .select("game_id", elapsed_ms=start + length - clock, home="scoreHome", away="scoreAway")
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


def _read(path: Path, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    if not path.is_file():
        raise UsageError(f"{path} does not exist", why="it should be a Parquet file of the shared history schema")
    try:
        frame = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise CorruptError(f"{path} is no Parquet file", why=str(error)) from error
    if missing := sorted(columns.keys() - set(frame.columns)):
        raise UsageError(f"{path} has no column {', '.join(missing)}", why=f"it has {', '.join(frame.columns)}")
    return frame.select(pl.col(name).cast(kind) for name, kind in columns.items())
