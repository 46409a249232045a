"""The simulated market."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from recorder.times import SECOND_NS
from replay.synth.maker import MarketItem, MarketSpan, What, maker_frames, resolution_ns
from replay.synth.times import evening_ns
from replay.synth.world import Game, home_chance, make_games

GAMES = make_games(5, 3, "2026-01-15", evening_ns("2026-01-15"))
FIRST_NS = GAMES[0].start_ns - 20 * 60 * SECOND_NS


def watched(game: Game, changes: int = 8_000) -> list[MarketItem]:
    span = MarketSpan(FIRST_NS, (FIRST_NS + SECOND_NS,), (game.end_ns - SECOND_NS, game.end_ns + 10**13), changes)
    return list(maker_frames(5, game, span))


@pytest.fixture(scope="module")
def items() -> list[MarketItem]:
    return watched(GAMES[0])


def frames(items: list[MarketItem], event_type: str) -> list[dict]:
    parsed = [json.loads(content) for _, _, what, content, _ in items if what is What.FRAME]
    return [frame for frame in parsed if frame["event_type"] == event_type]


def test_time_does_not_fall(items):
    """Items come in receive order, and the venue's own stamps do not fall either."""
    times = [item[0] for item in items]
    stamps = [int(json.loads(item[3])["timestamp"]) for item in items if item[2] is What.FRAME]
    assert sorted(times) == times
    assert sorted(stamps) == stamps


@pytest.mark.parametrize("changes", [16_000, 40_000])
def test_the_aim_is_met(changes):
    """The number of level changes comes out within five percent."""
    made = sum(item[4] for item in watched(GAMES[1], changes))
    assert abs(made - changes) < 0.05 * changes


def test_the_book_is_wiped_at_the_scheduled_start(items):
    """Once, about the scheduled start, one frame removes every level; quotes come back only seconds later."""
    wipes = [frame for frame in frames(items, "price_change") if len(frame["price_changes"]) > 2]
    assert len(wipes) == 1
    assert {change["size"] for change in wipes[0]["price_changes"]} == {"0"}
    assert {(change["best_bid"], change["best_ask"]) for change in wipes[0]["price_changes"]} == {("0", "1")}
    late_s = int(wipes[0]["timestamp"]) / 1000 - GAMES[0].start_ns / SECOND_NS
    after = min(
        int(frame["timestamp"]) for frame in frames(items, "price_change") if frame["timestamp"] > wipes[0]["timestamp"]
    )
    assert 0 <= late_s < 2
    assert after - int(wipes[0]["timestamp"]) >= 2_900


def test_the_step_is_refined_once_for_both_tokens(items):
    """A market that ends near 0 or 1 switches to the fine step once, and sends both books with it."""
    assert [frame["asset_id"] for frame in frames(items, "tick_size_change")] == list(GAMES[0].market.token_ids)


def test_the_winner_is_the_court_s(items):
    """The market resolves some minutes after the end to the side that won, and says nothing after it."""
    game = GAMES[0]
    resolved = frames(items, "market_resolved")
    winner = game.home.name if game.home_won else game.away.name
    assert [(frame["winning_outcome"], len(frame["assets_ids"])) for frame in resolved] == [(winner, 2)]
    assert 200 < (resolution_ns(5, game) - game.end_ns) / SECOND_NS < 1000
    assert items[-1][2:4] == (What.WITNESS, ())
    assert [item[2] for item in items if item[0] > resolution_ns(5, game)] == [What.WITNESS]


def test_trades_say_what_was_taken(items):
    """Every trade has its size off a level: as many prints as takers, each with both books after it."""
    prints, books = frames(items, "last_trade_price"), frames(items, "book")
    assert len(prints) > 20
    assert len(books) == 2 * len(prints) + 2


def test_the_maker_follows_the_score_late(items):
    """Ten seconds and more after the last news the middle is near the truth; right after a score it is not yet."""
    game = GAMES[0]
    quotes = [
        (int(frame["timestamp"]), float(frame["best_bid"]), float(frame["best_ask"]))
        for frame in frames(items, "best_bid_ask")
        if frame["asset_id"] == game.market.token_ids[game.market.home_index] and frame["spread"]
    ]
    now_off, late_off = [], []
    place = 0
    for before, moment in zip(game.moments[1:-1], game.moments[2:], strict=False):
        moved = home_chance(moment, game.strength) - home_chance(before, game.strength)
        if abs(moved) < 0.04:
            continue
        for wait_ms, off in ((300, now_off), (14_000, late_off)):
            at_ms = moment.at_ns // 1_000_000 + wait_ms
            place = max(index for index, quote in enumerate(quotes) if quote[0] <= at_ms)
            middle = (quotes[place][1] + quotes[place][2]) / 2
            sign = 1 if moved > 0 else -1
            off.append(sign * (home_chance(moment, game.strength) - middle))
    assert len(now_off) > 10
    assert sum(now_off) / len(now_off) > 0.03
    assert sum(late_off) / len(late_off) < sum(now_off) / len(now_off) / 2


def test_markets_do_not_share_their_luck():
    """The same game with another number plays another market, and the same one the same."""
    twin = replace(GAMES[0], index=9)
    assert watched(GAMES[0])[50][3] == watched(GAMES[0])[50][3]
    assert watched(GAMES[0])[50][3] != watched(twin)[50][3]
