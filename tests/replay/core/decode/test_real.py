"""What the decoders make of bytes that the real upstreams sent. Counts and figures only: no recording is in here."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from recorder.envelope import Kind
from replay.core.decode import decode_payload
from replay.core.events import (
    BID,
    BestQuoted,
    BookSnapshot,
    Event,
    GameStatus,
    LevelChange,
    MarketListed,
    MarketResolved,
    MarketSeen,
    ScoreSeen,
    TickSizeChanged,
    TradePrinted,
    Undecodable,
)


def read(real_data: Path, feed: str, name: str, kind: Kind = Kind.BODY) -> list[Event]:
    return decode_payload(feed, (real_data / name).read_bytes(), kind)


def scores(real_data: Path, feed: str, name: str) -> list[ScoreSeen]:
    """Decode a scoreboard of which every game must be understood, without warnings."""
    events = read(real_data, feed, name)
    seen = [event for event in events if isinstance(event, ScoreSeen)]
    assert len(seen) == len(events)
    assert [game.warnings for game in seen if game.warnings] == []
    return seen


def best(side: dict[int, int], *, highest: bool) -> int | None:
    """The best price of a side."""
    return (max(side) if highest else min(side)) if side else None


def test_the_captured_burst_replays_to_its_closing_book(real_data: Path) -> None:
    """
    One book, 98 changes of 49 messages, one book: applied to the first, the changes give the last, level by level.

    The venue's best prices agree with ours after every message but two: while one trade is told in three messages of
    one venue time, they already speak of its end.
    """
    events = read(
        real_data, "polymarket.market", "polymarket_ws/ws_market_price_change_crossing_burst.json", Kind.FRAME
    )
    assert Counter(type(event) for event in events) == {BookSnapshot: 2, LevelChange: 98}
    opening, closing = events[0], events[-1]
    assert isinstance(opening, BookSnapshot)
    assert isinstance(closing, BookSnapshot)
    changes = [event for event in events if isinstance(event, LevelChange)]
    assert len({event.index for event in changes}) == 49
    assert all(event.last for event in changes)
    bids, asks = dict(opening.bids), dict(opening.asks)
    ours, torn = 0, []
    for event in changes:
        if event.token_id != opening.token_id:
            continue
        side = bids if event.side == BID else asks
        if event.size_u6:
            side[event.price_u6] = event.size_u6
        else:
            side.pop(event.price_u6, None)
        ours += 1
        if (best(bids, highest=True), best(asks, highest=False)) != (event.best_bid_u6, event.best_ask_u6):
            torn.append(event)
    assert (ours, tuple(sorted(bids.items(), reverse=True)), tuple(sorted(asks.items()))) == (
        49,
        closing.bids,
        closing.asks,
    )
    assert [event.index for event in torn] == [47, 48]
    assert {event.source_ns for event in torn} == {changes[-1].source_ns}


def test_the_captured_burst_mirrors_its_two_tokens(real_data: Path) -> None:
    """Every change of one token at p comes with the other token's at 1 - p, other side, same size."""
    events = read(
        real_data, "polymarket.market", "polymarket_ws/ws_market_price_change_crossing_burst.json", Kind.FRAME
    )
    changes = [event for event in events if isinstance(event, LevelChange)]
    for first, second in zip(changes[::2], changes[1::2], strict=True):
        assert (first.index, first.size_u6, first.side) == (second.index, second.size_u6, -second.side)
        assert first.price_u6 + second.price_u6 == 1_000_000


