"""
The leagues we know, one line each, and the game day they all share.

Every scoreboard here files a game under its date in the eastern United States, European soccer included, and a game
day runs on after midnight. Both are decided on the wall clock of New York, never by adding hours to UTC, so that the
nights on which that clock is set are as long as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from recorder.errors import UsageError
from recorder.times import utc

__all__ = ["GAME_ZONE", "LEAGUES", "League", "game_date", "game_days", "league_of"]

GAME_ZONE = ZoneInfo("America/New_York")
_ROLL = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class League:
    """
    One league as each source names it.

    espn_groups is ESPN's number for "every team of the division"; without it college slates hold the ranked teams only.
    venue_codes are Polymarket's names for the league: its `/sports` code first, then other slug prefixes.
    """

    key: str
    espn_path: str
    venue_codes: tuple[str, ...]
    espn_groups: int | None = None

    @property
    def feed(self) -> str:
        """Return the name of the league's score feed."""
        return f"espn.{self.key}"


# nba, nhl, mlb, nfl and cbb are confirmed by captured slugs, ncaab by a captured `/sports` answer. cwbb, cfb, wnba,
# mls, epl and ucl stand in public lists of prefixes only; a league that `/sports` does not know is noted on the tape.
# ESPN groups 50 (men) and 80 are confirmed; 50 for the women is likely, by the same numbering.
_TABLE = (
    League("nba", "basketball/nba", ("nba",)),
    League("nhl", "hockey/nhl", ("nhl",)),
    League("mlb", "baseball/mlb", ("mlb",)),
    League("ncaamb", "basketball/mens-college-basketball", ("ncaab", "cbb"), espn_groups=50),
    League("wnba", "basketball/wnba", ("wnba",)),
    League("ncaawb", "basketball/womens-college-basketball", ("cwbb",), espn_groups=50),
    League("nfl", "football/nfl", ("nfl",)),
    League("ncaaf", "football/college-football", ("cfb",), espn_groups=80),
    League("mls", "soccer/usa.1", ("mls",)),
    League("epl", "soccer/eng.1", ("epl",)),
    League("ucl", "soccer/uefa.champions", ("ucl",)),
)
LEAGUES = {league.key: league for league in _TABLE}


def league_of(key: str) -> League:
    """
    Return the league with this key.

    Raises:
        UsageError: no league has it.
    """
    league = LEAGUES.get(key)
    if league is None:
        raise UsageError(f"no league {key!r}", why=f"known are {', '.join(LEAGUES)}", hint="gametape record --help")
    return league


def game_days(now_ns: int) -> tuple[date, date]:
    """Return today's and yesterday's date in New York: the two days under which a game of tonight can be filed."""
    today = _new_york(now_ns).date()
    return today, today - timedelta(days=1)


def game_date(now_ns: int) -> date:
    """Return the date whose night this is: it rolls at 06:00 in New York, so that a late game keeps its date."""
    return (_new_york(now_ns).replace(tzinfo=None) - _ROLL).date()


def _new_york(now_ns: int) -> datetime:
    return utc(now_ns).astimezone(GAME_ZONE)
