"""One small simulated night, made once."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from recorder.envelope import Envelope
from replay.core.decode import decode
from replay.core.events import Event
from replay.synth.night import Night, NightSummary, night, plan_night


@dataclass(frozen=True)
class SmallNight:
    plan: Night
    summary: NightSummary
    envelopes: list[Envelope]
    events: list[tuple[Envelope, Event]]


@pytest.fixture(scope="session")
def small() -> SmallNight:
    """Two games, ten thousand level changes, decoded by the real decoders."""
    plan, summary = plan_night(7, 2, "2026-01-15", 10_000), NightSummary()
    envelopes = list(night(plan, summary))
    return SmallNight(plan, summary, envelopes, [(one, event) for one in envelopes for event in decode(one)])