def test_the_captured_book_is_whole(real_data: Path) -> None:
    """7 bids and 57 asks, best first; without all hashed fields it is neither verified nor refuted."""
    name = "polymarket_ws/ws_book_snapshot_captured.json"
    [book] = read(real_data, "polymarket.market", name, Kind.FRAME)
    assert isinstance(book, BookSnapshot)
    assert (len(book.bids), len(book.asks), book.verified, book.tick_u6) == (7, 57, None, 10_000)
    assert book.bids[0][0] < book.asks[0][0]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ws_market_best_bid_ask_msg", BestQuoted),
        ("ws_market_new_market_msg", MarketListed),
        ("ws_market_resolved_msg", MarketResolved),
        ("legacy_book", BookSnapshot),
        ("legacy_last_trade_price", TradePrinted),
        ("legacy_price_change", LevelChange),
        ("legacy_tick_size_change", TickSizeChanged),
    ],
)
def test_every_recorded_message_is_understood(real_data: Path, name: str, kind: type) -> None:
    """Today's and the old wire give one event of the right kind."""
    events = read(real_data, "polymarket.market", f"polymarket_ws/{name}.json", Kind.FRAME)
    assert [type(event) for event in events] == [kind]


@pytest.mark.parametrize(
    ("feed", "name", "expected"),
    [
        ("espn.nba", "generic_basketball_nba_scoreboard", {GameStatus.SCHEDULED: 1}),
        ("espn.wnba", "generic_basketball_wnba_scoreboard", {GameStatus.SCHEDULED: 2}),
        ("espn.nhl", "generic_hockey_nhl_scoreboard", {GameStatus.LIVE: 1}),
        ("espn.nhl", "nhl_scoreboard", {GameStatus.FINAL: 1}),
        ("espn.ncaamb", "mens_college_basketball_scoreboard_acc", {GameStatus.FINAL: 9}),
        ("espn.mlb", "mlb_scoreboard_20250604", {GameStatus.FINAL: 8, GameStatus.LIVE: 6, GameStatus.CALLED_OFF: 1}),
        ("espn.mlb", "mlb_scoreboard_raw", {GameStatus.LIVE: 7, GameStatus.SCHEDULED: 8}),
        ("espn.nba", "nba_scoreboard_20241215", {GameStatus.FINAL: 7}),
        ("espn.nba", "nba_scoreboard_in_progress_20260502", {GameStatus.LIVE: 1}),
        ("espn.nfl", "nfl_scoreboard_20241215", {GameStatus.FINAL: 13}),
    ],
)
def test_every_recorded_espn_scoreboard_is_understood(
    real_data: Path, feed: str, name: str, expected: dict[GameStatus, int]
) -> None:
    """Every event of every sport is read without a warning and with the status that it had."""
    seen = scores(real_data, feed, f"espn/{name}.json")
    assert Counter(game.status for game in seen) == expected
    assert [game.index for game in seen] == list(range(len(seen)))
    assert all(game.start_ns is not None and game.home_score is not None for game in seen)


def test_recorded_clocks_are_read_by_sport(real_data: Path) -> None:
    """Basketball and hockey run down; baseball has none; what has not begun stands at zero."""
    [live] = scores(real_data, "espn.nba", "espn/nba_scoreboard_in_progress_20260502.json")
    assert (live.period, live.clock_ms, live.home_score, live.away_score) == (4, 521_000, 87, 92)
    [overtime] = scores(real_data, "espn.nhl", "espn/generic_hockey_nhl_scoreboard.json")
    assert (overtime.period, overtime.clock_ms) == (4, 1_029_000)
    baseball = scores(real_data, "espn.mlb", "espn/mlb_scoreboard_raw.json")
    assert {game.clock_ms for game in baseball} == {None}
    assert {game.period for game in baseball if game.status is GameStatus.SCHEDULED} == {0}
    college = scores(real_data, "espn.ncaamb", "espn/mens_college_basketball_scoreboard_acc.json")
    assert [game.period for game in college].count(3) == 1


def test_the_recorded_cdn_scoreboard_is_understood(real_data: Path) -> None:
    """Two games live and one final, with clocks and UTC starts."""
    seen = scores(real_data, "nba.scoreboard", "nba_cdn/todaysScoreboard_00.json")
    assert [(game.status, game.period, game.clock_ms) for game in seen] == [
        (GameStatus.LIVE, 2, 435_000),
        (GameStatus.LIVE, 1, 365_000),
        (GameStatus.FINAL, 4, None),
    ]
    assert [game.start_ns for game in seen] == [
        1_682_042_400_000_000_000,
        1_682_044_200_000_000_000,
        1_682_033_400_000_000_000,
    ]


