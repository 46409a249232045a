"""A tally: the same however the orders are cut into blocks, and what a table of all orders comes to."""

from __future__ import annotations

import hashlib

import numpy as np
from fold_kit import summed
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.core.cells import ORDER_COLUMNS, OrderStatus
from replay.core.tally import FIGURES, Tally

CELLS = 4
ORDERS = st.lists(
    st.tuples(
        st.integers(0, CELLS - 1),
        st.sampled_from([1, -1]),
        st.sampled_from(list(OrderStatus)),
        st.sampled_from([0, 10_000, 10**9]),
        st.integers(0, 10**6),
    ),
    max_size=40,
)


def table(drawn):
    """Orders of several cells, mixed, each value in its column and something else in every other."""
    orders = np.arange(len(drawn) * len(ORDER_COLUMNS), dtype=np.int64).reshape(-1, len(ORDER_COLUMNS)) % 999_983
    names = ("cell", "side", "status", "filled_u6", "fair_u6")
    for row, values in enumerate(drawn):
        for name, value in zip(names, values, strict=True):
            orders[row, ORDER_COLUMNS.index(name)] = value
    for name in ("cash_u6", "fee_u6"):
        orders[orders[:, ORDER_COLUMNS.index("filled_u6")] == 0, ORDER_COLUMNS.index(name)] = 0
    return orders


@settings(max_examples=60)
@given(drawn=ORDERS, cuts=st.lists(st.integers(0, 40), max_size=4))
def test_figures_and_digests_are_those_of_all_orders_of_a_cell(drawn, cuts):
    """However the orders are cut into blocks, sums and digest of a cell are those of its own orders in their order."""
    orders = table(drawn)
    tally = Tally(CELLS)
    for block in np.split(orders, sorted(min(cut, len(orders)) for cut in cuts)):
        if len(block):
            tally.take(block)
    stake_u6 = np.arange(CELLS) + 7
    figures, decisions = tally.figures(stake_u6), tally.decisions()
    for cell in range(CELLS):
        own = orders[orders[:, 0] == cell]
        assert dict(zip(FIGURES, figures[cell].tolist(), strict=True)) == summed(own) | {"stake_u6": 7 + cell}
        assert decisions[cell].tobytes() == hashlib.sha256(own[:, 1:].tobytes()).digest()
