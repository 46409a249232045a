"""
Where a game stands, folded from what its score sources showed.

Two sources report one game, each late by its own lag, each able to repeat an old body, and either may be corrected by
the scorer's table. `observe` takes one observation and returns a verdict; only ADVANCED, CORRECTED, RESET and MOVED
change the state, so a snapshot older than what is known never moves it back.

The theory: a game's *progress* is one number, period and elapsed clock together, and a source is expected to move
forward.
- Behind its own best: STALE, unless the source then goes on from there with the same score for 6 s: a review set the
  clock back (RESET).
- Same progress, lower score: STALE at first (a cached body looks like this), CORRECTED once it has stood for 6 s.
- Further on, lower score, and this source itself had shown the higher one: CORRECTED at once.
- Further on, lower score, never shown higher by this source: it lags behind the other one; its score is not news.
Only a change in a source's own score is news about the score, so a source that has not heard of a correction cannot
undo it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from replay.core.events import GameStatus
from replay.core.jit import inlined, inner

__all__ = [
    "ADVANCED",
    "AWAY",
    "CHANGED_NS",
    "CLOCK_MS",
    "CORRECTED",
    "FIRST",
    "GAME_FRESH_NS",
    "GAME_NS",
    "GAME_WIDTH",
    "HOME",
    "MOVED",
    "PERIOD",
    "PROGRESS",
    "REPEATED",
    "RESET",
    "SOURCES",
    "STALE",
    "STATUS",
    "is_game_fresh",
    "is_live",
    "new_games",
    "observe",
    "progress_of",
]

Ints = NDArray[np.int64]

# Verdicts.
REPEATED = 0
ADVANCED = 1
CORRECTED = 2
STALE = 3
RESET = 4
MOVED = 5  # clock or status went on, the score did not change

# Columns of a row of games.
STATUS = 0  # GameStatus
PERIOD = 1
CLOCK_MS = 2  # -1 where there is none
HOME = 3
AWAY = 4
GAME_NS = 5  # when it was last confirmed by an observation that was not stale; 0 before the first
CHANGED_NS = 6  # when the score last changed
PROGRESS = 7
STALES = 8  # counters
CORRECTIONS = 9
RESETS = 10
FIRST = 11  # 1 once anything was observed
_SOURCE_AT = 12
# Columns of one source within the row.
_SEEN = 0
_BEST = 1  # its furthest progress
_HOME = 2
_AWAY = 3
_DOUBT_NS = 4  # since when it has been showing something behind its best; 0 for no doubt
_DOUBT = 5  # the progress at which the doubt began
_DOUBT_HOME = 6
_DOUBT_AWAY = 7
_SOURCE_WIDTH = 8

SOURCES = 2
"""Source numbers: 0 espn, 1 nba."""

GAME_WIDTH = _SOURCE_AT + SOURCES * _SOURCE_WIDTH

GAME_FRESH_NS = 30_000_000_000
_CONFIRM_NS = 6_000_000_000
_PERIOD_STEP = 100_000_000  # more milliseconds than any period has
_FINAL_PROGRESS = 1 << 50

_SCHEDULED = int(GameStatus.SCHEDULED)
_LIVE = int(GameStatus.LIVE)
_BREAK = int(GameStatus.BREAK)
_FINAL = int(GameStatus.FINAL)
_CALLED_OFF = int(GameStatus.CALLED_OFF)


def new_games(games: int) -> Ints:
    """Return so many games of which nothing is known, shape (games, GAME_WIDTH)."""
    rows = np.zeros((games, GAME_WIDTH), np.int64)
    rows[:, STATUS] = int(GameStatus.UNKNOWN)
    rows[:, CLOCK_MS] = -1
    rows[:, PROGRESS] = -1
    return rows


@inner
def is_live(games: Ints, game: int) -> bool:
    """Say whether the game is on: in play or between two periods."""
    return bool(games[game, STATUS] == _LIVE or games[game, STATUS] == _BREAK)


@inner
def is_game_fresh(games: Ints, game: int, now_ns: int, age_max_ns: int = GAME_FRESH_NS) -> bool:
    """Say whether the game was seen, by an observation that was not stale, within age_max_ns before now_ns."""
    return bool(now_ns - games[game, GAME_NS] <= age_max_ns)


@inlined
def progress_of(status: int, period: int, clock_ms: int, counts_up: int) -> int:
    """Return how far a game is, as one number that grows; -1 where the observation does not say."""
    if status == _FINAL:
        return _FINAL_PROGRESS
    if status == _SCHEDULED:
        return 0
    if period < 0 or status == _CALLED_OFF:
        return -1
    if clock_ms < 0:
        return period * _PERIOD_STEP
    if counts_up != 0:
        return clock_ms + 1  # soccer's clock runs through both halves
    return period * _PERIOD_STEP + (_PERIOD_STEP - 1 - clock_ms)


@inlined
def _write(games: Ints, game: int, status: int, period: int, clock_ms: int, progress: int) -> None:
    """Move the clock of the merged state."""
    games[game, STATUS] = status
    if period >= 0:
        games[game, PERIOD] = period
    games[game, CLOCK_MS] = clock_ms
    games[game, PROGRESS] = progress


@inner
def _doubt(games: Ints, game: int, at: int, progress: int, home: int, away: int, now_ns: int) -> int:
    """Take an observation behind the source's own best; return RESET once it has proved to be the truth, else STALE."""
    same_story = games[game, at + _DOUBT_NS] != 0 and (
        games[game, at + _DOUBT_HOME] == home and games[game, at + _DOUBT_AWAY] == away
    )
    if not same_story or progress < games[game, at + _DOUBT]:
        games[game, at + _DOUBT_NS] = now_ns
        games[game, at + _DOUBT] = progress
        games[game, at + _DOUBT_HOME] = home
        games[game, at + _DOUBT_AWAY] = away
        return STALE
    stood = now_ns - games[game, at + _DOUBT_NS] >= _CONFIRM_NS
    at_best = games[game, at + _DOUBT] == games[game, at + _BEST]
    went_on = progress > games[game, at + _DOUBT]
    kept_score = home == games[game, HOME] and away == games[game, AWAY]
    if stood and (at_best or (went_on and kept_score)):
        return RESET
    return STALE


