"""
Excerpts: a short stretch of a tape as a tape of its own, for bug reports and tests.

What follows from an envelope depends on what came before it, so an excerpt begins with what was known when it begins:
the notes of its session, the plan, the last answer of every URL, and each book. Those facts keep the times at which
they were received. A book is one frame in the venue's own words: the recorded snapshot where nothing has changed it
since, else one that is rendered from the recorded frames, at the time of the last of them. Nothing from behind the
stretch is in it. seq counts anew; the note `excerpt` says where it came from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.errors import UsageError
from recorder.sequencer import RECORDER
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter
from replay.upstream.wirebook import WireBook, split_frame

if TYPE_CHECKING:
    from recorder.tape.reader import Tape

__all__ = ["Excerpt", "cut_excerpt"]

_MARKET = "polymarket.market"
_PLAN, _SESSION = "plan", "session"
_COMMIT_EVERY = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """What was cut: seq range of the original (both ends included), and how many envelopes stand before it."""

    path: Path
    first_seq: int
    last_seq: int
    before: int
    events: int
    rendered: int


@dataclass(slots=True)
class _Book:
    """One token's book before the cut, by which connection it came, and when and where it last moved."""

    wire: WireBook
    conn: int = 0
    seq: int = 0
    recv_ns: int = 0


@dataclass(slots=True)
class _Known:
    """What is known when an excerpt begins."""

    notes: dict[str, Envelope] = field(default_factory=dict)
    answers: dict[str, Envelope] = field(default_factory=dict)
    """The last answer of each URL that had a body."""
    unchanged: dict[str, Envelope] = field(default_factory=dict)
    """The last answer of each URL where that said `not modified`."""
    opened: dict[int, Envelope] = field(default_factory=dict)
    books: dict[str, _Book] = field(default_factory=dict)

    def see(self, envelope: Envelope) -> None:
        """Take one envelope that comes before the cut."""
        match envelope.kind:
            case Kind.NOTE:
                self._note(envelope)
            case Kind.BODY:
                self._answer(envelope)
            case Kind.OPENED if envelope.feed == _MARKET:
                self.opened[envelope.conn] = envelope
            case Kind.CLOSED if envelope.feed == _MARKET:
                self.opened.pop(envelope.conn, None)
                self._forget(conn=envelope.conn)
            case Kind.SILENT if envelope.feed == _MARKET:
                self._forget(conn=envelope.conn, token_id=envelope.facts().get("asset"))
            case Kind.FRAME if envelope.feed == _MARKET:
                self._frame(envelope)
            case _:
                pass

    def _note(self, envelope: Envelope) -> None:
        name = str(envelope.facts().get("note", ""))
        if name == _SESSION:
            # A session that goes on with a tape has no connection of the one before it.
            self.opened.clear()
            self._forget()
        if name in {_SESSION, _PLAN, "simulated"}:
            self.notes[name] = envelope

    def _answer(self, envelope: Envelope) -> None:
        facts = envelope.facts()
        url = f"{envelope.feed} {facts.get('url', '')}"
        if facts.get("status") == 304:
            self.unchanged[url] = envelope
        elif facts.get("status") == 200:
            self.answers[url] = envelope
            self.unchanged.pop(url, None)

    def _frame(self, envelope: Envelope) -> None:
        try:
            messages = split_frame(envelope.payload)
        except msgspec.MsgspecError:
            return
        for message, raw in messages:
            for token_id in message.tokens():
                book = self.books.setdefault(token_id, _Book(WireBook(token_id)))
                book.wire.see(message, raw)
                book.conn, book.seq = envelope.conn, envelope.seq
                if message.event_type in {"book", "price_change"}:
                    book.recv_ns = envelope.recv_ns

    def _forget(self, *, conn: int | None = None, token_id: str | None = None) -> None:
        for name, book in self.books.items():
            if (conn is None or book.conn == conn) and (token_id is None or name == token_id):
                book.wire.forget()

    def envelopes(self) -> tuple[list[Envelope], int]:
        """Return what is known as envelopes by time, and how many books were rendered rather than recorded."""
        facts = [*self.notes.values(), *self.answers.values(), *self.unchanged.values(), *self.opened.values()]
        rendered = 0
        for book in self.books.values():
            frame = book.wire.frame()
            if frame is not None:
                rendered += 1
                facts.append(Envelope(book.seq, book.recv_ns, _MARKET, book.conn, Kind.FRAME, b"", frame))
        return sorted(facts, key=lambda one: (one.recv_ns, one.seq)), rendered


def cut_excerpt(tape: Tape, path: Path, *, since_ns: int, until_ns: int) -> Excerpt:
    """
    Write what was received in since_ns (included) to until_ns (not included) as a sealed tape at path.

    Raises:
        UsageError: nothing was received in that time, or something is at path already.
        CorruptError: the tape is damaged up to there.
    """
    first = next(tape.read(since_ns=since_ns, until_ns=until_ns), None)
    if first is None:
        raise UsageError(f"nothing was received then on {tape.name}", hint=f"gametape info {tape.path}")
    known = _Known()
    for envelope in tape.read(0, first.seq - 1) if first.seq else ():
        known.see(envelope)
    before, books = known.envelopes()
    last_seq = first.seq - 1
    label = ", ".join(part for part in (tape.label, f"excerpt of {tape.name}") if part)
    with TapeWriter.create(path, created_ns=tape.created_ns, label=label) as writer:
        facts = {
            "note": "excerpt",
            "of": tape.name,
            "digest": tape.digest(),
            "first_seq": first.seq,
            "before": len(before),
        }
        note = Envelope(0, (before or [first])[0].recv_ns, RECORDER, 0, Kind.NOTE, encode_meta(facts), b"")
        _append(writer, (note, *before))
        for envelope in tape.read(first.seq, since_ns=since_ns, until_ns=until_ns):
            _append(writer, (envelope,))
            last_seq = envelope.seq
        events = writer.next_seq
    seal_tape(path)
    return Excerpt(
        path=path, first_seq=first.seq, last_seq=last_seq, before=len(before) + 1, events=events, rendered=books
    )


def _append(writer: TapeWriter, envelopes: Iterable[Envelope]) -> None:
    for envelope in envelopes:
        writer.append(msgspec.structs.replace(envelope, seq=writer.next_seq))
        if writer.next_seq % _COMMIT_EVERY == 0:
            writer.commit()
