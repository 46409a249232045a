"""Model cards."""

from __future__ import annotations

import importlib.metadata
import sys
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from recorder.errors import CorruptError, UsageError
from replay.models import card as cards
from replay.models.card import card_text, read_card


def test_the_shipped_card_stands_for_the_shipped_file() -> None:
    """The card of the Brownian model names the sha256 of the coefficients that are loaded."""
    card = read_card("brownian")
    assert card.model == "brownian"
    assert card.measured["nba"][0].tested_on == (2024, 2024)
    text = card_text(card)
    assert "out of sample, fitted 2021-2023, tested 2024" in text
    assert card.sha256 in text


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed model `planted` in a package of its own."""
    package = tmp_path / "planted_models"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "it.py").touch()
    (package / "brownian.json").write_bytes(b"{}\n")
    entry = importlib.metadata.EntryPoint("planted", "planted_models.it:load", "gametape.models")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(cards, "model_entry", lambda name: entry)
    yield package
    for name in [name for name in sys.modules if name.startswith("planted_models")]:
        del sys.modules[name]


def test_a_model_without_a_card(planted: Path) -> None:
    """A model without a card is a usage error that names the file."""
    with pytest.raises(UsageError, match="no card"):
        read_card("planted")


def test_a_card_of_another_file_is_refused(planted: Path) -> None:
    """A card whose digest is not the file's is corrupt; so is one that cannot be read."""
    path = planted / "planted.card.json"
    path.write_bytes(msgspec.json.encode(read_shipped()))
    with pytest.raises(CorruptError, match=r"does not stand for brownian\.json"):
        read_card("planted")
    path.write_bytes(b'{"model": 1}')
    with pytest.raises(CorruptError, match="no model card"):
        read_card("planted")


def read_shipped() -> cards.Card:
    text = files("strategies.models").joinpath("brownian.card.json").read_bytes()
    return msgspec.json.decode(text, type=cards.Card)
