"""
The plan: which market tokens belong to which game, and under which ids the score sources know it.

Theory of operation. The planner folds the bodies that the feeds bring anyway: ESPN's scoreboards say which games there
are, the NBA's scoreboard adds its own ids, the catalogue says which markets there are. A market is a game's when each
of its two outcomes names one of the two teams (never by position: index 0 is not the home team) and the two starts lie
within 90 minutes. Of a doubleheader each market goes to the nearest start. Where names fit several pairs of teams, or
two pairs fit equally well, nothing is guessed: the game is unmatched, and says why. A pair once made is held when a
delayed game's start moves away from its market's. What whoever records says of a game's market comes before all that.

A game that may end in a draw has three markets of two outcomes, home, draw and away: it is unmatched and says so.

A game leaves the plan two days after it began, by the scoreboards' own time: the latest first start of a body.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from recorder.leagues import LEAGUES
from recorder.listings import ListedGame, ListedMarket, NbaRef, Team, read_catalogue, read_espn, read_nba
from recorder.names import Aliases, with_own
from recorder.overrides import Override, read_overrides
from recorder.times import SECOND_NS

__all__ = ["Plan", "PlannedGame", "Planner", "SourceRef", "Unmatched"]

_MINUTE_NS = 60 * SECOND_NS
_WINDOW_NS = 90 * _MINUTE_NS
_KEEP_NS = 48 * 60 * _MINUTE_NS


# What a plan is ----------------------------------------------------------------------------------------------


class SourceRef(msgspec.Struct, frozen=True):
    """A game as one score source names it."""

    source: str
    league: str
    id: str


class PlannedGame(msgspec.Struct, frozen=True):
    """
    A game and its market.

    confidence is `exact` (the market bears its event's slug, and both teams are named), `likely` (it is the event's
    only moneyline), `held` (it was matched, and then a start moved) or `said` (by whoever records).
    """

    game_id: str
    league: str
    start_ns: int | None
    home: str
    away: str
    refs: tuple[SourceRef, ...]
    market_id: str
    home_token_id: str
    away_token_id: str
    confidence: str


class Unmatched(msgspec.Struct, frozen=True):
    """A game without a market, and why."""

    game_id: str
    league: str
    start_ns: int | None
    home: str
    away: str
    reason: str


class Plan(msgspec.Struct, frozen=True):
    """Tonight's games, by start and then by id."""

    games: tuple[PlannedGame, ...] = ()
    unmatched: tuple[Unmatched, ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """All market tokens, in plan order: home, away, home, away."""
        return tuple(token for game in self.games for token in (game.home_token_id, game.away_token_id))

    def encode(self) -> bytes:
        """Return the plan as the tape holds it: the games that have a market."""
        return msgspec.json.encode({"games": self.games})


@dataclass(frozen=True, slots=True)
class _Fit:
    """A market whose outcomes name a game's teams. home_at is the index of the home team's outcome."""

    game: ListedGame
    market: ListedMarket
    home_at: int
    is_full: bool

    @property
    def apart_ns(self) -> int | None:
        if self.game.start_ns is None or self.market.start_ns is None:
            return None
        return abs(self.game.start_ns - self.market.start_ns)


# The fold ----------------------------------------------------------------------------------------------------


class Planner:
    """Folds bodies into the plan."""

    def __init__(self, markets: Mapping[str, str] | None = None, aliases: Aliases | None = None) -> None:
        """
        Begin with no game and no market; markets and aliases are those of a configuration.

        Raises:
            UsageError: one of them cannot be meant.
        """
        self.plan = Plan()
        self._overrides = read_overrides(markets or {})
        self._aliases = with_own(aliases or {})
        self._games: dict[str, ListedGame] = {}
        self._nba: dict[str, NbaRef] = {}
        self._markets: dict[str, ListedMarket] = {}
        self._series: dict[str, str] = {}
        self._latest_ns: dict[str, int] = {}

    def see(self, feed: str, body: bytes) -> Plan | None:
        """
        Take one good body (status 200) of any feed; return the plan where its games or tokens are now others.

        A body that cannot be read, and a feed that has no part in the plan, change nothing.
        """
        league = feed.removeprefix("espn.")
        if feed.startswith("espn.") and league in LEAGUES:
            changed = self._see_espn(league, body)
        elif feed == "nba.scoreboard":
            changed = self._see_nba(body)
        elif feed == "gamma.markets":
            changed = self._see_gamma(body)
        else:
            return None
        if not changed:
            return None
        before = self.plan
        self._forget_old()
        self.plan = self._match()
        return self.plan if self.plan.games != before.games else None

    # Seeing ------------------------------------------------------------------------------------------------------

    def _see_espn(self, league: str, body: bytes) -> bool:
        games = read_espn(league, body, self._aliases)
        starts_ns = [game.start_ns for game in games if game.start_ns is not None]
        # The first start and not the last: a postponed game shows today under its new date, days ahead.
        self._latest_ns[league] = max(self._latest_ns.get(league, 0), min(starts_ns, default=0))
        changed = False
        for game in games:
            if self._games.get(game.id) != game and not self._is_old(league, game.start_ns):
                self._games[game.id] = game
                changed = True
        return changed

    def _see_nba(self, body: bytes) -> bool:
        changed = False
        for ref in read_nba(body, self._aliases):
            if self._nba.get(ref.id) != ref:
                self._nba[ref.id] = ref
                changed = True
        return changed

    def _see_gamma(self, body: bytes) -> bool:
        series, markets = read_catalogue(body, self._series, self._aliases)
        self._series.update(series)
        changed = False
        for market in markets:
            if self._markets.get(market.id) != market:
                self._markets[market.id] = market
                changed = True
        return changed

    def _forget_old(self) -> None:
        self._games = {key: one for key, one in self._games.items() if not self._is_old(one.league, one.start_ns)}
        self._nba = {key: one for key, one in self._nba.items() if not self._is_old("nba", one.start_ns)}
        self._markets = {key: one for key, one in self._markets.items() if not self._is_old(one.league, one.start_ns)}

    def _is_old(self, league: str, start_ns: int | None) -> bool:
        return start_ns is not None and start_ns < self._latest_ns.get(league, 0) - _KEEP_NS

    # Matching ----------------------------------------------------------------------------------------------------

    def _match(self) -> Plan:
        by_name: dict[tuple[str, str], list[ListedGame]] = {}
        for game in self._games.values():
            for name in sorted(game.home.names | game.away.names):
                by_name.setdefault((game.league, name), []).append(game)
        fits = [fit for market in self._markets.values() for fit in _fits(market, by_name)]
        said, unsaid = self._said()
        taken = {fit.market.id for fit in said.values()}
        free = [fit for fit in fits if fit.game.id not in self._overrides and fit.market.id not in taken]
        chosen, reasons = _pair(free)
        chosen |= said
        reasons |= unsaid
        held = {game.game_id: game.market_id for game in self.plan.games}
        taken = {fit.market.id for fit in chosen.values()}
        for fit in free:
            game_id, market_id = fit.game.id, fit.market.id
            if game_id not in chosen and market_id not in taken and held.get(game_id) == market_id:
                chosen[game_id] = fit
                taken.add(market_id)
        games = []
        unmatched = []
        for game in sorted(self._games.values(), key=lambda game: (game.start_ns or 0, game.id)):
            match = chosen.get(game.id)
            if match is not None and match.market.tokens:
                games.append(self._planned(match))
                continue
            reason = match.market.missing if match else reasons.get(game.id, "no market names these teams")
            labels = (game.home.label, game.away.label)
            unmatched.append(Unmatched(game.id, game.league, game.start_ns, *labels, reason))
        return Plan(tuple(games), tuple(unmatched))

    def _said(self) -> tuple[dict[str, _Fit], dict[str, str]]:
        """Return the pairs that were said, by game, and for the others why they cannot be made."""
        said: dict[str, _Fit] = {}
        reasons: dict[str, str] = {}
        for game_id, override in self._overrides.items():
            game = self._games.get(game_id)
            fit = "" if game is None else _said_fit(game, override, self._markets.values())
            if isinstance(fit, _Fit):
                said[game_id] = fit
            else:
                reasons[game_id] = fit
        return said, reasons

    def _planned(self, fit: _Fit) -> PlannedGame:
        game, market = fit.game, fit.market
        refs = [SourceRef("espn", game.league, game.espn_id)]
        if game.league == "nba":
            refs += self._nba_refs(game)
        apart_ns = fit.apart_ns
        is_near = apart_ns is not None and apart_ns <= _WINDOW_NS
        return PlannedGame(
            game_id=game.id,
            league=game.league,
            start_ns=game.start_ns,
            home=game.home.label,
            away=game.away.label,
            refs=tuple(refs),
            market_id=market.id,
            home_token_id=market.tokens[fit.home_at],
            away_token_id=market.tokens[1 - fit.home_at],
            confidence="said" if game.id in self._overrides else market.confidence if is_near else "held",
        )

    def _nba_refs(self, game: ListedGame) -> list[SourceRef]:
        near = []
        for ref in self._nba.values():
            if game.start_ns is None or ref.start_ns is None:
                continue
            apart_ns = abs(game.start_ns - ref.start_ns)
            same_teams = game.home.names & ref.home and game.away.names & ref.away
            if same_teams and apart_ns <= _WINDOW_NS:
                near.append((apart_ns, ref.id))
        return [SourceRef("nba", "nba", ref_id) for _, ref_id in sorted(near)[:1]]


def _said_fit(game: ListedGame, said: Override, markets: Iterable[ListedMarket]) -> _Fit | str:
    """Return the pair of a game and the market that was said to be its, or why there is none."""
    if said.slug:
        market = next((one for one in markets if one.slug == said.slug), None)
        if market is None:
            return f"the catalogue does not list {said.slug}, which is said to be its market"
        first, second = ([name in team.names for team in (game.home, game.away)] for name in market.outcomes)
        homes = {first == [True, False], second == [False, True]}, {first == [False, True], second == [True, False]}
        if (True in homes[0]) == (True in homes[1]):
            return f"{said.slug} names neither team, or both alike: say HOME_TOKEN,AWAY_TOKEN"
        return _Fit(game, market, 0 if True in homes[0] else 1, is_full=True)
    tokens = {said.home_token_id, said.away_token_id}
    market = next((one for one in markets if set(one.tokens) == tokens), None)
    if market is None:
        return "the catalogue does not list the tokens that are said to be its market's"
    return _Fit(game, market, market.tokens.index(said.home_token_id), is_full=True)


def _fit(game: ListedGame, market: ListedMarket) -> _Fit | None:
    first, second = market.outcomes
    home, away = game.home, game.away
    full = [first == home.full and second == away.full, first == away.full and second == home.full]
    some = [first in home.names and second in away.names, first in away.names and second in home.names]
    for orders, is_full in ((full, True), (some, False)):
        if orders[0] != orders[1]:
            return _Fit(game, market, 0 if orders[0] else 1, is_full)
    return None


def _fits(market: ListedMarket, by_name: dict[tuple[str, str], list[ListedGame]]) -> list[_Fit]:
    """Return the games whose teams this market names; by full names where any game fits by those."""
    games = by_name.get((market.league, market.outcomes[0]), ())
    fits = [fit for fit in (_fit(game, market) for game in games) if fit is not None]
    return [fit for fit in fits if fit.is_full] or fits


def _pair(fits: Iterable[_Fit]) -> tuple[dict[str, _Fit], dict[str, str]]:
    """Choose for each game its market, nearest starts first; return the choice and, for others, why there is none."""
    reasons: dict[str, str] = {}
    near: dict[int, list[_Fit]] = {}
    teams: dict[str, set[tuple[Team, Team]]] = {}
    for fit in fits:
        apart_ns = fit.apart_ns
        if apart_ns is None:
            reasons.setdefault(fit.game.id, "a start time is missing")
        elif apart_ns > _WINDOW_NS:
            reasons.setdefault(fit.game.id, f"the market starts {apart_ns // _MINUTE_NS} min apart")
        else:
            near.setdefault(apart_ns, []).append(fit)
            teams.setdefault(fit.market.id, set()).add((fit.game.home, fit.game.away))
    chosen: dict[str, _Fit] = {}
    taken: set[str] = set()
    for apart_ns in sorted(near):
        free = [fit for fit in near[apart_ns] if fit.game.id not in chosen and fit.market.id not in taken]
        for fit in free:
            rivals = [one for one in free if (one.game.id == fit.game.id) != (one.market.id == fit.market.id)]
            if len(teams[fit.market.id]) > 1:
                reasons[fit.game.id] = "the market's names fit several games"
            elif rivals:
                reasons[fit.game.id] = "several pairs of game and market fit equally well"
            else:
                chosen[fit.game.id] = fit
                taken.add(fit.market.id)
    return chosen, reasons
