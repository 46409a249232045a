"""
What a forecast of the ensemble costs, and what the first one costs a fresh process.

    python benchmarks/bench_predictors.py

Prints one line a case: of single forecasts the median, the 99th percentile and the best; of whole processes the best
of five, from start to end, the interpreter included.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from strategies.predictors.ensemble import load

PATTERN = (2, 2, 5, 3, 3, 6, 8, 8, 11, 9, 9, 7, 10, 12, 12, 14, 11, 12)
ROUNDS = 2_000
FIRST = "from strategies.predictors.ensemble import load; load().predict((1, 2, 3), 600_000)"


def forecasts(name: str, minutes: int, prior_u6: int) -> None:
    """Time single forecasts and print how long they took."""
    ensemble = load()
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter_ns()
        ensemble.predict(PATTERN[:minutes], prior_u6)
        taken.append((time.perf_counter_ns() - began) / 1e6)
    percentiles = statistics.quantiles(taken, n=100)
    print(f"{name:32} {percentiles[49]:6.2f} ms   p99 {percentiles[98]:6.2f} ms   best {min(taken):6.2f} ms")


def process(name: str, script: str) -> None:
    """Time fresh processes and print the best."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", script], check=True)
        best = min(best, time.perf_counter() - began)
    print(f"{name:32} {best * 1000:6.0f} ms")


def main() -> None:
    """Run every case."""
    forecasts("18 minutes, strength known", 18, 600_000)
    forecasts("18 minutes, strength unknown", 18, -1)
    forecasts("6 minutes, strength known", 6, 600_000)
    process("an interpreter that does nothing", "pass")
    process("the first forecast of a process", FIRST)


if __name__ == "__main__":
    main()
