"""
What each fault does to a recording.

A fault is a function from the envelopes of a tape, in order, to those that a recorder would have written had the world
gone wrong in that way: where the recorder would have noticed (a request without an answer, a lost socket, its
watchdog), it writes what it then writes. Order is by receive time; seq is given anew at the end. Chance comes from a
seeded generator, one for each fault.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from operator import attrgetter

import msgspec

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.errors import UsageError
from recorder.sequencer import RECORDER
from replay.inject.language import Fault
from replay.upstream.wirebook import WireBook, split_frame

__all__ = ["apply_fault", "apply_faults"]

Envelopes = list[Envelope]

_MARKET = "polymarket.market"
_SOCKET = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
_OK, _UNCHANGED = 200, 304
_WATCHDOG_NS = 60_000_000_000
_TRIES = 200
_recv_ns = attrgetter("recv_ns")
_with = msgspec.structs.replace


def apply_faults(envelopes: Iterable[Envelope], faults: Sequence[Fault], seed: int) -> Envelopes:
    """
    Return what a recorder would have written, numbered anew.

    Raises:
        UsageError: the tape has no place for a fault.
    """
    made = list(envelopes)
    for number, fault in enumerate(faults):
        made = apply_fault(made, fault, random.Random(f"{seed}/{number}/{fault}"))
    return [_with(one, seq=seq) for seq, one in enumerate(made)]


def apply_fault(envelopes: Envelopes, fault: Fault, draw: random.Random) -> Envelopes:
    """
    Return what one fault makes of envelopes, by receive time; seq is as it was.

    Raises:
        UsageError: the tape has no place for it.
    """
    if not envelopes:
        raise UsageError("there is nothing on the tape that could go wrong")
    return sorted(_DOES[fault.name](envelopes, fault, draw), key=_recv_ns)


# Each by itself ------------------------------------------------------------------------------------------------


def _befalls(target: str, one: Envelope) -> bool:
    """Say whether an envelope is what a target means: an answer or a frame with something in it."""
    match target:
        case "polls":
            return one.kind is Kind.BODY
        case "scores":
            return one.kind is Kind.BODY and _is_score(one)
        case "book":
            return one.kind is Kind.FRAME and one.feed == _MARKET
        case "all":
            return one.kind is Kind.BODY or one.kind is Kind.FRAME
        case feed:
            return one.feed == feed and (one.kind is Kind.BODY or one.kind is Kind.FRAME)


def _is_score(one: Envelope) -> bool:
    return one.feed.startswith(("espn.", "nba."))


def _hits(fault: Fault, draw: random.Random) -> bool:
    return draw.randrange(1_000_000) < fault.share_u6


def _failed(one: Envelope, why: str) -> Envelope:
    facts = one.facts()
    meta = {"url": facts.get("url", ""), "sent_ns": facts.get("sent_ns", one.recv_ns), "why": why}
    return _with(one, kind=Kind.FAILED, meta=encode_meta(meta), payload=b"")


def _drop(envelopes: Envelopes, fault: Fault, draw: random.Random) -> Envelopes:
    kept = []
    for one in envelopes:
        if _befalls(fault.target, one) and _hits(fault, draw):
            if one.kind is Kind.BODY:
                kept.append(_failed(one, "injected: dropped"))
            continue
        kept.append(one)
    return kept


def _duplicate(envelopes: Envelopes, fault: Fault, draw: random.Random) -> Envelopes:
    twice = []
    for one in envelopes:
        twice.append(one)
        if _befalls(fault.target, one) and _hits(fault, draw):
            twice.append(one)
    return twice


def _reorder(envelopes: Envelopes, fault: Fault, draw: random.Random) -> Envelopes:
    return [
        _with(one, recv_ns=one.recv_ns + draw.randrange(fault.time_ns)) if _befalls(fault.target, one) else one
        for one in envelopes
    ]


def _truncate(envelopes: Envelopes, fault: Fault, draw: random.Random) -> Envelopes:
    return [
        _with(one, payload=one.payload[: draw.randrange(len(one.payload))])
        if one.payload and _befalls(fault.target, one) and _hits(fault, draw)
        else one
        for one in envelopes
    ]


def _end(envelopes: Envelopes, fault: Fault, _: random.Random) -> Envelopes:
    first, last = envelopes[0].recv_ns, envelopes[-1].recv_ns
    return envelopes[: bisect_right(envelopes, first + (last - first) * fault.share_u6 // 1_000_000, key=_recv_ns)]


def _clock_step(envelopes: Envelopes, fault: Fault, draw: random.Random) -> Envelopes:
    """Set the clock: stamps go on from there; one that is set back stands still until time has caught up."""
    steps = sorted(draw.choice(envelopes).recv_ns for _ in range(fault.times))
    stepped: Envelopes = []
    shift_ns = shown_ns = 0
    for one in envelopes:
        while steps and one.recv_ns >= steps[0]:
            del steps[0]
            shift_ns += fault.time_ns
            shown_ns = max(shown_ns, one.recv_ns + shift_ns)
            meta = encode_meta({"note": "clock_step", "step_ns": fault.time_ns})
            stepped.append(Envelope(0, shown_ns, RECORDER, 0, Kind.NOTE, meta, b""))
        shown_ns = max(shown_ns, one.recv_ns + shift_ns)
        stepped.append(_with(one, recv_ns=shown_ns, meta=_shifted(one, shift_ns, shown_ns)))
    return stepped


def _shifted(one: Envelope, shift_ns: int, shown_ns: int) -> bytes:
    """Return the recorder's facts with the time of asking on the clock of the answer."""
    if not shift_ns or one.kind not in {Kind.BODY, Kind.FAILED} or b"sent_ns" not in one.meta:
        return one.meta
    facts = one.facts()
    return encode_meta(facts | {"sent_ns": min(int(facts["sent_ns"]) + shift_ns, shown_ns)})


