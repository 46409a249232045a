"""
When each score changed, as far as the tape can tell.

Two things are bounded, in receive time. When a source *showed* a change: after the last question whose answer lacked
it, and at the latest when the first answer that had it arrived; that needs no assumption. When it *happened* on the
court: before anybody showed it, and within `STAMP_NS` of the time that the scorer's table gave the play (`timeActual`),
because that time is written by hand, to a tenth of a second, by a clock that is not ours. A stamp that says a score
happened more than that after it was seen is not believed. Without a stamp there is no lower bound but that of the
change before.

The changes are those of the play-by-play where the tape has one, corrections included; else those that the score
sources moved the game by. A score that a correction brought back proves nothing by itself, for an old copy looks the
same: that it was brought back shows with the score after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from replay.core.plays import PlayChange
from replay.core.rows import POLL_COLUMNS, STATE_COLUMNS
from replay.core.scoreboard import MOVE_COLUMNS, Scoreboard
from replay.core.state.game import ADVANCED, CORRECTED
from replay.core.witnesses import PLAY_COLUMNS, SIGHTING_COLUMNS, SOURCE_NAMES
from replay.film import Film

__all__ = ["STAMP_NS", "ScoreChange", "Shown", "score_changes"]

Ints = NDArray[np.int64]

STAMP_NS = 2_000_000_000
"""How far the scorer's time may lie from when a change happened: keying, rounding and a clock that is off."""

_STATE = [STATE_COLUMNS.index(name) for name in ("poll", "recv_ns", "home", "away")]
_SIGHTING = [SIGHTING_COLUMNS.index(name) for name in ("sent_ns", "recv_ns", "home", "away")]
_PLAY = [PLAY_COLUMNS.index(name) for name in ("home", "away", "source_ns", "change")]
_MOVE = [MOVE_COLUMNS.index(name) for name in ("home", "away", "verdict")]
_SENT = POLL_COLUMNS.index("sent_ns")
_GAME, _SOURCE = STATE_COLUMNS.index("game"), STATE_COLUMNS.index("source")

_Step = tuple[int, int, int]
"""A score (home, away) that a game came to, and the scorer's time of it, -1 for none."""


@dataclass(frozen=True, slots=True)
class Shown:
    """
    When a source showed a change: after after_ns and not after by_ns.

    after_ns is when the last answer that lacked it was asked for, lacked_ns when that arrived; None where the source
    was never seen without it.
    """

    after_ns: int | None
    lacked_ns: int | None
    by_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreChange:
    """
    A game came to the score home to away, not before lower_ns and not after upper_ns.

    event_ns is the scorer's time where it is believed; lower_ns is None where nothing bounds it. shown has an entry for
    each of SOURCE_NAMES, None where the source never showed it or anything after it.
    """

    home: int
    away: int
    event_ns: int | None
    lower_ns: int | None
    upper_ns: int
    shown: tuple[Shown | None, ...]


def score_changes(film: Film, game: int) -> list[ScoreChange]:
    """Return the changes of the score of a game of the catalogue, in order."""
    steps = _steps(film, game)
    shown = [_shown(steps, looks) for looks in _looks(film, game)]
    changes: list[ScoreChange] = []
    for number, (home, away, stamp_ns) in enumerate(steps):
        by_source = tuple(one[number] for one in shown)
        seen_ns = min((one.by_ns for one in by_source if one is not None), default=None)
        believed = stamp_ns >= 0 and (seen_ns is None or stamp_ns - STAMP_NS <= seen_ns)
        limits = [one for one in (seen_ns, stamp_ns + STAMP_NS if believed else None) if one is not None]
        if not limits:
            # Nobody showed it and nobody says when: it leaves no trace in time.
            continue
        before_ns = changes[-1].lower_ns if changes else None
        lower_ns = stamp_ns - STAMP_NS if believed else before_ns
        changes.append(
            ScoreChange(
                home=home,
                away=away,
                event_ns=stamp_ns if believed else None,
                lower_ns=lower_ns,
                upper_ns=min(limits),
                shown=by_source,
            )
        )
    return changes


def _steps(film: Film, game: int) -> list[_Step]:
    """Return the scores that the game came to, one after the other."""
    plays = film.night.plays
    mine = plays[plays[:, PLAY_COLUMNS.index("game")] == game] if len(plays) else plays
    if len(mine):
        told = [row for row in mine[:, _PLAY].tolist() if row[3] != PlayChange.INSERTED]
        scores = [(home, away, stamp_ns) for home, away, stamp_ns, _ in told]
    else:
        states = film.night.states
        moves = Scoreboard().see(states[states[:, _GAME] == game])
        moved = [row for row in moves[:, _MOVE].tolist() if row[2] in (ADVANCED, CORRECTED)]
        scores = [(home, away, -1) for home, away, _ in moved]
    return [after for before, after in pairwise([(0, 0, -1), *scores]) if before[:2] != after[:2]]


def _looks(film: Film, game: int) -> Iterable[Ints]:
    """Yield, source by source, every look at the game's score: sent_ns, recv_ns, home, away."""
    states, sightings, polls = film.night.states, film.night.sightings, film.night.polls
    for source in range(len(SOURCE_NAMES)):
        mine = states[(states[:, _GAME] == game) & (states[:, _SOURCE] == source)][:, _STATE]
        if len(mine):
            mine = mine.copy()
            mine[:, 0] = polls[mine[:, 0], _SENT]
        elif len(sightings):
            columns = [SIGHTING_COLUMNS.index(name) for name in ("game", "source")]
            mine = sightings[(sightings[:, columns] == (game, source)).all(axis=1)][:, _SIGHTING]
        yield mine


def _shown(steps: Sequence[_Step], looks: Ints) -> list[Shown | None]:
    """
    Say of every step when a source showed it.

    A score may come twice, before and after a correction, so a look tells a range: it has every step up to the first
    place of its score, and lacks every step after the last one. A score that is no step's tells nothing.
    """
    first: dict[tuple[int, int], int] = {(0, 0): 0}
    last: dict[tuple[int, int], int] = {(0, 0): 0}
    for place, (home, away, _) in enumerate(steps, 1):
        first.setdefault((home, away), place)
        last[home, away] = place
    found: list[Shown | None] = [None] * len(steps)
    has = 0
    lacking: list[tuple[int, int, int]] = []
    for sent_ns, recv_ns, home, away in looks.tolist():
        at = first.get((home, away))
        if at is None:
            continue
        for place in range(has + 1, at + 1):
            lacked = next((one for one in reversed(lacking) if one[0] < place), None)
            after_ns, lacked_ns = (None, None) if lacked is None else lacked[1:]
            found[place - 1] = Shown(after_ns, lacked_ns, recv_ns)
        has = max(has, at)
        lacking.append((last[home, away], sent_ns, recv_ns))
    return found
