"""Small nights for tests of the fold: rows and observations written by hand, folded by the interpreted kernels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from replay.core.cells import CELL_COLUMNS, EVALUATION_COLUMNS, ORDER_COLUMNS, SKIP_NAMES, OrderStatus, Timeline
from replay.core.engine import Fold, Freshness
from replay.core.events import GameStatus
from replay.core.jit import interpreted
from replay.core.rows import (
    OP_ASK,
    OP_BID,
    OP_FORGET,
    OP_LAST,
    OP_LINK,
    OP_RULES,
    OP_SNAPSHOT,
    OP_SNAPSHOT_ASK,
    OP_SNAPSHOT_BID,
    OP_SNAPSHOT_END,
    OP_TICK,
    OP_WITNESS,
    POLL_COLUMNS,
    ROW_COLUMNS,
    RULES_COLUMNS,
    STATE_COLUMNS,
    Night,
    Rows,
    frozen,
)
from replay.settings import Setting, cell_params
from strategies.fusion import run

CENT = 10_000
SHARE = 1_000_000
MS = 1_000_000
SECOND = 1_000 * MS

HOME, AWAY = 0, 1
"""The tokens of game 0."""

_FRESHNESS = Freshness()
_SNAPSHOT_OPS = {OP_BID: OP_SNAPSHOT_BID, OP_ASK: OP_SNAPSHOT_ASK}


class Interpreted:
    """The fuser as plain Python: no compiler in a unit test."""

    name = "fusion"
    run = staticmethod(interpreted(run))


class Compiled:
    """The fuser as it runs everywhere else."""

    name = "fusion"
    run = staticmethod(run)


@dataclass
class SmallNight:
    """A night that is written down call by call; times in ms, prices in cents, sizes in shares."""

    rows: list[tuple[int, ...]] = field(default_factory=list)
    states: list[tuple[int, ...]] = field(default_factory=list)
    fairs: list[int] = field(default_factory=list)
    rules: list[tuple[int, ...]] = field(default_factory=list)
    seq: int = 0

    def _row(self, at_ms, op, token, *what, bid=-1, ask=-1, source_ms=-1):
        price, size = (*what, 0, 0)[:2]
        self.rows.append((self.seq, round(at_ms * MS), op, token, price, size, bid, ask, source_ms))

    def link(self, at_ms=0, game=0, home=HOME, away=AWAY):
        """The plan says which tokens a game has."""
        self.seq += 1
        self._row(at_ms, OP_LINK, home, game, 1)
        self._row(at_ms, OP_LINK, away, game, -1)
        return self

    def unlink(self, at_ms, token, game=0):
        """The plan moves the game to another market: the token stands for no side of it."""
        self.seq += 1
        self._row(at_ms, OP_LINK, token, game, 0)
        return self

    def book(self, at_ms, token, bids=(), asks=(), *, witness=False, source_ms=-1):
        """A whole book; levels as (cents, shares)."""
        self.seq += 1
        touch = [round(levels[0][0] * CENT) if levels else -1 for levels in (bids, asks)]
        self._row(at_ms, OP_WITNESS if witness else OP_SNAPSHOT, token, bid=touch[0], ask=touch[1], source_ms=source_ms)
        for op, levels in ((OP_BID, bids), (OP_ASK, asks)):
            for cents, shares in levels:
                self._row(at_ms, _SNAPSHOT_OPS[op], token, round(cents * CENT), round(shares * SHARE))
        self._row(at_ms, OP_SNAPSHOT_END, token)
        return self

    def change(self, at_ms, token, op, cents, shares, *, best=(None, None), last=True, source_ms=-1):
        """One level's new size; best is what the venue says the touch is, in cents."""
        self.seq += 1
        said = [-1 if price is None else round(price * CENT) for price in best]
        price, size = round(cents * CENT), round(shares * SHARE)
        self._row(
            at_ms, op + (OP_LAST if last else 0), token, price, size, bid=said[0], ask=said[1], source_ms=source_ms
        )
        return self

    def ask(self, at_ms, token, cents, shares, **more):
        """An ask's new size."""
        return self.change(at_ms, token, OP_ASK, cents, shares, **more)

    def bid(self, at_ms, token, cents, shares, **more):
        """A bid's new size."""
        return self.change(at_ms, token, OP_BID, cents, shares, **more)

    def gap(self, at_ms, token):
        """The feed of a token broke."""
        self.seq += 1
        self._row(at_ms, OP_FORGET, token)
        return self

    def tick(self, at_ms, token, cents):
        """A token's price step changed."""
        self.seq += 1
        self._row(at_ms, OP_TICK, token, round(cents * CENT))
        return self

    def rule(self, at_ms, token, *, delay_ms=-1, fee_u6=-1, tick_u6=-1, size_min=-1):
        """A market's rules became known."""
        self.seq += 1
        self._row(at_ms, OP_RULES, token, len(self.rules))
        delay_ns = delay_ms * MS if delay_ms >= 0 else -1
        least = size_min * SHARE if size_min >= 0 else -1
        self.rules.append((self.seq, round(at_ms * MS), token, delay_ns, fee_u6, tick_u6, least))
        return self

    def score(self, at_ms, home, away, fair, *, clock_ms=600_000, period=1, status=GameStatus.LIVE, game=0, source=0):
        """An observation of a game; fair is the home side's value in cents, None where the model has none."""
        self.seq += 1
        at_ns = round(at_ms * MS)
        self.states.append(
            (self.seq, at_ns, game, source, int(status), period, clock_ms, 0, home, away, len(self.states), 0)
        )
        self.fairs.append(-1 if fair is None else round(fair * CENT))
        return self

    def night(self):
        """The night in columns."""
        table = np.array(self.rows, np.int64).reshape(-1, len(ROW_COLUMNS))
        columns = [frozen(table[:, k].astype(kind)) for k, kind in enumerate(ROW_COLUMNS.values())]
        return Night(
            rows=Rows(*columns),
            states=frozen(np.array(self.states, np.int64).reshape(-1, len(STATE_COLUMNS))),
            polls=frozen(np.zeros((0, len(POLL_COLUMNS)), np.int64)),
            rules=frozen(np.array(self.rules, np.int64).reshape(-1, len(RULES_COLUMNS))),
        )


