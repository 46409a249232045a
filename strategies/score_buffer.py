"""
The score differential of one game, minute by minute, up to its 18-entry pattern.

Minute m (1 to 18) covers the elapsed regulation time from where minute m-1 ends, exclusive, up to 60 m seconds,
inclusive; minute 1 also holds 0:00. So what is seen while the clock stands at exactly 6:00 of an NBA second quarter
(18:00 elapsed) is the end of minute 18, not the beginning of minute 19. The entry of a minute is the last
home-minus-away differential seen within it:

- a minute without an observation carries the previous entry and is marked as carried;
- before the first observation there is nothing to carry: such entries are 0 and marked as missing;
- a correction rewrites the current minute only; a closed minute stays as it was when a later one was seen;
- a clock that goes back (a review, a stale answer) within the current minute is one more observation of it; one that
  goes back further is counted and changes nothing;
- overtime is after regulation: it never enters the pattern, but proves that minute 18 is over.

The trigger is the first observation at 18:00 elapsed or later: minute 18 is complete then, whatever follows. Free
throws shot at the same stopped clock come too late for the pattern, and no later correction or backward clock takes
it back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from replay.core.gameclock import PERIOD_RULES, PeriodRules, elapsed_ms
from replay.core.patterns import PATTERN_COLUMNS, PATTERN_MINUTES, Mark

__all__ = ["PATTERN_MINUTES", "Mark", "Pattern", "PatternWatch", "Progress", "ScoreBuffer"]

_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """
    The minutes complete so far, n of 18.

    Units: differential is home minus away in points; entry i and marks[i] belong to minute i+1; elapsed_ms is what the
    completing observation showed.
    """

    differential: tuple[int, ...]
    marks: tuple[Mark, ...]
    elapsed_ms: int
    seen_ns: int

    @property
    def minutes(self) -> int:
        """Number of complete minutes."""
        return len(self.differential)

    @property
    def missing(self) -> int:
        """Number of minutes before the first observation."""
        return self.marks.count(Mark.MISSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern(Progress):
    """
    All 18 minutes, said once per game.

    home_score and away_score are what the triggering observation showed; it may lie after minute 18.
    """

    home_score: int
    away_score: int


class ScoreBuffer:
    """The fold of one game's observations."""

    def __init__(self, rules: PeriodRules) -> None:
        """Start before the first observation of a game with these periods."""
        self._rules = rules
        self._entries: list[int] = []
        self._marks: list[Mark] = []
        self._lead: int | None = None  # the latest differential that counted
        self._complete = 0
        self._has_triggered = False
        self.regressions = 0
        """Observations whose clock had gone back into a closed minute."""

    @property
    def minutes(self) -> int:
        """Number of complete minutes, 0 to 18."""
        return self._complete

    def see(
        self,
        period: int | None,
        clock_ms: int | None,
        home_score: int | None,
        away_score: int | None,
        now_ns: int,
    ) -> Progress | Pattern | None:
        """
        Take one observation in receive order.

        Returns the Pattern once, Progress when a further minute is complete, None otherwise and where a value is
        absent.
        """
        if self._has_triggered or period is None or clock_ms is None or home_score is None or away_score is None:
            return None
        elapsed = elapsed_ms(self._rules, period, clock_ms)
        lead = home_score - away_score
        if period <= 0:
            # Before the start nothing belongs to minute 1 yet, but it can be carried into it.
            self._lead = lead if self._lead is None else self._lead
            return None
        if not self._place(lead, elapsed):
            return None
        complete = min(elapsed // _MINUTE_MS, PATTERN_MINUTES)
        if complete <= self._complete:
            return None
        self._complete = complete
        if complete < PATTERN_MINUTES:
            return Progress(
                differential=tuple(self._entries[:complete]),
                marks=tuple(self._marks[:complete]),
                elapsed_ms=elapsed,
                seen_ns=now_ns,
            )
        self._has_triggered = True
        if Mark.SEEN not in self._marks:
            return None
        return Pattern(
            differential=tuple(self._entries),
            marks=tuple(self._marks),
            elapsed_ms=elapsed,
            seen_ns=now_ns,
            home_score=home_score,
            away_score=away_score,
        )

    def _place(self, lead: int, elapsed: int) -> bool:
        """Write the differential into its minute, fill the minutes before it; False for a closed minute."""
        minute = max(1, -(-elapsed // _MINUTE_MS))
        if minute < len(self._entries):
            self.regressions += 1
            return False
        gap = Mark.MISSING if self._lead is None else Mark.CARRIED
        while len(self._entries) < min(minute - 1, PATTERN_MINUTES):
            self._entries.append(0 if self._lead is None else self._lead)
            self._marks.append(gap)
        self._lead = lead
        if minute > PATTERN_MINUTES:
            return True
        if minute > len(self._entries):
            self._entries.append(lead)
            self._marks.append(Mark.SEEN)
        else:
            self._entries[-1] = lead
            self._marks[-1] = Mark.SEEN
        return True


class PatternWatch:
    """The score buffers of a night, one a game of a league whose periods have lengths."""

    def __init__(self) -> None:
        """Begin with no game seen."""
        self.buffers: dict[int, ScoreBuffer] = {}
        """By number of the game."""

    def see(self, leagues: list[str], moves: NDArray[np.int64]) -> NDArray[np.int64]:
        """Take the moves of the scoreboard in order and return how far patterns have come; see PatternWatcher."""
        patterns = []
        for seq, recv_ns, game, _, _, period, clock_ms, home, away in moves.tolist():
            rules = PERIOD_RULES.get(leagues[game])
            if rules is None:
                continue
            buffer = self.buffers.setdefault(game, ScoreBuffer(rules))
            shown = buffer.see(
                None if period < 0 else period,
                None if clock_ms < 0 else clock_ms,
                None if home < 0 else home,
                None if away < 0 else away,
                recv_ns,
            )
            if shown is None:
                continue
            ahead = PATTERN_MINUTES - shown.minutes
            facts = (seq, recv_ns, game, home, away, shown.elapsed_ms)
            patterns.append((*facts, *shown.differential, *[0] * ahead, *shown.marks, *[Mark.AHEAD] * ahead))
        return np.array(patterns, np.int64).reshape(-1, len(PATTERN_COLUMNS))
