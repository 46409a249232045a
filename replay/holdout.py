"""
Hold-out nights: tapes that nobody may look at until the setting is chosen, and then once.

A sealed tape is known by its digest, so another name or another folder opens nothing. What opened it is remembered: the
same run may be repeated, because it gives the same answer, and any other is refused, because a night that is looked at
twice has been chosen on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from recorder.errors import UsageError
from replay.settings import Setting

__all__ = ["HoldOuts", "Sealed", "run_identity"]


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """
    A sealed night.

    opened_by is the identity of the run that opened it, empty while it is sealed. Units: ns since the epoch, UTC.
    """

    digest: str
    tape: str
    sealed_ns: int
    opened_by: str = ""
    opened_ns: int | None = None


class HoldOuts:
    """The sealed nights that one folder remembers: a file that is appended to, whose last word on a tape holds."""

    def __init__(self, folder: Path) -> None:
        """Use this folder; it is made with the first seal."""
        self._path = folder / "holdout.ndjson"

    def known(self) -> dict[str, Sealed]:
        """
        Return the sealed nights by tape digest, in the order in which they were sealed.

        Raises:
            UsageError: the file holds a line that is not ours; forgetting a seal would be the worst answer.
        """
        found: dict[str, Sealed] = {}
        for line in self._path.read_bytes().splitlines() if self._path.exists() else []:
            try:
                sealed = msgspec.json.decode(line, type=Sealed)
            except msgspec.DecodeError as error:
                raise UsageError(f"{self._path} is damaged", why=str(error), hint="repair it or restore it") from error
            found[sealed.digest] = sealed
        return found

    def seal(self, digest: str, tape: str, now_ns: int, *, trials: int) -> Sealed:
        """
        Seal a night.

        Raises:
            UsageError: it is sealed or was opened already, or settings were tried on it before (trials, how many).
        """
        before = self.known().get(digest)
        if before is not None:
            raise UsageError(f"{tape} {'was opened' if before.opened_by else 'is sealed'} already")
        if trials:
            raise UsageError(
                f"{tape} cannot be held out any more",
                why=f"{trials:,} settings were tried on it",
                hint="seal a night that nobody has looked at",
            )
        return self._write(Sealed(digest=digest, tape=tape, sealed_ns=now_ns))

    def admit(self, tapes: Sequence[tuple[str, str]], run: str, now_ns: int, *, opening: bool) -> list[Sealed]:
        """
        Let a run evaluate tapes, given as (digest, name), and return those that it opened now.

        Raises:
            UsageError: one is sealed and opening was not asked for, or another run has opened it before.
        """
        known = self.known()
        to_open = []
        for digest, name in tapes:
            sealed = known.get(digest)
            if sealed is None or sealed.opened_by == run:
                continue
            if sealed.opened_by:
                raise UsageError(
                    f"{name} is a hold-out night and has been opened",
                    why="another run saw it; whatever is chosen after that look was chosen on it",
                    hint="repeat that very run, or hold out another night",
                )
            if not opening:
                raise UsageError(
                    f"{name} is a hold-out night",
                    why="it is sealed until the setting is chosen, and opens once",
                    hint="--open-holdout, with one setting",
                )
            to_open.append(sealed)
        return [self._write(msgspec.structs.replace(one, opened_by=run, opened_ns=now_ns)) for one in to_open]

    def _write(self, sealed: Sealed) -> Sealed:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(sealed) + b"\n")
        return sealed


def run_identity(strategy: str, model: str, settings: Sequence[Setting]) -> str:
    """Return what makes a run the same run: its strategy, its model and its settings in their order."""
    facts = [strategy, model, [setting.describe() for setting in settings]]
    return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()[:32]
