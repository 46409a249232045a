"""A judge that finds nothing proves nothing: each kind of wrong is planted, and must be named."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable

import pytest

from recorder.chaos.faults import Fault, Strike
from recorder.chaos.judge import as_json, judge
from recorder.chaos.world import Record

_S = 1_000_000_000


def lie(record: Record) -> None:
    record.published[100] = b"another!"


def stranger(record: Record) -> None:
    record.unknown = 1


def retry(record: Record) -> None:
    record.retried_syncs = 1


def calm_ns(record: Record) -> int:
    """A moment after which nothing strikes."""
    return record.healing_ns + 100 * _S


def silence(record: Record) -> None:
    record.quiet.append((calm_ns(record), calm_ns(record) + 303 * _S))


def no_book(record: Record) -> None:
    record.withheld.append(("a token", calm_ns(record), calm_ns(record) + 60 * _S))


def storm(record: Record) -> None:
    record.asked += [("nba", calm_ns(record) + at) for at in range(40)]


def step(record: Record) -> None:
    record.strikes.append((calm_ns(record), Strike(0, Fault.CLOCK_STEP, 100.0)))


PLANTED: list[tuple[Callable[[Record], None], str]] = [
    (lie, "is not what was published"),
    (stranger, "nobody published"),
    (retry, "tried again"),
    (silence, "was silent"),
    (no_book, "had no book"),
    (storm, "within a minute"),
    (step, "no note tells of clock_step"),
]


@pytest.mark.parametrize(("plant", "named"), PLANTED, ids=[plant.__name__ for plant, _ in PLANTED])
def test_what_is_wrong_is_named(short_night, plant, named) -> None:
    """Where what was seen from outside is not on the tape, exactly that is a violation."""
    path, record = short_night
    record = copy.deepcopy(record)
    plant(record)
    (violation,) = judge(path, record).violations
    assert named in violation


def test_what_was_acknowledged_and_is_gone_is_counted(short_night, tmp_path) -> None:
    """Events that are missing at the end are lost, by number."""
    path, record = short_night
    shutil.copytree(path, tmp_path / path.name)
    last = max((tmp_path / path.name / "hot").iterdir())
    data = last.read_bytes()
    last.write_bytes(data[: len(data) // 2])
    verdict = judge(tmp_path / path.name, record)
    assert verdict.lost == verdict.acked - verdict.events > 0
    assert not verdict.ok
    assert as_json(verdict, seed=1, hours=1.0)["ok"] is False


def test_a_frozen_process_is_given_the_time(short_night) -> None:
    """While a process is frozen it notices nothing: a book that came before it could look is no silence."""
    path, record = short_night
    record = copy.deepcopy(record)
    record.withheld.append(("a token", calm_ns(record), calm_ns(record) + 36 * _S))
    assert len(judge(path, record).violations) == 1
    record.strikes.append((calm_ns(record) + 10 * _S, Strike(0, Fault.FREEZE, 7.0)))
    assert judge(path, record).violations == []
