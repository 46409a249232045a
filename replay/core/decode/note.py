"""
What the recorder's own notes mean to a replay.

Coverage:

| note                    | role                        | becomes        |
|-------------------------|-----------------------------|----------------|
| `plan`                  | tokens of tonight's games   | `PlanSeen`     |
| `clock_step`            | the wall clock was set      | `ClockStepped` |
| `session`, `simulated`, `feed`, others | about the recording only | nothing |
"""

from __future__ import annotations

import msgspec

from replay.core.events import ClockStepped, Event, PlanSeen, Undecodable

__all__ = ["decode_note"]


class _Meta(msgspec.Struct, gc=False):
    note: str


_META = msgspec.json.Decoder(_Meta)
_PLAN = msgspec.json.Decoder(PlanSeen)
_STEP = msgspec.json.Decoder(ClockStepped)


def decode_note(feed: str, meta: bytes, payload: bytes) -> list[Event]:
    """
    Read one NOTE envelope.

    Never raises; what cannot be read becomes `Undecodable`.
    """
    try:
        facts = _META.decode(meta)
        if facts.note == "plan":
            return [_PLAN.decode(payload)]
        if facts.note == "clock_step":
            return [_STEP.decode(meta)]
    except (ValueError, RecursionError) as error:
        return [Undecodable(feed=feed, reason=str(error)[:300])]
    return []
