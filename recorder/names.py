"""
One name for each team: how the sources' spellings are brought together.

Names are compared in their normal form, and then through the league's table of other names. The table holds only what
was seen to differ; a team that is missed shows in `gametape games`, and its line is added here, or in the table
`[aliases.LEAGUE]` of `gametape.toml`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from recorder.errors import UsageError
from recorder.leagues import LEAGUES

__all__ = ["ALIASES", "Aliases", "canonical", "normal", "with_own"]

Aliases = Mapping[str, Mapping[str, str]]
"""Other names of teams and the one name of each, both in normal form, by league."""

_MARKS = re.compile(r"[.'’`]")
_OTHER = re.compile(r"[^a-z0-9]+")

_COLLEGE = {
    "connecticut huskies": "uconn huskies",
    "miami fl hurricanes": "miami hurricanes",
    "mississippi rebels": "ole miss rebels",
    "north carolina state wolfpack": "nc state wolfpack",
    "southern california trojans": "usc trojans",
}

# normal form -> the one name, by league. Abbreviations: ESPN's and old ones -> the NBA's and the common ones.
ALIASES: Aliases = {
    "nba": {
        "bk": "bkn",
        "blazers": "trail blazers",
        "brk": "bkn",
        "cavs": "cavaliers",
        "cho": "cha",
        "gs": "gsw",
        "la clippers": "los angeles clippers",
        "mavs": "mavericks",
        "no": "nop",
        "noh": "nop",
        "nor": "nop",
        "ny": "nyk",
        "pho": "phx",
        "sa": "sas",
        "sixers": "76ers",
        "utah": "uta",
        "wolves": "timberwolves",
        "wsh": "was",
    },
    "nhl": {
        "hockey club": "mammoth",
        "la": "lak",
        "las": "vgk",
        "nj": "njd",
        "sj": "sjs",
        "tb": "tbl",
        "utah hockey club": "utah mammoth",
        "wsh": "was",
    },
    "mlb": {
        "as": "athletics",
        "chw": "cws",
        "d backs": "diamondbacks",
        "dbacks": "diamondbacks",
        "oak": "ath",
        "oakland athletics": "athletics",
        "wsh": "was",
    },
    "nfl": {"jac": "jax", "la": "lar", "wsh": "was"},
    "ncaamb": _COLLEGE,
    "ncaawb": _COLLEGE,
    "ncaaf": _COLLEGE,
}


def normal(text: str) -> str:
    """Return the normal form: no accents, no case, no marks, words with one blank between them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().casefold()
    return _OTHER.sub(" ", _MARKS.sub("", plain.replace("&", " and "))).strip()


def canonical(league: str, text: str, aliases: Aliases = ALIASES) -> str:
    """Return the one name by which a league's team is compared; empty for an empty name."""
    form = normal(text)
    return aliases.get(league, {}).get(form, form)


def with_own(own: Aliases) -> Aliases:
    """
    Return our table with lines of one's own, which win over ours; they may be spelt as the sources spell them.

    Raises:
        UsageError: there is no such league, or a line says nothing.
    """
    tables = {league: dict(table) for league, table in ALIASES.items()}
    for league, lines in own.items():
        if league not in LEAGUES:
            raise UsageError(f"aliases of {league!r}, which is no league", hint=f"one of {', '.join(LEAGUES)}")
        table = tables.setdefault(league, {})
        named = {normal(alias): canonical(league, name) for alias, name in lines.items()}
        for alias, name in named.items():
            if not alias or not name or alias == name or name in named:
                raise UsageError(
                    f"the alias {alias!r} of {league} says nothing",
                    why="it must be another name of a team, and lead to the one that the scoreboard uses",
                )
        table |= named
    return tables