# Score answers -------------------------------------------------------------------------------------------------


def _answers(envelopes: Envelopes) -> dict[str, list[Envelope]]:
    """Return the whole answers of each URL of a score source, in order."""
    answers: dict[str, list[Envelope]] = {}
    for one in envelopes:
        if one.kind is Kind.BODY and _is_score(one) and one.facts().get("status") == _OK:
            answers.setdefault(str(one.facts().get("url")), []).append(one)
    return answers


def _as_answer(one: Envelope, payload: bytes) -> Envelope:
    return _with(one, meta=encode_meta(one.facts() | {"status": _OK}), payload=payload)


def _stale_cdn(envelopes: Envelopes, fault: Fault, draw: random.Random) -> Envelopes:
    answers = _answers(envelopes)
    made = []
    for one in envelopes:
        if one.kind is Kind.BODY and _is_score(one) and _hits(fault, draw):
            known = answers.get(str(one.facts().get("url")), [])
            old = bisect_right(known, one.recv_ns - draw.randrange(fault.time_ns), key=_recv_ns) - 1
            made.append(_as_answer(one, known[old].payload) if old >= 0 else one)
        else:
            made.append(one)
    return made


def _score_flap(envelopes: Envelopes, fault: Fault, draw: random.Random) -> Envelopes:
    flaps = []
    for known in _answers(envelopes).values():
        for before, after in pairwise(known):
            if before.payload != after.payload and _hits(fault, draw):
                # Both again, so that a `not modified` that follows still refers to the newer one.
                flaps += [
                    _with(_as_answer(after, payload), recv_ns=after.recv_ns + later_ms * 1_000_000)
                    for later_ms, payload in ((300, before.payload), (600, after.payload))
                ]
    last_ns = envelopes[-1].recv_ns
    return [*envelopes, *(one for one in flaps if one.recv_ns <= last_ns)]


# Stretches in which nothing comes ------------------------------------------------------------------------------


def _stretch(envelopes: Envelopes, fault: Fault, draw: random.Random, *, by_socket: bool) -> tuple[int, int]:
    """
    Choose a stretch, from one of the envelopes that it befalls on; with by_socket one that a single socket outlives.

    Raises:
        UsageError: there is none.
    """
    target = fault.target or "book"
    hit = [one for one in envelopes if _befalls(target, one)]
    lives = [one.recv_ns for one in envelopes if one.feed == _MARKET and one.kind in {Kind.OPENED, Kind.CLOSED}]
    for _ in range(_TRIES if hit else 0):
        from_ns = draw.choice(hit).recv_ns
        until_ns = from_ns + fault.time_ns
        if until_ns >= envelopes[-1].recv_ns:
            continue
        if not by_socket or bisect_left(lives, from_ns) == bisect_right(lives, until_ns):
            return from_ns, until_ns
    raise UsageError(
        f"there is no place on the tape for `{fault}`",
        why="it needs that much time" + (" in which the market socket stays open" if by_socket else ""),
        hint="a shorter time, or a longer tape",
    )


def _repeated(
    envelopes: Envelopes,
    fault: Fault,
    draw: random.Random,
    once: Callable[[Envelopes, Fault, int, int], Envelopes],
    *,
    by_socket: bool,
) -> Envelopes:
    for _ in range(fault.times):
        from_ns, until_ns = _stretch(envelopes, fault, draw, by_socket=by_socket)
        envelopes = sorted(once(envelopes, fault, from_ns, until_ns), key=_recv_ns)
    return envelopes


def _stall(envelopes: Envelopes, fault: Fault, draw: random.Random) -> Envelopes:
    def once(envelopes: Envelopes, fault: Fault, from_ns: int, until_ns: int) -> Envelopes:
        return [
            _with(one, recv_ns=until_ns) if from_ns <= one.recv_ns < until_ns and _befalls(fault.target, one) else one
            for one in envelopes
        ]

    return _repeated(envelopes, fault, draw, once, by_socket=True)


