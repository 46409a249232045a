from __future__ import annotations

import asyncio

import pytest
from little_upstream import AWAY_TOKEN, HOME_TOKEN, little_upstream

from recorder.config import Config, load_config
from recorder.errors import UpstreamError
from recorder.games import look_at
from recorder.leagues import LEAGUES

NOON_NS = 1_768_496_400_000_000_000  # 2026-01-15 12:00 in New York


def test_one_look_matches_games_and_markets(tmp_path) -> None:
    """One round of questions gives the games with their tokens, and those without a market with a reason."""
    with little_upstream() as base:
        config = load_config(upstream=base, env={}, folder=tmp_path).config
        plan = asyncio.run(look_at(config, [LEAGUES["nba"]], NOON_NS))
    (game,) = plan.games
    assert (game.game_id, game.home_token_id, game.away_token_id) == ("nba:401", HOME_TOKEN, AWAY_TOKEN)
    assert [one.game_id for one in plan.unmatched] == ["nba:501"]


def test_a_source_that_does_not_answer_is_an_upstream_error() -> None:
    """Neither silence nor a bad status passes for an empty night."""
    nowhere = Config(espn_url="http://127.0.0.1:1")
    with pytest.raises(UpstreamError, match=r"espn\.nba did not answer"):
        asyncio.run(look_at(nowhere, [LEAGUES["nba"]], NOON_NS))
    with little_upstream() as base, pytest.raises(UpstreamError, match=r"espn\.nhl answered 404"):
        asyncio.run(look_at(Config(espn_url=base), [LEAGUES["nhl"]], NOON_NS))
    broken = little_upstream({"scoreboard": (200, "<html>")})
    with broken as base, pytest.raises(UpstreamError, match=r"espn\.nba answered with no JSON"):
        asyncio.run(look_at(Config(espn_url=base), [LEAGUES["nba"]], NOON_NS))
