"""Finding strategies and tapes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from recorder.envelope import Envelope, Kind
from recorder.errors import CorruptError, UsageError
from recorder.tape.writer import TapeWriter
from replay.find import cache_folder, find_tapes, load_strategy
from strategies.fusion import SignalFuser

OWN = """
class Mine:
    name = "mine"

    def run(self, *columns):
        return -1

class NoName:
    def run(self, *columns):
        return -1

not_callable = 3
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAMETAPE_TAPES_DIR", str(tmp_path / "tapes"))


@pytest.fixture
def tape(tmp_path):
    def make(name: str, at_ns: int):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        with TapeWriter.create(path, created_ns=1) as writer:
            writer.append(Envelope(0, at_ns, "recorder", 0, Kind.PULSE, b"", b""))
        return path

    return make


def test_a_strategy_by_name() -> None:
    """An entry point names a strategy, whoever installed it."""
    assert isinstance(load_strategy("fusion"), SignalFuser)


def test_a_strategy_from_a_file(tmp_path) -> None:
    """`path/to/file.py:Name` makes one from a file that nobody installed."""
    (tmp_path / "own.py").write_text(OWN)
    assert load_strategy("own.py:Mine").name == "mine"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fussion", "did you mean 'fusion'"),
        ("zzz", "installed: "),
        ("missing.py:Mine", "no strategy file"),
        ("own.py:Other", "has no class 'Other'"),
        ("own.py:NoName", "is not a strategy"),
        ("own.py:not_callable", "has no class"),
        ("broken.py:Mine", "ZeroDivisionError"),
    ],
)
def test_what_is_no_strategy(tmp_path, name, said) -> None:
    """A wrong name, file or class is a usage error that helps."""
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(UsageError) as failed:
        load_strategy(name)
    assert said in f"{failed.value.what} {failed.value.why}"


def test_tapes_by_path_and_by_name(tape) -> None:
    """A tape is found at a path, or by its name in the tapes folder; a path wins."""
    tape("here", 1)
    tape("tapes/there", 2)
    assert [one.path.name for one in find_tapes(["here", "there"])] == ["here", "there"]


def test_a_tape_given_twice_is_refused(tape) -> None:
    """The same events, under whatever name, are one night."""
    tape("one", 1)
    tape("two", 1)
    with pytest.raises(UsageError, match="given twice"):
        find_tapes(["one", "two"])


def test_a_tape_that_is_not_there() -> None:
    """A missing tape is a usage error."""
    with pytest.raises(UsageError):
        find_tapes(["nowhere"])


def test_the_cache_is_where_the_configuration_says(tmp_path, monkeypatch) -> None:
    """GAMETAPE_CACHE_DIR moves every cache."""
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(tmp_path / "cache"))
    assert cache_folder("film") == tmp_path / "cache" / "film"


def test_a_tape_without_events_is_refused(tmp_path):
    """An empty tape would replay as a night on which nothing happened."""
    TapeWriter.create(tmp_path / "empty", created_ns=1).close()
    with pytest.raises(UsageError, match="holds no events"):
        find_tapes([str(tmp_path / "empty")])


def test_a_tape_whose_manifest_is_gone_is_damaged_and_not_empty(tmp_path: Path) -> None:
    """Sealed rows that no manifest tells of are damage: it is not said that there is nothing to play."""
    tape = tmp_path / "sealed"
    shutil.copytree(Path(__file__).resolve().parents[2] / "data" / "sample", tape)
    for entry in (tape / "manifest").iterdir():
        entry.unlink()
    with pytest.raises(CorruptError):
        find_tapes([str(tape)])