def _freeze(envelopes: Envelopes, fault: Fault, draw: random.Random) -> Envelopes:
    def once(envelopes: Envelopes, fault: Fault, from_ns: int, until_ns: int) -> Envelopes:
        watched_ns = from_ns + _WATCHDOG_NS
        if fault.target in {"book", _MARKET} and until_ns > watched_ns:
            return _reopened(_silenced(envelopes, fault, from_ns, watched_ns), watched_ns, until_ns, why="silent")
        return _silenced(envelopes, fault, from_ns, until_ns)

    return _repeated(envelopes, fault, draw, once, by_socket=True)


def _silenced(envelopes: Envelopes, fault: Fault, from_ns: int, until_ns: int) -> Envelopes:
    kept = []
    for one in envelopes:
        if from_ns <= one.recv_ns < until_ns and _befalls(fault.target, one):
            if one.kind is Kind.BODY:
                kept.append(_failed(one, "injected: frozen"))
            continue
        kept.append(one)
    return kept


def _disconnect(envelopes: Envelopes, fault: Fault, draw: random.Random) -> Envelopes:
    def once(envelopes: Envelopes, _: Fault, from_ns: int, until_ns: int) -> Envelopes:
        return _reopened(envelopes, from_ns, until_ns, why="lost")

    return _repeated(envelopes, fault, draw, once, by_socket=True)


def _kill(envelopes: Envelopes, fault: Fault, draw: random.Random) -> Envelopes:
    """Kill the recorder: nothing is written for so long, not even that a socket closed; then it begins anew."""

    def once(envelopes: Envelopes, _: Fault, from_ns: int, until_ns: int) -> Envelopes:
        notes = {
            str(one.facts().get("note")): one for one in envelopes if one.kind is Kind.NOTE and one.recv_ns < from_ns
        }
        again = [_with(notes[name], recv_ns=until_ns) for name in ("session", "plan") if name in notes]
        if "session" not in notes:
            again.insert(0, Envelope(0, until_ns, RECORDER, 0, Kind.NOTE, encode_meta({"note": "session"}), b""))
        after = _reopened(envelopes, from_ns, until_ns, why="")
        kept = [one for one in after if not from_ns <= one.recv_ns < until_ns]
        at = bisect_left(kept, until_ns, key=_recv_ns)
        return [*kept[:at], *again, *kept[at:]]

    return _repeated(envelopes, fault, draw, once, by_socket=True)


def _reopened(envelopes: Envelopes, from_ns: int, until_ns: int, *, why: str) -> Envelopes:
    """Lose the market socket and open another, which is given every book; why is empty where nobody wrote it down."""
    conns = [one.conn for one in envelopes if one.feed == _MARKET]
    before = [one.conn for one in envelopes if one.feed == _MARKET and one.recv_ns <= from_ns]
    if not before:
        raise UsageError("there is no market socket on the tape that could be lost", hint="gametape info TAPE")
    lost, opened = before[-1], max(conns) + 1
    made = []
    for one in envelopes:
        if one.feed == _MARKET and one.conn == lost and one.recv_ns >= from_ns:
            if one.recv_ns >= until_ns:
                made.append(_with(one, conn=opened))
            continue
        made.append(one)
    word: Envelopes = []
    if why == "silent":
        meta = encode_meta({"asset": None, "since_ns": from_ns - _WATCHDOG_NS})
        word.append(Envelope(0, from_ns, _MARKET, lost, Kind.SILENT, meta, b""))
    if why:
        meta = encode_meta({"code": 1006, "reason": why, "side": "us" if why == "silent" else "lost"})
        word.append(Envelope(0, from_ns, _MARKET, lost, Kind.CLOSED, meta, b""))
    word.append(Envelope(0, until_ns, _MARKET, opened, Kind.OPENED, encode_meta({"url": _SOCKET}), b""))
    books = _books(one for one in envelopes if one.recv_ns < until_ns)
    if books:
        frame = b"[" + b",".join(books) + b"]"
        word.append(Envelope(0, until_ns, _MARKET, opened, Kind.FRAME, b"", frame))
    # Before all else of that moment: a socket brings the books first.
    return sorted([*word, *made], key=_recv_ns)


def _books(envelopes: Iterable[Envelope]) -> list[bytes]:
    """Return every book as the venue would print it after these envelopes."""
    books: dict[str, WireBook] = {}
    for one in envelopes:
        if one.feed != _MARKET or one.kind is not Kind.FRAME:
            continue
        try:
            messages = split_frame(one.payload)
        except msgspec.MsgspecError:
            continue
        for message, raw in messages:
            for token_id in message.tokens():
                books.setdefault(token_id, WireBook(token_id)).see(message, raw)
    return [frame for book in books.values() if (frame := book.frame()) is not None]


_DOES: dict[str, Callable[[Envelopes, Fault, random.Random], Envelopes]] = {
    "clock-step": _clock_step,
    "disconnect": _disconnect,
    "drop": _drop,
    "duplicate": _duplicate,
    "end": _end,
    "freeze": _freeze,
    "kill": _kill,
    "reorder": _reorder,
    "score-flap": _score_flap,
    "stale-cdn": _stale_cdn,
    "stall": _stall,
    "truncate": _truncate,
}
