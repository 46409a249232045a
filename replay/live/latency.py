"""
How long things take, counted in fixed logarithmic buckets: sixteen to a doubling, so a quantile is right to 4.5 %.

Nothing of this is an input to a decision, and nothing of it enters a digest.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from replay.live.facts import StageFact

__all__ = ["STAGES", "Histogram", "Latency", "write_latency"]

STAGES = ("decoded", "inferred", "edge", "emitted", "predicted")
"""From the wire, that is from the stamp of the fact that caused a decision or a prediction, to each of these."""

_FINE = 16
_FINE_BITS = 4
_LOWEST_BITS = 10  # below a microsecond all is one
_OCTAVES = 30  # up to a quarter of an hour
_SIZE = _OCTAVES * _FINE
_COARSE_OCTAVES = 24


class Histogram:
    """Counts of durations. Units: ns."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self.counts = [0] * _SIZE
        self.count = 0
        self.sum_ns = 0

    def add(self, value_ns: int) -> None:
        """Count one duration."""
        self.counts[_bucket(value_ns)] += 1
        self.count += 1
        self.sum_ns += max(0, value_ns)

    def quantile(self, share: float) -> int:
        """Return an upper bound of this quantile; 0 where nothing was counted."""
        wanted = share * self.count
        seen = 0
        for bucket, count in enumerate(self.counts):
            seen += count
            if count and seen >= wanted:
                return _upper_ns(bucket)
        return 0

    def fact(self) -> StageFact:
        """Return what there is to say, with one bucket a doubling."""
        coarse, seen = [], 0
        for octave in range(_COARSE_OCTAVES):
            seen += sum(self.counts[octave * _FINE : (octave + 1) * _FINE])
            coarse.append((_upper_ns(octave * _FINE + _FINE - 1), seen))
        p50, p99, p999 = (self.quantile(share) for share in (0.5, 0.99, 0.999))
        return StageFact(p50, p99, p999, self.count, self.sum_ns, tuple(coarse))


class Latency:
    """One histogram a stage; each is written by one thread at a time."""

    def __init__(self) -> None:
        """Begin with nothing counted."""
        self.stages = {stage: Histogram() for stage in STAGES}

    def add(self, stage: str, since_ns: int, at_ns: int) -> None:
        """Count that a stage was reached."""
        self.stages[stage].add(at_ns - since_ns)

    def facts(self) -> dict[str, StageFact]:
        """Return the stages that were reached at all."""
        return {stage: histogram.fact() for stage, histogram in self.stages.items() if histogram.count}


def write_latency(path: Path, latency: Latency) -> None:
    """Write all stages as JSON."""
    stages = {
        stage: {**msgspec.to_builtins(fact), "buckets": [[upper, count] for upper, count in fact.buckets]}
        for stage, fact in latency.facts().items()
    }
    body = msgspec.json.encode({"schema": "gametape.latency/1", "from": "wire", "stages": stages})
    path.write_bytes(msgspec.json.format(body))


def _bucket(value_ns: int) -> int:
    if value_ns < 1 << _LOWEST_BITS:
        return 0
    octave = value_ns.bit_length() - 1
    fine = (value_ns >> (octave - _FINE_BITS)) & (_FINE - 1)
    return min((octave - _LOWEST_BITS) * _FINE + fine, _SIZE - 1)


def _upper_ns(bucket: int) -> int:
    """Return the first duration above a bucket."""
    octave, fine = divmod(bucket, _FINE)
    return int((_FINE + fine + 1) << (octave + _LOWEST_BITS - _FINE_BITS))