@pytest.mark.parametrize(
    ("feed", "name"),
    [
        ("espn.nba", "espn/probabilities_nba_401584793.json"),
        ("espn.nba", "nba_cdn/todaysScoreboard_00.json"),
        ("nba.scoreboard", "espn/nba_scoreboard_20241215.json"),
        ("nba.scoreboard", "nba_cdn/boxscore_0022000001.json"),
        ("gamma.markets", "espn/nba_scoreboard_20241215.json"),
        ("polymarket.book", "gamma_clob/gamma_market.json"),
    ],
)
def test_a_body_under_the_wrong_feed_is_never_mistaken_for_an_answer(real_data: Path, feed: str, name: str) -> None:
    """Another source's body gives no facts."""
    assert {type(event) for event in read(real_data, feed, name)} == {Undecodable}


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("clob_market_closed_binary_accepting_false", 1),
        ("clob_market_closed_binary_accepting_true", 1),
        ("gamma_event", 2),
        ("gamma_market", 1),
        ("gamma_market_closed_binary_accepting_false", 1),
        ("gamma_market_closed_binary_accepting_true", 1),
        ("gamma_market_closed_nonbinary_legacy", 1),
        ("gamma_market_closed_zero_zero_legacy", 1),
        ("gamma_market_sports_market_map_handicap", 1),
        ("gamma_market_sports_market_money_line", 1),
        ("gamma_tags", 0),
        ("search_response", 1),
    ],
)
def test_every_recorded_catalogue_body_is_understood(real_data: Path, name: str, count: int) -> None:
    """Every market of every body is read, and directories give none."""
    events = read(real_data, "gamma.markets", f"gamma_clob/{name}.json")
    assert [type(event) for event in events] == [MarketSeen] * count


def test_the_recorded_moneyline_carries_its_rules(real_data: Path) -> None:
    """The delay, the fee, the wipe and the pay-out are the market's own, not a table's."""
    [market] = read(real_data, "gamma.markets", "gamma_clob/gamma_market_sports_market_money_line.json")
    assert isinstance(market, MarketSeen)
    assert (market.sports_type, market.venue_delay_ms, market.fee_rate_u6, market.fee_exponent) == (
        "moneyline",
        3_000,
        30_000,
        1,
    )
    assert (market.clear_book_on_start, market.closed, market.payout_u6) == (True, True, (1_000_000, 0))


def test_recorded_results_agree_between_the_catalogues(real_data: Path) -> None:
    """Gamma's prices and the CLOB's winner flags name the same pay-out; unclean results name none."""
    for accepting in ("true", "false"):
        pair = [
            read(real_data, "gamma.markets", f"gamma_clob/{source}_market_closed_binary_accepting_{accepting}.json")[0]
            for source in ("gamma", "clob")
        ]
        payouts = [(market.market_id, market.payout_u6) for market in pair if isinstance(market, MarketSeen)]
        assert payouts[0] == payouts[1]
        assert payouts[0][1] is not None
    for unclean in ("nonbinary", "zero_zero"):
        [market] = read(real_data, "gamma.markets", f"gamma_clob/gamma_market_closed_{unclean}_legacy.json")
        assert isinstance(market, MarketSeen)
        assert (market.closed, market.payout_u6) == (True, None)


def test_frames_of_the_burst_read_the_same_one_by_one(real_data: Path) -> None:
    """An array of messages means what its messages mean, whether they come together or apart."""
    name = "polymarket_ws/ws_market_price_change_crossing_burst.json"
    together = read(real_data, "polymarket.market", name, Kind.FRAME)
    apart = [
        event
        for message in json.loads((real_data / name).read_bytes())
        for event in decode_payload("polymarket.market", json.dumps(message).encode(), Kind.FRAME)
    ]
    without_index = [[getattr(event, "token_id", None), getattr(event, "side", None)] for event in apart]
    assert without_index == [[getattr(event, "token_id", None), getattr(event, "side", None)] for event in together]
