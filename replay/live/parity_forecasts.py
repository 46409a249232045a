"""
Parity of forecasts: what was forecast live against what the same predictor says of the same tape.

A predictor may fail or be late without any harm, so a forecast may be missing: as many patterns as the engine says that
it gave up. One that is on the tape must be what the predictor says anew. Nothing is decided on forecasts, and they come
from floats, whose last digits differ between processors: two are equal that are a thousandth of a point apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replay.difference import differing_fields

__all__ = ["SIDES", "ForecastParity", "compare_forecasts"]

SIDES = ("recorded", "recomputed")

_NEAR_U6 = 1_000
_FLOATS = ("point_u6", "lower_u6", "upper_u6", "dejavu_u6", "lstm_u6", "linear_u6")

Recorded = tuple[int, int | None, dict[str, Any]]
"""The seq of an envelope, its cause and its fields."""
Anew = tuple[int, dict[str, Any]]
"""A cause and the fields that follow from it."""


@dataclass(frozen=True, slots=True)
class ForecastParity:
    """How many forecasts are equal, how many are missing that nobody gave up, and what differs first."""

    equal: int
    missing: int
    divergence: dict[str, Any] | None


def compare_forecasts(recorded: Sequence[Recorded], anew: Sequence[Anew], given_up: int | None) -> ForecastParity:
    """Compare in order; given_up patterns may be missing on the tape, any number where it is None."""
    waiting = {_key(cause, fields): (cause, fields) for cause, fields in anew}
    equal, first = 0, None
    for index, (seq, cause, told) in enumerate(recorded):
        cause_anew, made = waiting.pop(_key(cause, told), (None, {}))
        fields = {"cause": {SIDES[0]: cause, SIDES[1]: None}} if cause_anew is None else {}
        fields |= differing_fields(told, _as_told(told, made), SIDES)
        if not fields:
            equal += 1
        elif first is None:
            why = "on the tape only" if cause_anew is None else "differs"
            first = {"index": index, "why": why, "seq": seq, "cause": cause_anew, "fields": fields, "look_at": cause}
    patterns = {(cause, game) for cause, game, _ in waiting}
    if given_up is None or len(patterns) <= given_up:
        return ForecastParity(equal, 0, first)
    return ForecastParity(equal, len(waiting), first or _missing(*next(iter(waiting.values()))))


def _key(cause: int | None, fields: Mapping[str, Any]) -> tuple[object, object, object]:
    return cause, str(fields.get("game_id")), str(fields.get("horizon"))


def _as_told(told: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was made, with the values of the tape where they are as good as equal."""
    near = {
        name: told[name]
        for name in _FLOATS
        if type(told.get(name)) is int and made.get(name) is not None and abs(told[name] - made[name]) <= _NEAR_U6
    }
    return {**made, **near}


def _missing(cause: int, made: dict[str, Any]) -> dict[str, Any]:
    fields = differing_fields({}, {"cause": cause, **made}, SIDES)
    return {
        "index": None,
        "why": "missing on the tape",
        "seq": None,
        "cause": cause,
        "fields": fields,
        "look_at": cause,
    }
