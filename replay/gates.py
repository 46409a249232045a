"""
Gates: a figure of a run, a comparison and a bound, such as `pnl_per_game.ci_low>0`.

There is no expression language: nothing is evaluated.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recorder.errors import UsageError
from replay.ledger import combined_digest
from replay.stats import GameBootstrap

if TYPE_CHECKING:
    from replay.ledger import Ledger

__all__ = ["Gate", "GateResult", "figures_of", "parse_gate", "pass_through"]

_GATE = re.compile(r"\s*([a-z][a-z0-9_.]*)\s*(>=|<=|==|!=|>|<)\s*([-+]?[0-9]+(?:\.[0-9]+)?|[0-9a-f]{64})\s*", re.ASCII)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_EXAMPLE = '--gate "pnl_per_game.ci_low>0"'


@dataclass(frozen=True, slots=True)
class Gate:
    """One comparison. bound is a number, or the 64 digits of a digest."""

    figure: str
    comparison: str
    bound: float | str

    def __str__(self) -> str:
        """Write it as it is given on the command line."""
        return f"{self.figure}{self.comparison}{self.bound if isinstance(self.bound, str) else f'{self.bound:g}'}"


@dataclass(frozen=True, slots=True)
class GateResult:
    """A gate, what the figure was, and whether it held."""

    gate: str
    value: float | str
    ok: bool


def parse_gate(text: str) -> Gate:
    """
    Read `FIGURE COMPARISON BOUND`.

    Raises:
        UsageError: it is not of that form, or a digest is asked to be more than equal.
    """
    match = _GATE.fullmatch(text)
    if match is None:
        raise UsageError(
            f"{text!r} is no gate", why="a gate is a figure, one of > >= < <= == != and a bound", hint=_EXAMPLE
        )
    figure, comparison, bound = match.groups()
    if figure == "digest":
        if len(bound) != 64 or comparison not in {"==", "!="}:
            raise UsageError(f"{text!r} is no gate", why="a digest has 64 digits and is equal or not", hint=_EXAMPLE)
        return Gate(figure, comparison, bound)
    if re.search("[a-f]", bound):
        raise UsageError(f"{text!r} is no gate", why=f"{bound} is not a number", hint=_EXAMPLE)
    return Gate(figure, comparison, float(bound))


def figures_of(ledgers: Sequence[Ledger], *, seed: int = 0) -> dict[str, float | str]:
    """
    Return every figure that a gate may name, over all tapes of a run together.

    Units: pnl, fees, pnl_per_game and its 95 % limits in dollars; fill_rate is fills by orders sent; coverage the
    lowest of any feed on any tape, 1 where there was none. A game is one that a market belongs to.
    """
    totals = dict.fromkeys(("events", "evaluations", "signals", "orders", "fills", "open_positions"), 0)
    by_game: dict[tuple[str, str], int] = {}
    coverage = [1.0]
    for ledger in ledgers:
        summary = ledger.summary()
        totals = {name: total + int(str(summary[name])) for name, total in totals.items()}
        coverage += [share for feed, share in ledger.coverage.items() if feed != "seconds"]
        for settled in ledger.settlements:
            key = (ledger.tape_digest, settled.game_id)
            by_game[key] = by_game.get(key, 0) + settled.pnl_u6
    profits = np.array(list(by_game.values()) or [0], np.int64)
    interval = GameBootstrap(len(profits), seed=seed).mean(profits)
    return {
        "digest": combined_digest([ledger.digest() for ledger in ledgers]),
        **totals,
        "games": len(by_game),
        "pnl": int(profits.sum()) / 1e6,
        "pnl_u6": int(profits.sum()),
        "fees": sum(int(str(ledger.summary()["fees_u6"])) for ledger in ledgers) / 1e6,
        "pnl_per_game": float(interval.estimate) / 1e6,
        "pnl_per_game.ci_low": float(interval.low) / 1e6,
        "pnl_per_game.ci_high": float(interval.high) / 1e6,
        "fill_rate": totals["fills"] / totals["orders"] if totals["orders"] else 0.0,
        "coverage": min(coverage),
        "model_failures": sum(ledger.model_failures for ledger in ledgers),
    }


def pass_through(gates: Sequence[Gate], figures: dict[str, float | str]) -> list[GateResult]:
    """
    Hold figures against gates.

    Raises:
        UsageError: a gate names a figure that there is not.
    """
    results = []
    for gate in gates:
        value = figures.get(gate.figure)
        if value is None:
            raise UsageError(
                f"there is no figure {gate.figure!r}", why=f"there are {', '.join(figures)}", hint=_EXAMPLE
            )
        if isinstance(value, str) or isinstance(gate.bound, str):
            ok = (value == gate.bound) == (gate.comparison == "==")
        else:
            ok = _COMPARE[gate.comparison](value, gate.bound)
        results.append(GateResult(str(gate), value, ok))
    return results
