"""Fitting team ratings to a history, and walking through one: the pre-game probability of each of its games."""

from __future__ import annotations

from itertools import product
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError
from replay.core.models import NO_MODEL
from strategies.models.normal import phi
from strategies.models.rating import Games, LeagueRatings, Rule, Team, expected_margins, probability_u6

__all__ = ["Played", "fit_ratings", "priors_of"]

_GAINS = tuple(round(0.01 + 0.005 * step, 3) for step in range(11))
_CARRIES = tuple(round(0.3 + 0.1 * step, 1) for step in range(7))
_SPREADS = tuple(round(8.0 + 0.1 * step, 1) for step in range(121))
# A rout says little more than a clear win: garbage time is played by others.
_CAP = 30.0
_DIGITS = 6
_EPSILON = 1e-12

# Codes as histories have them, and what else the sources call the teams.
_TEAMS = {
    "nba": {
        "ATL": ("Atlanta", "Hawks"),
        "BKN": ("Brooklyn", "Nets"),
        "BOS": ("Boston", "Celtics"),
        "CHA": ("Charlotte", "Hornets"),
        "CHI": ("Chicago", "Bulls"),
        "CLE": ("Cleveland", "Cavaliers"),
        "DAL": ("Dallas", "Mavericks"),
        "DEN": ("Denver", "Nuggets"),
        "DET": ("Detroit", "Pistons"),
        "GSW": ("Golden State", "Warriors"),
        "HOU": ("Houston", "Rockets"),
        "IND": ("Indiana", "Pacers"),
        "LAC": ("Los Angeles", "Clippers"),
        "LAL": ("Los Angeles", "Lakers"),
        "MEM": ("Memphis", "Grizzlies"),
        "MIA": ("Miami", "Heat"),
        "MIL": ("Milwaukee", "Bucks"),
        "MIN": ("Minnesota", "Timberwolves"),
        "NOP": ("New Orleans", "Pelicans"),
        "NYK": ("New York", "Knicks"),
        "OKC": ("Oklahoma City", "Thunder"),
        "ORL": ("Orlando", "Magic"),
        "PHI": ("Philadelphia", "76ers"),
        "PHX": ("Phoenix", "Suns"),
        "POR": ("Portland", "Trail Blazers"),
        "SAC": ("Sacramento", "Kings"),
        "SAS": ("San Antonio", "Spurs"),
        "TOR": ("Toronto", "Raptors"),
        "UTA": ("Utah", "Jazz"),
        "WAS": ("Washington", "Wizards"),
    },
}


class Played(Protocol):
    """A history of games, as `replay.models.history.History` is one."""

    @property
    def league(self) -> str:
        """The league of all its games."""
        ...

    def played(self) -> tuple[list[int], list[int], list[str], list[str], list[int]] | None:
        """Return the columns of `Games`; None where it is not said who played, or when."""
        ...

    def __len__(self) -> int:
        """Return the number of games."""
        ...


def priors_of(history: Played, rated: LeagueRatings | None, rule: Rule | None = None) -> NDArray[np.int64]:
    """
    Return every game's pre-game probability of the home team in u6, NO_MODEL where nobody says who played.

    Walk-forward: a game is told from the games before it alone. A history that begins after the last rated game goes
    on from the ratings; any other begins with none and takes only their rule, because they have seen its results.

    Shape: returns (games,).

    Raises:
        UsageError: there is neither a rule nor ratings.
    """
    if rule is None:
        if rated is None:
            raise UsageError(f"no ratings for league {history.league!r}", hint="--prior none")
        rule = rated.rule
    played = history.played()
    if played is None:
        return np.full(len(history), NO_MODEL, np.int64)
    games = Games(*played)
    follows = rated if rated is not None and min(games.dates, default=0) > rated.through else None
    return probability_u6(expected_margins(rule, games, follows)[0], rule)


def fit_ratings(history: Played) -> LeagueRatings:
    """
    Find gain, carry and spread that make the results most likely, walk-forward, and rate the teams after the last game.

    The home edge is the mean margin. Searched on a grid, so that the same history gives the same file anywhere.

    Raises:
        UsageError: the history does not say who played, or when.
    """
    played = history.played()
    if played is None:
        raise UsageError("this history cannot be rated", why="home, away, season_year and date are needed for that")
    games = Games(*played)
    margins = np.array(games.margins)
    home = round(float(margins.mean()), _DIGITS)
    spreads = np.array(_SPREADS)
    best = (-np.inf, 0.0, 0.0, 0.0)
    for gain, carry in product(_GAINS, _CARRIES):
        rule = Rule(gain=gain, carry=carry, cap=_CAP, home=home, spread=1.0)
        expected, _ = expected_margins(rule, games)
        signed = np.where(margins > 0, expected, -expected)
        likely = np.log(np.maximum(phi(signed[None, :] / spreads[:, None]), _EPSILON)).sum(axis=1)
        at = int(likely.argmax())
        best = max(best, (round(float(likely[at]), _DIGITS), gain, carry, _SPREADS[at]))
    _, gain, carry, spread = best
    rule = Rule(gain=gain, carry=carry, cap=_CAP, home=home, spread=spread)
    _, strengths = expected_margins(rule, games)
    known = _TEAMS.get(history.league, {})
    teams = {
        code: Team(rating=round(rating, _DIGITS), names=_names(known[code]) if code in known else ())
        for code, rating in sorted(strengths.items())
    }
    return LeagueRatings(season=max(games.seasons), through=max(games.dates), rule=rule, teams=teams)


def _names(team: tuple[str, str]) -> tuple[str, ...]:
    city, nickname = team
    return (nickname, f"{city} {nickname}")
