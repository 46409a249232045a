"""
What models cost: an answer from 1,000 states, with and without priors, a live observation, and a cold import.

    python benchmarks/bench_models.py
    python benchmarks/bench_models.py --games games.parquet --timeline score_timeline.parquet

With a history it also prints what a fit on all seasons but the last says about the last, phase by phase, the same for
gradient-boosted trees (LightGBM) on the model's own inputs and for an isotonic layer, and how small the calibration
error of a perfect model is on as many games. Needs the extra `research` for that.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import timeit
from pathlib import Path

import numpy as np

from replay.calibration import gains, judge
from replay.core.models import GameStates
from replay.models.evaluate import evaluate, evaluation_text
from replay.models.history import History, read_history, states_on_grid, with_priors
from strategies.models.brownian import Brownian, load
from strategies.models.cli import fitted_on
from strategies.models.normal import phi
from strategies.models.rating_fit import priors_of

STATES = 1_000
ROUNDS = 20


def states(count: int, league: str = "nba", prior_u6: int | np.ndarray = -1) -> GameStates:
    """Draw states of games from a fixed seed."""
    draw = np.random.default_rng(7)
    return GameStates.from_columns(
        league,
        period=draw.integers(1, 4, count),
        clock_ms=draw.integers(0, 720_000, count),
        status=1,
        home_score=draw.integers(0, 120, count),
        away_score=draw.integers(0, 120, count),
        prior_u6=prior_u6,
    )


def best_us(call: object, *args: object) -> float:
    """Return the best of some runs in microseconds."""
    return min(timeit.repeat(lambda: call(*args), number=1, repeat=ROUNDS)) * 1e6


def costs() -> None:
    """Print what an answer and an import cost."""
    model = load()
    priors = np.random.default_rng(8).integers(100_000, 900_000, 15)[np.arange(STATES) % 15]
    for what, batch in (
        ("brownian, no prior", states(STATES)),
        ("brownian, 15 games' priors", states(STATES, prior_u6=priors)),
        ("goals (nhl), 15 games' priors", states(STATES, "nhl", priors)),
    ):
        print(f"{what}: {best_us(model.predict_wp, batch, 1) / STATES:.2f} us a state in a batch of {STATES:,}")
    print(f"one state with a prior: {best_us(model.predict_wp, states(1, prior_u6=600_000), 1):.0f} us")
    command = [sys.executable, "-c", "from strategies.models.brownian import load; load()"]
    cold = min(timeit.repeat(lambda: subprocess.run(command, check=True), number=1, repeat=3))
    print(f"a new process that loads the model: {cold:.2f} s")


def judged(whole: History) -> None:
    """Print how a fit on all seasons but the last does on the last, alone and under trees."""
    first, last = whole.first_and_last("season_year")
    earlier, later = whole.between(first, last - 1), whole.between(last, last)
    model, rated = fitted_on(earlier)
    before, after = priors_of(earlier, None, rated.rule), priors_of(later, rated)
    found = {"model": model.name, "league": whole.league, **evaluate(model, later, prior_u6=after)}
    print(f"fitted on {first}-{last - 1}, tested on {last}\n{evaluation_text(found)}")
    learned, game, won = states_on_grid(earlier)
    learned = with_priors(learned, game, before)
    asked, game, is_win = states_on_grid(later)
    asked = with_priors(asked, game, after)
    ours = model.predict_wp(asked, 1)
    for name, based in (("LightGBM alone", False), ("LightGBM on top of brownian", True)):
        theirs = trees(model, learned, won, asked, based=based)
        scores, gain = judge(theirs, is_win, game, seed=7), gains(theirs, ours, is_win, game, seed=7)["brier"]
        print(
            f"{name}: Brier {scores.brier:.4f}, log loss {scores.log_loss:.4f}, ECE {scores.ece:.4f}; "
            "Brier lower than brownian's by {:.4f} ({:.4f} to {:.4f})".format(*gain)
        )
    ironed = isotonic(model.predict_wp(learned, 1), won, ours)
    scores, gain = judge(ironed, is_win, game, seed=7), gains(ironed, ours, is_win, game, seed=7)["brier"]
    print(f"isotonic on top: Brier {scores.brier:.4f}, ECE {scores.ece:.4f}; Brier lower by {gain[0]:.4f}")
    perfect(model, later.games.height)


def isotonic(said: np.ndarray, won: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Fit an isotonic layer to what the model said of the seasons it was fitted on; return what it makes of others."""
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - of the extra `research`

    layer = IsotonicRegression(out_of_bounds="clip").fit(said / 1e6, won)
    return np.rint(layer.predict(asked / 1e6) * 1e6).astype(np.int64)


