"""D5, D6: one flipped bit anywhere is detected and located and costs little; no spoilt file is ever taken for sound."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from durability.zygote import envelope, fill
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recorder.envelope import Envelope
from recorder.errors import CorruptError
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter

FLIPS = int(os.environ.get("GAMETAPE_FLIPS", "600"))
"""How many; more on demand."""

EVENTS = 240


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    """A tape with a label whose first half is sealed and whose second half is hot."""
    path = tmp_path_factory.mktemp("flips") / "night"
    with Path(os.devnull).open("wb") as nowhere:
        writer = TapeWriter.create(path, created_ns=1, label="a test", segment_raw_bytes=4000)
        fill(writer, EVENTS // 2, nowhere.fileno())
        seal_tape(path)
        fill(TapeWriter.resume(path, segment_raw_bytes=4000), EVENTS, nowhere.fileno())
    return path


def files_of(path: Path) -> list[Path]:
    names = ("hot/*.hot", "sealed/*.parquet", "manifest/*.json", "tape.json")
    return [file for name in names for file in sorted(path.glob(name))]


def kept_events(path: Path) -> list[Envelope]:
    try:
        return list(open_tape(path, salvage=True).read())
    except CorruptError:
        return []  # tape.json itself: `recover` makes it again from a segment


def test_a_flipped_bit_is_found(sound, folder, tell) -> None:
    """Every flip is detected and names its file; what it says is lost is lost, and everything else stays readable."""
    rng = Random(5)
    files = files_of(sound)
    assert len(files) > 8
    path = folder / "night"
    shutil.copytree(sound, path)
    detected = located = kept = readable = 0
    for flip in range(FLIPS):
        file = path / files[flip % len(files)].relative_to(sound)
        before = file.read_bytes()
        at = rng.randrange(len(before))
        file.write_bytes(before[:at] + bytes([before[at] ^ 1 << rng.randrange(8)]) + before[at + 1 :])
        name = file.relative_to(path).as_posix()
        report = verify_tape(path)
        detected += not report.ok
        located += any(one.file == name and one.offset <= at for one in report.damage)
        if name != "tape.json":
            events = kept_events(path)
            assert all(one == envelope(one.seq) for one in events)
            kept += len(events)
            readable += EVENTS
        file.write_bytes(before)
    assert verify_tape(path, deep=True).ok
    tell(
        f"D5: {FLIPS} flips in {len(files)} files: detected {detected / FLIPS:.2%}, located {located / FLIPS:.2%}, "
        f"events kept {kept / readable:.2%}"
    )
    assert detected == FLIPS
    assert located == FLIPS
    assert kept / readable > 0.9


def cut(data: bytes, at: int, _: int) -> bytes:
    return data[:at]


def append(data: bytes, _: int, many: int) -> bytes:
    return data + bytes(range(256))[: 1 + many % 200]


def zero(data: bytes, at: int, many: int) -> bytes:
    return data[:at] + bytes(min(many, len(data) - at)) + data[at + many :]


def repeat(data: bytes, at: int, many: int) -> bytes:
    return data[: at + many] + data[at:]


def remove(data: bytes, at: int, many: int) -> bytes:
    return data[:at] + data[at + many :]


def swap(data: bytes, at: int, many: int) -> bytes:
    return data[at : at + many] + data[:at] + data[at + many :]


MUTATIONS: list[Callable[[bytes, int, int], bytes]] = [cut, append, zero, repeat, remove, swap]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    which=st.integers(0, 10**6),
    where=st.integers(0, 10**6),
    many=st.integers(1, 2000),
    mutate=st.sampled_from(MUTATIONS),
)
def test_a_spoilt_file_is_never_taken_for_sound(sound, tmp_path_factory, which, where, many, mutate) -> None:
    """Cut, grown, zeroed, repeated, shuffled: no reader crashes, and no event is read that was not written."""
    path = tmp_path_factory.mktemp("spoilt") / "night"
    shutil.copytree(sound, path)
    files = files_of(path)
    file = files[which % len(files)]
    before = file.read_bytes()
    after = mutate(before, where % len(before), many)
    file.write_bytes(after)
    report = verify_tape(path, deep=True)
    assert report.ok == (before == after)
    assert all(one == envelope(one.seq) for one in kept_events(path))
    try:
        read = [one.seq for one in open_tape(path).read()]
    except CorruptError:
        return
    # What may be missing without an error is the end of the last file: a torn write looks no different.
    assert read == list(range(len(read)))
    assert len(read) == EVENTS or file == max(path.glob("hot/*.hot"))
