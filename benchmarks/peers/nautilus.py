"""
NautilusTrader: BacktestEngine on order book deltas, with the edge strategy and with an empty one.

Level-2 books, its matching engine, 250 ms of latency, risk checks, analysis and logging off. Scores are custom data.
The Python objects of the deltas are made before the clock starts.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kit
import numpy as np
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.core.data import Data
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import BookOrder, CustomData, DataType, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import (
    AccountType,
    AssetClass,
    BookAction,
    BookType,
    OmsType,
    OrderSide,
    RecordFlag,
    TimeInForce,
)
from nautilus_trader.model.identifiers import ClientId, InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import BinaryOption
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("SIM")
SLACK = 0.001
"""An order that has come in is matched after the next event, not before it: a signal may fall away."""
SOURCE = ClientId("SCORES")
IDS = [InstrumentId(Symbol(f"TOKEN{number:02d}"), VENUE) for number in range(16)]
PRICES = [Price(cents / 100, 2) for cents in range(101)]


class Score(Data):
    """The home side's fair value, by the number of its token."""

    def __init__(self, home: int, fair_u6: int, moved: int, ts_init: int) -> None:
        self.home, self.fair_u6, self.moved = home, fair_u6, moved
        self._ts = ts_init

    @property
    def ts_event(self) -> int:
        return self._ts

    @property
    def ts_init(self) -> int:
        return self._ts


SCORES = DataType(Score)


class Empty(Strategy):
    """Asks for all books and does nothing with them."""

    def __init__(self) -> None:
        super().__init__()
        self.signals = self.fills = 0
        self.filled = 0.0

    def on_start(self) -> None:
        for one in IDS:
            self.subscribe_order_book_deltas(one, book_type=BookType.L2_MBP)

    def on_order_book_deltas(self, deltas: OrderBookDeltas) -> None:
        pass


class Edge(Empty):
    """First crossing of the threshold, one order under way a token."""

    def __init__(self, min_edge_u6: int, shares: int) -> None:
        super().__init__()
        self.min_edge = min_edge_u6
        self.shares = Quantity(shares, 2)
        self.number = {one: number for number, one in enumerate(IDS)}
        self.fair, self.armed, self.under_way = [-1] * 16, [True] * 16, [False] * 16
        self.orders_filled: set[Any] = set()

    def on_start(self) -> None:
        super().on_start()
        self.subscribe_data(SCORES, client_id=SOURCE)
        self.books: list[Any] = [None] * 16

    def on_data(self, data: Score) -> None:
        home = data.home
        self.fair[home], self.fair[home + 1] = data.fair_u6, 1_000_000 - data.fair_u6
        if data.moved:
            self.look(home)
            self.look(home + 1)

    def on_order_book_deltas(self, deltas: OrderBookDeltas) -> None:
        self.look(self.number[deltas.instrument_id])

    def look(self, number: int) -> None:
        fair = self.fair[number]
        if fair < 0:
            return
        book = self.books[number]
        if book is None:
            book = self.books[number] = self.cache.order_book(IDS[number])
        ask = book.best_ask_price()
        if ask is None:
            return
        edge = fair - round(ask.as_double() * 100) * 10_000
        if edge < self.min_edge:
            self.armed[number] = True
        elif self.armed[number] and not self.under_way[number]:
            self.armed[number], self.under_way[number] = False, True
            self.signals += 1
            order = self.order_factory.limit(
                IDS[number], OrderSide.BUY, self.shares, ask, time_in_force=TimeInForce.IOC
            )
            self.submit_order(order)

    def on_order_filled(self, event: Any) -> None:
        self.filled += event.last_qty.as_double()
        self.orders_filled.add(event.client_order_id)
        self.fills = len(self.orders_filled)
        if self.cache.order(event.client_order_id).is_closed:
            self.under_way[self.number[event.instrument_id]] = False

    def _over(self, event: Any) -> None:
        self.under_way[self.number[event.instrument_id]] = False

    on_order_canceled = on_order_expired = on_order_rejected = on_order_denied = _over


def instrument(number: int) -> BinaryOption:
    return BinaryOption(
        instrument_id=IDS[number],
        raw_symbol=IDS[number].symbol,
        outcome="Yes",
        description="simulated",
        asset_class=AssetClass.ALTERNATIVE,
        currency=USD,
        price_precision=2,
        price_increment=Price(0.01, 2),
        size_precision=2,
        size_increment=Quantity(0.01, 2),
        activation_ns=0,
        expiration_ns=0,
        max_quantity=None,
        min_quantity=None,
        maker_fee=0,
        taker_fee=0,
        ts_event=0,
        ts_init=0,
    )


def deltas(folder: Path) -> tuple[list[Any], list[CustomData]]:
    """Return the books' data, a group of deltas a message, and the scores."""
    told: list[Any] = []
    scores: list[CustomData] = []
    group: list[OrderBookDelta] = []
    last = int(RecordFlag.F_LAST)
    for op, recv_ns, token, side, price, size in np.load(folder / "events.npy").tolist():
        if op == 4:
            scores.append(CustomData(SCORES, Score(token, price, side, recv_ns)))
        elif op == 1:
            group = [OrderBookDelta.clear(IDS[token], 0, recv_ns, recv_ns)]
        elif op == 3:
            told.append(OrderBookDeltas(IDS[token], group))
        else:
            action = (BookAction.UPDATE if size else BookAction.DELETE) if op == 0 else BookAction.ADD
            order = BookOrder(OrderSide.SELL if side else OrderSide.BUY, PRICES[price], Quantity(size / 100, 2), 0)
            one = OrderBookDelta(IDS[token], action, order, last if op == 0 else 0, 0, recv_ns, recv_ns)
            if op == 0:
                told.append(OrderBookDeltas(IDS[token], [one]))  # faster than the delta alone
            else:
                group.append(one)
    return told, scores


def _played(strategy: Empty, data: tuple[list[Any], list[CustomData]], delay_ns: int) -> tuple[float, float, Empty]:
    engine = BacktestEngine(
        BacktestEngineConfig(
            logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
        )
    )
    engine.add_venue(
        VENUE,
        OmsType.NETTING,
        AccountType.CASH,
        [Money(1_000_000_000, USD)],
        book_type=BookType.L2_MBP,
        latency_model=LatencyModel(base_latency_nanos=delay_ns),
    )
    for number in range(16):
        engine.add_instrument(instrument(number))
    engine.add_data(data[0], sort=False)
    engine.add_data(data[1], client_id=SOURCE, sort=False)
    engine.sort_data()
    engine.add_strategy(strategy)
    wall, cpu, _ = kit.timed(engine.run)
    engine.dispose()
    return wall, cpu, strategy


def run(folder: Path, told: dict[str, Any], repeat: int) -> Iterator[dict[str, Any]]:
    del repeat  # one run of it is long enough to be steady
    data = deltas(folder)
    gc.freeze()  # else the collector goes through all of it again and again
    for name, strategy in (("edge strategy", Edge(told["min_edge_u6"], told["shares"])), ("empty strategy", Empty())):
        times = _played(strategy, data, told["delay_ns"])
        said = {"signals": strategy.signals, "fills": strategy.fills, "shares": round(strategy.filled)}
        yield kit.case(
            "replay", f"NautilusTrader, {name}", times, "level changes", told["changes"],
            **(said if name == "edge strategy" else {}),
            slack=SLACK, note="objects made before; accounts kept; takes the same liquidity again",
        )  # fmt: skip


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # its own, of pandas
    kit.main(run, "nautilus_trader", "numpy")