@inlined
def observe(
    games: Ints,
    game: int,
    source: int,
    status: int,
    period: int,
    clock_ms: int,
    counts_up: int,
    home: int,
    away: int,
    now_ns: int,
) -> int:
    """
    Fold one observation of a game into its state and return the verdict.

    Units: clock_ms as in ScoreSeen, -1 for none; period -1 where absent; scores -1 where absent; now_ns is when it was
    received.
    """
    at = _SOURCE_AT + source * _SOURCE_WIDTH
    progress = progress_of(status, period, clock_ms, counts_up)
    if status == _CALLED_OFF or progress < 0 or home < 0 or away < 0:
        changed = games[game, STATUS] != status and games[game, STATUS] != _FINAL
        if changed:
            games[game, STATUS] = status
            games[game, FIRST] = 1
        games[game, GAME_NS] = now_ns
        return MOVED if changed else REPEATED
    first_of_source = games[game, at + _SEEN] == 0
    behind = not first_of_source and progress < games[game, at + _BEST]
    fell = not first_of_source and (home < games[game, at + _HOME] or away < games[game, at + _AWAY])
    verdict = STALE
    if behind or (fell and progress == games[game, at + _BEST]):
        verdict = _doubt(games, game, at, progress, home, away, now_ns)
        if verdict == STALE:
            games[game, STALES] += 1
            return STALE
    news = first_of_source or home != games[game, at + _HOME] or away != games[game, at + _AWAY]
    games[game, at + _SEEN] = 1
    games[game, at + _BEST] = progress
    games[game, at + _HOME] = home
    games[game, at + _AWAY] = away
    games[game, at + _DOUBT_NS] = 0
    return _merge(games, game, status, period, clock_ms, progress, home, away, now_ns, news, fell, verdict == RESET)


@inlined
def _merge(
    games: Ints,
    game: int,
    status: int,
    period: int,
    clock_ms: int,
    progress: int,
    home: int,
    away: int,
    now_ns: int,
    news: bool,
    fell: bool,
    reset: bool,
) -> int:
    """Let an observation that is good for its source move the merged state of all sources."""
    first = games[game, FIRST] == 0
    ahead = progress >= games[game, PROGRESS]
    rises = home >= games[game, HOME] and away >= games[game, AWAY]
    differs = home != games[game, HOME] or away != games[game, AWAY]
    verdict = REPEATED
    if first or (news and differs and rises):
        verdict = ADVANCED
    elif news and differs and fell and (ahead or reset):
        verdict = CORRECTED
    elif news and differs and not ahead:
        games[game, STALES] += 1
        return STALE
    if verdict != REPEATED:
        games[game, HOME] = home
        games[game, AWAY] = away
        games[game, CHANGED_NS] = now_ns
        games[game, FIRST] = 1
    if ahead or reset or first:
        moved = progress != games[game, PROGRESS] or status != games[game, STATUS]
        _write(games, game, status, period, clock_ms, progress)
        if verdict == REPEATED and moved:
            verdict = RESET if reset else MOVED
    elif verdict == REPEATED:
        # True, but nothing that another source has not told us better: it confirms that the game is being seen.
        games[game, GAME_NS] = now_ns
        return REPEATED
    games[game, GAME_NS] = now_ns
    if verdict == CORRECTED:
        games[game, CORRECTIONS] += 1
    elif verdict == RESET:
        games[game, RESETS] += 1
    return verdict
