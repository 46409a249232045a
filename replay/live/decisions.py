"""
Decisions on the tape: what a live engine was told to do, and what it decided and forecast, as bytes.

A NOTE `live` holds the configuration, so that anybody can decide anew. Each DECISION of the feed `live` holds one
signal as it stood when it was decided, which is everything of its order that time does not change; each DECISION of the
feed `forecast` holds what was forecast of one game. A NOTE `live_end` says how far the engine came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from recorder.envelope import Envelope, encode_meta
from replay.core.cells import ORDER_COLUMNS, OrderStatus, Policy, Sizing
from replay.core.engine import Engine, Freshness
from replay.core.predictions import Prediction
from replay.settings import Setting, View, cell_params

if TYPE_CHECKING:
    from replay.core.roll import Catalogue

__all__ = [
    "FORECAST",
    "LIVE",
    "Decision",
    "LiveConfig",
    "TapedForecast",
    "cause_meta",
    "cause_of",
    "decisions_of",
    "describe",
    "forecasts_of",
]

Ints = NDArray[np.int64]

LIVE = "live"
"""The feed of decisions, and the name of the note that begins them."""

FORECAST = "forecast"
"""The feed of forecasts: nothing is decided on them, so they are not among the decisions."""

_U6 = 1_000_000

_AT = {name: number for number, name in enumerate(ORDER_COLUMNS)}
_REFUSED = {int(status): status.name.lower() for status in (OrderStatus.TOO_SMALL, OrderStatus.CAPPED)}


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveConfig:
    """
    What decides: a strategy and a model by name, one setting on what is recorded, and how old inputs may be.

    predictor forecasts margins from score patterns, None for no forecasts; nothing is decided on them.
    """

    strategy: str = "fusion"
    model: str = "brownian"
    predictor: str | None = "ensemble"
    setting: Setting = field(default_factory=Setting)
    freshness: Freshness = field(default_factory=Freshness)

    def facts(self) -> dict[str, int | str | None]:
        """Return it as plain values, for the note."""
        ages = {"book_fresh_ns": self.freshness.book_ns, "game_fresh_ns": self.freshness.game_ns}
        return {
            "strategy": self.strategy,
            "model": self.model,
            "predictor": self.predictor,
            **ages,
            **self.setting.describe(),
        }

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> LiveConfig:
        """
        Read it back; what is not ours in facts is left alone.

        Raises:
            ValueError: something is missing or not what it should be.
        """
        try:
            named = {key: facts[key] for key in Setting().describe()}
            view = View(
                **{key: named.pop(key) for key in ("poll_ms", "phase", "book_delay_ms")},
                nba_poll_ms=facts.get("nba_poll_ms", 0),
            )
            policy, sizing = Policy[named.pop("policy").upper()], Sizing[named.pop("sizing").upper()]
            return cls(
                strategy=facts["strategy"],
                model=facts["model"],
                predictor=facts.get("predictor"),  # tapes from before there were any do not say
                setting=Setting(
                    view=view, policy=policy, sizing=sizing, **named | {"all_or_none": bool(named["all_or_none"])}
                ),
                freshness=Freshness(book_ns=facts["book_fresh_ns"], game_ns=facts["game_fresh_ns"]),
            )
        except (KeyError, AttributeError, TypeError) as error:
            raise ValueError(f"not the configuration of a live engine: {error}") from error

    def engine(self, on_stage: Callable[[str], None] = lambda _: None) -> Engine:
        """
        Make the engine, before its first envelope; on_stage is told how far each step is.

        Raises:
            UsageError: there is no such strategy or model.
        """
        from replay.find import load_strategy
        from replay.models import load_model

        _, params, _ = cell_params([self.setting])
        return Engine(
            load_strategy(self.strategy), load_model(self.model), params, freshness=self.freshness, on_stage=on_stage
        )


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """
    One signal as it stood when it was decided; refused says why no order followed from it.

    Units: u6 is a millionth of a dollar or share, times and ages in ns; side +1 buys, -1 sells.
    """

    token_id: str
    side: int
    fair_u6: int
    ask_u6: int
    ask_size_u6: int
    edge_u6: int
    game_age_ns: int
    book_age_ns: int
    limit_u6: int
    size_u6: int
    signal_ns: int
    due_ns: int
    refused: str | None

    def encode(self) -> bytes:
        """Return the canonical bytes: compact JSON, keys in the order of the fields."""
        return msgspec.json.encode(self)


class TapedForecast(msgspec.Struct, frozen=True, kw_only=True):
    """
    One forecast as it was made: the margin of a game that was expected at half-time or at the end, and by whom.

    entries are the pattern that it was made from, the first `missing` of them from before anybody looked; a member that
    had nothing to say is None, and so is a prior that nobody knows. How long it took is not here.

    Units: u6 is a millionth of a point (home minus away), of a share of games, of a probability.
    """

    game_id: str
    horizon: str
    minutes: int
    missing: int
    entries: tuple[int, ...]
    prior_u6: int | None
    point_u6: int
    lower_u6: int
    upper_u6: int
    coverage_u6: int
    dejavu_u6: int | None
    lstm_u6: int | None
    linear_u6: int | None

    def encode(self) -> bytes:
        """Return the canonical bytes: compact JSON, keys in the order of the fields."""
        return msgspec.json.encode(self)


def forecasts_of(predictions: Sequence[Prediction], catalogue: Catalogue) -> Iterator[tuple[int, TapedForecast]]:
    """Yield the cause's seq and the forecast for each horizon of each prediction."""
    for made in predictions:
        for said in made.forecasts:
            members = said.explanation
            yield (
                made.seq,
                TapedForecast(
                    game_id=catalogue.games[made.game].game_id,
                    horizon=said.horizon,
                    minutes=len(made.entries),
                    missing=made.missing,
                    entries=made.entries,
                    prior_u6=None if made.prior_u6 < 0 else made.prior_u6,
                    point_u6=round(said.point_forecast * _U6),
                    lower_u6=round(said.interval_lower * _U6),
                    upper_u6=round(said.interval_upper * _U6),
                    coverage_u6=round(said.coverage * _U6),
                    dejavu_u6=_millionths(members.dejavu),
                    lstm_u6=_millionths(members.lstm),
                    linear_u6=_millionths(members.linear),
                ),
            )


