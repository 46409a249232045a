"""Simulated games for predictors: the lead is a walk that the stronger team wins more often, over two seasons."""

from __future__ import annotations

import numpy as np

from strategies.predictors.examples import Examples

__all__ = ["simulated_examples"]


def simulated_examples(games: int, seed: int = 3, *, known: float = 1.0) -> Examples:
    """Return games whose strength, where it is known, adds twelve points to the final margin for each log odd."""
    generator = np.random.default_rng(seed)
    strength = generator.normal(0.0, 1.0, games)
    steps = generator.normal(strength[:, None] * 12 / 48, 2.2, (games, 48))
    leads = np.rint(steps.cumsum(axis=1)).astype(np.int64)
    prior_u6 = np.rint(1e6 / (1 + np.exp(-strength))).astype(np.int64)
    teams = np.array(["BOS", "NYK", "LAL", "DEN"])
    return Examples(
        game_ids=[f"{number:010}" for number in range(games)],
        seasons=np.where(np.arange(games) < games // 2, 2021, 2022),
        dates=20210101 + np.arange(games) % 28,
        home=teams[np.arange(games) % 4].tolist(),
        away=teams[(np.arange(games) + 1) % 4].tolist(),
        patterns=leads[:, :18],
        margins=leads[:, [23, 47]],
        prior_u6=np.where(generator.random(games) < known, prior_u6, -1),
    )
