from __future__ import annotations

from random import Random

import pytest

from recorder.config import Config
from recorder.errors import UsageError
from recorder.leagues import LEAGUES
from recorder.lineup import check_manners, lineup


def test_scores_catalogue_and_books() -> None:
    """A night has one score feed per league, the NBA's own for the NBA only, catalogue, sockets and witness."""
    names = [feed.name for feed in lineup(Config(), [LEAGUES["nhl"], LEAGUES["nba"]], rng=Random(0))]
    shared = ["gamma.markets", "polymarket.market", "polymarket.sports", "polymarket.book"]
    assert names == ["espn.nhl", "espn.nba", "nba.scoreboard", "nba.playbyplay", "nba.boxscore", *shared]
    assert [feed.name for feed in lineup(Config(), [LEAGUES["nhl"]], rng=Random(0))] == ["espn.nhl", *shared]


@pytest.mark.parametrize("key", ["poll_live_s", "nba_poll_live_s", "nba_plays_s", "nba_boxscore_s"])
def test_a_public_server_is_not_polled_faster_than_it_changes(key: str) -> None:
    """Below two seconds is refused against anybody else's server, and allowed against this machine."""
    with pytest.raises(UsageError, match=key):
        check_manners(Config(**{key: 1.9}))
    check_manners(Config())
    for base in ("http://127.0.0.1:8000", "http://localhost:1", "http://[::1]:1"):
        check_manners(Config(**{key: 0.1}, espn_url=base, nba_url=base))
    with pytest.raises(UsageError):
        check_manners(Config(**{key: 0.1}, espn_url="http://127.0.0.1.evil.example", nba_url="http://10.0.0.1"))