def _millionths(points: float | None) -> int | None:
    return None if points is None else round(points * _U6)


def decisions_of(orders: Ints, catalogue: Catalogue) -> Iterator[tuple[int, int, Decision]]:
    """Yield the cause's seq, the number of the token and the decision of each order of an outcome."""
    shared = [name for name in Decision.__struct_fields__ if name in _AT]
    for row in orders.tolist():
        token = row[_AT["token"]]
        values = {name: row[_AT[name]] for name in shared}
        refused = _REFUSED.get(row[_AT["status"]])
        yield row[_AT["seq"]], token, Decision(token_id=catalogue.tokens[token], refused=refused, **values)


def cause_meta(cause: int) -> bytes:
    """Return the meta of a DECISION."""
    return encode_meta({"cause": cause})


def cause_of(envelope: Envelope) -> int | None:
    """Return the seq that a DECISION names as its cause; None where it names none."""
    try:
        cause = envelope.facts().get("cause")
    except (msgspec.DecodeError, AttributeError):
        return None
    return cause if type(cause) is int else None


def describe(cause: int, decision: Decision, team: str, game_id: str) -> str:
    """Say a decision in one line, for whoever watches."""
    word = "BUY" if decision.side > 0 else "SELL"
    edge = f"fair {_cents(decision.fair_u6)}, ask {_cents(decision.ask_u6)}, edge {decision.edge_u6 / 1e4:+.1f}c"
    ages = f"score {decision.game_age_ns / 1e9:.1f} s old, book {decision.book_age_ns / 1e9:.1f} s"
    refused = f"  no order: {decision.refused.replace('_', ' ')}" if decision.refused else ""
    what = f"{word} {decision.size_u6 / 1e6:g} {team} ({game_id}) at {_cents(decision.limit_u6)}"
    return f"{what}: {edge}; {ages}; seq {cause}{refused}"


def _cents(price_u6: int) -> str:
    return f"{price_u6 / 1e4:.1f}c"
