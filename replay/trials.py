"""
The trial ledger: every setting that was ever evaluated on a tape.

The best of many trials looks good by luck. How many trials there were is a fact about the data, not about one run, so
it is kept beside the tapes: one file a tape digest, one line a distinct setting, in the order of their first trial.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from replay.settings import Setting

__all__ = ["TrialLedger"]


class _Trial(msgspec.Struct, frozen=True):
    id: str
    strategy: str
    model: str
    setting: dict[str, int | str | None]


class TrialLedger:
    """The trials on the tapes of one folder."""

    def __init__(self, folder: Path) -> None:
        """Use this folder; it is made with the first trial."""
        self._folder = folder

    def remember(self, tape_digests: Iterable[str], strategy: str, model: str, settings: Sequence[Setting]) -> int:
        """Note that these settings are evaluated on all these tapes; return how many trials the most tried tape has."""
        most = 0
        for digest in tape_digests:
            path = self._folder / f"{digest}.ndjson"
            known = self._known(path)
            new: dict[str, bytes] = {}
            for setting in settings:
                described = setting.describe()
                identity = hashlib.sha256(
                    msgspec.json.encode([strategy, model, described], order="sorted")
                ).hexdigest()[:32]
                if identity not in known:
                    new[identity] = msgspec.json.encode(_Trial(identity, strategy, model, described)) + b"\n"
            if new:
                self._folder.mkdir(parents=True, exist_ok=True)
                with path.open("ab") as file:
                    # Half a line that a crash left behind must not swallow the first of ours.
                    file.write(b"\n" + b"".join(new.values()))
            most = max(most, len(known) + len(new))
        return most

    def count(self, tape_digest: str) -> int:
        """Return how many distinct settings were ever tried on a tape."""
        return len(self._known(self._folder / f"{tape_digest}.ndjson"))

    @staticmethod
    def _known(path: Path) -> set[str]:
        if not path.exists():
            return set()
        lines = [line for line in path.read_bytes().splitlines() if line]
        # A line cut short by a crash is a trial that was not finished being noted.
        known = set()
        for line in lines:
            try:
                known.add(msgspec.json.decode(line, type=_Trial).id)
            except msgspec.DecodeError:
                continue
        return known
