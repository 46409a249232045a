"""The catalogue's simulated bodies, read by the real decoder."""

from __future__ import annotations

import json

from replay.core.decode.gamma import decode_gamma
from replay.synth.times import evening_ns
from replay.synth.wire.gamma import EventView, events_body, sports_body
from replay.synth.world import make_games

GAMES = make_games(3, 8, "2026-01-15", evening_ns("2026-01-15"))


def test_sports_hold_strings_of_numbers():
    """`tags` is a comma string and `series` a string, as on the wire."""
    nba = json.loads(sports_body())[0]
    assert (nba["sport"], nba["series"], nba["tags"]) == ("nba", "10345", "1,745,100639")


def test_an_open_market_reads_back():
    """Tokens, outcomes, rules and start come back; nothing is paid out yet."""
    for game in GAMES:
        body = events_body([EventView(game, game.moments[0], game.start_ns - 1, None)])
        seen = next(event for event in decode_gamma("gamma.markets", body) if event.sports_type == "moneyline")
        assert game.market.token_ids == seen.token_ids
        assert game.home.name == seen.outcomes[game.market.home_index]
        assert game.away.name == seen.outcomes[1 - game.market.home_index]
        assert (game.start_ns, 50_000, 1) == (seen.start_ns, seen.fee_rate_u6, seen.fee_exponent)
        assert game.market.delay_s * 1000 == seen.venue_delay_ms
        assert (seen.closed, seen.payout_u6) == (False, None)


def test_a_closed_market_pays_the_winner():
    """After the end the winning side's token pays one and the other nothing; the other markets stay open."""
    for game in GAMES:
        body = events_body([EventView(game, game.moments[-1], game.end_ns + 2, game.end_ns + 1)])
        seen, other = decode_gamma("gamma.markets", body)
        home = game.market.home_index
        assert (1_000_000 if game.home_won else 0) == seen.payout_u6[home]
        assert sum(seen.payout_u6) == 1_000_000
        assert (other.sports_type, other.closed) == ("spreads", False)


def test_the_night_has_home_first_and_away_first_markets():
    """Which outcome is the home side is not to be guessed from its place."""
    games = [game for seed in range(5) for game in make_games(seed, 8, "2026-01-15", evening_ns("2026-01-15"))]
    assert {game.market.home_index for game in games} == {0, 1}
