"""Markouts and the closing line."""

from __future__ import annotations

from bisect import bisect_right

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.markout import HORIZONS_MS, closing_line, decay, markouts
from replay.stats import GameBootstrap

MS = 1_000_000
FILL = {"seq": pl.Int64, "token_id": pl.String, "fill_ns": pl.Int64, "side": pl.Int8, "price_u6": pl.Int64}
MID = {"token_id": pl.String, "recv_ns": pl.Int64, "mid_u6": pl.Int64}


def fills(*rows: tuple[int, str, int, int, int]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=FILL, orient="row")


def mids(*rows: tuple[str, int, int | None]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=MID, orient="row")


def test_a_buy_gains_when_the_mid_rises_and_a_sale_when_it_falls() -> None:
    """The markout is side times what the mid moved from the fill price, in millionths a share."""
    marked = markouts(
        fills((1, "T", 0, 1, 500_000), (2, "T", 0, -1, 500_000)), mids(("T", 0, 500_000), ("T", 5 * MS, 530_000)), [10]
    )
    assert marked.rows() == [(1, "T", 10, 30_000), (2, "T", 10, -30_000)]
    assert marked.schema == {"seq": pl.Int64, "token_id": pl.String, "horizon_ms": pl.Int32, "markout_u6": pl.Int64}


def test_the_last_mid_at_the_horizon_never_a_later_one() -> None:
    """A mid at exactly the horizon counts, a nanosecond later does not, and of two at one moment the last one holds."""
    known = mids(("T", 0, 500_000), ("T", 10 * MS, 510_000), ("T", 10 * MS, 520_000), ("T", 20 * MS + 1, 900_000))
    assert markouts(fills((1, "T", 0, 1, 500_000)), known, [5, 10, 20])["markout_u6"].to_list() == [0, 20_000, 20_000]


def test_no_mid_no_markout() -> None:
    """Before the first mid, in a gap, for another token and after the tape there is no markout, not a zero."""
    known = mids(("T", 5 * MS, 510_000), ("T", 8 * MS, None), ("U", 0, 1))
    marked = markouts(fills((1, "T", 0, 1, 500_000)), known, [4, 5, 7, 8, 100])
    assert marked["markout_u6"].to_list() == [None, 10_000, 10_000, None, None]
    ended = markouts(fills((1, "U", 0, 1, 0)), known, [4, 5], until_ns=4 * MS)
    assert ended["markout_u6"].to_list() == [1, None]


def test_no_fills_no_rows() -> None:
    """A run without fills has an empty table of the same columns."""
    assert markouts(fills(), mids(("T", 0, 1))).shape == (0, 4)


@pytest.mark.parametrize("horizons", [[], [0], [100, -1]])
def test_horizons_are_positive(horizons: list[int]) -> None:
    """A horizon that is no later time is refused."""
    with pytest.raises(ValueError, match="horizons"):
        markouts(fills(), mids(), horizons)


@given(
    st.lists(st.tuples(st.sampled_from("TU"), st.integers(0, 200), st.sampled_from([1, -1]), st.integers(0, 99))),
    st.lists(st.tuples(st.sampled_from("TU"), st.integers(0, 400), st.integers(0, 99) | st.none())),
)
def test_it_is_the_definition(
    trades: list[tuple[str, int, int, int]], changes: list[tuple[str, int, int | None]]
) -> None:
    """For any fills and mids each row is what the definition gives, fill by fill, in the order of the fills."""
    changes.sort(key=lambda change: change[1])
    rows = [(seq, token, at * MS, side, price) for seq, (token, at, side, price) in enumerate(trades)]
    marked = markouts(fills(*rows), mids(*((token, at * MS, mid) for token, at, mid in changes)), [1, 100])
    expected = []
    for horizon in (1, 100):
        for token, at, side, price in trades:
            own = [(when, mid) for name, when, mid in changes if name == token]
            known = bisect_right([when for when, _ in own], at + horizon)
            mid = own[known - 1][1] if known else None
            expected.append(None if mid is None else side * (mid - price))
    assert marked["markout_u6"].to_list() == expected
    assert marked["seq"].to_list() == list(range(len(trades))) * 2


def test_decay_averages_by_fill_and_resamples_by_game() -> None:
    """The curve is the mean over fills that have a markout, its limits come from games, without any it is unknown."""
    trades = fills(*((n, "T", 0, 1, 100 * n) for n in range(6)))
    marked = markouts(trades, mids(("T", 0, 1_000), ("T", 5 * MS, None)), [4, 6])
    curve = decay(marked.with_columns(game=pl.col("seq") // 2), GameBootstrap(3, seed=1))
    assert curve["horizon_ms"].to_list() == [4, 6]
    assert curve["fills"].to_list() == [6, 0]
    assert curve["mean_u6"][0] == 750
    assert curve["low_u6"][0] < 750 < curve["high_u6"][0]
    assert curve["mean_u6"].is_nan().to_list() == [False, True]


def test_closing_line() -> None:
    """A fill before tip-off is held against the last mid before it, not the wiped book; one in play has none."""
    known = mids(("T", 0, 500_000), ("T", 90, 560_000), ("T", 100, None), ("T", 120, 700_000))
    starts = pl.DataFrame({"token_id": ["T"], "start_ns": [100]})
    line = closing_line(fills((1, "T", 10, 1, 520_000), (2, "T", 100, 1, 500_000), (3, "U", 0, 1, 1)), known, starts)
    assert line.rows() == [(1, "T", 40_000)]


def test_the_horizons_rise() -> None:
    """The reported horizons go from a tenth of a second to two minutes."""
    assert list(HORIZONS_MS) == sorted(HORIZONS_MS)
    assert (HORIZONS_MS[0], HORIZONS_MS[-1]) == (100, 120_000)
