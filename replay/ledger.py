"""The ledger: everything one run said, in integers, with a digest that any machine reproduces."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from replay.core.cells import EVALUATION_COLUMNS, ORDER_COLUMNS, OrderStatus
from replay.core.patterns import PATTERN_COLUMNS, no_patterns
from replay.core.predictions import Prediction
from replay.settle import Basis, value_u6

if TYPE_CHECKING:
    import polars as pl

__all__ = ["PREDICTION_COLUMNS", "SETTLEMENT_COLUMNS", "Ledger", "Settlement", "combined_digest"]

Ints = NDArray[np.int64]

_STATUS = ORDER_COLUMNS.index("status")
_FILLED = ORDER_COLUMNS.index("filled_u6")
_FEE = ORDER_COLUMNS.index("fee_u6")
_FORMAT = "gametape.ledger/1"

SETTLEMENT_COLUMNS = ("token_id", "game_id", "shares_u6", "cash_u6", "payout_u6", "basis", "pnl_u6")
PREDICTION_COLUMNS = {
    "seq": "i",
    "recv_ns": "i",
    "game_id": "s",
    "minutes": "i",
    "missing": "i",
    "prior_u6": "i",
    "horizon": "s",
    "point_forecast": "f",
    "interval_lower": "f",
    "interval_upper": "f",
    "coverage": "f",
    "explanation": "s",
    "latency_ns": "i",
}
"""Columns of predictions.parquet: i whole numbers, f floats, s text."""
_TEXT_COLUMNS = ("token_id", "game_id", "basis")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """
    What one token's position came to.

    Units: u6. payout_u6 is None where the market is open and no mid is known; the position then counts as worthless,
    and its basis says open.
    """

    token_id: str
    game_id: str
    shares_u6: int
    cash_u6: int
    payout_u6: int | None
    basis: str

    @property
    def pnl_u6(self) -> int:
        """Cash moved and what is held, at the payout."""
        return self.cash_u6 + value_u6(self.shares_u6, self.payout_u6 or 0)

    def as_row(self) -> tuple[str, str, int, int, int | None, str, int]:
        """Return the values of SETTLEMENT_COLUMNS."""
        return self.token_id, self.game_id, self.shares_u6, self.cash_u6, self.payout_u6, self.basis, self.pnl_u6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """
    One tape, one setting.

    evaluations (n, len(EVALUATION_COLUMNS)) and orders (n, len(ORDER_COLUMNS)) as the fold said them; tokens and games
    name the numbers; game_of the game of each token, -1 for none; looks what came of every look at a token; patterns
    (n, len(PATTERN_COLUMNS)) the score patterns that became complete; predictions what the predictor made of them and
    of those on the way: nobody decides on them, so they are not in the digest.
    """

    tape: str
    tape_digest: str
    label: str
    events: int
    first_ns: int
    last_ns: int
    config: dict[str, int | str | None]
    tokens: list[str]
    games: list[str]
    game_of: list[int]
    evaluations: Ints
    orders: Ints
    looks: dict[str, int]
    settlements: list[Settlement]
    coverage: dict[str, float]
    patterns: Ints = field(default_factory=no_patterns)
    model_failures: int = 0
    predictor: str | None = None
    predictions: tuple[Prediction, ...] = ()
    prediction_failures: int = 0

    def digest(self) -> str:
        """
        Return sha256 over what was decided and what it came to.

        That is: the config and the names of tokens and games, evaluations, orders and patterns as little-endian int64,
        and every settlement. Nothing about machine, time of running or tape layout is in it.
        """
        head = {"format": _FORMAT, "config": self.config, "tokens": self.tokens, "games": self.games}
        digest = hashlib.sha256(msgspec.json.encode(head, order="sorted"))
        for table in (self.evaluations, self.orders, self.patterns):
            digest.update(len(table).to_bytes(8, "little"))
            digest.update(np.ascontiguousarray(table, "<i8").tobytes())
        for settled in self.settlements:
            digest.update(msgspec.json.encode(settled.as_row()))
        return digest.hexdigest()

    @property
    def pnl_u6(self) -> int:
        """Profit and loss of all settlements, open positions at their last mid."""
        return sum(settled.pnl_u6 for settled in self.settlements)

    @property
    def fills(self) -> int:
        """How many orders traded at all."""
        return int((self.orders[:, _FILLED] > 0).sum())

    def summary(self) -> dict[str, object]:
        """Return the figures of the run as plain values."""
        orders = self.orders
        statuses = {
            status.name.lower(): int((orders[:, _STATUS] == status).sum())
            for status in OrderStatus
            if (orders[:, _STATUS] == status).any()
        }
        sent = ~np.isin(orders[:, _STATUS], (OrderStatus.TOO_SMALL, OrderStatus.CAPPED))
        return {
            "digest": self.digest(),
            "events": self.events,
            "evaluations": len(self.evaluations),
            "signals": len(orders),
            "orders": int(sent.sum()),
            "fills": self.fills,
            "patterns": len(self.patterns),
            "pnl_u6": self.pnl_u6,
            "fees_u6": int(orders[:, _FEE].sum()),
            "open_positions": sum(1 for s in self.settlements if s.basis == Basis.OPEN and s.shares_u6),
            "order_statuses": statuses,
            "looks": self.looks,
            "coverage": self.coverage,
            "model_failures": self.model_failures,
            "predictor": self.predictor,
            "predictions": len(self.predictions),
            "prediction_failures": self.prediction_failures,
        }

    def write(self, folder: Path) -> None:
        """
        Write the run into a folder: five Parquet files and the summary as ledger.json.

        Shape: evaluations.parquet and orders.parquet have EVALUATION_COLUMNS and ORDER_COLUMNS as Int64 (an order's
        status as text) and the token_id; patterns.parquet PATTERN_COLUMNS and the game_id; settlements.parquet
        SETTLEMENT_COLUMNS; predictions.parquet one row a forecast, see PREDICTION_COLUMNS.
        """
        import polars as pl

        folder.mkdir(parents=True, exist_ok=True)
        self._frame(self.evaluations, EVALUATION_COLUMNS).write_parquet(folder / "evaluations.parquet")
        self._frame(self.orders, ORDER_COLUMNS).write_parquet(folder / "orders.parquet")
        patterns = pl.DataFrame(
            {name: self.patterns[:, k] for k, name in enumerate(PATTERN_COLUMNS)},
            schema=dict.fromkeys(PATTERN_COLUMNS, pl.Int64),
        )
        games = pl.Series("game_id", self.games, dtype=pl.String)
        patterns.with_columns(games.gather(patterns["game"]).alias("game_id")).write_parquet(
            folder / "patterns.parquet"
        )
        self._settled().write_parquet(folder / "settlements.parquet")
        self._predicted().write_parquet(folder / "predictions.parquet")
        card = {
            "schema": _FORMAT,
            "tape": self.tape,
            "tape_digest": self.tape_digest,
            "label": self.label,
            "config": self.config,
            **self.summary(),
        }
        (folder / "ledger.json").write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n")

    def _frame(self, table: Ints, columns: Sequence[str]) -> pl.DataFrame:
        """Return a table with its columns named, its tokens' ids and its statuses as words."""
        import polars as pl

        frame = pl.DataFrame(
            {name: table[:, k] for k, name in enumerate(columns)}, schema=dict.fromkeys(columns, pl.Int64)
        )
        token_ids = pl.Series("token_id", self.tokens, dtype=pl.String)
        frame = frame.with_columns(token_ids.gather(frame["token"]).alias("token_id"))
        if "status" not in columns:
            return frame
        words = pl.Series("status", [status.name.lower() for status in OrderStatus], dtype=pl.String)
        return frame.with_columns(words.gather(frame["status"]).alias("status"))

    def _settled(self) -> pl.DataFrame:
        import polars as pl

        kinds = {name: pl.String if name in _TEXT_COLUMNS else pl.Int64 for name in SETTLEMENT_COLUMNS}
        return pl.DataFrame([settled.as_row() for settled in self.settlements], schema=kinds, orient="row")

    def _predicted(self) -> pl.DataFrame:
        """Return a row for each forecast; the explanation is JSON, for its parts are as many as a predictor has."""
        import polars as pl

        rows = [
            (
                *(one.seq, one.recv_ns, self.games[one.game], len(one.entries), one.missing, one.prior_u6),
                *(said.horizon, said.point_forecast, said.interval_lower, said.interval_upper, said.coverage),
                msgspec.json.encode(said.explanation).decode(),
                one.latency_ns,
            )
            for one in self.predictions
            for said in one.forecasts
        ]
        kinds = {"i": pl.Int64, "f": pl.Float64, "s": pl.String}
        return pl.DataFrame(rows, {name: kinds[kind] for name, kind in PREDICTION_COLUMNS.items()}, orient="row")


def combined_digest(digests: Sequence[str]) -> str:
    """Return one digest for several, in their order; that of one is itself."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
