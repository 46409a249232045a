"""
Negative controls: nights that were broken on purpose, in which a sound backtest finds no profit.

- `shuffle-games`: every market is shown the score of another game of the night.
- `time-shift`: scores arrive ten minutes late.
- `shuffle-labels`: markets pay what other markets paid.

If a setting still earns on a control what it earns on the night, the profit does not come from knowing the game:
something leaks.
"""

from __future__ import annotations

import random
from dataclasses import replace
from enum import StrEnum

import numpy as np

from recorder.errors import UsageError
from recorder.times import SECOND_NS
from replay.core.rows import OP_LINK, POLL_COLUMNS, STATE_COLUMNS, frozen
from replay.film import Film

__all__ = ["Control", "controlled"]

_SHIFT_NS = 10 * 60 * SECOND_NS
_RECV = STATE_COLUMNS.index("recv_ns")
_POLL_TIMES = [POLL_COLUMNS.index(name) for name in ("sent_ns", "recv_ns")]


class Control(StrEnum):
    """How a night is broken."""

    SHUFFLE_GAMES = "shuffle-games"
    TIME_SHIFT = "time-shift"
    SHUFFLE_LABELS = "shuffle-labels"


def controlled(film: Film, control: Control, seed: int) -> Film:
    """
    Return the film broken in this way; the film itself is untouched.

    Raises:
        UsageError: the night has fewer than two games with a market, so there is nothing to shuffle.
    """
    match control:
        case Control.TIME_SHIFT:
            states = film.night.states.copy()
            states[:, _RECV] += _SHIFT_NS
            polls = film.night.polls.copy()
            polls[:, _POLL_TIMES] += _SHIFT_NS
            return replace(film, night=film.night._replace(states=frozen(states), polls=frozen(polls)))
        case Control.SHUFFLE_GAMES:
            other = _others(film, seed)
            price = film.night.rows.price_u6.copy()
            links = np.flatnonzero(film.night.rows.op == OP_LINK)
            price[links] = [other.get(game, game) for game in price[links].tolist()]
            return replace(film, night=film.night._replace(rows=film.night.rows._replace(price_u6=frozen(price))))
        case Control.SHUFFLE_LABELS:
            return _relabelled(film, _others(film, seed))


def _others(film: Film, seed: int) -> dict[int, int]:
    """Return for every game with a market another one: a rotation of a seeded shuffle, so that none stays itself."""
    games = [number for number, game in enumerate(film.catalogue.games) if game.plan is not None]
    if len(games) < 2:
        raise UsageError(
            f"{film.tape} has {len(games)} game with a market", why="a shuffle needs two", hint="--control time-shift"
        )
    random.Random(seed).shuffle(games)
    return dict(zip(games, [*games[1:], games[0]], strict=True))


def _relabelled(film: Film, other: dict[int, int]) -> Film:
    """Let each game's home token pay what the other game's home token paid, and the away tokens likewise."""
    payouts = {}
    for number, another in other.items():
        plan, paid = film.catalogue.games[number].plan, film.catalogue.games[another].plan
        assert plan is not None
        assert paid is not None
        for mine, theirs in ((plan.home_token_id, paid.home_token_id), (plan.away_token_id, paid.away_token_id)):
            if theirs in film.payouts:
                payouts[mine] = replace(film.payouts[theirs], token_id=mine)
    return replace(film, payouts=payouts)
