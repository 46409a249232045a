"""Trades: every signal of the featured cell in one frame, and what follows from it: funnel, equity, decay."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from replay.core.cells import ORDER_COLUMNS, OrderStatus
from replay.ledger import Ledger
from replay.markout import HORIZONS_MS, closing_line, decay, markouts
from replay.report.facts import Blocker, Closing, CurvePoint, Decay, Equity, Funnel, Step
from replay.report.quotes import Quotes
from replay.settings import Setting
from replay.settle import Basis
from replay.stats import GameBootstrap, drawdown, sum_by_game

__all__ = ["curves", "equity_of", "finite_c", "funnel_of", "half_life_s", "trades_frame"]

_CENT_U6 = 10_000
_POINTS_MAX = 600
_NEVER_SENT = ("too_small", "capped")
_BLOCKERS = {
    "too_small": "smaller than the venue takes",
    "capped": "position or budget was full",
    "expired": "the tape ended first",
    "in_gap": "book unknown on arrival",
    "no_liquidity": "price was gone on arrival",
}


def trades_frame(ledgers: Sequence[Ledger], game_ids: Sequence[Sequence[str]]) -> pl.DataFrame:
    """
    Return every order of all ledgers, one row each, in order of tape and signal.

    Shape: ORDER_COLUMNS as i64 but status as str; tape i64 (number of the ledger); game i64, over all tapes, -1 for
    none; token_id str, of tape and token number; payout_u6 i64 (0 where not even a mid is known); basis str; pnl_u6
    i64, the result of a fill at the payout.

    game_ids names the games of each tape in the order in which they are numbered here.
    """
    parts = []
    offset = 0
    for tape, (ledger, names) in enumerate(zip(ledgers, game_ids, strict=True)):
        numbers = {name: offset + k for k, name in enumerate(names)}
        offset += len(names)
        games = [numbers.get(ledger.games[game], -1) if game >= 0 else -1 for game in ledger.game_of]
        settled = {item.token_id: item for item in ledger.settlements}
        payouts = [settled[token].payout_u6 or 0 if token in settled else 0 for token in ledger.tokens]
        bases = [settled[token].basis if token in settled else Basis.OPEN.value for token in ledger.tokens]
        frame = pl.DataFrame(
            {name: np.ascontiguousarray(ledger.orders[:, k]) for k, name in enumerate(ORDER_COLUMNS)},
            schema=dict.fromkeys(ORDER_COLUMNS, pl.Int64),
        )
        token = frame["token"]
        parts.append(
            frame.with_columns(
                pl.Series("status", [status.name.lower() for status in OrderStatus], pl.String).gather(frame["status"]),
                pl.lit(tape, pl.Int64).alias("tape"),
                pl.Series("game", games, pl.Int64).gather(token),
                pl.format(f"{tape}/{{}}", "token").alias("token_id"),
                pl.Series("payout_u6", payouts, pl.Int64).gather(token),
                pl.Series("basis", bases, pl.String).gather(token),
            )
        )
    frame = pl.concat(parts)
    value = (pl.col("filled_u6") * pl.col("payout_u6") + 500_000) // 1_000_000
    return frame.with_columns(pnl_u6=pl.col("side") * (value - pl.col("cash_u6")) - pl.col("fee_u6"))


def funnel_of(ledgers: Sequence[Ledger], frame: pl.DataFrame, min_edge_u6: int) -> Funnel:
    """Count what became of every look, evaluation and signal; sales are counted apart."""
    looks: dict[str, int] = {}
    for ledger in ledgers:
        for name, count in ledger.looks.items():
            looks[name] = looks.get(name, 0) + count
    edges = np.concatenate([ledger.evaluations[:, 6] for ledger in ledgers])
    above = edges[edges >= min_edge_u6]
    buys = frame.filter(pl.col("side") > 0)
    sent = buys.filter(~pl.col("status").is_in(_NEVER_SENT))
    arrived = sent.filter(~pl.col("status").is_in(["expired", "pending", "in_gap"]))
    filled = buys.filter(pl.col("filled_u6") > 0)
    settled = filled.filter(pl.col("basis") != Basis.OPEN.value)
    steps = [
        Step(name="looks at a token", count=sum(looks.values()), edge_c=None),
        Step(name="fresh on both feeds", count=looks.get("evaluated", 0), edge_c=_mean_c(edges)),
        Step(name="above the threshold", count=len(above), edge_c=_mean_c(above)),
        Step(name="signals of the policy", count=len(buys), edge_c=_edge_c(buys)),
        Step(name="orders sent", count=len(sent), edge_c=_edge_c(sent)),
        Step(name="arrived on a known book", count=len(arrived), edge_c=_edge_c(arrived)),
        Step(name="filled", count=len(filled), edge_c=_edge_at_fill_c(filled), profit_u6=int(filled["pnl_u6"].sum())),
        Step(
            name="settled", count=len(settled), edge_c=_edge_at_fill_c(settled), profit_u6=int(settled["pnl_u6"].sum())
        ),
    ]
    blockers = [_blocker(buys.filter(pl.col("status") == status), words) for status, words in _BLOCKERS.items()]
    return Funnel(
        looks=looks,
        steps=steps,
        blockers=[blocker for blocker in blockers if blocker.count],
        exits=len(frame) - len(buys),
        accounted=sum(blocker.count for blocker in blockers) + len(filled) == len(buys),
    )


def _blocker(stopped: pl.DataFrame, words: str) -> Blocker:
    """Price what a reason cost: the signals it stopped, bought at the ask they saw and held to the end, before fees."""
    would = (stopped["payout_u6"] - stopped["ask_u6"]).to_numpy() * (stopped["size_u6"].to_numpy() // 1_000)
    return Blocker(
        reason=words, count=len(stopped), edge_c=_edge_c(stopped) or 0.0, missed_u6=int((would // 1_000).sum())
    )


def _mean_c(edges_u6: NDArray[np.int64]) -> float | None:
    return round(float(edges_u6.mean()) / _CENT_U6, 3) if len(edges_u6) else None


def _edge_c(frame: pl.DataFrame) -> float | None:
    return _mean_c(frame["edge_u6"].to_numpy())


def _edge_at_fill_c(filled: pl.DataFrame) -> float | None:
    """Return fair value minus the price paid, fee included, by share, in cents."""
    shares = int(filled["filled_u6"].sum())
    if not shares:
        return None
    fair = float((filled["fair_u6"] * (filled["filled_u6"] / 1e6)).sum())
    paid = float((filled["cash_u6"] + filled["fee_u6"]).sum())
    return round((fair - paid) / (shares / 1e6) / _CENT_U6, 3)


def equity_of(frame: pl.DataFrame, by_game_u6: Sequence[int], ends_ns: Mapping[int, int]) -> Equity:
    """
    Return profit as it added up over time, what was at stake meanwhile, and the deepest falls by fill and by game.

    Shape: by_game_u6 (games,), in the order in which the games began. ends_ns is when the last live moment of a game
    was, by its number over all tapes; one without never frees its stake.
    """
    fills = frame.filter(pl.col("filled_u6") > 0).sort("due_ns", maintain_order=True)
    sums = np.cumsum(fills["pnl_u6"].to_numpy(), dtype=np.int64)
    stakes = _stakes_u6(fills, ends_ns)
    points = list(zip(fills["due_ns"].to_list(), sums.tolist(), stakes, strict=True))
    if len(points) > _POINTS_MAX:
        kept = np.unique(np.linspace(0, len(points) - 1, _POINTS_MAX).astype(np.int64))
        points = [points[k] for k in kept.tolist()]
    return Equity(
        points=points,
        stake_u6=max(stakes, default=0),
        drawdown_u6=drawdown(fills["pnl_u6"].to_numpy()).depth_u6,
        game_drawdown_u6=drawdown(np.asarray(by_game_u6, np.int64)).depth_u6,
    )


def _stakes_u6(fills: pl.DataFrame, ends_ns: Mapping[int, int]) -> list[int]:
    """Return what is at stake after each fill: net cash paid on games not over; a sale frees what it brings."""
    at_stake: dict[int, int] = {}
    stakes = []
    for now_ns, game, side, cash, fee in fills.select("due_ns", "game", "side", "cash_u6", "fee_u6").iter_rows():
        at_stake[game] = max(at_stake.get(game, 0) + side * cash + fee, 0)
        at_stake = {one: stake for one, stake in at_stake.items() if ends_ns.get(one, now_ns) >= now_ns}
        stakes.append(sum(at_stake.values()))
    return stakes


def curves(
    frame: pl.DataFrame,
    quotes: Sequence[Quotes],
    ends_ns: Sequence[int],
    setting: Setting,
    bootstrap: GameBootstrap,
    starts_ns: Mapping[str, int],
) -> Decay:
    """
    Return what was left of the edge after each signal, and what each fill was worth, at the horizons of the reports.

    The edge left is fair value at the signal minus the ask later: what an order that arrives then would still find.

    Shape: quotes and ends_ns, the last moment of each tape, one a tape. starts_ns is the tip-off by token_id.
    """
    buys = frame.filter((pl.col("side") > 0) & (pl.col("game") >= 0))
    fills = frame.filter((pl.col("filled_u6") > 0) & (pl.col("game") >= 0))
    # What an ask takes away from an edge is a sale at fair value marked against the ask: -1 * (ask - fair).
    signals = buys.select(
        "seq", "token_id", "game", "tape", fill_ns="signal_ns", side=pl.lit(-1, pl.Int8), price_u6="fair_u6"
    )
    paid = fills.select(
        "seq",
        "token_id",
        "game",
        "tape",
        pl.col("side").cast(pl.Int8),
        fill_ns="due_ns",
        price_u6=(pl.col("cash_u6") * 1_000_000) // pl.col("filled_u6"),
    )
    mids = [quote.frame(f"{tape}/") for tape, quote in enumerate(quotes)]
    asks = [frame.select("token_id", "recv_ns", mid_u6="ask_u6") for frame in mids]
    left = _points(_marked(signals, asks, ends_ns), bootstrap)
    if left:
        start = [
            CurvePoint(horizon_ms=0, trades=len(buys), mean_c=_edge_c(buys) or 0.0, low_c=None, high_c=None),
        ]
        left = start + left
    view = setting.view
    waits = (buys["due_ns"] - buys["signal_ns"]).to_numpy()
    return Decay(
        left=left,
        markout=_points(_marked(paid, [frame.drop("ask_u6") for frame in mids], ends_ns), bootstrap),
        closing=_closing(paid, pl.concat(mids), starts_ns, bootstrap) if mids else None,
        half_life_s=half_life_s([(point.horizon_ms / 1000, point.mean_c) for point in left]),
        order_delay_s=round(float(np.median(waits)) / 1e9, 3) if len(waits) else setting.order_delay_ms / 1000,
        poll_s=None if view.poll_ms < 0 else view.poll_ms / 1000,
    )


def _closing(
    paid: pl.DataFrame, mids: pl.DataFrame, starts_ns: Mapping[str, int], bootstrap: GameBootstrap
) -> Closing | None:
    """Return what fills before tip-off were worth at the last mid before it, resampled by game."""
    starts = pl.DataFrame(
        {"token_id": list(starts_ns), "start_ns": list(starts_ns.values())},
        schema={"token_id": pl.String, "start_ns": pl.Int64},
    )
    game_of = paid.select("token_id", "game").unique()
    lines = closing_line(paid, mids, starts).drop_nulls().join(game_of, on="token_id")
    if not len(lines):
        return None
    game = lines["game"].to_numpy()
    sums = sum_by_game(lines["clv_u6"].to_numpy(), game, bootstrap.games)
    found = bootstrap.ratio(sums, np.bincount(game, minlength=bootstrap.games))
    return Closing(
        trades=len(lines),
        mean_c=round(float(found.estimate) / _CENT_U6, 4),
        low_c=finite_c(float(found.low)),
        high_c=finite_c(float(found.high)),
    )


def _marked(trades: pl.DataFrame, mids: Sequence[pl.DataFrame], ends_ns: Sequence[int]) -> pl.DataFrame:
    """Mark trades tape by tape, so that each ends with its own tape."""
    parts = []
    for tape, (known, end_ns) in enumerate(zip(mids, ends_ns, strict=True)):
        mine = trades.filter(pl.col("tape") == tape)
        if len(mine):
            marked = markouts(mine.drop("game", "tape"), known, until_ns=end_ns)
            # The answer repeats the trades in their order, horizon by horizon.
            parts.append(marked.with_columns(game=pl.concat([mine["game"]] * len(HORIZONS_MS))))
    return pl.concat(parts) if parts else pl.DataFrame()


def _points(marked: pl.DataFrame, bootstrap: GameBootstrap) -> list[CurvePoint]:
    if not len(marked):
        return []
    return [
        CurvePoint(
            horizon_ms=row["horizon_ms"],
            trades=row["fills"],
            mean_c=round(row["mean_u6"] / _CENT_U6, 4),
            low_c=finite_c(row["low_u6"]),
            high_c=finite_c(row["high_u6"]),
        )
        for row in decay(marked, bootstrap).iter_rows(named=True)
        if math.isfinite(row["mean_u6"])
    ]


def finite_c(value_u6: float) -> float | None:
    """Return cents, None where there are too few games for a limit."""
    return round(value_u6 / _CENT_U6, 4) if math.isfinite(value_u6) else None


def half_life_s(curve: Sequence[tuple[float, float]]) -> float | None:
    """
    Return when a curve of (seconds, edge) first falls to half of its first value; straight lines between points.

    None where it never does, or there was no edge to begin with.
    """
    if len(curve) < 2 or curve[0][1] <= 0:
        return None
    half = curve[0][1] / 2
    for (before_s, before), (after_s, after) in pairwise(curve):
        if after <= half:
            return round(before_s + (after_s - before_s) * (before - half) / (before - after), 3)
    return None
