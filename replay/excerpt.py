"""
Excerpts: a short stretch of a tape as a tape of its own, for bug reports and tests.

What follows from an envelope depends on what came before it, so an excerpt begins with what was known when it begins:
the notes of its session, the plan, the last answer of every URL, and each book. Those facts keep the times at which
they were received. A book is one frame in the venue's own words: the recorded snapshot where nothing has changed it
since, else one that is rendered from the recorded frames, at the time of the last of them. Of a game that is on it also
holds its eve: the last answer that showed it as not begun, and the book of its home token then, for they are its prior.
Nothing from behind the stretch is in it. seq counts anew; the note `excerpt` says where it came from.
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
from replay.core.decode import decode
from replay.core.events import GameRef, GameStatus, PlanSeen, ScoreSeen
from replay.upstream.wirebook import WireBook, split_frame

if TYPE_CHECKING:
    from recorder.tape.reader import Tape

__all__ = ["Excerpt", "cut_excerpt"]

_MARKET = "polymarket.market"
_PLAN, _SESSION = "plan", "session"
_COMMIT_EVERY = 4_096
_BEGUN = (GameStatus.LIVE, GameStatus.BREAK, GameStatus.DELAYED, GameStatus.FINAL)


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

    def envelope(self) -> Envelope | None:
        """Return the book as one frame, at the time it last moved; None where it is not known."""
        frame = self.wire.frame()
        return None if frame is None else Envelope(self.seq, self.recv_ns, _MARKET, self.conn, Kind.FRAME, b"", frame)


@dataclass(slots=True)
class _Eves:
    """What is to be kept of each game from before it began: envelopes by the number of the game."""

    plan: Envelope | None = None
    games: dict[GameRef, int] = field(default_factory=dict)
    home_tokens: dict[int, str] = field(default_factory=dict)
    waiting: dict[str, list[int]] = field(default_factory=dict)
    """The games that the last answer of each URL showed as not begun."""
    begun: set[int] = field(default_factory=set)
    kept: dict[int, list[Envelope]] = field(default_factory=dict)

    def see_plan(self, envelope: Envelope) -> None:
        """Take a plan: it says which token stands for which side."""
        self.plan = envelope
        for event in decode(envelope):
            for game in event.games if isinstance(event, PlanSeen) else ():
                number = next((self.games[ref] for ref in game.refs if ref in self.games), len(self.games))
                self.games |= dict.fromkeys(game.refs, number)
                self.home_tokens[number] = game.home_token_id

    def see_answer(self, url: str, said: list[Envelope], books: dict[str, _Book]) -> None:
        """Take an answer with a body, or that body and the answer which says that it still holds."""
        if len(said) == 1:
            self.waiting[url] = []
            for event in decode(said[0]):
                if isinstance(event, ScoreSeen) and event.game in self.games:
                    number = self.games[event.game]
                    if event.status is GameStatus.SCHEDULED:
                        self.waiting[url].append(number)
                    elif event.status in _BEGUN:
                        self.begun.add(number)
        for number in self.waiting.get(url, ()):
            if number not in self.begun:
                book = books.get(self.home_tokens.get(number, ""))
                frame = None if book is None else book.envelope()
                assert self.plan is not None
                self.kept[number] = [self.plan, *([] if frame is None else [frame]), *said]

    def envelopes(self) -> list[Envelope]:
        """Return what is kept of the games that have begun."""
        return [envelope for number in sorted(self.begun) for envelope in self.kept.get(number, ())]


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
    eves: _Eves = field(default_factory=_Eves)

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
        if name == _PLAN:
            self.eves.see_plan(envelope)

    def _answer(self, envelope: Envelope) -> None:
        facts = envelope.facts()
        url = f"{envelope.feed} {facts.get('url', '')}"
        if facts.get("status") == 304:
            self.unchanged[url] = envelope
            if url in self.answers:
                self.eves.see_answer(url, [self.answers[url], envelope], self.books)
        elif facts.get("status") == 200:
            self.answers[url] = envelope
            self.unchanged.pop(url, None)
            self.eves.see_answer(url, [envelope], self.books)

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
        books = [frame for book in self.books.values() if (frame := book.envelope()) is not None]
        # An eve may be what is known anyway; books are many of one seq, each its own.
        known = {(one.seq, one.payload): one for one in (*facts, *books, *self.eves.envelopes())}
        return sorted(known.values(), key=lambda one: (one.recv_ns, one.seq)), len(books)


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
