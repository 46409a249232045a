"""
A setting: everything a cell decides by, in the words and units of the command line.

A grid is the product of lists of settings. Cells that see the same (poll plan, phase, book delay, model) share a view.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal, DecimalException
from enum import IntEnum
from itertools import product

import numpy as np
from numpy.typing import NDArray

from recorder.errors import UsageError
from replay.core.cells import NO_EDGE, Policy, Sizing

__all__ = [
    "AS_RECORDED",
    "Bound",
    "Setting",
    "View",
    "cell_params",
    "grid",
    "parse_cents",
    "parse_models",
    "parse_numbers",
    "parse_policies",
    "parse_polls",
    "views_of",
]

Ints = NDArray[np.int64]

AS_RECORDED = -1
"""Polls as they were recorded; a venue delay as the market said at the time."""

_CENT_U6 = 10_000
_CENTS_MAX = 1_000_000
_NUMBER_MAX = 10**12
_SHARE_U6 = 1_000_000
_MS_NS = 1_000_000


class Bound(IntEnum):
    """What is assumed of a change between two recorded polls, where a plan is faster than the recording."""

    NONE = 0
    PESSIMISTIC = 1
    OPTIMISTIC = 2
    EVENTS = 3
    """Answered from the times of the plays, with delays drawn from what was recorded."""
    EVENTS_OPTIMISTIC = 4
    """As early as the times of the plays allow."""


@dataclass(frozen=True, slots=True, order=True)
class View:
    """
    What a cell sees: polls every so often from a phase on, books so much later, and what it holds that to be worth.

    nba_poll_ms is how often the NBA's own scores are polled, 0 as often as all others. model names the model, empty for
    that of the run. Units: ms; poll_ms is AS_RECORDED for the recorded polls.
    """

    poll_ms: int = AS_RECORDED
    phase: int = 0
    book_delay_ms: int = 0
    bound: Bound = Bound.NONE
    model: str = ""
    nba_poll_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """
    One cell.

    Units: edges and slip in u6 of a dollar, delays in ms, shares, cash and bankroll in u6. venue_delay_ms AS_RECORDED
    takes what the market said at the time. limit_slip_u6 -1 buys up to the price at which the edge is still min_edge.
    rearm_u6 None re-arms a crossing as soon as the edge is below min_edge. exit_edge_u6 None holds to settlement. Caps
    None are none.
    """

    view: View = View()
    min_edge_u6: int = 5 * _CENT_U6
    order_delay_ms: int = 0
    venue_delay_ms: int = AS_RECORDED
    policy: Policy = Policy.FIRST_CROSSING
    rearm_u6: int | None = None
    cooldown_ms: int = 0
    sizing: Sizing = Sizing.SHARES
    size_u6: int = 10 * _SHARE_U6
    bankroll_u6: int = 1_000 * _SHARE_U6
    limit_slip_u6: int = 0
    all_or_none: bool = False
    cap_shares_u6: int | None = None
    cap_cash_u6: int | None = None
    exit_edge_u6: int | None = None

    def describe(self) -> dict[str, int | str | None]:
        """Return the setting as plain values, for configs, digests and tables."""
        named: dict[str, int | str | None] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, View):
                named |= {"poll_ms": value.poll_ms, "phase": value.phase, "book_delay_ms": value.book_delay_ms}
                if value.bound is not Bound.NONE:
                    named["bound"] = value.bound.name.lower()
                if value.nba_poll_ms:
                    named["nba_poll_ms"] = value.nba_poll_ms
                if value.model:
                    named["model"] = value.model
            elif isinstance(value, Policy | Sizing):
                named[field.name] = value.name.lower()
            else:
                named[field.name] = value if value is None else int(value)
        return named


def cell_params(settings: Sequence[Setting]) -> tuple[list[View], Ints, Ints]:
    """
    Return the views, the cells' parameters in fold order and, for each of them, the number of its setting.

    Shape: params (len(settings), len(CELL_COLUMNS)), sorted by view and wake; order (len(settings),).
    """
    views = sorted({setting.view for setting in settings})
    number = {view: k for k, view in enumerate(views)}
    rows = np.array([_row(setting, number[setting.view]) for setting in settings], np.int64)
    order = np.lexsort((np.arange(len(rows)), rows[:, -1], rows[:, 0]))
    return views, np.ascontiguousarray(rows[order]), order


def _row(setting: Setting, view: int) -> tuple[int, ...]:
    rearm = setting.min_edge_u6 if setting.rearm_u6 is None else setting.rearm_u6
    exits = setting.exit_edge_u6 is not None
    return (
        view,
        setting.min_edge_u6,
        min(rearm, setting.min_edge_u6),
        int(setting.policy),
        setting.cooldown_ms * _MS_NS,
        setting.order_delay_ms * _MS_NS,
        setting.venue_delay_ms * _MS_NS if setting.venue_delay_ms >= 0 else AS_RECORDED,
        int(setting.sizing),
        setting.size_u6,
        setting.bankroll_u6,
        setting.limit_slip_u6,
        int(setting.all_or_none),
        -1 if setting.cap_shares_u6 is None else setting.cap_shares_u6,
        -1 if setting.cap_cash_u6 is None else setting.cap_cash_u6,
        NO_EDGE if setting.exit_edge_u6 is None else setting.exit_edge_u6,
        NO_EDGE if exits else min(rearm, setting.min_edge_u6),
    )


def grid(
    base: Setting,
    *,
    min_edges_u6: Iterable[int],
    views: Iterable[View],
    order_delays_ms: Iterable[int],
    venue_delays_ms: Iterable[int],
    policies: Iterable[Policy] | None = None,
) -> list[Setting]:
    """Return the product of the lists, every other value as in base, policy by policy and view by view."""
    chosen = [base.policy] if policies is None else policies
    return [
        replace(base, policy=policy, view=view, min_edge_u6=edge, order_delay_ms=order, venue_delay_ms=venue)
        for policy, view, edge, order, venue in product(chosen, views, min_edges_u6, order_delays_ms, venue_delays_ms)
    ]


def parse_policies(text: str) -> list[Policy]:
    """
    Return policies as they are spelt on the command line, `every,first-crossing`, each once.

    Raises:
        UsageError: there is no such policy.
    """
    known = {policy.name.lower().replace("_", "-"): policy for policy in Policy}
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        raise UsageError(f"there is no policy {unknown!r}", hint=f"--policy {','.join(known)}")
    return [known[name] for name in names]


def parse_models(text: str) -> list[str]:
    """Return the names of models as they are listed on the command line, `brownian,brownian-no-prior`, each once."""
    return list(dict.fromkeys(name.strip() for name in text.split(",")))


def parse_polls(text: str, name: str = "poll") -> list[int]:
    """
    Return intervals of polls in ms, said in seconds as a list or a range.

    Raises:
        UsageError: it is neither, or holds no time between polls.
    """
    polls_ms = [value * 1000 for value in parse_numbers(text, name)]
    if any(poll_ms != int(poll_ms) or poll_ms < 1 for poll_ms in polls_ms):
        raise UsageError(
            f"--{name} {text} holds no time between polls", why="a millisecond is the least", hint="--poll 2,5"
        )
    return [int(poll_ms) for poll_ms in polls_ms]


def views_of(
    base: View, *, polls_ms: Sequence[int], phases: int, book_delays_ms: Sequence[int], models: Sequence[str]
) -> list[View]:
    """Return the product of the lists, every other value as in base; phases only where polls are simulated."""
    return [
        replace(base, poll_ms=poll_ms, phase=phase, book_delay_ms=book_ms, model=model if len(models) > 1 else "")
        for model in models
        for poll_ms in polls_ms
        for phase in range(1 if poll_ms == AS_RECORDED else phases)
        for book_ms in book_delays_ms
    ]


def parse_cents(text: str) -> int:
    """
    Return cents as u6: `5`, `0.5`.

    Raises:
        UsageError: not a number of cents, or finer than a hundredth of a cent.
    """
    try:
        value = Decimal(text) * _CENT_U6
    except DecimalException:
        value = Decimal("nan")
    if not value.is_finite() or abs(value) > _CENTS_MAX * _CENT_U6:
        raise UsageError(f"{text!r} is not a number of cents", hint="--min-edge 5  or  --min-edge 1:10:0.5")
    if value != int(value) or int(value) % 100:
        raise UsageError(f"{text} cents is finer than a hundredth of a cent")
    return int(value)


def parse_numbers(text: str, name: str) -> list[Decimal]:
    """
    Return a list `1,2,5` or a range `first:last:step`, both ends included.

    Raises:
        UsageError: neither of the two, a step that is not positive, or more than 10,000 values.
    """
    hint = f"--{name} 1,2,5  or  --{name} 1:10:0.5 (first:last:step)"
    try:
        values = [Decimal(part) for part in text.split(":" if ":" in text else ",")]
    except DecimalException:
        values = []
    if not values or not all(value.is_finite() and abs(value) <= _NUMBER_MAX for value in values):
        raise UsageError(f"--{name} {text!r} is neither a list nor a range", hint=hint)
    if ":" not in text:
        return values
    if len(values) != 3:
        raise UsageError(f"--{name} {text!r} is not first:last:step", hint=hint)
    first, last, step = values
    if step <= 0 or last < first:
        raise UsageError(
            f"--{name} {text!r} goes nowhere", why="step must be positive, last not below first", hint=hint
        )
    count = int((last - first) / step) + 1
    if count > 10_000:
        raise UsageError(f"--{name} {text!r} has {count} values", why="more than 10,000 is not a grid", hint=hint)
    return [first + step * k for k in range(count)]
