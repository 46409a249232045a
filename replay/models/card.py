"""
The model card: what a model was made from, how well it did where it had not looked, and which file it stands for.

A card lies next to the model's module as `NAME.card.json` and names its coefficients file by sha256, so that numbers
and card cannot drift apart unseen.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files

import msgspec

from recorder.errors import CorruptError, UsageError
from replay.models.registry import model_entry

__all__ = ["Card", "Measured", "Training", "card_text", "digest", "read_card"]


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one league's coefficients were fitted on.

    Units: seasons are the first and last by ending year; dates the first and last day of play, YYYYMMDD.
    """

    seasons: tuple[int, int]
    dates: tuple[int, int]
    games: int
    states: int
    data: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """
    Scores on some seasons by coefficients fitted on others.

    intervals hold 95 % limits by name, clustered by game.
    """

    fitted_on: tuple[int, int]
    tested_on: tuple[int, int]
    brier: float
    log_loss: float
    ece: float
    n_states: int
    n_games: int
    intervals: dict[str, tuple[float, float]]


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """A model card; limits say in words what the model does not know."""

    model: str
    version: int
    summary: str
    source: str
    file: str
    sha256: str
    training: dict[str, Training]
    measured: dict[str, tuple[Measured, ...]]
    limits: tuple[str, ...]


def digest(text: bytes) -> str:
    """Return the sha256 of a coefficients file, as a card names it."""
    return hashlib.sha256(text).hexdigest()


def read_card(name: str) -> Card:
    """
    Read the card of an installed model and check that it stands for the installed coefficients.

    Raises:
        UsageError: there is no such model, or it has no card.
        CorruptError: the card cannot be read, or stands for another file.
    """
    folder = files(model_entry(name).module.rpartition(".")[0])
    path = folder.joinpath(f"{name}.card.json")
    if not path.is_file():
        raise UsageError(f"model {name!r} has no card", why=f"{path} does not exist")
    try:
        card = msgspec.json.decode(path.read_bytes(), type=Card)
    except msgspec.DecodeError as error:
        raise CorruptError(f"{path} is no model card", why=str(error)) from error
    found = digest(folder.joinpath(card.file).read_bytes())
    if found != card.sha256:
        raise CorruptError(
            f"the card of {name!r} does not stand for {card.file}",
            why=f"it says sha256 {card.sha256}, the file has {found}",
            hint=f"gametape model fit --model {name} --games … --timeline … --out DIR",
        )
    return card


def card_text(card: Card) -> str:
    """Render a card for reading."""
    lines = [f"{card.model} (version {card.version})", f"  {card.summary}", f"  source: {card.source}"]
    for league, training in card.training.items():
        first, last = training.seasons
        lines += [
            f"  {league}: fitted on {training.games:,} games, {training.states:,} states, seasons {first}-{last}",
            f"    played {training.dates[0]} to {training.dates[1]}; {training.data}",
        ]
        lines += [_measured_text(measured) for measured in card.measured.get(league, ())]
    lines += [f"  not known: {limit}" for limit in card.limits]
    lines.append(f"  {card.file} sha256 {card.sha256}")
    return "\n".join(lines)


def _measured_text(measured: Measured) -> str:
    low, high = measured.intervals["brier"]
    looked = "in sample" if measured.fitted_on == measured.tested_on else "out of sample"
    return (
        f"    {looked}, fitted {_span(measured.fitted_on)}, tested {_span(measured.tested_on)}: "
        f"Brier {measured.brier:.4f} ({low:.4f}-{high:.4f}), log loss {measured.log_loss:.4f}, "
        f"ECE {measured.ece:.4f}, {measured.n_games:,} games"
    )


def _span(seasons: tuple[int, int]) -> str:
    first, last = seasons
    return str(first) if first == last else f"{first}-{last}"
