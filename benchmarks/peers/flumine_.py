"""
flumine: its own stream format, one file a market, simulated historically, with its speed extras installed.

A token is a market of one runner. Odds stand for cents, one tick of the exchange's ladder a cent: what is offered to a
backer is an ask. The stream has no scores of ball games: the strategy looks them up by publish time. Files are JSON, so
that decoding is in its time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kit
from flumine import BaseStrategy, FlumineSimulation, clients, config
from flumine.order.ordertype import LimitOrder
from flumine.order.trade import Trade
from flumine.streams.betfairhistoricalstream import BetfairHistoricalStream
from flumine.utils import PRICES

ODDS = {cents: float(PRICES[200 - cents]) for cents in range(1, 100)}
CENTS = {odds: cents for cents, odds in ODDS.items()}
SLACK = 0.001
"""Its times are milliseconds, so an order may be under way a little longer and a signal fall away."""
DEFINITION = (
    '"marketDefinition":{"bspMarket":false,"turnInPlayEnabled":true,"persistenceEnabled":true,"marketBaseRate":0.0,'
    '"eventId":"1","eventTypeId":"7522","numberOfWinners":1,"bettingType":"ODDS","marketType":"MATCH_ODDS",'
    '"marketTime":"2026-01-16T00:00:00.000Z","suspendTime":"2026-01-16T00:00:00.000Z","bspReconciled":false,'
    '"complete":true,"inPlay":true,"crossMatching":false,"runnersVoidable":false,"numberOfActiveRunners":1,'
    '"betDelay":0,"status":"OPEN","runners":[{"status":"ACTIVE","sortPriority":1,"id":1}],"regulators":["x"],'
    '"discountAllowed":true,"timezone":"UTC","openDate":"2026-01-16T00:00:00.000Z","version":1,"priceLadderDefinition":'
    '{"type":"CLASSIC"}}'
)


def write(folder: Path) -> list[list[tuple[int, int, int]]]:
    """Write the markets' files and return the scores of every token: publish time, fair value, moved."""
    out = folder / "flumine"
    out.mkdir(exist_ok=True)
    scores: list[list[tuple[int, int, int]]] = [[] for _ in range(16)]
    files = [(out / f"1.{100 + number}").open("w") for number in range(16)]
    levels: dict[str, list[str]] = {}
    for op, recv_ns, token, side, price, size in kit.rows(folder / "events.npy"):
        pt, runner = recv_ns // 1_000_000, "atb" if side else "atl"
        if op == 4:
            scores[token].append((pt, price, side))
            scores[token + 1].append((pt, 1_000_000 - price, side))
            continue
        if op == 1:
            levels = {"atb": [], "atl": []}
            continue
        if op == 2:
            levels[runner].append(f"[{ODDS[price]},{size / 100}]")
            continue
        market = f'"id":"1.{100 + token}"'
        if op == 3:
            sides = ",".join(f'"{name}":[{",".join(rows)}]' for name, rows in levels.items())
            change = f'{{{market},"img":true,{DEFINITION},"rc":[{{"id":1,{sides}}}]}}'
        else:
            change = f'{{{market},"rc":[{{"id":1,"{runner}":[[{ODDS[price]},{size / 100}]]}}]}}'
        files[token].write(f'{{"op":"mcm","id":1,"clk":"A","pt":{pt},"mc":[{change}]}}\n')
    for file in files:
        file.close()
    return scores


class Edge(BaseStrategy):
    """First crossing of the threshold, one order under way a token."""

    def start(self, flumine: Any) -> None:
        self.token = -1
        self.orders = []
        self.signals = self.changes = 0

    def check_market_book(self, market: Any, market_book: Any) -> bool:
        return True

    def _begin(self, market: Any) -> None:
        self.token = int(market.market_id[2:]) - 100
        self.states = iter(self.context["scores"][self.token])
        self.next = next(self.states, None)
        self.fair, self.ask, self.armed, self.order = -1, None, True, None

    def process_market_book(self, market: Any, market_book: Any) -> None:
        if f"1.{100 + self.token}" != market.market_id:
            self._begin(market)
        self.changes += 1
        if self.order is not None and self.order.complete:
            self.order = None
        now = market_book.publish_time_epoch
        while self.next is not None and self.next[0] <= now:
            self.fair = self.next[1]
            if self.next[2]:
                self.look(market)
            self.next = next(self.states, None)
        offered = market_book.runners[0].ex.available_to_back
        self.ask = offered[0]["price"] if offered else None
        self.look(market)

    def look(self, market: Any) -> None:
        if self.fair < 0 or self.ask is None:
            return
        if self.fair - CENTS[self.ask] * 10_000 < self.context["min_edge"]:
            self.armed = True
        elif self.armed and self.order is None:
            self.armed = False
            self.signals += 1
            trade = Trade(market.market_id, 1, 0, self)
            kind = LimitOrder(self.ask, self.context["shares"], time_in_force="FILL_OR_KILL", min_fill_size=0.01)
            self.order = trade.create_order("BACK", kind)
            self.orders.append(self.order)
            market.place_order(self.order)


def _play(folder: Path, told: dict[str, Any], scores: list[list[tuple[int, int, int]]]) -> Edge:
    client = clients.SimulatedClient(transaction_limit=None)
    framework = FlumineSimulation(client=client)
    streams = [BetfairHistoricalStream(str(folder / "flumine" / f"1.{100 + number}")) for number in range(16)]
    strategy = Edge(
        streams=streams,
        max_order_exposure=1e12,
        max_selection_exposure=1e12,
        max_trade_count=1_000_000_000,
        max_live_trade_count=1_000_000,
        multi_order_trades=True,
        context={"scores": scores, "min_edge": told["min_edge_u6"], "shares": float(told["shares"])},
    )
    framework.add_strategy(strategy)
    framework.run()
    return strategy


def run(folder: Path, told: dict[str, Any], repeat: int) -> Iterator[dict[str, Any]]:
    del repeat  # one run of it is long enough to be steady
    logging.disable(logging.CRITICAL)
    config.place_latency = told["delay_ns"] / 1e9
    scores = write(folder)
    times = kit.timed(lambda: _play(folder, told, scores))
    strategy = times[2]
    matched = [order.size_matched for order in strategy.orders]
    counts = {"signals": strategy.signals, "fills": sum(size > 0 for size in matched), "shares": round(sum(matched))}
    assert strategy.changes == told["changes"] + told["snapshots"]
    note = "its own JSON decoded in the time; scores looked up; milliseconds; takes the same liquidity again"
    for race, unit, count in (("replay", "level changes", told["changes"]), ("raw", "frames", strategy.changes)):
        yield kit.case(race, "flumine", times, unit, count, **counts, slack=SLACK, note=note)


if __name__ == "__main__":
    kit.main(run, "flumine", "betfairlightweight", "orjson", "ciso8601")
