"""Model files: pinned, of three kinds, and never anything that runs when it is read."""

from __future__ import annotations

import pickle
from pathlib import Path

import msgspec
import pytest

from recorder.errors import CorruptError
from replay.core.modelfiles import checked_bytes, digest, model_files


class Trap:
    """Its pickle touches a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("suffix", ["json", "txt", "onnx", "pkl", "joblib"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_under_any_name_is_refused_and_never_run(tmp_path: Path, suffix: str, protocol: int) -> None:
    """Even with its own digest in the card a pickle is no model file, and what it would do is not done."""
    sprung = tmp_path / "sprung"
    text = pickle.dumps(Trap(sprung), protocol)
    with pytest.raises(CorruptError, match="no model file"):
        checked_bytes(f"model.{suffix}", text, digest(text))
    assert not sprung.exists()


@pytest.mark.parametrize(
    ("name", "text"), [("a.json", b'{"mu": 1}'), ("a.txt", b"tree\nversion=v4\n"), ("a.onnx", b"\x08\x08rest")]
)
def test_a_file_of_its_kind_is_read(name: str, text: bytes) -> None:
    """What is as named comes back byte for byte; with another digest it is refused by name."""
    assert checked_bytes(name, text, digest(text)) == text
    with pytest.raises(CorruptError, match=f"does not stand for {name}"):
        checked_bytes(name, text, digest(b"another"))


def test_every_file_of_a_card_is_checked() -> None:
    """A changed companion is refused like a changed main file; a missing one and an unreadable card are named."""
    pins = {"file": "a.json", "sha256": digest(b"{}"), "companions": {"b.json": digest(b"[]")}}
    folder = {"a.json": b"{}", "b.json": b"[]", "card.json": msgspec.json.encode(pins)}

    def read(name: str) -> bytes:
        if name not in folder:
            raise FileNotFoundError(name)
        return folder[name]

    assert model_files(read, "card.json") == {"a.json": b"{}", "b.json": b"[]"}
    folder["b.json"] = b"[1]"
    with pytest.raises(CorruptError, match=r"does not stand for b\.json"):
        model_files(read, "card.json")
    del folder["b.json"]
    with pytest.raises(CorruptError, match=r"b\.json cannot be read"):
        model_files(read, "card.json")
    folder["card.json"] = b"["
    with pytest.raises(CorruptError, match="no model card"):
        model_files(read, "card.json")
