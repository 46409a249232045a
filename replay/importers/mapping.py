"""
Which tokens belong to which game, as a user says it: `401772994=HOME,AWAY`, or a plan in a file.

A game is named by its id at ESPN or the NBA; where both were imported, by both: `401772994+0042400316=HOME,AWAY`. A
market of quotes alone, `401772994=SLUG`, stands for `SLUG/yes,SLUG/no`: what is quoted is that the home side wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from recorder.errors import UsageError
from replay.core.events import GameRef, PlanGame, PlanSeen
from replay.importers.source import FoundGame, read_file

__all__ = ["Mapping", "parse_game", "plan_of", "read_plan"]

_HINT = "--game 401772994=HOME_TOKEN,AWAY_TOKEN  or  --game 401772994=SLUG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One game's ids at its sources, and its market's tokens."""

    ids: tuple[str, ...]
    home_token_id: str
    away_token_id: str
    market_id: str


def parse_game(text: str) -> Mapping:
    """
    Read `ID=HOME,AWAY`, `ID=MARKET` or `ID+ID=…`.

    Raises:
        UsageError: it is none of them.
    """
    name, equals, market = text.partition("=")
    ids = tuple(part.strip().rpartition(":")[2] for part in name.split("+"))
    tokens = [part.strip() for part in market.split(",")]
    if not equals or not all(ids) or not all(tokens) or len(tokens) > 2 or len(set(tokens)) < len(tokens):
        raise UsageError(f"{text!r} does not say which tokens belong to a game", hint=_HINT)
    if len(tokens) == 1:
        return Mapping(ids=ids, home_token_id=f"{tokens[0]}/yes", away_token_id=f"{tokens[0]}/no", market_id=tokens[0])
    shared = {token.rpartition("/")[0] for token in tokens}
    market_id = shared.pop() if len(shared) == 1 else ""
    return Mapping(ids=ids, home_token_id=tokens[0], away_token_id=tokens[1], market_id=market_id)


def read_plan(path: Path) -> PlanSeen:
    """
    Read a plan as the recorder's own note holds it: `gametape cat TAPE --feed recorder` shows one.

    Raises:
        UsageError: it is none.
    """
    try:
        return msgspec.json.decode(read_file(path), type=PlanSeen)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UsageError(f"{path} is no plan", why=str(error), hint=_HINT) from error


def plan_of(mappings: Sequence[Mapping], found: Sequence[FoundGame]) -> PlanSeen:
    """
    Make the plan of what was imported.

    Raises:
        UsageError: a mapping names a game that no file is about.
    """
    return PlanSeen(games=tuple(_plan_game(mapping, found) for mapping in mappings))


def _plan_game(mapping: Mapping, found: Sequence[FoundGame]) -> PlanGame:
    games = []
    for name in mapping.ids:
        game = next((one for one in found if one.id == name), None)
        if game is None:
            known = ", ".join(f"{one.id} ({one.away} at {one.home})" for one in found) or "none"
            raise UsageError(f"no file is about a game {name}", why=f"games in the files: {known}", hint=_HINT)
        games.append(game)
    first = games[0]
    return PlanGame(
        game_id=f"{first.league}:{first.id}" if first.source == "espn" else f"{first.league}:{first.source}:{first.id}",
        league=first.league,
        start_ns=first.start_ns,
        home=first.home,
        away=first.away,
        refs=tuple(GameRef(source=one.source, league=one.league, id=one.id) for one in games),
        market_id=mapping.market_id,
        home_token_id=mapping.home_token_id,
        away_token_id=mapping.away_token_id,
        confidence="said",
    )
