from __future__ import annotations

from recorder.chaos.judge import judge
from recorder.chaos.world import simulate


def test_a_night_of_faults_loses_nothing(short_night) -> None:
    """An hour and a half of faults and deaths of the process: nothing acknowledged is lost, no promise broken."""
    path, record = short_night
    verdict = judge(path, record)
    assert (verdict.violations, verdict.lost) == ([], 0)
    assert verdict.acked == verdict.events > 5000
    assert sum(verdict.faults.values()) > 10
    assert all(seconds is not None for seconds in verdict.heal_s.values())


def test_a_seed_is_a_night(tmp_path) -> None:
    """The same seed gives the same tape, byte for byte of every event; another seed another."""
    digests = []
    for at, seed in enumerate((4, 4, 5)):
        path = tmp_path / f"night-{at}"
        digests.append(judge(path, simulate(path, seed=seed, hours=0.4)).digest)
    assert digests[0] == digests[1] != digests[2]
