from __future__ import annotations

import socket
from pathlib import Path

import pytest

from recorder.clock import Discipline, ManualClock, SystemClock
from recorder.config import Config
from recorder.envelope import Envelope, Kind, encode_meta
from recorder.net.probe import Answer, Unreachable
from recorder.operate import doctor
from recorder.operate.doctor import Check, check_host, check_machine, check_plan
from recorder.plan import Plan, PlannedGame, Unmatched
from recorder.tape.fs import RealFs
from recorder.tape.manifest import Lost, publish_entry, read_manifest
from recorder.tape.writer import TapeWriter

S = 1_000_000_000
T0_NS = 1_768_505_400 * S


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def checks_of(folder: Path, **config: object) -> dict[str, Check]:
    found = check_machine(Config(tapes_dir=str(folder), **config), SystemClock(), port=free_port())
    return {check.name: check for check in found}


def write(path: Path, *notes: str, span_s: int = 100, close: bool = True) -> Path:
    writer = TapeWriter.create(path, created_ns=T0_NS)
    for seq, note in enumerate(("session", *notes)):
        at_ns = T0_NS + seq * span_s * S
        writer.append(Envelope(seq, at_ns, "recorder", 0, Kind.NOTE, encode_meta({"note": note}), b""))
    writer.commit()
    if close:
        writer.close()
    else:
        writer._lock.release()
    return path


def test_a_machine_without_a_tape(tmp_path) -> None:
    """Before the first night nothing fails, nothing is left behind, and a folder that is to come is no failure."""
    found = checks_of(tmp_path / "tapes" / "deep")
    assert all(check.level != "fail" for check in found.values())
    assert found["last tape"].said == "none yet"
    assert found["port"].level == found["time zone"].level == found["configuration"].level == "ok"
    assert list(tmp_path.iterdir()) == []


def test_says_how_the_last_night_ended(tmp_path) -> None:
    """Cleanly, in mid-recording, by a crash, with a torn tail: each has its words, and what to do."""
    write(tmp_path / "a")
    assert "ended cleanly" in checks_of(tmp_path)["last tape"].said
    crashed = write(tmp_path / "b", close=False)
    check = checks_of(tmp_path)["last tape"]
    assert (check.level, "nothing that was acknowledged is lost" in check.said) == ("warn", True)
    assert "cut short" not in check.said
    assert "gametape recover" in check.fix
    (hot,) = (crashed / "hot").iterdir()
    hot.write_bytes(hot.read_bytes() + hot.read_bytes()[80:120])
    assert "a block that was cut short" in checks_of(tmp_path)["last tape"].said
    writer = TapeWriter.resume(crashed)
    assert "being recorded by process" in checks_of(tmp_path)["last tape"].said
    writer.close()


def test_names_what_waits_to_be_sealed(tmp_path) -> None:
    """Tapes that still lie there as they were written are named, the one being recorded apart."""
    assert checks_of(tmp_path)["unsealed"].level == "ok"
    for name in "abcd":
        write(tmp_path / name)
    with TapeWriter.create(tmp_path / "e", created_ns=1):
        check = checks_of(tmp_path)["unsealed"]
    assert (check.level, check.said) == ("warn", "a, b, c and 1 more")


def test_a_damaged_tape_fails(tmp_path) -> None:
    """Damage is told with its place; a tape that cannot be opened too; what was given up is a warning."""
    tape = write(tmp_path / "a", "x")
    lost = Lost(first_seq=2, last_seq=4, why="test")
    tape_id = bytes.fromhex(doctor.open_tape(tape).tape_id)
    publish_entry(RealFs(), tape, read_manifest(tape, tape_id=tape_id), lost, tape_id=tape_id)
    check = checks_of(tmp_path)["last tape"]
    assert (check.level, "3 events were given up" in check.said) == ("warn", True)
    (hot,) = (tape / "hot").iterdir()
    data = bytearray(hot.read_bytes())
    data[150] ^= 1
    hot.write_bytes(data)
    check = checks_of(tmp_path)["last tape"]
    assert (check.level, f"hot/{hot.name} at byte" in check.said) == ("fail", True)
    (tape / "tape.json").write_text("{}")
    assert checks_of(tmp_path)["last tape"].level == "fail"


def test_counts_what_befell_the_last_night(tmp_path) -> None:
    """Clock steps, stalls and refusals of the disk on the last tape are a warning with their counts."""
    write(tmp_path / "a", "clock_step", "stalled", "clock_step")
    check = checks_of(tmp_path)["last night"]
    assert (check.level, check.said) == ("warn", "2 clock steps, 1 stalls, 0 refusals of the disk on a")


