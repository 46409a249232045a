"""
The model card: what a model was made from, how well it did where it had not looked, and which file it stands for.

A card lies next to the model's module as `NAME.card.json` and names the model's files by sha256, so that numbers and
card cannot drift apart unseen. Models of one module, such as one with a part of it switched off, share the module's.
"""

from __future__ import annotations

from importlib.resources import files

import msgspec

from recorder.errors import CorruptError, UsageError
from replay.core.modelfiles import model_files
from replay.models.registry import model_entry

__all__ = ["Card", "Measured", "Training", "card_text", "read_card"]


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """
    What one league's coefficients were fitted on.

    ranges hold the least and greatest value seen, by the names of `replay.models.drift`.

    Units: seasons are the first and last by ending year; dates the first and last day of play, YYYYMMDD.
    """

    seasons: tuple[int, int]
    dates: tuple[int, int]
    games: int
    states: int
    data: str
    ranges: dict[str, tuple[float, float]] = {}


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """
    Scores on some seasons by coefficients fitted on others.

    priors says what the model was told of the teams: `none` or `ratings`. gain is by how much the Brier score is lower
    than without, and its limits. intervals hold 95 % limits by name, clustered by game.
    """

    fitted_on: tuple[int, int]
    tested_on: tuple[int, int]
    brier: float
    log_loss: float
    ece: float
    n_states: int
    n_games: int
    intervals: dict[str, tuple[float, float]]
    priors: str = "none"
    gain: tuple[float, float, float] | None = None


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """
    A model card; limits say in words what the model does not know.

    companions are further files by sha256; published names the leagues whose constants nobody fitted, and their source.
    """

    model: str
    version: int
    summary: str
    source: str
    file: str
    sha256: str
    training: dict[str, Training]
    measured: dict[str, tuple[Measured, ...]]
    limits: tuple[str, ...]
    companions: dict[str, str] = {}
    published: dict[str, str] = {}


def read_card(name: str) -> Card:
    """
    Read the card of an installed model and check that it stands for the installed coefficients.

    Raises:
        UsageError: there is no such model, or it has no card.
        CorruptError: the card cannot be read, or stands for another file.
    """
    package, _, module = model_entry(name).module.rpartition(".")
    folder = files(package)
    named = [f"{stem}.card.json" for stem in (name, module)]
    present = [file for file in named if folder.joinpath(file).is_file()]
    if not present:
        raise UsageError(f"model {name!r} has no card", why=f"{folder.joinpath(named[0])} does not exist")
    model_files(lambda file: folder.joinpath(file).read_bytes(), present[0])
    try:
        return msgspec.json.decode(folder.joinpath(present[0]).read_bytes(), type=Card)
    except msgspec.DecodeError as error:
        raise CorruptError(f"{present[0]} is no model card", why=str(error)) from error


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
    lines += [f"  {league}: uncalibrated, published constants: {source}" for league, source in card.published.items()]
    lines += [f"  not known: {limit}" for limit in card.limits]
    lines += [f"  {file} sha256 {sha}" for file, sha in {card.file: card.sha256, **card.companions}.items()]
    return "\n".join(lines)


def _measured_text(measured: Measured) -> str:
    low, high = measured.intervals["brier"]
    looked = "in sample" if measured.fitted_on == measured.tested_on else "out of sample"
    told = "" if measured.priors == "none" else f", with {measured.priors}"
    gained = "" if measured.gain is None else "; Brier lower by {:.4f} ({:.4f} to {:.4f})".format(*measured.gain)
    return (
        f"    {looked}{told}, fitted {_span(measured.fitted_on)}, tested {_span(measured.tested_on)}: "
        f"Brier {measured.brier:.4f} ({low:.4f}-{high:.4f}), log loss {measured.log_loss:.4f}, "
        f"ECE {measured.ece:.4f}, {measured.n_games:,} games{gained}"
    )


def _span(seasons: tuple[int, int]) -> str:
    first, last = seasons
    return str(first) if first == last else f"{first}-{last}"
