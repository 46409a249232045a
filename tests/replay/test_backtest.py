"""Films in, ledgers out: what was traded is recomputed slowly from the events, and gaps are dark."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reel import Reel, stretch
from script import AWAY, HOME, MS, S, Score, Script

from recorder.envelope import Envelope, Kind, encode_meta
from replay.backtest import coverage_of, replay_film, replay_tape
from replay.core.cells import EVALUATION_COLUMNS, ORDER_COLUMNS, OrderStatus, Policy, Sizing
from replay.core.decode import decode
from replay.core.events import BID, BookSnapshot, Event, FeedGap, LevelChange, MarketSeen
from replay.core.roll import Catalogue
from replay.film import build_film
from replay.find import load_strategy
from replay.ledger import Ledger
from replay.models import load_model
from replay.settings import Setting

BUSY = Setting(
    min_edge_u6=5_000,
    policy=Policy.EVERY,
    cooldown_ms=1_000,
    order_delay_ms=400,
    size_u6=900_000_000,
    limit_slip_u6=30_000,
)
MARKET = "polymarket.market"


filmed = lru_cache(maxsize=2)(build_film)


def played(reel: Reel, setting: Setting) -> Ledger:
    return replay_film(filmed(reel), load_strategy("fusion"), load_model("brownian"), setting)


@lru_cache(maxsize=2)
def decoded(reel: Reel) -> list[tuple[int, int, list[Event]]]:
    return [(one.recv_ns, one.seq, decode(one)) for one in reel.envelopes]


def orders_of(ledger: Ledger) -> list[dict[str, int]]:
    return [dict(zip(ORDER_COLUMNS, row, strict=True)) for row in ledger.orders.tolist()]


# A slow market -------------------------------------------------------------------------------------------------------


@dataclass
class SlowBook:
    """A book as two dicts, and whether it may be traded on."""

    bids: dict[int, int] = field(default_factory=dict)
    asks: dict[int, int] = field(default_factory=dict)
    is_known: bool = False
    is_trusted: bool = False
    is_fed: bool = False
    """Changes arrive, but no snapshot did."""
    since_ms: int = -1

    def touch(self) -> tuple[int | None, int | None]:
        return max(self.bids, default=None), min(self.asks, default=None)

    def judge(self, said: tuple[int | None, int | None] = (None, None)) -> None:
        bid, ask = self.touch()
        agrees = all(theirs is None or theirs == ours for theirs, ours in zip(said, (bid, ask), strict=True))
        self.is_trusted = self.is_known and agrees and (bid is None or ask is None or bid < ask)


class SlowMarket:
    """All books after each moment, from events alone; tokens are never reused here, so connections are the feed's."""

    def __init__(self, reel: Reel) -> None:
        self.books: dict[str, SlowBook] = {}
        self.rules: dict[str, MarketSeen] = {}
        self._coming = decoded(reel)
        self._at = 0

    def until(self, now_ns: int) -> None:
        """Take everything that was received up to a moment, that moment included."""
        while self._at < len(self._coming) and self._coming[self._at][0] <= now_ns:
            for event in self._coming[self._at][2]:
                self._take(event)
            self._at += 1

    def _take(self, event: object) -> None:
        if isinstance(event, MarketSeen):
            self.rules.update(dict.fromkeys(event.token_ids, event))
        elif isinstance(event, FeedGap):
            lost = [event.token_id] if event.token_id is not None else list(self.books)
            self.books.update({token: SlowBook() for token in lost})
        elif isinstance(event, BookSnapshot):
            book = self.books.get(event.token_id, SlowBook())
            in_doubt = book.is_fed or (book.is_known and not book.is_trusted)
            if not event.witness or in_doubt:
                self.books[event.token_id] = book = SlowBook(dict(event.bids), dict(event.asks), is_known=True)
                book.since_ms = (event.source_ns or -1) // MS
                book.judge()
        elif isinstance(event, LevelChange):
            self._change(self.books.setdefault(event.token_id, SlowBook()), event)

    def _change(self, book: SlowBook, event: LevelChange) -> None:
        book.is_fed = not book.is_known
        if book.is_fed or (event.source_ns is not None and event.source_ns // MS < book.since_ms):
            return
        side = book.bids if event.side == BID else book.asks
        side[event.price_u6] = event.size_u6
        if not event.size_u6:
            del side[event.price_u6]
        if event.last:
            book.judge((event.best_bid_u6, event.best_ask_u6))


def fee_u6(shares_u6: int, price_u6: int, rate_u6: int) -> int:
    price = Decimal(price_u6) / 10**6
    fee = Decimal(shares_u6) / 10**6 * Decimal(rate_u6) / 10**6 * price * (1 - price)
    return int(fee.quantize(Decimal("0.00001"), ROUND_HALF_UP) * 10**6)


def refilled(reel: Reel, ledger: Ledger) -> list[tuple[int, int, int, int]]:
    """Return (status, filled, cash, fee) of every order that was sent, recomputed in order of arrival."""
    orders = orders_of(ledger)
    market, eaten, found = SlowMarket(reel), {}, {}
    for number in sorted(range(len(orders)), key=lambda k: (orders[k]["due_ns"], k)):
        order = orders[number]
        if order["status"] in (OrderStatus.TOO_SMALL, OrderStatus.CAPPED, OrderStatus.EXPIRED):
            continue
        market.until(order["due_ns"])
        token = ledger.tokens[order["token"]]
        found[number] = _matched(market, eaten, token, order)
    return [found[number] for number in sorted(found)]


def _matched(market: SlowMarket, eaten: dict, token: str, order: dict[str, int]) -> tuple[int, int, int, int]:
    book = market.books.get(token, SlowBook())
    if not book.is_trusted:
        return OrderStatus.IN_GAP, 0, 0, 0
    buys = order["side"] > 0
    side = sorted(book.asks.items()) if buys else sorted(book.bids.items(), reverse=True)
    filled = cash = fee = 0
    for price, size in side:
        if (price - order["limit_u6"]) * order["side"] > 0:
            break
        had_size, taken = eaten.get((token, buys, price), (size, 0))
        left = size - taken if had_size == size else size
        part = min(left, order["size_u6"] - filled)
        if part > 0:
            eaten[token, buys, price] = (size, size - left + part)
            filled += part
            cash += int((Decimal(part) * price / 10**6).quantize(Decimal(1), ROUND_HALF_UP))
            fee += fee_u6(part, price, market.rules[token].fee_rate_u6)
    if not filled:
        return OrderStatus.NO_LIQUIDITY, 0, 0, 0
    return (OrderStatus.FILLED if filled == order["size_u6"] else OrderStatus.PARTIAL), filled, cash, fee


SETTINGS = st.builds(
    Setting,
    min_edge_u6=st.sampled_from([0, 5_000, 15_000]),
    order_delay_ms=st.sampled_from([0, 400, 7_000]),
    venue_delay_ms=st.sampled_from([-1, 0, 1_000]),
    policy=st.sampled_from(Policy),
    cooldown_ms=st.sampled_from([1_000, 20_000]),
    sizing=st.sampled_from([Sizing.SHARES, Sizing.CASH]),
    size_u6=st.sampled_from([20_000_000, 900_000_000]),
    limit_slip_u6=st.sampled_from([-1, 0, 30_000]),
    exit_edge_u6=st.sampled_from([None, -10_000]),
)


@given(SETTINGS)
@settings(max_examples=25)
def test_every_fill_is_recomputed(setting: Setting) -> None:
    """Status, shares, cash and fee of every order are those of a book of dicts and decimals, walked at its due time."""
    ledger = played(stretch(), setting)
    sent = [
        (order["status"], order["filled_u6"], order["cash_u6"], order["fee_u6"])
        for order in orders_of(ledger)
        if order["status"] not in (OrderStatus.TOO_SMALL, OrderStatus.CAPPED, OrderStatus.EXPIRED)
    ]
    assert refilled(stretch(), ledger) == sent


def test_the_recomputation_has_something_to_say() -> None:
    """Among the orders are full and partial fills, empty ones, and some that walked several levels."""
    orders = orders_of(played(stretch(), BUSY))
    assert {order["status"] for order in orders} >= {OrderStatus.FILLED, OrderStatus.PARTIAL}
    walked = [one for one in orders if one["side"] > 0 and one["cash_u6"] > one["fill_ask_u6"] * one["filled_u6"] / 1e6]
    assert len(walked) > 3


@given(SETTINGS)
@settings(max_examples=25)
def test_cash_positions_and_fees_balance(setting: Setting) -> None:
    """Every settlement is the sum of its fills: shares, cash less fees, and profit at the payout, to the unit."""
    ledger = played(stretch(), setting)
    orders = orders_of(ledger)
    for settled in ledger.settlements:
        mine = [order for order in orders if ledger.tokens[order["token"]] == settled.token_id]
        assert settled.shares_u6 == sum(order["side"] * order["filled_u6"] for order in mine) >= 0
        assert settled.cash_u6 == -sum(order["side"] * order["cash_u6"] + order["fee_u6"] for order in mine)
        value = (settled.shares_u6 * (settled.payout_u6 or 0) + 500_000) // 1_000_000
        assert settled.pnl_u6 == settled.cash_u6 + value
    assert ledger.pnl_u6 == sum(settled.pnl_u6 for settled in ledger.settlements)
    assert ledger.summary()["fees_u6"] == sum(order["fee_u6"] for order in orders)
    assert all(
        order["filled_u6"] <= order["size_u6"] and min(order["fee_u6"], order["cash_u6"]) >= 0 for order in orders
    )


@given(SETTINGS)
@settings(max_examples=20)
def test_an_order_is_due_when_its_market_says(setting: Setting) -> None:
    """Due is the signal, plus the order's delay, plus the venue's delay as the catalogue had it at the signal."""
    ledger, market = played(stretch(), setting), SlowMarket(stretch())
    for order in orders_of(ledger):
        market.until(order["signal_ns"])
        said_ms = market.rules[ledger.tokens[order["token"]]].venue_delay_ms
        venue_ms = said_ms if setting.venue_delay_ms < 0 else setting.venue_delay_ms
        assert order["due_ns"] == order["signal_ns"] + (setting.order_delay_ms + venue_ms) * MS


def test_an_evaluation_is_of_its_moment() -> None:
    """Ask, its size and the age of the book are those of the slow market at that moment; the edge is fair less ask."""
    ledger, market = played(stretch(), BUSY), SlowMarket(stretch())
    for row in ledger.evaluations.tolist():
        seen = dict(zip(EVALUATION_COLUMNS, row, strict=True))
        market.until(seen["recv_ns"])
        if market._coming[market._at - 1][1] == seen["seq"]:
            book = market.books[ledger.tokens[seen["token"]]]
            assert book.is_trusted
            ask = min(book.asks)
            assert (seen["ask_u6"], seen["ask_size_u6"], seen["edge_u6"]) == (
                ask,
                book.asks[ask],
                seen["fair_u6"] - ask,
            )
        assert min(seen["game_age_ns"], seen["book_age_ns"]) >= 0


# Gaps ----------------------------------------------------------------------------------------------------------------


def with_gap(reel: Reel, seq: int) -> Reel:
    """Return the reel with the market socket lost behind seq, and its books anew half a minute later."""
    before, after = reel.envelopes[: seq + 1], reel.envelopes[seq + 1 :]
    last = before[-1]
    conn = next(one.conn for one in reversed(before) if one.feed == MARKET and one.kind is Kind.FRAME)
    meta = encode_meta({"code": 1006, "reason": "", "side": "lost"})
    lost = Envelope(0, last.recv_ns, MARKET, conn, Kind.CLOSED, meta, b"")
    books = next(one for one in reel.envelopes if one.kind is Kind.FRAME and b'"event_type":"book"' in one.payload)
    back_ns = last.recv_ns + 30 * S
    at = bisect_right(after, back_ns, key=lambda one: one.recv_ns)
    meanwhile = [one for one in after[:at] if one.feed != MARKET]
    back = Envelope(0, back_ns, MARKET, conn, Kind.FRAME, b"", books.payload)
    return Reel([*before, lost, *meanwhile, back, *after[at:]])


def dark(reel: Reel) -> dict[str, list[tuple[int, int, int, int]]]:
    """Return the gaps of every token: the seqs, then the times, between which its book is unknown."""
    gaps: dict[str, list[tuple[int, int, int, int]]] = {}
    begun: dict[str, tuple[int, int]] = {}
    known: set[str] = set()
    for one in reel.envelopes:
        for event in decode(one):
            if isinstance(event, FeedGap):
                begun.update({token: (one.seq, one.recv_ns) for token in known if token not in begun})
            elif isinstance(event, BookSnapshot) and not event.witness:
                known.add(event.token_id)
                if event.token_id in begun:
                    seq, at_ns = begun.pop(event.token_id)
                    gaps.setdefault(event.token_id, []).append((seq, one.seq, at_ns, one.recv_ns))
    for token, (seq, at_ns) in begun.items():
        gaps.setdefault(token, []).append((seq, 1 << 60, at_ns, 1 << 62))
    return gaps


def test_nothing_is_decided_or_filled_in_a_gap() -> None:
    """With the socket lost behind each evaluation in turn: no decision in the dark, no fill, the past the same."""
    reel = stretch()
    whole = played(reel, BUSY)
    in_gap = 0
    for seq in sorted(set(whole.evaluations[:, 0].tolist()))[::8]:
        broken = with_gap(reel, seq)
        ledger = played(broken, BUSY)
        gaps = dark(broken)
        assert len(gaps) == 2
        for row in ledger.evaluations.tolist():
            assert not any(a < row[0] < b for a, b, _, _ in gaps[ledger.tokens[row[2]]])
        for order in orders_of(ledger):
            mine = gaps[ledger.tokens[order["token"]]]
            assert not any(a < order["seq"] < b for a, b, _, _ in mine)
            if any(a <= order["due_ns"] < b for _, _, a, b in mine) and order["status"] not in (
                OrderStatus.TOO_SMALL,
                OrderStatus.EXPIRED,
            ):
                assert order["status"] == OrderStatus.IN_GAP
                assert order["filled_u6"] == order["cash_u6"] == order["fee_u6"] == 0
                in_gap += 1
        same = whole.evaluations[whole.evaluations[:, 0] <= seq]
        np.testing.assert_array_equal(ledger.evaluations[: len(same)], same)
    assert in_gap > 10


def test_a_silent_asset_is_dark_alone() -> None:
    """The watchdog's word about one token stops its decisions and not the other token's."""
    script = Script().plan().scores(Score(60, 20, "1:00", 4))
    script.book(HOME, "0.4x50", "0.6x50").book(AWAY, "0.4x50", "0.6x50").silent(HOME).wait(1)
    script.change((HOME, "SELL", "0.59", "50"), (AWAY, "SELL", "0.59", "50")).wait(30).pulse()
    reel = Reel(script.envelopes)
    ledger = played(reel, Setting(min_edge_u6=-(10**6), policy=Policy.EVERY))
    later = ledger.evaluations[ledger.evaluations[:, 0] > 4]
    assert [ledger.tokens[token] for token in later[:, 2].tolist()] == [AWAY]


def test_a_killed_recorder_leaves_a_gap() -> None:
    """Where a recording is gone on with after a kill there is no CLOSED; the books of before are not decided on."""
    script = Script().note("session").plan().scores(Score(50, 20, "5:00", 4)).book(HOME, "0.4x50", "0.6x50")
    script.wait(1).note("session").wait(1).scores(Score(53, 20, "4:50", 4)).change((HOME, "SELL", "0.58", "9")).wait(9)
    script.pulse()
    ledger = played(Reel(script.envelopes), Setting())
    assert ledger.evaluations[:, 0].tolist() == [3]
    assert ledger.looks["book_unknown"] >= 1


# Edges ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [Script(), Script().pulse(), Script().plan().pulse(), Script().scores(Score())])
def test_a_night_without_a_market_is_an_empty_ledger(script: Script) -> None:
    """Nothing, a heartbeat, a plan without books, scores without a plan: no decision, and the same by tape and film."""
    reel = Reel(script.envelopes)
    ledger = played(reel, Setting())
    assert (len(ledger.evaluations), len(ledger.orders), ledger.pnl_u6) == (0, 0, 0)
    assert replay_tape(reel, load_strategy("fusion"), load_model("brownian"), Setting()).digest() == ledger.digest()


def test_orders_under_way_at_the_end_expire() -> None:
    """An order that would arrive after the last envelope is neither filled nor counted as one."""
    ledger = played(stretch(), Setting(min_edge_u6=5_000, order_delay_ms=86_400_000))
    statuses = {order["status"] for order in orders_of(ledger)}
    assert OrderStatus.EXPIRED in statuses
    assert ledger.fills == 0


def test_an_open_market_is_worth_its_last_mid() -> None:
    """Where the tape does not say how a market ended, its tokens settle at the last mid and say that they are open."""
    ledger, market = played(stretch(), BUSY), SlowMarket(stretch())
    market.until(1 << 62)
    for settled in ledger.settlements:
        bid, ask = market.books[settled.token_id].touch()
        assert (settled.basis, settled.payout_u6) == ("open", (bid + ask) // 2)


def test_a_model_that_fails_costs_its_states_alone() -> None:
    """A model that raises is counted; nothing is evaluated by it, and the run goes on."""

    class Broken:
        name = "broken"

        def predict_wp(self, states, side):
            raise ValueError("no idea")

    ledger = replay_film(build_film(stretch()), load_strategy("fusion"), Broken(), Setting())
    assert ledger.model_failures == len(build_film(stretch()).night.states)
    assert len(ledger.evaluations) == 0
    assert ledger.looks["no_fair"] > 0


def test_coverage_counts_answers() -> None:
    """The share of polls of a feed that brought an answer; 304 is one, a time-out is not."""
    script = Script().scores(Score()).wait(1).unchanged().wait(1).failed().wait(1).failed().wait(0.5).pulse()
    film = build_film(Reel(script.envelopes))
    assert coverage_of(film.catalogue, film.night.polls, film.first_ns, film.last_ns) == {
        "seconds": 3.5,
        "espn.nba": 0.5,
    }
    assert coverage_of(Catalogue(), film.night.polls[:0], 0, 0) == {"seconds": 0.0}
