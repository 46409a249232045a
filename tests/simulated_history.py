"""A simulated history of NBA games whose lead walks as the Brownian model says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

MU, SIGMA, C = 3.0, 2.5, 0.3


def write_history(folder: Path, games: int, seed: int = 1) -> tuple[Path, Path]:
    """Write games.parquet and score_timeline.parquet: a score change every fifteen seconds of regulation."""
    generator = np.random.default_rng(seed)
    steps = 192
    moves = generator.normal(MU / steps, SIGMA / 2, (games, steps)).cumsum(axis=1)
    moves[:, -1] += generator.normal(0, SIGMA * np.sqrt(C), games)  # what the clock does not show
    lead = np.rint(moves).astype(np.int64)
    lead[:, -1] = np.where(lead[:, -1] == 0, 1, lead[:, -1])
    names = [f"00{game:08}" for game in range(games)]
    pl.DataFrame(
        {
            "game_id": names,
            "season_year": np.where(np.arange(games) < games // 2, 2021, 2022),
            "date": 20210101 + np.arange(games) % 28,
            "home_final": 100 + lead[:, -1],
            "away_final": np.full(games, 100),
        }
    ).write_parquet(folder / "games.parquet")
    elapsed = np.tile(np.arange(1, steps + 1) * 15, games)
    pl.DataFrame(
        {
            "game_id": np.repeat(names, steps),
            "period": np.minimum((elapsed - 1) // 720, 3).astype(np.int32) + 1,
            "clock_s": 720.0 - (elapsed - (np.minimum((elapsed - 1) // 720, 3)) * 720),
            "scoreHome": (100 + lead).ravel().astype(np.int32),
            "scoreAway": np.full(games * steps, 100, np.int32),
        }
    ).write_parquet(folder / "score_timeline.parquet")
    return folder / "games.parquet", folder / "score_timeline.parquet"