def trees(model: Brownian, learned: GameStates, won: np.ndarray, asked: GameStates, *, based: bool) -> np.ndarray:
    """Fit trees on lead, time, prior and pace, from scratch or on top of the model; return their answers in u6."""
    import lightgbm  # noqa: PLC0415 - of the extra `research`

    def inputs(batch: GameStates) -> np.ndarray:
        pace = (batch.home_score + batch.away_score) * 60_000 / np.maximum(batch.elapsed_ms, 30_000)
        return np.stack([batch.lead, batch.remaining_ms / 60_000, batch.prior_u6 / 1e6, pace], axis=1)

    def base(batch: GameStates) -> np.ndarray | None:
        chance = np.clip(model.predict_wp(batch, 1) / 1e6, 1e-6, 1 - 1e-6)
        return np.log(chance / (1 - chance)) if based else None

    settings = {
        "objective": "binary",
        "learning_rate": 0.05,
        "num_leaves": 15,
        "min_data_in_leaf": 2_000,
        "monotone_constraints": [1, 0, 1, 0],
        "deterministic": True,
        "num_threads": 1,
        "verbose": -1,
        "seed": 1,
    }
    data = lightgbm.Dataset(inputs(learned), won.astype(float), init_score=base(learned))
    raw = lightgbm.train(settings, data, 120).predict(inputs(asked), raw_score=True)
    start = base(asked)
    return np.rint(1e6 / (1 + np.exp(-(raw if start is None else raw + start)))).astype(np.int64)


def perfect(model: Brownian, games: int) -> None:
    """Print the calibration errors of a perfect model: of games simulated from the very formula it answers by."""
    fitted = model.leagues["nba"]
    draw = np.random.default_rng(1)
    minutes = np.arange(0.5, 48)
    errors = []
    for _ in range(60):
        steps = draw.normal(0, fitted.alone.sigma * np.sqrt(np.diff(minutes, prepend=0)), (games, len(minutes)))
        lead = steps.cumsum(axis=1) + fitted.mu * minutes / 48
        end = lead[:, -1] + draw.normal(0, fitted.alone.sigma * np.sqrt(0.5 + fitted.alone.c), games)
        left = np.tile(48 - minutes, games)
        z = fitted.alone.z(lead.ravel(), left, np.zeros(len(left)), np.full(len(left), fitted.mu), 48)
        won, game = np.repeat(end > 0, len(minutes)), np.repeat(np.arange(games), len(minutes))
        errors.append(judge(np.rint(phi(z) * 1e6).astype(np.int64), won, game, seed=1, draws=1).ece)
    low, middle, high = np.quantile(errors, [0.05, 0.5, 0.95])
    print(
        f"a perfect model on {games:,} simulated games: ECE {middle:.4f} (90 % of seasons {low:.4f} to {high:.4f}), "
        f"at most 0.010 in {np.mean(np.array(errors) <= 0.01):.0%}"
    )


def main() -> None:
    """Print the figures."""
    words = argparse.ArgumentParser()
    words.add_argument("--games", type=Path)
    words.add_argument("--timeline", type=Path)
    asked = words.parse_args()
    costs()
    if asked.games is not None:
        judged(read_history(asked.games, asked.timeline, seasons=(0, 9_999)))


if __name__ == "__main__":
    main()
