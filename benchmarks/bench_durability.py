"""
What was done to the recorder and what it lost: kills, power cuts, refusing disks, flipped bits, and days of faults.

    python benchmarks/bench_durability.py [seeds]

The proofs are tests and run as such; a virtual half hour of `gametape chaos` is run for each of so many seeds.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from recorder.chaos.judge import Verdict, judge
from recorder.chaos.world import simulate

ROOT = Path(__file__).resolve().parents[1]
HOURS = 0.5
_FIGURE = re.compile(r"^[DT]\d+\b.*|^Ctrl-C .*")


def proofs() -> None:
    """Run the durability tests and print the figures that they tell."""
    words = [sys.executable, "-m", "pytest", "-q", "tests/durability", "-p", "no:randomly"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    for line in done.stdout.splitlines():
        if _FIGURE.match(line):
            print(line)
    print(done.stdout.splitlines()[-1])
    if done.returncode:
        sys.exit(done.returncode)


def chaos(seeds: int) -> None:
    """Run nights of faults and print what was lost, and how long each feed took to be live again."""
    verdicts: list[Verdict] = []
    for seed in range(1, seeds + 1):
        with tempfile.TemporaryDirectory(prefix="bench-chaos-") as folder:
            path = Path(folder) / "chaos"
            verdicts.append(judge(path, simulate(path, seed=seed, hours=HOURS)))
    faults = sum((Counter(one.faults) for one in verdicts), Counter())
    print(
        f"chaos: {seeds} seeds of {HOURS:g} h, {faults.total():,} faults of {len(faults)} kinds, "
        f"{sum(one.acked for one in verdicts):,} events acknowledged, {sum(one.lost for one in verdicts)} lost, "
        f"{sum(len(one.violations) for one in verdicts)} invariants violated"
    )
    for feed in sorted({feed for one in verdicts for feed in one.heal_s}):
        healed = sorted(seconds for one in verdicts if (seconds := one.heal_s.get(feed)) is not None)
        median, worst = healed[len(healed) // 2], healed[len(healed) * 99 // 100]
        never = seeds - len(healed)
        print(f"T9: {feed} live again after {median:.0f} s (p50), {worst:.0f} s (p99), never {never}", flush=True)


if __name__ == "__main__":
    chaos(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
    proofs()
