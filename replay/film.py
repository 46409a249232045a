"""
Film: a tape as decoded columns, made once.

A film is derived and can be rebuilt from its tape at any time, so it lives in a cache, keyed by the digest of the tape
and a hash of the source that decodes: another decoder is another film. Every column is a file in numpy's own format,
mapped into memory as it stands: opening a film costs nothing, and processes that fold the same one share its pages.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from recorder.envelope import Envelope, Kind
from replay.core.events import PlanGame
from replay.core.roll import Catalogue, Game, Roller
from replay.core.rows import OP_RULES, POLL_COLUMNS, ROW_COLUMNS, RULES_COLUMNS, STATE_COLUMNS, Night, Rows, frozen
from replay.core.witnesses import PLAY_COLUMNS, SIGHTING_COLUMNS
from replay.settle import Basis, Evidence, Payout
from replay.whole import write_whole

if TYPE_CHECKING:
    from recorder.tape.reader import Tape
    from replay.gather import Reading

__all__ = ["Film", "build_film", "decoder_version", "heard_ns", "joined", "load_film", "open_film"]

Ints = NDArray[np.int64]

_CHUNK = 20_000
_NPY_HEAD = 128
_CHECKED, _COPIES = "checked.json", 8
_SPOILT = (EOFError, OSError, ValueError)
_TABLES = ("states", "polls", "rules", "sightings", "plays")
_SOURCE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """
    One tape, decoded.

    night holds the columns; payouts what each token was worth in the end where the tape says so (open markets are
    missing); folder is where it lies in the cache, None for one that was built in memory.

    Units: first_ns and last_ns are the receive times of the first and last envelope.
    """

    tape: str
    label: str
    digest: str
    events: int
    first_ns: int
    last_ns: int
    night: Night
    catalogue: Catalogue
    counts: dict[str, int]
    payouts: dict[str, Payout]
    folder: Path | None = None


class _Card(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a film that is not a column, as it is stored."""

    tape: str
    label: str
    digest: str
    events: int
    first_ns: int
    last_ns: int
    tokens: list[str]
    feeds: list[str]
    games: list[tuple[str, str, str, str, PlanGame | None]]
    counts: dict[str, int]
    payouts: list[tuple[str, int, str, tuple[str, ...]]]


