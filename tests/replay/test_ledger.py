"""The ledger: its digest, its summary and its files."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from reel import stretch

from replay.backtest import replay_film
from replay.core.cells import EVALUATION_COLUMNS, ORDER_COLUMNS, OrderStatus, Policy
from replay.core.patterns import PATTERN_COLUMNS
from replay.core.predictions import Explanation, Forecast, Prediction
from replay.film import build_film
from replay.find import load_strategy
from replay.ledger import PREDICTION_COLUMNS, SETTLEMENT_COLUMNS, Ledger, Settlement, combined_digest
from replay.models import load_model
from replay.settings import Setting
from replay.settle import Basis

SETTLED = Settlement(
    token_id="A",
    game_id="nba:1",
    shares_u6=10_000_000,
    cash_u6=-4_100_000,
    payout_u6=1_000_000,
    basis=Basis.RESOLVED.value,
)


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """A run with fills, and a pattern and an order that was too small put in by hand."""
    setting = Setting(min_edge_u6=5_000, policy=Policy.EVERY, cooldown_ms=2_000)
    played = replay_film(build_film(stretch()), load_strategy("fusion"), load_model("brownian"), setting)
    small = played.orders[:1].copy()
    small[0, ORDER_COLUMNS.index("status")] = OrderStatus.TOO_SMALL
    patterns = np.arange(len(PATTERN_COLUMNS), dtype=np.int64)[None] * 3
    patterns[0, PATTERN_COLUMNS.index("game")] = 0
    return replace(played, orders=np.concatenate([small, played.orders]), patterns=patterns)


def changed(ledger: Ledger, name: str) -> Ledger:
    """Return the ledger with the smallest change of one field."""
    value = getattr(ledger, name)
    if isinstance(value, np.ndarray):
        moved = value.copy()
        moved[-1, -1] += 1
        return replace(ledger, **{name: moved})
    others = {
        "config": {**ledger.config, "min_edge_u6": 5_001},
        "tokens": [*ledger.tokens[:-1], "another"],
        "games": [*ledger.games[:-1], "another"],
        "settlements": [*ledger.settlements[:-1], replace(ledger.settlements[-1], cash_u6=0)],
    }
    return replace(ledger, **{name: others[name]})


PREDICTED = Prediction(
    seq=9,
    recv_ns=10,
    game=0,
    entries=(1, -2),
    missing=1,
    prior_u6=600_000,
    forecasts=(
        Forecast(
            horizon="half",
            point_forecast=1.5,
            interval_lower=-8.25,
            interval_upper=11.0,
            coverage=0.9,
            explanation=Explanation(dejavu=2.0, ensemble={"dejavu": 0.25, "linear": 0.75}),
        ),
    ),
    latency_ns=11,
)
DECIDED = ("config", "tokens", "games", "evaluations", "orders", "patterns", "settlements")
TOLD = {
    "tape": "other",
    "tape_digest": "0",
    "label": "other",
    "events": 1,
    "first_ns": 1,
    "last_ns": 1,
    "game_of": [],
    "looks": {},
    "coverage": {},
    "model_failures": 7,
    "predictor": "other",
    "predictions": (PREDICTED,),
    "prediction_failures": 7,
}


def test_fields_are_decided_or_told() -> None:
    """Every field of a ledger is known here as a part of the digest, or as no part of it."""
    assert {*DECIDED, *TOLD} == {field.name for field in fields(Ledger)}


def test_the_digest_is_stable(ledger: Ledger) -> None:
    """The same run has the same digest, in whatever memory layout its tables are."""
    other = replace(ledger, evaluations=np.asfortranarray(ledger.evaluations), orders=ledger.orders.copy())
    assert other.digest() == ledger.digest()
    assert len(bytes.fromhex(ledger.digest())) == 32


@pytest.mark.parametrize("name", DECIDED)
def test_the_digest_is_over_every_decision(ledger: Ledger, name: str) -> None:
    """The smallest change of what was decided changes the digest."""
    assert changed(ledger, name).digest() != ledger.digest()


@pytest.mark.parametrize("column", range(len(ORDER_COLUMNS)))
def test_the_digest_is_over_every_column_of_an_order(ledger: Ledger, column: int) -> None:
    """No column of an order is left out."""
    orders = ledger.orders.copy()
    orders[3, column] ^= 1
    assert replace(ledger, orders=orders).digest() != ledger.digest()


@pytest.mark.parametrize("name", [field.name for field in fields(Settlement)])
def test_the_digest_is_over_every_part_of_a_settlement(ledger: Ledger, name: str) -> None:
    """No part of a settlement is left out."""
    value = getattr(SETTLED, name)
    other = replace(SETTLED, **{name: value + "x" if isinstance(value, str) else value + 1})
    digests = {replace(ledger, settlements=[one]).digest() for one in (SETTLED, other)}
    assert len(digests) == 2


def test_rows_do_not_move_between_tables(ledger: Ledger) -> None:
    """A table without rows and a table less are two things."""
    empty = replace(ledger, evaluations=ledger.evaluations[:0])
    assert empty.digest() != replace(empty, orders=ledger.orders[:0]).digest() != ledger.digest()


@pytest.mark.parametrize("name", TOLD)
def test_the_digest_is_of_decisions_alone(ledger: Ledger, name: str) -> None:
    """What a tape is called, how it is laid out and what was counted is no part of it."""
    assert replace(ledger, **{name: TOLD[name]}).digest() == ledger.digest()


def test_combined_digests() -> None:
    """One digest stands for itself; several make a new one, in their order."""
    assert combined_digest(["a"]) == "a"
    assert len({combined_digest(["a", "b"]), combined_digest(["b", "a"]), combined_digest(["ab", ""]), "a"}) == 4


@pytest.mark.parametrize(
    ("payout_u6", "pnl_u6"), [(1_000_000, 5_900_000), (0, -4_100_000), (500_000, 900_000), (None, -4_100_000)]
)
def test_profit_of_a_settlement(payout_u6: int | None, pnl_u6: int) -> None:
    """Profit is the cash that moved and the shares at the payout; without a payout the shares count for nothing."""
    assert replace(SETTLED, payout_u6=payout_u6).pnl_u6 == pnl_u6


def test_the_summary_adds_up(ledger: Ledger) -> None:
    """Signals are all orders, orders those that were sent, fills those that traded; statuses add up to the signals."""
    summary = ledger.summary()
    assert summary["signals"] == len(ledger.orders) == sum(summary["order_statuses"].values())
    assert summary["orders"] == summary["signals"] - summary["order_statuses"]["too_small"]
    assert 0 < summary["fills"] <= summary["orders"]
    assert summary["pnl_u6"] == sum(settled.pnl_u6 for settled in ledger.settlements)
    assert (summary["patterns"], summary["open_positions"]) == (1, 2)
    assert json.loads(json.dumps(summary)) == summary


# Files -------------------------------------------------------------------------------------------------------------


def test_what_is_written_can_be_read(ledger: Ledger, tmp_path: Path) -> None:
    """Polars reads back every column with its type, tokens and statuses by name, and the summary stands beside."""
    ledger.write(tmp_path / "run" / "one")
    files = {path.stem: pl.read_parquet(path) for path in (tmp_path / "run" / "one").glob("*.parquet")}
    assert set(files) == {"evaluations", "orders", "settlements", "patterns", "predictions"}
    assert files["evaluations"].schema == dict.fromkeys(EVALUATION_COLUMNS, pl.Int64) | {"token_id": pl.String}
    np.testing.assert_array_equal(files["evaluations"].drop("token_id").to_numpy(), ledger.evaluations)
    orders = files["orders"]
    assert orders.schema == dict.fromkeys(ORDER_COLUMNS, pl.Int64) | {"status": pl.String, "token_id": pl.String}
    assert orders["status"].to_list() == [OrderStatus(row[14]).name.lower() for row in ledger.orders.tolist()]
    assert orders["token_id"].to_list() == [ledger.tokens[row[1]] for row in ledger.orders.tolist()]
    numbers = [name for name in ORDER_COLUMNS if name != "status"]
    assert orders.select(numbers).rows() == [(*row[:14], *row[15:]) for row in ledger.orders.tolist()]
    assert files["settlements"].rows() == [settled.as_row() for settled in ledger.settlements]
    card = json.loads((tmp_path / "run" / "one" / "ledger.json").read_bytes())
    assert card["schema"] == "gametape.ledger/1"
    assert card["digest"] == ledger.digest()
    assert card["config"] == ledger.config


def test_a_prediction_is_written_with_all_it_says(ledger: Ledger, tmp_path: Path) -> None:
    """Each forecast is a row, its explanation JSON; ledger.json counts predictions and names the predictor."""
    predicted = replace(ledger, predictor="ensemble", predictions=(PREDICTED,), prediction_failures=2)
    predicted.write(tmp_path)
    (row,) = pl.read_parquet(tmp_path / "predictions.parquet").rows(named=True)
    assert tuple(row) == tuple(PREDICTION_COLUMNS)
    assert json.loads(row.pop("explanation")) == {
        "dejavu": 2.0,
        "lstm": None,
        "linear": None,
        "ensemble": {"dejavu": 0.25, "linear": 0.75},
        "neighbours": [],
    }
    facts = (9, 10, ledger.games[0], 2, 1, 600_000, "half", 1.5, -8.25, 11.0, 0.9, 11)
    assert tuple(row.values()) == facts
    card = json.loads((tmp_path / "ledger.json").read_bytes())
    assert [card[name] for name in ("predictor", "predictions", "prediction_failures")] == ["ensemble", 1, 2]


def test_a_payout_nobody_knows_is_null(ledger: Ledger, tmp_path: Path) -> None:
    """A settlement without a payout is written as null, first or last."""
    unknown = replace(SETTLED, payout_u6=None, basis=Basis.OPEN.value)
    replace(ledger, settlements=[unknown, SETTLED]).write(tmp_path)
    frame = pl.read_parquet(tmp_path / "settlements.parquet")
    assert frame["payout_u6"].to_list() == [None, 1_000_000]


def test_an_empty_run_has_all_its_columns(ledger: Ledger, tmp_path: Path) -> None:
    """A run without a decision writes empty tables of the same columns and types."""
    empty = replace(
        ledger,
        tokens=[],
        games=[],
        evaluations=ledger.evaluations[:0],
        orders=ledger.orders[:0],
        patterns=ledger.patterns[:0],
        settlements=[],
    )
    empty.write(tmp_path / "empty")
    ledger.write(tmp_path / "full")
    for path in (tmp_path / "empty").glob("*.parquet"):
        assert pl.read_parquet(path).height == 0
        assert pl.read_parquet_schema(path) == pl.read_parquet_schema(tmp_path / "full" / path.name)
    assert tuple(pl.read_parquet_schema(tmp_path / "empty" / "settlements.parquet")) == SETTLEMENT_COLUMNS


def test_writing_again_replaces(ledger: Ledger, tmp_path: Path) -> None:
    """The folder holds the run that was written last."""
    ledger.write(tmp_path)
    replace(ledger, evaluations=ledger.evaluations[:1]).write(tmp_path)
    assert pl.read_parquet(tmp_path / "evaluations.parquet").height == 1
