"""What the sources list, in words that can be compared: the games of scoreboards and the markets of the catalogue."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from recorder.feeds.peek import instant_ns, readable
from recorder.leagues import LEAGUES
from recorder.names import ALIASES, Aliases, canonical

__all__ = ["ListedGame", "ListedMarket", "NbaRef", "Team", "read_catalogue", "read_espn", "read_nba"]

_YES_NO = ["Yes", "No"]
_WHY_THREE_WAY = "it may end in a draw: home, draw and away are three yes-or-no markets, not two sides of one"
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


# The wire -----------------------------------------------------------------------------------------------------


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


# What it lists -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Team:
    """A team: how we show it, its full name and every name by which it may be meant, all canonical but the first."""

    label: str
    full: str
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class ListedGame:
    """A game as ESPN lists it."""

    id: str
    league: str
    espn_id: str
    start_ns: int | None
    home: Team
    away: Team


@dataclass(frozen=True, slots=True)
class ListedMarket:
    """
    A moneyline: outcomes and tokens pair by index; where there are no tokens yet, or cannot be, missing says why.

    slug is that of its event, as it stands in the address of the venue's page.
    """

    id: str
    league: str
    start_ns: int | None
    outcomes: tuple[str, str]
    tokens: tuple[str, ...]
    confidence: str
    missing: str = "market has no tokens yet"
    slug: str = ""


@dataclass(frozen=True, slots=True)
class NbaRef:
    """A game as the NBA lists it, each team by the names it may be meant by."""

    id: str
    start_ns: int | None
    home: frozenset[str]
    away: frozenset[str]


def read_espn(league: str, body: bytes, aliases: Aliases = ALIASES) -> list[ListedGame]:
    """Return the games of an ESPN scoreboard; none where it cannot be read."""
    try:
        raws = _espn_body.decode(body).events
    except _UNREADABLE:
        return []
    return [game for game in (_read_game(league, event, aliases) for event in readable(raws, _espn_event)) if game]


def read_nba(body: bytes, aliases: Aliases = ALIASES) -> list[NbaRef]:
    """Return the games of the NBA's own scoreboard; none where it cannot be read."""
    try:
        raws = _nba_body.decode(body).scoreboard.games
    except _UNREADABLE:
        return []
    return [
        NbaRef(game.id, instant_ns(game.start), _nba_names(game.home, aliases), _nba_names(game.away, aliases))
        for game in readable(raws, _nba_game)
    ]


def read_catalogue(
    body: bytes, known_series: Mapping[str, str], aliases: Aliases = ALIASES
) -> tuple[dict[str, str], list[ListedMarket]]:
    """
    Return what a page of the catalogue adds: the leagues of series by their ids, and moneylines; nothing if unreadable.

    A market's league is told by its slug, or else by its series.
    """
    try:
        page = _gamma_body.decode(body)
    except _UNREADABLE:
        return {}, []
    raws = page if isinstance(page, list) else page.events
    codes = {code: league.key for league in LEAGUES.values() for code in league.venue_codes}
    series = {
        sport.series: codes[sport.sport.lower()] for sport in readable(raws, _sport) if sport.sport.lower() in codes
    }
    leagues = {**known_series, **series}
    markets = []
    for event in readable(raws, _gamma_event):
        by_series = [leagues[one.id] for one in event.series or () if one.id in leagues]
        league = codes.get(event.slug.partition("-")[0]) or next(iter(by_series), None)
        market = _read_market(league, event, aliases) if league else None
        if market is not None:
            markets.append(market)
    return series, markets


def _read_game(league: str, event: _EspnEvent, aliases: Aliases) -> ListedGame | None:
    if not event.competitions:
        return None
    sides = {competitor.side: competitor.team for competitor in event.competitions[0].competitors}
    if not {"home", "away"} <= sides.keys():
        return None
    home, away = (_read_team(league, sides[side], aliases) for side in ("home", "away"))
    return ListedGame(f"{league}:{event.id}", league, event.id, instant_ns(event.date), home, away)


def _read_team(league: str, team: _EspnTeam, aliases: Aliases) -> Team:
    texts = (team.name, team.display_name, team.short_name, team.location, team.abbreviation)
    names = frozenset(filter(None, (canonical(league, text, aliases) for text in texts if text)))
    label = team.name or team.display_name or team.abbreviation or team.id
    return Team(label, canonical(league, team.display_name or "", aliases), names)


def _nba_names(team: _NbaTeam, aliases: Aliases) -> frozenset[str]:
    return frozenset(filter(None, (canonical("nba", text, aliases) for text in (team.name, team.tricode))))


def _read_market(league: str, event: _GammaEvent, aliases: Aliases) -> ListedMarket | None:
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
        names = canonical(league, event.home or "", aliases), canonical(league, event.away or "", aliases)
        if len(every) - len(markets) < len(("home", "draw", "away")) or not all(names):
            return None
        start_ns = instant_ns(event.start)
        return ListedMarket(event.id, league, start_ns, names, (), "exact", _WHY_THREE_WAY, event.slug)
    outcomes, tokens = _read_strings(market.outcomes), _read_strings(market.tokens)
    if len(outcomes) != 2:
        return None
    first, second = (canonical(league, outcome, aliases) for outcome in outcomes)
    start_ns = instant_ns(market.start)
    start_ns = instant_ns(event.start) if start_ns is None else start_ns
    both = tuple(tokens) if len(tokens) == 2 and all(tokens) else ()
    return ListedMarket(market.market_id, league, start_ns, (first, second), both, confidence, slug=event.slug)


def _read_strings(text: str | None) -> list[str]:
    """Read a JSON array of strings that stands inside a string; empty for none and for nonsense."""
    with contextlib.suppress(msgspec.DecodeError, RecursionError):
        return _strings.decode(text or "[]")
    return []