@dataclass
class Said:
    """What a fold said, by name."""

    fold: Fold
    evaluations: list[dict[str, int]]
    orders: list[dict[str, int]]

    def looks(self, view=0):
        """How often a look came to what, without zeros."""
        return {name: count for name, count in zip(SKIP_NAMES, self.fold.looks(view).tolist(), strict=True) if count}


def new_fold(settings, *, tokens=2, games=1, freshness=_FRESHNESS, strategy=Interpreted, record=True):
    """A fold of these settings that has seen nothing."""
    views, params, _ = cell_params(settings)
    delays = [view.book_delay_ms * MS for view in views]
    return Fold(
        strategy(), params, tokens=tokens, games=games, freshness=freshness, view_delays_ns=delays, record=record
    )


def fold_night(small, *settings, until_ms=10_000_000, at_ms=None, **more):
    """Fold a small night under settings; at_ms shifts, by view, when an observation is seen."""
    fold = new_fold(settings or (Setting(),), **more)
    night, count = small.night(), len(small.states)
    views = len(fold.sight.delay_ns)
    at_ns = [night.states[:, 1] - fold.sight.delay_ns[view] for view in range(views)]
    if at_ms is not None:
        at_ns = [part + shift * MS for part, shift in zip(at_ns, at_ms, strict=True)]
    ends = np.arange(views + 1) * count
    timeline = Timeline(
        at_ns=np.concatenate(at_ns),
        seq=np.tile(night.states[:, 0], views),
        state=np.tile(np.arange(count), views),
        bounds=np.stack([ends[:-1], ends[1:]], axis=1).astype(np.int64),
    )
    fold.run(night, np.array(small.fairs, np.int64), timeline, round(until_ms * MS))
    said = fold.take_evaluations().tolist()
    fold.finish()
    return Said(
        fold,
        [dict(zip(EVALUATION_COLUMNS, row, strict=True)) for row in said],
        [dict(zip(ORDER_COLUMNS, row, strict=True)) for row in fold.orders().tolist()],
    )


def cell_column(name):
    """The number of a parameter of a cell."""
    return CELL_COLUMNS.index(name)


def summed(orders):
    """The figures of one cell, by name, from its orders in a table: what a tally must come to."""
    side, due, fair, edge, status, filled, cash, fee = (
        orders[:, ORDER_COLUMNS.index(name)]
        for name in ("side", "due_ns", "fair_u6", "edge_u6", "status", "filled_u6", "cash_u6", "fee_u6")
    )
    bought = (filled > 0) & (side > 0)
    out = (side * cash + fee)[filled > 0]
    worth = (fair * filled // 1_000_000)[bought].sum()
    return {
        "signals": len(orders),
        "orders": int((~np.isin(status, (OrderStatus.TOO_SMALL, OrderStatus.CAPPED))).sum()),
        "fills": int((filled > 0).sum()),
        "shares_u6": int(filled.sum()),
        "cost_u6": int(cash[bought].sum()),
        "fees_u6": int(fee.sum()),
        "edge_u6": int(edge.sum()),
        "bought_u6": int(filled[bought].sum()),
        "gained_u6": int(worth - cash[bought].sum() - fee[bought].sum()),
        "stake_u6": int(np.cumsum(out[np.argsort(due[filled > 0], kind="stable")]).max(initial=0)),
    }
