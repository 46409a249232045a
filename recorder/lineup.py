"""Which feeds a night has: built from the configuration, before any socket is open."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from random import Random
from urllib.parse import urlsplit

from recorder.config import Config
from recorder.errors import UsageError
from recorder.feeds.base import Feed
from recorder.feeds.book import BookWitnessFeed
from recorder.feeds.espn import EspnFeed
from recorder.feeds.gamma import GammaFeed
from recorder.feeds.nba import NbaGameFeed, NbaScoreboardFeed
from recorder.feeds.polling import Pace
from recorder.feeds.polymarket import MarketSocketFeed
from recorder.feeds.sports import SportsSocketFeed
from recorder.leagues import League

__all__ = ["PUBLIC_POLL_MIN_S", "check_manners", "lineup"]

PUBLIC_POLL_MIN_S = 2.0
"""ESPN's edges keep a live scoreboard for two seconds; asking faster brings copies, and is no manners."""


def lineup(config: Config, leagues: Sequence[League], *, rng: Random) -> list[Feed]:
    """Return the feeds of these leagues: scores first, then the catalogue, then books."""
    pace = Pace(config.poll_live_s, config.poll_idle_s, config.timeout_s)
    feeds: list[Feed] = [EspnFeed(league, config.espn_url, rng=rng, pace=pace) for league in leagues]
    if any(league.key == "nba" for league in leagues):
        nba_pace = Pace(config.nba_poll_live_s, config.poll_idle_s, config.timeout_s)
        feeds += [
            NbaScoreboardFeed(config.nba_url, rng=rng, pace=nba_pace),
            NbaGameFeed("playbyplay", config.nba_url, rng=rng, every_s=config.nba_plays_s, timeout_s=config.timeout_s),
            NbaGameFeed("boxscore", config.nba_url, rng=rng, every_s=config.nba_boxscore_s, timeout_s=config.timeout_s),
        ]
    return [
        *feeds,
        GammaFeed(leagues, config.gamma_url, rng=rng, events_s=config.gamma_s),
        MarketSocketFeed(config.market_ws_url, rng=rng, watchdog_s=config.watchdog_s),
        SportsSocketFeed(config.sports_ws_url, rng=rng),
        BookWitnessFeed(config.clob_url, rng=rng, witness_s=config.witness_s, timeout_s=config.timeout_s),
    ]


def check_manners(config: Config) -> None:
    """
    Refuse to poll somebody else's server faster than it changes.

    Raises:
        UsageError: a poll below two seconds against a host that is not this machine.
    """
    for key, poll_s, url in (
        ("poll_live_s", config.poll_live_s, config.espn_url),
        ("nba_poll_live_s", config.nba_poll_live_s, config.nba_url),
        ("nba_plays_s", config.nba_plays_s, config.nba_url),
        ("nba_boxscore_s", config.nba_boxscore_s, config.nba_url),
    ):
        if poll_s < PUBLIC_POLL_MIN_S and not _is_this_machine(url):
            raise UsageError(
                f"{key} is {poll_s:g} s: at least {PUBLIC_POLL_MIN_S:g} s against a public server",
                why="its edges keep a live scoreboard that long, so faster polls bring copies",
                hint="gametape record --poll-live 2",
            )


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
