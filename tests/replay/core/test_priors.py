"""What is known of a game before it begins."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from script import AWAY, HOME, Score, Script

from replay.core.models import NO_MODEL, GameStates
from replay.core.priors import PriorFold
from replay.core.roll import Roller

RATED = 640_000


class Rater:
    """A model that rates one pair of teams, and says nothing else."""

    name = "rater"

    def predict_wp(self, states: GameStates, side: int) -> np.ndarray:
        return np.full(len(states), NO_MODEL, np.int64)

    def rate(self, league: str, home: str, away: str, start_ns: int) -> int:
        return RATED if (league, home, away) == ("nba", "Pacers", "Knicks") else NO_MODEL


class Silent:
    """A model without ratings."""

    name = "silent"

    def predict_wp(self, states: GameStates, side: int) -> np.ndarray:
        return np.full(len(states), NO_MODEL, np.int64)


class Broken(Rater):
    """A model whose ratings fail."""

    def rate(self, league: str, home: str, away: str, start_ns: int) -> int:
        raise LookupError(home)


def priors(script: Script, model: object = Rater(), cuts: tuple[int, ...] = ()) -> list[int]:
    """Return the prior that each observation is told, the script taken in stretches that end at the cuts."""
    roller, fold = Roller(), PriorFold(model)
    told: list[int] = []
    ends = [*sorted(cuts), len(script.envelopes)]
    for start, end in zip([0, *ends], ends, strict=False):
        night = roller.roll(script.envelopes[start:end])
        told += fold.see(night, roller.catalogue).tolist()
    return told


def evening() -> Script:
    """A plan, a book at 58.5 cents, a change to 61 cents, twice not begun, then on, with later prices."""
    script = Script().plan().wait(1).book(HOME, "0.58x100", "0.59x100").wait(1).scores(Score(state="pre"))
    script.wait(60).change((HOME, "BUY", "0.60", "5"), best=("0.60", "0.62")).wait(1).scores(Score(state="pre"))
    script.wait(20).change((HOME, "BUY", "0.70", "5"), best=("0.70", "0.72")).wait(1).scores(Score(2, 0, "11:40"))
    return script.wait(5).change((HOME, "SELL", "0.41", "5"), best=("0.40", "0.41")).wait(1).scores(Score(2, 9, "9:00"))


def test_the_mid_when_it_was_last_said_not_to_have_begun_is_the_prior() -> None:
    """Later prices, of the minute of tip-off and of the game itself, do not move it; before, the ratings speak."""
    assert priors(evening()) == [RATED, RATED, 610_000, 610_000]


@given(st.sets(st.integers(0, 9), max_size=5))
@settings(max_examples=30)
def test_the_cuts_do_not_matter(cuts: set[int]) -> None:
    """One by one, in any stretches or all at once: the same priors."""
    assert priors(evening(), cuts=tuple(cuts)) == priors(evening())


@given(st.integers(1, 10))
def test_nothing_looks_ahead(end: int) -> None:
    """A tape that ends early tells its observations what the whole tape tells them."""
    whole = evening()
    part = Script(whole.envelopes[:end])
    assert priors(part) == priors(whole)[: len(priors(part))]


def test_without_a_market_the_ratings_are_the_prior() -> None:
    """No book, then the teams alone; no ratings, then nothing; ratings that fail cost a prior and nothing else."""
    script = Script().plan().scores(Score(state="pre")).wait(9).scores(Score(2, 0, "11:40"))
    assert priors(script) == [RATED, RATED]
    assert priors(script, Silent()) == [NO_MODEL, NO_MODEL]
    assert priors(script, Broken()) == [NO_MODEL, NO_MODEL]
    assert priors(evening(), Broken()) == [NO_MODEL, NO_MODEL, 610_000, 610_000]


def untrusted(script: Script) -> list[int]:
    return priors(script.wait(1).scores(Score(state="pre")).wait(9).scores(Score(2, 0, "11:40")))


@pytest.mark.parametrize(
    ("why", "script"),
    [
        ("lost", Script().plan().book(HOME, "0.58x100", "0.59x100").wait(1).closed()),
        ("stale", Script().plan().book(HOME, "0.58x100", "0.59x100").wait(601)),
        ("one-sided", Script().plan().book(HOME, "0.58x100", "0.59x100").wait(1).book(HOME, "0.58x100", "")),
        ("wide", Script().plan().book(HOME, "0.50x100", "0.61x100")),
        ("of the away side", Script().plan().book(AWAY, "0.58x100", "0.59x100")),
        ("not planned", Script().book(HOME, "0.58x100", "0.59x100")),
        ("of another market by then", Script().plan().book(HOME, "0.58x100", "0.59x100").plan(home="another")),
        ("a witness alone", Script().plan().witness(HOME, "0.58x100", "0.59x100")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_book_that_is_not_to_be_trusted_is_no_prior(why: str, script: Script) -> None:
    """Lost, stale, one-sided, wide, another's: the ratings speak instead."""
    assert untrusted(script) == [RATED, RATED]


def test_a_fresh_book_after_a_loss_is_trusted_again() -> None:
    """What forgets is the end of a connection, and what brings back is the next snapshot."""
    script = Script().plan().book(HOME, "0.58x100", "0.59x100").wait(1).closed().wait(1)
    assert untrusted(script.book(HOME, "0.50x100", "0.52x100", conn=2)) == [RATED, 510_000]


def test_a_game_that_was_on_when_first_seen_has_no_market_prior() -> None:
    """Its prices know the score."""
    script = Script().plan().book(HOME, "0.80x100", "0.82x100").wait(1).scores(Score(22, 9, "3:40"))
    assert priors(script) == [RATED]


def test_a_game_has_one_prior_for_good() -> None:
    """A source that lags and says `not begun` again changes nothing; the frozen prior is that of the game."""
    script = (
        evening().wait(1).book(HOME, "0.20x9", "0.22x9").wait(1).scores(Score(state="pre")).wait(1).scores(Score(9, 9))
    )
    assert priors(script)[2:] == [610_000] * 4
    roller, fold = Roller(), PriorFold(Rater())
    fold.see(roller.roll(script.envelopes[:3]), roller.catalogue)
    assert fold.of(0) == NO_MODEL
    fold.see(roller.roll(script.envelopes[3:]), roller.catalogue)
    assert fold.of(0) == 610_000
