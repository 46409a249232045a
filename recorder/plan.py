"""
The plan: which market tokens belong to which game, and under which ids the score sources know it.

Theory of operation. The planner folds the bodies that the feeds bring anyway: ESPN's scoreboards say which games there
are, the NBA's scoreboard adds its own ids, the catalogue says which markets there are. A market is a game's when each
of its two outcomes names one of the two teams (never by position: index 0 is not the home team) and the two starts lie
within 90 minutes. Of a doubleheader each market goes to the nearest start. Where names fit several pairs of teams, or
two pairs fit equally well, nothing is guessed: the game is unmatched, and says why. A pair once made is held when a
delayed game's start moves away from its market's.

A game that may end in a draw has three markets of two outcomes, home, draw and away: it is unmatched and says so.

A game leaves the plan two days after it began, by the scoreboards' own time: the latest first start of a body.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from recorder.feeds.peek import instant_ns, readable
from recorder.leagues import LEAGUES
from recorder.names import canonical

__all__ = ["Plan", "PlannedGame", "Planner", "SourceRef", "Unmatched"]

_MINUTE_NS = 60 * 1_000_000_000
_WINDOW_NS = 90 * _MINUTE_NS
_KEEP_NS = 48 * 60 * _MINUTE_NS
_YES_NO = ["Yes", "No"]
_WHY_THREE_WAY = "it may end in a draw: home, draw and away are three yes-or-no markets, not two sides of one"


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
    only moneyline) or `held` (it was matched, and then a start moved).
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


# What the sources say ----------------------------------------------------------------------------------------


class _EspnTeam(msgspec.Struct):
    id: str
    name: str | None = None
    abbreviation: str | None = None
    display_name: str | None = msgspec.field(name="displayName", default=None)
    short_name: str | None = msgspec.field(name="shortDisplayName", default=None)
    location: str | None = None


class _EspnCompetitor(msgspec.Struct):
    side: str = msgspec.field(name="homeAway")
    team: _EspnTeam


class _EspnCompetition(msgspec.Struct):
    competitors: list[_EspnCompetitor]


class _EspnEvent(msgspec.Struct):
    id: str
    competitions: list[_EspnCompetition]
    date: str | None = None


class _EspnBody(msgspec.Struct):
    events: list[msgspec.Raw]


class _NbaTeam(msgspec.Struct):
    name: str = msgspec.field(name="teamName", default="")
    tricode: str = msgspec.field(name="teamTricode", default="")


class _NbaGame(msgspec.Struct):
    id: str = msgspec.field(name="gameId")
    home: _NbaTeam = msgspec.field(name="homeTeam")
    away: _NbaTeam = msgspec.field(name="awayTeam")
    start: str | None = msgspec.field(name="gameTimeUTC", default=None)


class _NbaScoreboard(msgspec.Struct):
    games: list[msgspec.Raw]


class _NbaBody(msgspec.Struct):
    scoreboard: _NbaScoreboard


class _Sport(msgspec.Struct):
    sport: str
    series: str


class _Series(msgspec.Struct):
    id: str = ""


class _GammaMarket(msgspec.Struct):
    market_id: str = msgspec.field(name="conditionId")
    slug: str = ""
    sports_type: str | None = msgspec.field(name="sportsMarketType", default=None)
    outcomes: str | None = None
    tokens: str | None = msgspec.field(name="clobTokenIds", default=None)
    start: str | None = msgspec.field(name="gameStartTime", default=None)


class _GammaEvent(msgspec.Struct):
    id: str
    slug: str
    markets: list[msgspec.Raw]
    start: str | None = msgspec.field(name="startTime", default=None)
    series: list[_Series] | None = None
    home: str | None = msgspec.field(name="homeTeamName", default=None)
    away: str | None = msgspec.field(name="awayTeamName", default=None)


class _GammaPage(msgspec.Struct):
    events: list[msgspec.Raw]


_espn_body = msgspec.json.Decoder(_EspnBody)
_espn_event = msgspec.json.Decoder(_EspnEvent)
_nba_body = msgspec.json.Decoder(_NbaBody)
_nba_game = msgspec.json.Decoder(_NbaGame)
_gamma_body = msgspec.json.Decoder(list[msgspec.Raw] | _GammaPage)
_gamma_event = msgspec.json.Decoder(_GammaEvent)
_gamma_market = msgspec.json.Decoder(_GammaMarket)
_sport = msgspec.json.Decoder(_Sport)
_strings = msgspec.json.Decoder(list[str])


@dataclass(frozen=True, slots=True)
class _Team:
    """A team: how we show it, its full name and every name by which it may be meant, all canonical but the first."""

    label: str
    full: str
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Game:
    id: str
    league: str
    espn_id: str
    start_ns: int | None
    home: _Team
    away: _Team


@dataclass(frozen=True, slots=True)
class _Market:
    """A moneyline: outcomes and tokens pair by index; where there are no tokens yet, or cannot be, missing says why."""

    id: str
    league: str
    start_ns: int | None
    outcomes: tuple[str, str]
    tokens: tuple[str, ...]
    confidence: str
    missing: str = "market has no tokens yet"


@dataclass(frozen=True, slots=True)
class _NbaRef:
    id: str
    start_ns: int | None
    home: frozenset[str]
    away: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Fit:
    """A market whose outcomes name a game's teams. home_at is the index of the home team's outcome."""

    game: _Game
    market: _Market
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

    def __init__(self) -> None:
        """Begin with no game and no market."""
        self.plan = Plan()
        self._games: dict[str, _Game] = {}
        self._nba: dict[str, _NbaRef] = {}
        self._markets: dict[str, _Market] = {}
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

    # Reading -----------------------------------------------------------------------------------------------------

    def _see_espn(self, league: str, body: bytes) -> bool:
        try:
            raws = _espn_body.decode(body).events
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return False
        games = [game for game in (_read_game(league, event) for event in readable(raws, _espn_event)) if game]
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
        try:
            raws = _nba_body.decode(body).scoreboard.games
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return False
        changed = False
        for game in readable(raws, _nba_game):
            home, away = (
                frozenset(filter(None, (canonical("nba", team.name), canonical("nba", team.tricode))))
                for team in (game.home, game.away)
            )
            ref = _NbaRef(game.id, instant_ns(game.start), home, away)
            if self._nba.get(ref.id) != ref:
                self._nba[ref.id] = ref
                changed = True
        return changed

    def _see_gamma(self, body: bytes) -> bool:
        try:
            page = _gamma_body.decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return False
        raws = page if isinstance(page, list) else page.events
        codes = {code: league.key for league in LEAGUES.values() for code in league.venue_codes}
        for sport in readable(raws, _sport):
            if sport.sport.lower() in codes:
                self._series[sport.series] = codes[sport.sport.lower()]
        changed = False
        for event in readable(raws, _gamma_event):
            by_series = [self._series[series.id] for series in event.series or () if series.id in self._series]
            league = codes.get(event.slug.partition("-")[0]) or next(iter(by_series), None)
            market = _read_market(league, event) if league else None
            if market is not None and self._markets.get(market.id) != market:
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
        by_name: dict[tuple[str, str], list[_Game]] = {}
        for game in self._games.values():
            for name in sorted(game.home.names | game.away.names):
                by_name.setdefault((game.league, name), []).append(game)
        fits = [fit for market in self._markets.values() for fit in _fits(market, by_name)]
        chosen, reasons = _pair(fits)
        held = {game.game_id: game.market_id for game in self.plan.games}
        taken = {fit.market.id for fit in chosen.values()}
        for fit in fits:
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
            confidence=market.confidence if is_near else "held",
        )

    def _nba_refs(self, game: _Game) -> list[SourceRef]:
        near = []
        for ref in self._nba.values():
            if game.start_ns is None or ref.start_ns is None:
                continue
            apart_ns = abs(game.start_ns - ref.start_ns)
            same_teams = game.home.names & ref.home and game.away.names & ref.away
            if same_teams and apart_ns <= _WINDOW_NS:
                near.append((apart_ns, ref.id))
        return [SourceRef("nba", "nba", ref_id) for _, ref_id in sorted(near)[:1]]


def _read_game(league: str, event: _EspnEvent) -> _Game | None:
    if not event.competitions:
        return None
    sides = {competitor.side: competitor.team for competitor in event.competitions[0].competitors}
    if not {"home", "away"} <= sides.keys():
        return None
    home, away = _read_team(league, sides["home"]), _read_team(league, sides["away"])
    return _Game(f"{league}:{event.id}", league, event.id, instant_ns(event.date), home, away)


def _read_team(league: str, team: _EspnTeam) -> _Team:
    texts = (team.name, team.display_name, team.short_name, team.location, team.abbreviation)
    names = frozenset(filter(None, (canonical(league, text) for text in texts if text)))
    label = team.name or team.display_name or team.abbreviation or team.id
    return _Team(label, canonical(league, team.display_name or ""), names)


def _read_market(league: str, event: _GammaEvent) -> _Market | None:
    """Return the moneyline of an event: the one that bears its slug, or else its only one."""
    every = readable(event.markets, _gamma_market)
    markets = [one for one in every if _read_strings(one.outcomes) != _YES_NO]
    own = [one for one in markets if one.slug == event.slug and one.sports_type in (None, "", "moneyline")]
    likely = [one for one in markets if one.sports_type == "moneyline"]
    if len(own) == 1:
        market, confidence = own[0], "exact"
    elif len(likely) == 1:
        market, confidence = likely[0], "likely"
    else:
        names = canonical(league, event.home or ""), canonical(league, event.away or "")
        if len(every) - len(markets) < len(("home", "draw", "away")) or not all(names):
            return None
        return _Market(event.id, league, instant_ns(event.start), names, (), "exact", _WHY_THREE_WAY)
    outcomes, tokens = _read_strings(market.outcomes), _read_strings(market.tokens)
    if len(outcomes) != 2:
        return None
    first, second = (canonical(league, outcome) for outcome in outcomes)
    start_ns = instant_ns(market.start)
    start_ns = instant_ns(event.start) if start_ns is None else start_ns
    both = tuple(tokens) if len(tokens) == 2 and all(tokens) else ()
    return _Market(market.market_id, league, start_ns, (first, second), both, confidence)


def _read_strings(text: str | None) -> list[str]:
    """Read a JSON array of strings that stands inside a string; empty for none and for nonsense."""
    with contextlib.suppress(msgspec.DecodeError, RecursionError):
        return _strings.decode(text or "[]")
    return []


def _fit(game: _Game, market: _Market) -> _Fit | None:
    first, second = market.outcomes
    home, away = game.home, game.away
    full = [first == home.full and second == away.full, first == away.full and second == home.full]
    some = [first in home.names and second in away.names, first in away.names and second in home.names]
    for orders, is_full in ((full, True), (some, False)):
        if orders[0] != orders[1]:
            return _Fit(game, market, 0 if orders[0] else 1, is_full)
    return None


def _fits(market: _Market, by_name: dict[tuple[str, str], list[_Game]]) -> list[_Fit]:
    """Return the games whose teams this market names; by full names where any game fits by those."""
    games = by_name.get((market.league, market.outcomes[0]), ())
    fits = [fit for fit in (_fit(game, market) for game in games) if fit is not None]
    return [fit for fit in fits if fit.is_full] or fits


def _pair(fits: Iterable[_Fit]) -> tuple[dict[str, _Fit], dict[str, str]]:
    """Choose for each game its market, nearest starts first; return the choice and, for others, why there is none."""
    reasons: dict[str, str] = {}
    near: dict[int, list[_Fit]] = {}
    teams: dict[str, set[tuple[_Team, _Team]]] = {}
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
