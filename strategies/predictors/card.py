"""
The card of the ensemble: what it was made from, what each member is worth, how well it did where it had not looked.

It names the file of numbers by sha256, and that file names the others: none of them can drift from the card unseen.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any

import msgspec

from recorder.errors import CorruptError
from strategies.predictors.ensemble import ENSEMBLE_FILE, MEMBERS, EnsembleFile
from strategies.predictors.evaluate import evaluation_text
from strategies.predictors.examples import HORIZONS

__all__ = ["CARD_FILE", "PredictorCard", "Tested", "card_text", "read_card"]

CARD_FILE = "ensemble.card.json"


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """Scores on one season by a fit on those before it; see `evaluate`."""

    fitted_on: tuple[int, int]
    tested_on: int
    weights: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]
    scores: dict[str, Any]


class PredictorCard(msgspec.Struct, frozen=True, kw_only=True):
    """A predictor's card. Units: seasons are by ending year, dates YYYYMMDD."""

    predictor: str
    version: int
    summary: str
    seed: int
    seasons: tuple[int, int]
    dates: tuple[int, int]
    games: int
    data: str
    weights: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]
    tested: Tested | None
    limits: tuple[str, ...]
    file: str
    sha256: str
    files: dict[str, str]


def read_card() -> PredictorCard:
    """
    Read the card that ships and check that it stands for the files that ship.

    Raises:
        CorruptError: it cannot be read, or stands for other files.
    """
    folder = files("strategies.predictors")
    try:
        card = msgspec.json.decode(folder.joinpath(CARD_FILE).read_bytes(), type=PredictorCard)
        named = msgspec.json.decode(folder.joinpath(ENSEMBLE_FILE).read_bytes(), type=EnsembleFile).files
    except msgspec.DecodeError as error:
        raise CorruptError(f"{CARD_FILE} or {ENSEMBLE_FILE} cannot be read", why=str(error)) from error
    for name, sha256 in {card.file: card.sha256, **card.files, **named}.items():
        found = hashlib.sha256(folder.joinpath(name).read_bytes()).hexdigest()
        if found != sha256:
            raise CorruptError(
                f"the card of {card.predictor!r} does not stand for {name}",
                why=f"it says sha256 {sha256}, the file has {found}",
                hint="gametape model fit --predictor ensemble --games … --timeline … --out DIR",
            )
    return card


def card_text(card: PredictorCard) -> str:
    """Render a card for reading."""
    first, last = card.seasons
    played = f"played {card.dates[0]} to {card.dates[1]}; {card.data}"
    lines = [
        f"{card.predictor} (version {card.version})",
        f"  {card.summary}",
        f"  fitted on {card.games:,} games, seasons {first}-{last}, {played}",
        *_weight_lines(card.weights),
    ]
    if card.tested is not None:
        first, last = card.tested.fitted_on
        lines.append(f"  out of sample, fitted {first}-{last}, tested {card.tested.tested_on}:")
        lines += [f"    {line}" for line in evaluation_text(card.tested.scores).splitlines()]
        lines += [f"    {line.strip()}" for line in _weight_lines(card.tested.weights)]
    lines += [f"  not known: {limit}" for limit in card.limits]
    lines += [f"  {name} sha256 {sha256}" for name, sha256 in {card.file: card.sha256, **card.files}.items()]
    return "\n".join(lines)


def _weight_lines(weights: dict[str, tuple[tuple[float, ...], tuple[float, ...]]]) -> list[str]:
    lines = []
    for horizon in HORIZONS:
        for known, word in enumerate(("without", "with")):
            pairs = list(zip(MEMBERS, weights[horizon][known], strict=True))
            said = ", ".join(f"{name} {weight:g}" for name, weight in pairs if weight)
            idle = " and ".join(name for name, weight in pairs if not weight)
            lines.append(f"  {horizon} {word} prior: {said}" + (f"; no help from {idle}, weight 0" if idle else ""))
    return lines
