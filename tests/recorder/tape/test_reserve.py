from __future__ import annotations

from recorder.tape.fsck import verify_tape
from recorder.tape.locate import tape_bytes
from recorder.tape.reserve import RESERVE_FILE, Reserve
from recorder.tape.writer import TapeWriter


def test_holds_real_blocks_and_gives_them_back_once(tmp_path) -> None:
    """Within the block the file has blocks on the disk, not only a size; it is given back once, and gone after it."""
    TapeWriter.create(tmp_path / "a", created_ns=1).close()
    file, before = tmp_path / "a" / RESERVE_FILE, tape_bytes(tmp_path / "a")
    with Reserve(tmp_path / "a", 1 << 20) as reserve:
        assert reserve.is_held
        assert file.stat().st_size == 1 << 20
        assert file.stat().st_blocks * 512 >= 1 << 20
        assert tape_bytes(tmp_path / "a") == before
        assert verify_tape(tmp_path / "a", deep=True).ok
        assert (reserve.release(), reserve.release(), file.exists()) == (True, False, False)
    with Reserve(tmp_path / "a", 1 << 20):
        assert file.exists()
    assert not file.exists()


def test_what_a_crash_left_is_taken_over(tmp_path) -> None:
    """A reserve that nobody gave back is the next recording's."""
    TapeWriter.create(tmp_path / "a", created_ns=1).close()
    (tmp_path / "a" / RESERVE_FILE).write_bytes(bytes(10))
    with Reserve(tmp_path / "a", 1 << 20) as reserve:
        assert reserve.is_held
    assert not (tmp_path / "a" / RESERVE_FILE).exists()


def test_a_disk_without_room_is_no_failure(tmp_path) -> None:
    """Where the room is not there nothing is held, nothing is left behind, and recording may begin."""
    TapeWriter.create(tmp_path / "a", created_ns=1).close()
    with Reserve(tmp_path / "a", 1 << 60) as reserve:
        assert (reserve.is_held, reserve.release()) == (False, False)
    with Reserve(tmp_path / "a", 0) as reserve:
        assert not reserve.is_held
    assert not (tmp_path / "a" / RESERVE_FILE).exists()
