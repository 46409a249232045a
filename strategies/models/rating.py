"""
Team ratings: how much better a team is than the average of its league, in points, and what that says before tip-off.

A rating moves after every game by a share of what nobody expected, and is drawn towards the mean between seasons:

    expected = rating(home) - rating(away) + home edge
    rating  += gain * (margin - expected)          margin cut off at cap; the opponent moves the other way
    P(home)  = Phi(expected / spread)

`walk` goes through games in order and says what was expected of each before it was played: nothing it says looks
ahead. What ships is where that walk ended. After Stern, "On the Probability of Winning a Football Game", The American
Statistician 1991 (margins are normal about what ratings expect), and Elo's rule of moving by a share of the surprise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from recorder.names import canonical
from replay.core.models import NO_MODEL, round_u6
from strategies.models.normal import phi

__all__ = ["RATINGS_FILE", "Games", "LeagueRatings", "Ratings", "Rule", "Team", "expected_margins", "probability_u6"]

RATINGS_FILE = "ratings.json"


class Games(NamedTuple):
    """
    Games in the order they were played, as columns of one length; a name is empty or None where nobody says who played.

    Units: seasons by ending year; dates YYYYMMDD; margins are home minus away, points.
    """

    seasons: list[int]
    dates: list[int]
    homes: list[str]
    aways: list[str]
    margins: list[int]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """
    How ratings move and what they say.

    Units: gain is the share of a surprise that a rating moves by, carry the share that outlasts a summer; cap, home and
        spread are points.
    """

    gain: float
    carry: float
    cap: float
    home: float
    spread: float


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """One team: its rating at the end of the season and the names it goes by besides its code."""

    rating: float
    names: tuple[str, ...] = ()


class LeagueRatings(msgspec.Struct, frozen=True, kw_only=True):
    """
    A league's ratings as they stood after the last game of a season, by the teams' codes.

    Units: season by the year it ends in; through is the day of the last game, YYYYMMDD.
    """

    season: int
    through: int
    rule: Rule
    teams: dict[str, Team]

    def strengths(self) -> dict[str, float]:
        """Return the ratings by code, for `expected_margins` to go on from."""
        return {code: team.rating for code, team in self.teams.items()}


@dataclass(frozen=True, slots=True)
class Ratings:
    """The ratings that ship, and the pre-game probabilities that follow from them."""

    leagues: Mapping[str, LeagueRatings]
    _codes: Mapping[tuple[str, str], str] = field(init=False)

    def __post_init__(self) -> None:
        """Note every name of every team in its canonical form."""
        codes = {
            (league, canonical(league, name)): code
            for league, rated in self.leagues.items()
            for code, team in rated.teams.items()
            for name in (code, *team.names)
        }
        object.__setattr__(self, "_codes", MappingProxyType(codes))

    @classmethod
    def load(cls) -> Ratings:
        """
        Load the ratings that ship with the program.

        Raises:
            msgspec.ValidationError: the file is not what it should be.
        """
        return cls.decode(files("strategies.models").joinpath(RATINGS_FILE).read_bytes())

    @classmethod
    def decode(cls, text: bytes) -> Ratings:
        """
        Read a ratings file.

        Raises:
            msgspec.ValidationError: it is not what it should be.
        """
        return cls(MappingProxyType(msgspec.json.decode(text, type=dict[str, LeagueRatings])))

    def prior(self, home: str, away: str, league: str = "nba", season: int | None = None) -> int | None:
        """
        Return the home team's probability of winning in u6; None where a team is not rated.

        Teams by code, nickname or full name. season is that of the game, by ending year: the one after the last rated
        where it is not given. Every summer since draws the ratings towards the mean.
        """
        rated = self.leagues.get(league)
        codes = [self._codes.get((league, canonical(league, name))) for name in (home, away)]
        if rated is None or codes[0] is None or codes[1] is None:
            return None
        between = rated.teams[codes[0]].rating - rated.teams[codes[1]].rating
        for _ in range(rated.season, rated.season + 1 if season is None else season):
            between *= rated.rule.carry
        return int(probability_u6(np.array([between + rated.rule.home]), rated.rule)[0])


def probability_u6(expected: NDArray[np.float64], rule: Rule) -> NDArray[np.int64]:
    """
    Return the home team's pre-game probability for expected margins, NO_MODEL where one is nan.

    Shape: expected (n,), points; returns (n,).
    """
    known = ~np.isnan(expected)
    return np.where(known, round_u6(phi(np.where(known, expected, 0.0) / rule.spread)), NO_MODEL)


def expected_margins(
    rule: Rule, games: Games, start: LeagueRatings | None = None
) -> tuple[NDArray[np.float64], dict[str, float]]:
    """
    Walk through games; return what was expected of each before it was played, and the ratings after the last.

    start is where an earlier walk ended; without it every team begins at the mean of the league.

    Shape: returns (games,) in points, nan where a team has no name.
    """
    strengths = {} if start is None else start.strengths()
    season = start.season if start is not None else min(games.seasons, default=0)
    expected = np.full(len(games.margins), np.nan)
    for at, (year, _, home, away, margin) in enumerate(zip(*games, strict=True)):
        for _ in range(season, year):
            strengths = {team: rule.carry * rating for team, rating in strengths.items()}
        season = max(season, year)
        if not home or not away:
            continue
        expected[at] = strengths.get(home, 0.0) - strengths.get(away, 0.0) + rule.home
        moved = rule.gain * (min(max(margin, -rule.cap), rule.cap) - float(expected[at]))
        strengths[home] = strengths.get(home, 0.0) + moved
        strengths[away] = strengths.get(away, 0.0) - moved
    return expected, strengths
