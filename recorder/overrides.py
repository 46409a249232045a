"""
Overrides: which market is a game's because whoever records says so, in `[markets]` of `gametape.toml`.

A line is `"nba:401772994" = "nba-bos-gsw-2026-02-19"`, the slug in the address of the venue's page, or, where neither
outcome bears a name that we know, `"nba:401772994" = "HOME_TOKEN,AWAY_TOKEN"`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from recorder.errors import UsageError
from recorder.leagues import LEAGUES

__all__ = ["Override", "read_overrides"]

_GAME = re.compile(r"([a-z]+):[0-9A-Za-z_-]+")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_TOKENS = re.compile(r"([0-9]+),([0-9]+)")


class Override(NamedTuple):
    """A market as it was said: by its event's slug, or by both tokens; the other is empty."""

    slug: str = ""
    home_token_id: str = ""
    away_token_id: str = ""


def read_overrides(markets: Mapping[str, str]) -> dict[str, Override]:
    """
    Return what is said, by id of the game.

    Raises:
        UsageError: a line names no game of a league, no market, or the market of another line.
    """
    found: dict[str, Override] = {}
    taken: set[str] = set()
    for game_id, said in markets.items():
        league = _GAME.fullmatch(game_id)
        if league is None or league[1] not in LEAGUES:
            raise UsageError(f"{game_id!r} is no game", why='one is "nba:401772994"', hint="gametape games shows them")
        tokens = _TOKENS.fullmatch(said.replace(" ", ""))
        if tokens is None and _SLUG.fullmatch(said) is None:
            raise UsageError(
                f"{said!r} is no market of {game_id}", hint='"nba-bos-gsw-2026-02-19" or "HOME_TOKEN,AWAY_TOKEN"'
            )
        made = Override(slug=said) if tokens is None else Override("", *tokens.groups())
        named = {made.slug} if made.slug else {made.home_token_id, made.away_token_id}
        if named & taken or (tokens is not None and len(named) == 1):
            raise UsageError(f"the market of {game_id} is said twice", why=said)
        taken |= named
        found[game_id] = made
    return found
