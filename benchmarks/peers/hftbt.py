"""
hftbacktest: one backtest of all sixteen tokens, and sixteen of one token each.

Its recommended form: normalised events in numpy arrays, a strategy that numba compiles, `wait_next_feed` for every
event.
It has no feed for scores: a score is a trade whose price is the fair value, in the feed of the token it is about. The
depth is the vector one, which its documentation names as the faster. Feed latency is nil, order latency 250 ms, and
what an order takes from a level is not gone for the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kit
import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    EXCH_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    ROIVectorMarketDepthBacktest,
    event_dtype,
)
from hftbacktest.order import IOC, LIMIT
from numba import njit

TICK = 0.01
FOREVER = 1 << 62


def feeds(folder: Path) -> list[np.ndarray]:
    """Return the events of every token as hftbacktest wants them: a clear of either side, then the levels."""
    op, recv_ns, token, side, price, size = np.load(folder / "events.npy").T
    fair = np.where(op == 4, price / 1e6, 0.0)
    told = []
    for number in range(16):
        is_state = (op == 4) & (token == number - number % 2)
        mine = is_state | ((token == number) & ((op == 0) | (op == 2)))
        begins = np.flatnonzero((token == number) & (op == 1))
        rows = np.concatenate([np.flatnonzero(mine), begins, begins])
        second = np.concatenate([np.zeros(mine.sum() + len(begins), bool), np.ones(len(begins), bool)])
        order = np.lexsort((second, rows))
        rows, second = rows[order], second[order]
        events = np.zeros(len(rows), event_dtype)
        kind = np.select(
            [op[rows] == 4, op[rows] == 1, op[rows] == 2],
            [TRADE_EVENT, DEPTH_CLEAR_EVENT, DEPTH_SNAPSHOT_EVENT],
            DEPTH_EVENT,
        )
        sells = np.where(op[rows] == 1, second, side[rows] == 1)
        side_bits = np.where(sells, SELL_EVENT, BUY_EVENT)
        # A state is of interest to the strategy alone.
        where = np.where(op[rows] == 4, LOCAL_EVENT, EXCH_EVENT | LOCAL_EVENT)
        events["ev"] = kind.astype(np.uint64) | side_bits.astype(np.uint64) | where.astype(np.uint64)
        events["exch_ts"] = events["local_ts"] = recv_ns[rows]
        home = fair[rows] if number % 2 == 0 else 1 - fair[rows]
        # No level of ours lies beyond a clear's price: 0 and 100 cents.
        clear_px = np.where(second, 0.0, 1.0)
        events["px"] = np.where(op[rows] == 4, home, np.where(op[rows] == 1, clear_px, price[rows] / 100))
        events["qty"] = np.where(op[rows] == 4, 1 + side[rows], size[rows] / 100)
        told.append(events)
    return told


def asset(events: np.ndarray, delay_ns: int) -> BacktestAsset:
    """Return a token's feed with the venue's terms."""
    return (
        BacktestAsset()
        .data([events])
        .linear_asset(1.0)
        .constant_order_latency(delay_ns, 0)
        .risk_adverse_queue_model()
        .partial_fill_exchange()
        .flat_per_trade_fee_model(0.0, 0.0)
        .tick_size(TICK)
        .lot_size(0.01)
        .last_trades_capacity(64)
        .roi_lb(0.0)
        .roi_ub(1.0)
    )


@njit
def trade(hbt, owners, assets, min_edge, shares):
    """
    The edge strategy; returns signals, orders filled at all, and shares.

    hftbacktest does not say whose event it woke the strategy for, so it is told: owners holds the asset of each event
    in turn, -1 for the scores that came for all of them. To ask every asset every time costs several times as much.
    """
    fair = np.full(assets, -1)
    armed = np.ones(assets, np.bool_)
    under_way = np.zeros(assets, np.int64)
    at = signals = fills = 0
    filled = 0.0
    while True:
        came = hbt.wait_next_feed(True, FOREVER)
        if came != 2 and came != 3:
            break
        if came == 3:
            for number in range(assets):
                if under_way[number] > 0:
                    order = hbt.orders(number).get(under_way[number])
                    if order is not None and order.req == 0:
                        taken = order.qty - order.leaves_qty
                        fills += taken > 0
                        filled += taken
                        under_way[number] = 0
                        hbt.clear_inactive_orders(number)
            continue
        owner = owners[at]
        at += 1
        for number in range(max(owner, 0), owner + 1 if owner >= 0 else assets):
            if owner < 0:
                states = hbt.last_trades(number)
                fair[number] = np.int64(round(states[0].px * 1e6))
                moved = states[0].qty > 1
                hbt.clear_last_trades(number)
                if not moved:
                    continue
            ask = hbt.depth(number).best_ask_tick
            if fair[number] < 0 or ask <= 0 or ask >= 100:
                continue
            edge = fair[number] - ask * 10_000
            if edge < min_edge:
                armed[number] = True
            elif armed[number] and under_way[number] == 0:
                armed[number] = False
                signals += 1
                under_way[number] = signals
                hbt.submit_buy_order(number, signals, ask * 0.01, shares, IOC, LIMIT, False)
    return signals, fills, filled


def owners_of(data: list[np.ndarray]) -> np.ndarray:
    """Return whose every event is, of these assets, in the order in which a strategy is woken for them."""
    times = np.concatenate([events["local_ts"] for events in data])
    states = np.concatenate([(events["ev"] & np.uint64(0xFF)) == TRADE_EVENT for events in data])
    number = np.repeat(np.arange(len(data)), [len(events) for events in data])
    _, first = np.unique(times, return_index=True)
    return np.where(states[first], -1, number[first])


def _backtest(data: list[np.ndarray], owners: np.ndarray, told: dict[str, Any]) -> tuple[int, int, float]:
    hbt = ROIVectorMarketDepthBacktest([asset(events, told["delay_ns"]) for events in data])
    said = trade(hbt, owners, len(data), told["min_edge_u6"], float(told["shares"]))
    hbt.close()
    return said


def run(folder: Path, told: dict[str, Any], repeat: int) -> Iterator[dict[str, Any]]:
    data = feeds(folder)
    few = [events[:50] for events in data]
    _backtest(few, owners_of(few), told)
    for name, groups in (("one backtest of 16", [data]), ("16 backtests of one", [[events] for events in data])):
        work = [(group, owners_of(group), told) for group in groups]
        times = kit.timed(lambda work=work: [_backtest(*one) for one in work], repeat)
        signals, fills, filled = (sum(column) for column in zip(*times[2], strict=True))
        yield kit.case(
            "replay", f"hftbacktest, {name}", times, "level changes", told["changes"], signals=signals, fills=fills,
            shares=round(filled), note="scores as trades; takes the same liquidity again",
        )  # fmt: skip


if __name__ == "__main__":
    kit.main(run, "hftbacktest", "numba", "numpy")
