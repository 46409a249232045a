"""What a trade was worth a little later: markouts against the mid, their decay, and the closing line before tip-off."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from replay.stats import GameBootstrap, sum_by_game

__all__ = ["HORIZONS_MS", "closing_line", "decay", "markouts"]

HORIZONS_MS = (100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000)
"""The horizons that reports show, in ms."""

_NS_PER_MS = 1_000_000


def markouts(
    fills: pl.DataFrame,
    mids: pl.DataFrame,
    horizons_ms: Sequence[int] = HORIZONS_MS,
    until_ns: int | None = None,
) -> pl.DataFrame:
    """
    Mark each fill against the mid a fixed time later.

    Uses the last mid known at the horizon, never a later one. A null mid says that the book was unknown from then on;
    where it was unknown at the horizon, or the tape had ended, there is no markout.

    Shape:
        fills: one row per fill, any order;
            seq i64, token_id str, fill_ns i64, side i8, price_u6 i64.
        mids: one row per change, in receive order within a token; token_id str, recv_ns i64, mid_u6 i64 or null.
        returns: len(fills) * len(horizons_ms) rows, horizon by horizon in the order given, fills in theirs;
            seq i64, token_id str, horizon_ms i32, markout_u6 i64 (null: no mid then).

    Units: ns since epoch UTC; u6 = 1e-6 dollar a share; side is +1 buy, -1 sell. until_ns is the end of the tape.

    Raises:
        ValueError: horizons_ms is empty or not positive.
    """
    if not horizons_ms or min(horizons_ms) <= 0:
        raise ValueError(f"horizons must be positive milliseconds, not {list(horizons_ms)}")
    asked = pl.concat(
        fills.select(
            "seq",
            "token_id",
            "side",
            "price_u6",
            at_ns=pl.col("fill_ns") + horizon * _NS_PER_MS,
            horizon_ms=pl.lit(horizon, pl.Int32),
        )
        for horizon in horizons_ms
    )
    marked = _with_mid(asked, mids)
    known = pl.lit(value=True) if until_ns is None else pl.col("at_ns") <= until_ns
    moved = pl.col("side").cast(pl.Int64) * (pl.col("mid_u6") - pl.col("price_u6"))
    return marked.select("seq", "token_id", "horizon_ms", markout_u6=pl.when(known).then(moved))


def decay(marked: pl.DataFrame, bootstrap: GameBootstrap) -> pl.DataFrame:
    """
    Average markouts by horizon, with limits resampled by game.

    A fill without a markout at a horizon is left out there, so `fills` may fall along the curve.

    Shape:
        marked: as `markouts` returns, with a column game i64, numbered from 0 below bootstrap.games.
        returns: one row per horizon, rising; horizon_ms i32, fills i64, mean_u6, low_u6, high_u6 f64 (nan: no markout).

    Units: millionths of a dollar a fill.
    """
    known = marked.filter(pl.col("markout_u6").is_not_null())
    horizons = marked["horizon_ms"].unique().sort()
    sums = np.zeros((bootstrap.games, len(horizons)), np.int64)
    counts = np.zeros_like(sums)
    for column, horizon in enumerate(horizons):
        at = known.filter(pl.col("horizon_ms") == horizon)
        game = at["game"].to_numpy()
        sums[:, column] = sum_by_game(at["markout_u6"].to_numpy(), game, bootstrap.games)
        counts[:, column] = np.bincount(game, minlength=bootstrap.games)
    found = bootstrap.ratio(sums, counts)
    return pl.DataFrame(
        {
            "horizon_ms": horizons,
            "fills": counts.sum(axis=0),
            "mean_u6": found.estimate,
            "low_u6": found.low,
            "high_u6": found.high,
        }
    )


def closing_line(fills: pl.DataFrame, mids: pl.DataFrame, starts: pl.DataFrame) -> pl.DataFrame:
    """
    Compare pre-game fills with the last mid before tip-off (closing line value); fills in play have none.

    The mid is the last one strictly before the start: at the start itself the venue wipes the book.

    Shape:
        fills: seq i64, token_id str, fill_ns i64, side i8, price_u6 i64.
        mids: token_id str, recv_ns i64, mid_u6 i64 or null; in receive order within a token.
        starts: one row per token; token_id str, start_ns i64.
        returns: one row per fill before its start; seq i64, token_id str, clv_u6 i64 (null: the book was unknown).

    Units: as in `markouts`.
    """
    early = fills.join(starts, on="token_id", how="inner", maintain_order="left").filter(
        pl.col("fill_ns") < pl.col("start_ns")
    )
    marked = _with_mid(early.with_columns(at_ns=pl.col("start_ns") - 1), mids)
    moved = pl.col("side").cast(pl.Int64) * (pl.col("mid_u6") - pl.col("price_u6"))
    return marked.select("seq", "token_id", clv_u6=moved)


def _with_mid(asked: pl.DataFrame, mids: pl.DataFrame) -> pl.DataFrame:
    """Add mid_u6 as known at at_ns, keeping the order of the rows."""
    # Of several mids at one moment the last one holds.
    known = mids.unique(("token_id", "recv_ns"), keep="last", maintain_order=True).sort("recv_ns")
    return (
        asked.with_row_index("_row")
        .sort("at_ns")
        .join_asof(
            known.select("token_id", "recv_ns", "mid_u6"),
            left_on="at_ns",
            right_on="recv_ns",
            by="token_id",
            strategy="backward",
            check_sortedness=False,
        )
        .sort("_row")
    )
