"""Histograms of durations."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from replay.live.latency import Histogram, Latency, write_latency


@given(st.lists(st.integers(1_024, 10**11), min_size=1, max_size=200))
def test_a_quantile_is_an_upper_bound_within_a_sixteenth(values) -> None:
    """p50 and p99 are never below the true ones, and above them by at most a sixteenth."""
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    ordered = sorted(values)
    for share in (0.5, 0.99):
        true = ordered[max(0, -(-int(share * 1_000) * len(ordered) // 1_000) - 1)]
        assert true < histogram.quantile(share) <= true * 17 / 16 + 1


def test_coarse_buckets_count_up_to_all() -> None:
    """The buckets for Prometheus rise and end at the number of values; what is below a microsecond is in the first."""
    histogram = Histogram()
    for value in (0, 5, 2_000, 1_000_000, 3_000_000_000):
        histogram.add(value)
    fact = histogram.fact()
    counts = [count for _, count in fact.buckets]
    assert (fact.count, fact.sum_ns) == (5, 3_001_002_005)
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (3, 5)
    assert Histogram().quantile(0.5) == 0


def test_what_took_longer_than_all_buckets_is_in_the_last() -> None:
    """A laptop that slept for a week breaks no histogram."""
    histogram = Histogram()
    histogram.add(7 * 86_400 * 10**9)
    assert histogram.quantile(0.5) > 10**12


def test_the_file_holds_the_stages_that_were_reached(tmp_path) -> None:
    """latency.json names each stage with its quantiles; a stage that was never reached is not there."""
    latency = Latency()
    latency.add("edge", 1_000, 5_001_000)
    write_latency(tmp_path / "latency.json", latency)
    told = json.loads((tmp_path / "latency.json").read_text())
    assert (told["schema"], list(told["stages"])) == ("gametape.latency/1", ["edge"])
    assert told["stages"]["edge"]["count"] == 1
    assert 5_000_000 < told["stages"]["edge"]["p50_ns"] <= 5_000_000 * 17 / 16
