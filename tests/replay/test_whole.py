from __future__ import annotations

from pathlib import Path

import pytest

from replay.whole import write_whole


def test_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    """A second writing takes the place of the first one, and no draft stays behind."""
    path = tmp_path / "one.json"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert [path] == list(tmp_path.iterdir())


def test_reader_who_holds_the_old_file_reads_it_to_its_end(tmp_path: Path) -> None:
    """The old bytes are never written over: whoever opened them has them all."""
    path = tmp_path / "one.json"
    write_whole(path, b"first")
    with path.open("rb") as held:
        write_whole(path, b"second")
        assert held.read() == b"first"


def test_refusal_leaves_the_old_file(tmp_path: Path) -> None:
    """What cannot be written takes nothing away."""
    path = tmp_path / "one.json"
    write_whole(path, b"first")
    with pytest.raises(TypeError):
        write_whole(path, "no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"first"