def decoder_version() -> str:
    """Return a hash over the source of everything that turns bytes into rows."""
    digest = hashlib.sha256()
    core, tape = _SOURCE / "core", _SOURCE.parent / "recorder" / "tape"
    for folder, names in (
        (core, ("answers", "events", "exact", "gameclock", "plays", "roll", "rows", "witnesses")),
        (tape, ("batch", "columns", "frames", "mirror", "scan", "shapes", "walk", "words")),
        (_SOURCE, ("books", "film", "gather", "settle")),
    ):
        for name in names:
            digest.update((folder / f"{name}.py").read_bytes())
    for path in sorted((core / "decode").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def build_film(
    tape: Tape,
    *,
    chunk: int | None = None,
    plain: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Film:
    """
    Decode a whole tape. on_progress is told (envelopes done, envelopes in all).

    chunk: envelopes at a time; the same film whatever it is. plain: by the decoders, envelope by envelope; what columns
    of frames give is held against that.

    Raises:
        CorruptError: the tape is damaged.
    """
    from recorder.tape.batch import batches_of
    from replay.gather import gather, read_batch

    evidence = Evidence()
    roller = Roller(evidence.see)
    parts: list[Night] = []
    events, total, last_ns = 0, len(tape), tape.first_ns
    if plain:
        for envelopes in _chunks(tape.read(), chunk or _CHUNK):
            parts.append(roller.roll(envelopes))
            events += len(envelopes)
            last_ns = heard_ns(envelopes, last_ns)
            if on_progress is not None:
                on_progress(events, total)
    else:
        for reading in _ahead(map(read_batch, tape.batches() if chunk is None else batches_of(tape.read(), chunk))):
            parts.append(gather(roller, reading))
            events += reading.events
            last_ns = last_ns if reading.heard_ns is None else reading.heard_ns
            if on_progress is not None:
                on_progress(events, total)
    payouts = {token: evidence.payout(token) for token in roller.catalogue.tokens}
    return Film(
        tape=tape.name,
        label=tape.label,
        digest=tape.digest(),
        events=events,
        first_ns=tape.first_ns or 0,
        last_ns=last_ns or 0,
        night=joined(parts),
        catalogue=roller.catalogue,
        counts=dict(sorted(roller.counts.items())),
        payouts={token: payout for token, payout in payouts.items() if payout.basis is not Basis.OPEN},
    )


def heard_ns(envelopes: Sequence[Envelope], before_ns: int) -> int:
    """Return the time of the last of these envelopes, a live engine's own decisions apart; before_ns where none is."""
    times = (envelope.recv_ns for envelope in reversed(envelopes) if envelope.kind is not Kind.DECISION)
    return next(times, before_ns)


def joined(parts: list[Night]) -> Night:
    """Return the parts of a night as one, indices between the tables moved accordingly."""
    if len(parts) == 1:
        return parts[0]
    states, polls, rules, prices = [], [], [], []
    state_count = poll_count = rule_count = 0
    for part in parts:
        moved_states, moved_polls = part.states.copy(), part.polls.copy()
        moved_states[:, STATE_COLUMNS.index("poll")] += poll_count
        moved_polls[:, POLL_COLUMNS.index("first_state")] += state_count
        price = part.rows.price_u6.copy()
        price[part.rows.op == OP_RULES] += rule_count
        states.append(moved_states)
        polls.append(moved_polls)
        rules.append(part.rules)
        prices.append(price)
        state_count, poll_count, rule_count = (
            state_count + len(part.states),
            poll_count + len(part.polls),
            rule_count + len(part.rules),
        )
    columns: dict[str, NDArray[Any]] = {
        name: np.concatenate([getattr(part.rows, name) for part in parts] or [np.zeros(0, kind)])
        for name, kind in ROW_COLUMNS.items()
    }
    if prices:
        columns["price_u6"] = np.concatenate(prices)
    return Night(
        rows=Rows(**{name: frozen(column) for name, column in columns.items()}),
        states=_stacked(states, len(STATE_COLUMNS)),
        polls=_stacked(polls, len(POLL_COLUMNS)),
        rules=_stacked(rules, len(RULES_COLUMNS)),
        sightings=_stacked([part.sightings for part in parts], len(SIGHTING_COLUMNS)),
        plays=_stacked([part.plays for part in parts], len(PLAY_COLUMNS)),
    )


def open_film(tape: Tape, cache: Path, *, on_progress: Callable[[int, int], None] | None = None) -> Film:
    """
    Return the film of a tape, from the cache folder if it is there and whole, else built and put there.

    Raises:
        CorruptError: the tape is damaged.
    """
    folder = cache / f"{tape.digest()[:32]}-{decoder_version()}"
    try:
        film = load_film(folder, tape.name)
        _refuse_damage(tape, folder)
        return film
    except _SPOILT:
        # Not there, or spoilt: a film can always be made again.
        _store(build_film(tape, on_progress=on_progress), folder)
    _note_files(tape, folder)
    return load_film(folder, tape.name)


def _refuse_damage(tape: Tape, folder: Path) -> None:
    """
    See that the files of a tape are still those that a film was made of; raise CorruptError where they are damaged.

    A film hides damage: it is found by what the manifest says, which damage to a file does not change. So files that
    are not as they were seen last (size, time of change) are checked against the manifest, once.
    """
    from recorder.tape.fsck import verify_tape
    from recorder.tape.reader import corrupt

    if _files(tape) in _noted(folder):
        return
    report = verify_tape(tape.path)
    if report.damage:
        raise corrupt(tape.path, report.damage[0])
    _note_files(tape, folder)


def _files(tape: Tape) -> list[tuple[str, int, int]]:
    """Return path, size and time of change of a tape's sealed files; hot ones are read each time as it is."""
    paths = sorted((tape.path / "sealed").glob("*.parquet"))
    return [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]


def _noted(folder: Path) -> list[list[tuple[str, int, int]]]:
    try:
        return msgspec.json.decode((folder / _CHECKED).read_bytes(), type=list[list[tuple[str, int, int]]])
    except (OSError, ValueError):
        return []


def _note_files(tape: Tape, folder: Path) -> None:
    """Remember that these files were sound; of as many copies of the tape as are likely to be in use."""
    noted = [_files(tape), *_noted(folder)][:_COPIES]
    write_whole(folder / _CHECKED, msgspec.json.encode(noted))


def _ahead(made: Iterator[Reading]) -> Iterator[Reading]:
    """
    Yield readings, the next one made meanwhile by another core: unpacking and scanning need no interpreter.

    Processes in place of the thread were measured and were slower on two cores: what they read must be handed over.
    """
    with ThreadPoolExecutor(1, "film") as reader:
        coming = reader.submit(next, made, None)
        while (reading := coming.result()) is not None:
            coming = reader.submit(next, made, None)
            yield reading


def _chunks(envelopes: Iterable[Envelope], size: int) -> Iterable[list[Envelope]]:
    iterator = iter(envelopes)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _stacked(parts: list[Ints], width: int) -> Ints:
    table = np.concatenate(parts) if parts else np.zeros((0, width), np.int64)
    table.setflags(write=False)
    return table


def _store(film: Film, folder: Path) -> None:
    """Write a film beside its place and move it there, so that a half-written one is never read."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    night = film.night
    for name in ROW_COLUMNS:
        np.save(making / f"rows.{name}.npy", getattr(night.rows, name), allow_pickle=False)
    for name in _TABLES:
        np.save(making / f"{name}.npy", np.ascontiguousarray(getattr(night, name)), allow_pickle=False)
    card = _Card(
        tape=film.tape,
        label=film.label,
        digest=film.digest,
        events=film.events,
        first_ns=film.first_ns,
        last_ns=film.last_ns,
        tokens=film.catalogue.tokens,
        feeds=film.catalogue.feeds,
        games=[(game.game_id, game.league, game.home, game.away, game.plan) for game in film.catalogue.games],
        counts=film.counts,
        payouts=[
            (token, payout.payout_u6 or 0, payout.basis.value, payout.warnings)
            for token, payout in film.payouts.items()
        ],
    )
    (making / "film.json").write_bytes(msgspec.json.encode(card))
    for path in making.iterdir():
        # A name that outlives a power cut must not lead to half of a column.
        with path.open("rb") as file:
            os.fsync(file.fileno())
    try:
        making.rename(folder)
    except OSError:
        _replace(folder, making, film.tape)


def _replace(folder: Path, making: Path, name: str) -> None:
    """Put a film over a spoilt one; where it is whole, somebody built the same meanwhile and theirs is as good."""
    try:
        load_film(folder, name)
    except _SPOILT:
        shutil.rmtree(folder)
        making.rename(folder)
    else:
        shutil.rmtree(making)


def load_film(folder: Path, name: str) -> Film:
    """
    Map a film of the cache into memory; name is that of its tape.

    Raises:
        OSError: there is no film in this folder, or a part of it is missing.
        EOFError, ValueError: a part of it is not what it should be.
    """
    card = msgspec.json.decode((folder / "film.json").read_bytes(), type=_Card)
    night = Night(
        rows=Rows(**{column: _mapped(folder / f"rows.{column}.npy") for column in ROW_COLUMNS}),
        **{table: _mapped(folder / f"{table}.npy") for table in _TABLES},
    )
    catalogue = Catalogue(tokens=card.tokens, games=[Game(*game) for game in card.games], feeds=card.feeds)
    return Film(
        tape=name,
        label=card.label,
        digest=card.digest,
        events=card.events,
        first_ns=card.first_ns,
        last_ns=card.last_ns,
        night=night,
        catalogue=catalogue,
        counts=card.counts,
        payouts={
            token: Payout(token_id=token, payout_u6=value, basis=Basis(basis), warnings=warnings)
            for token, value, basis, warnings in card.payouts
        },
        folder=folder,
    )


def _mapped(path: Path) -> Any:  # noqa: ANN401 - the dtype stands in the file
    """Map a column as a plain read-only array, to the compiler the same type as one that was built in memory."""
    # An empty file cannot be mapped.
    stored = np.load(path, allow_pickle=False) if path.stat().st_size <= _NPY_HEAD else np.load(path, mmap_mode="r")
    return frozen(np.asarray(stored))
