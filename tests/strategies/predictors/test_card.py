"""The card that ships."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path

import msgspec
import pytest

from recorder.errors import CorruptError
from strategies.predictors import card as cards
from strategies.predictors.card import CARD_FILE, card_text, read_card
from strategies.predictors.ensemble import ENSEMBLE_FILE, NETWORK_FILE, PAST_FILE

SHIPPED = Path(str(files("strategies.predictors")))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped files that a test may spoil."""
    for name in (CARD_FILE, ENSEMBLE_FILE, PAST_FILE, NETWORK_FILE):
        shutil.copy(SHIPPED / name, tmp_path)
    monkeypatch.setattr(cards, "files", lambda _: tmp_path)
    return tmp_path


def test_the_card_stands_for_what_ships() -> None:
    """It can be read, names every file, and was tested on the season after those of its test fit."""
    card = read_card()
    assert {card.file, *card.files} == {ENSEMBLE_FILE, PAST_FILE, NETWORK_FILE}
    assert card.tested is not None
    assert card.tested.tested_on == card.tested.fitted_on[1] + 1
    assert card.seasons[1] == card.tested.tested_on


@pytest.mark.parametrize("name", [ENSEMBLE_FILE, PAST_FILE, NETWORK_FILE])
def test_a_changed_file_is_named(folder: Path, name: str) -> None:
    """One more byte at the end of any file and the card no longer stands for it."""
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    with pytest.raises(CorruptError, match=name):
        read_card()


def test_a_card_that_cannot_be_read_is_an_error(folder: Path) -> None:
    """Half a card is none."""
    (folder / CARD_FILE).write_bytes(b"{")
    with pytest.raises(CorruptError, match=CARD_FILE):
        read_card()


def test_a_card_says_who_does_not_help() -> None:
    """A member without weight is named as such, one with weight is not."""
    card = read_card()
    weights = {"half": ((1.0, 0.0, 0.0), (0.5, 0.5, 0.0)), "final": ((1.0, 0.0, 0.0), (0.2, 0.3, 0.5))}
    text = card_text(msgspec.structs.replace(card, weights=weights))
    assert "half without prior: linear 1; no help from dejavu and lstm, weight 0" in text
    assert "half with prior: linear 0.5, dejavu 0.5; no help from lstm, weight 0" in text
    assert "final with prior: linear 0.2, dejavu 0.3, lstm 0.5\n" in text
    assert card.sha256 in text
