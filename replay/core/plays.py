"""
Whole versions of a game's plays, folded so that nothing counts twice.

An answer holds every play so far, and rows are inserted, edited, renumbered and taken away after the fact. A play is
itself by its number; it is *appended* where it stands behind all that were known and are still there, *inserted* where
it comes in between. Where the score of the last play is not what the appended ones lead to, the table *corrected* it
without a play that says so. A version older than one that was seen (an edge's cached copy) says nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from replay.core.events import Play, PlaysSeen

__all__ = ["PlayChange", "PlayFold"]


class PlayChange(IntEnum):
    """What a version did."""

    APPENDED = 0
    INSERTED = 1
    CORRECTED = 2
    """The score is another though no new play says so; when that happened is not told."""


@dataclass(slots=True)
class PlayFold:
    """One game's plays as far as versions were seen."""

    score: tuple[int, int] = (0, 0)
    _known: set[int] = field(default_factory=set)
    _version_ns: int = -1

    def see(self, version: PlaysSeen) -> list[tuple[PlayChange, Play]]:
        """Return what this version says that none before it said, in the order of the plays."""
        if (version.version_ns or -1) < self._version_ns or not version.plays:
            return []
        self._version_ns = version.version_ns or -1
        known = self._known
        standing = next((play.order for play in reversed(version.plays) if play.number in known), -1)
        found: list[tuple[PlayChange, Play]] = []
        for play in [play for play in version.plays if play.number not in known]:
            # A number that comes twice in one version is one play.
            if play.number in known:
                continue
            known.add(play.number)
            appended = play.order > standing
            found.append((PlayChange.APPENDED if appended else PlayChange.INSERTED, play))
            if appended:
                self.score = (play.home_score, play.away_score)
        last = version.plays[-1]
        if self.score != (last.home_score, last.away_score):
            self.score = (last.home_score, last.away_score)
            found.append((PlayChange.CORRECTED, last))
        return found
