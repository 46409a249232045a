"""
DuckDB: the sweep as ASOF JOIN, view by view. Stateless: it counts crossings, and fills nothing.

It is given the best ask after every message, so it folds no book either.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import kit
import numpy as np

_QUERY = """
with seen as (from views where view = $view),
looks as (
    select quotes.recv_ns, token, ask_u6, fair_u6
    from quotes asof join seen using (token, recv_ns)
    union all
    select moves.recv_ns, token, ask_u6, fair_u6
    from (from seen where moved = 1) moves asof join quotes using (token, recv_ns)
),
edges as (
    select fair_u6 - ask_u6 as edge, lag(fair_u6 - ask_u6) over (partition by token order by recv_ns) as before
    from looks
),
turns as (select edge, coalesce(before, -1099511627776) as before from edges where edge is distinct from before)
select {counts} from turns
"""


def run(folder: Path, told: dict[str, Any], repeat: int) -> Iterator[dict[str, Any]]:
    asks = dict(zip(("recv_ns", "token", "ask_u6"), np.load(folder / "quotes.npy").T.copy(), strict=True))
    names = ("view", "recv_ns", "token", "fair_u6", "moved")
    seen = dict(zip(names, np.load(folder / "views.npy").T.copy(), strict=True))
    counts = ", ".join(f"count(*) filter (edge >= {least} and before < {least})" for least in told["edges_u6"])
    with duckdb.connect() as connection:
        connection.execute("create table quotes as from asks")
        connection.execute("create table views as from seen")

        def sweep() -> int:
            query = _QUERY.format(counts=counts)
            return sum(sum(connection.execute(query, {"view": view}).fetchall()[0]) for view in range(told["views"]))

        times = kit.timed(sweep, repeat)
    del asks, seen
    yield kit.case(
        "sweep", "DuckDB ASOF JOIN", times, "cells", told["views"] * len(told["edges_u6"]), signals=times[2],
        note="no fills, no P&L, no polls drawn, best asks given",
    )  # fmt: skip


if __name__ == "__main__":
    kit.main(run, "duckdb", "numpy")