def test_the_disk_is_measured_in_hours(tmp_path, monkeypatch) -> None:
    """With a night to go by, free space is hours at its rate; without one it is bytes."""
    assert " h at " not in checks_of(tmp_path)["disk space"].said
    write(tmp_path / "a", "x", span_s=3600)
    used = sum(file.stat().st_size for file in tmp_path.rglob("*") if file.is_file())
    for hours, level in ((20, "ok"), (5, "warn"), (1, "fail")):
        monkeypatch.setattr(doctor, "disk_free_bytes", lambda _, hours=hours: used * hours + 1)
        check = checks_of(tmp_path)["disk space"]
        assert (check.level, f"{hours} h at" in check.said) == (level, True)


def test_slow_and_refusing_disks(tmp_path, monkeypatch) -> None:
    """A sync that takes long warns, one that takes a second fails, and so does a folder that cannot be written."""
    for worst_ms, level in ((50.0, "ok"), (150.0, "warn"), (1500.0, "fail")):
        monkeypatch.setattr(doctor, "fsyncs_ms", lambda *_, worst_ms=worst_ms: [1.0, worst_ms, 2.0])
        assert checks_of(tmp_path)["disk"].level == level

    def refuse(*_: object) -> list[float]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor, "fsyncs_ms", refuse)
    check = checks_of(tmp_path)["disk"]
    assert (check.level, "Permission denied" in check.said) == ("fail", True)


def test_a_port_that_is_taken(tmp_path) -> None:
    """Somebody who listens already is a warning with the way around."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = check_machine(Config(tapes_dir=str(tmp_path)), SystemClock(), port=server.getsockname()[1])
    (check,) = [one for one in found if one.name == "port"]
    assert (check.level, check.fix) == ("warn", "gametape live --port 0")


def test_few_files_and_bad_manners(tmp_path, monkeypatch) -> None:
    """Too few files warn or fail; polls that no public server should get fail."""
    for most, level in ((1024, "ok"), (512, "warn"), (100, "fail")):
        monkeypatch.setattr(doctor, "open_files_max", lambda most=most: most)
        assert checks_of(tmp_path)["open files"].level == level
    assert checks_of(tmp_path, poll_live_s=0.5)["configuration"].level == "fail"


@pytest.mark.parametrize(
    ("kept", "level"),
    [
        (None, "warn"),
        (Discipline(False, 16_000.0), "warn"),
        (Discipline(True, 800.0), "warn"),
        (Discipline(True, 9.0), "ok"),
    ],
)
def test_a_clock_that_nobody_keeps(tmp_path, monkeypatch, kept: Discipline | None, level: str) -> None:
    """A clock that is not kept, may be half a second wrong or does not say is a warning."""
    monkeypatch.setattr(doctor, "clock_discipline", lambda: kept)
    assert checks_of(tmp_path)["clock"].level == level


def test_judges_hosts() -> None:
    """Unreachable fails; a clock apart from ours and a slow answer warn."""
    assert check_host("a", Unreachable("gone")).level == "fail"
    assert check_host("a", Answer(1.0, 20.0, 0.0)).level == "ok"
    assert check_host("a", Answer(1.0, 20.0, None)).level == "ok"
    assert check_host("a", Answer(1.0, 20.0, -3.0)).said.endswith("its clock is -3 s from ours")
    assert check_host("a", Answer(1.0, 2500.0, 0.0)).level == "warn"


def test_judges_tonight() -> None:
    """A game without a market fails half an hour before it begins and warns until then; no game at all warns."""
    now_ns = ManualClock(T0_NS).now_ns()
    game = PlannedGame("nba:1", "nba", T0_NS + 3600 * S, "Pacers", "Knicks", (), "0x", "1", "2", "exact")
    soon = Unmatched("nba:2", "nba", T0_NS + 1700 * S, "Bulls", "Heat", "no market names these teams")
    later = Unmatched("nba:3", "nba", T0_NS + 1900 * S, "Jazz", "Nets", "no market names these teams")
    checks = check_plan(Plan((game,), (soon, later)), now_ns)
    assert [check.level for check in checks] == ["ok", "fail", "warn"]
    assert checks[0].said == "1 games with a market, 2 without; the first at 2026-01-15 20:30:00 UTC"
    assert check_plan(Plan(), now_ns)[0].level == "warn"
