"""
The live engine on a tap: it reads along while the tape is recorded, and writes on it what it decides.

Theory of operation. Recording comes first. The tap only hands envelopes over, to a thread that owns the engine:
compiling, decoding and deciding never hold up the recorder's loop. What waits is bounded; an engine that falls behind
the bound, or raises, is cut off by the sequencer, which says so on the tape. Whatever waits is fed at once, so that a
late engine catches up. Decisions go back through the sequencer in the recorder's own thread. An engine that joins a
tape that is being gone on with reads the earlier part first: it knows what a replay of that tape knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.sequencer import RECORDER, TapFullError
from replay.live.decisions import LIVE, Decision, LiveConfig, cause_meta, decisions_of, describe

if TYPE_CHECKING:
    from recorder.session import Put
    from replay.core.engine import Engine

__all__ = ["LiveEngine", "LiveFailedError", "Progress", "live_tap"]

_WAITING_MAX = 200_000
_WAITING_BYTES_MAX = 256 << 20
_CHUNK = 5_000
# A thread that is stopped inside the compiler would take the process with it.
_JOIN_S = 60.0


class LiveFailedError(Exception):
    """The engine raised and takes no more envelopes."""


class Progress(NamedTuple):
    """
    How far an engine has come: the seq of the last envelope fed, and what it said since it began.

    digest is sha256 over the evaluations, little-endian int64, hex.
    """

    seen: int
    evaluations: int
    digest: str
    model_failures: int


class LiveEngine:
    """A `recorder.session.Companion` that decides; its thread lives from `run` to `finish`, a failure or `close`."""

    name = LIVE

    def __init__(
        self,
        path: Path,
        config: LiveConfig,
        say: Callable[[str], None],
        *,
        waiting_max: int = _WAITING_MAX,
        waiting_bytes_max: int = _WAITING_BYTES_MAX,
    ) -> None:
        """
        Prepare an engine for the tape at path.

        say is told each signal in a line, in the engine's thread: a terminal that stands still is the engine's trouble.
        """
        self._path = path
        self._config = config
        self._say = say
        self._waiting_max = waiting_max
        self._waiting_bytes_max = waiting_bytes_max
        self._waiting: deque[Envelope] = deque()
        self._come = threading.Event()
        self._taken_bytes = 0
        self._fed_bytes = 0
        self._is_over = False
        self._is_done = False
        self._why = ""
        self._thread = threading.Thread(target=self._work, name=LIVE, daemon=True)
        self._lock = threading.Lock()
        self._decided: list[tuple[int, Decision]] = []
        self._progress = Progress(-1, 0, hashlib.sha256().hexdigest(), 0)
        self._tell_loop: Callable[[], object] = lambda: None
        self._first_seq = 0

    def __call__(self, envelope: Envelope) -> None:
        """
        Hand over an envelope.

        Raises:
            TapFullError: the engine is too far behind.
            LiveFailedError: the engine raised.
        """
        if envelope.kind is Kind.DECISION or self._is_over:
            return
        if not self._why and self._is_full():
            self._why = f"{len(self._waiting):,} envelopes behind"
            self._waiting.clear()
            self._come.set()
            raise TapFullError(self._why)
        if self._why:
            raise LiveFailedError(self._why)
        self._taken_bytes += len(envelope.payload)
        self._waiting.append(envelope)
        self._come.set()

    def _is_full(self) -> bool:
        waiting_bytes = self._taken_bytes - self._fed_bytes
        return len(self._waiting) >= self._waiting_max or waiting_bytes > self._waiting_bytes_max

    # In the recorder's thread ------------------------------------------------------------------------------------

    async def run(self, put: Put) -> None:
        """Say on the tape what decides, then each decision, and in the end how far the engine came."""
        loop, news = asyncio.get_running_loop(), asyncio.Event()
        self._tell_loop = partial(loop.call_soon_threadsafe, news.set)
        begun = put(RECORDER, Kind.NOTE, meta=encode_meta({"note": LIVE, **self._config.facts()}))
        self._first_seq = begun.seq
        written = 0
        self._thread.start()
        try:
            while not self._is_done:
                await news.wait()
                news.clear()
                written += self._write(put)
        finally:
            # Also where the session waits no longer: what was decided by now is written, and `seen` says how far it is.
            with self._lock:
                progress = self._progress
                decided, self._decided = self._decided, []
            written += self._put(put, decided)
            facts = {**progress._asdict(), "decisions": written, "why": self._why}
            put(RECORDER, Kind.NOTE, meta=encode_meta({"note": f"{LIVE}_end", **facts}))

    def finish(self) -> None:
        """Let the thread end once everything that waits is decided."""
        self._is_over = True
        self._come.set()

    def close(self) -> None:
        """End the thread, whatever waits."""
        self._is_over = True
        self._waiting.clear()
        self._come.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)

    def _write(self, put: Put) -> int:
        with self._lock:
            decided, self._decided = self._decided, []
        return self._put(put, decided)

    @staticmethod
    def _put(put: Put, decided: Sequence[tuple[int, Decision]]) -> int:
        for cause, decision in decided:
            put(LIVE, Kind.DECISION, meta=cause_meta(cause), payload=decision.encode())
        return len(decided)

    # In the engine's thread --------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._decide(self._config.engine())
        except Exception as error:  # noqa: BLE001  a strategy, a model and a terminal are foreign code; the recording goes on
            self._why = f"{type(error).__name__}: {error}"
        self._is_done = True
        self._wake()

    def _decide(self, engine: Engine) -> None:
        digest, evaluations = hashlib.sha256(), 0
        for envelopes in self._batches():
            outcome = engine.feed(envelopes)
            fresh = outcome.evaluations[outcome.evaluations[:, 0] > self._first_seq]
            digest.update(fresh.astype("<i8").tobytes())
            evaluations += len(fresh)
            new = [one for one in decisions_of(outcome.orders, engine.roller.catalogue) if one[0] > self._first_seq]
            with self._lock:
                self._decided += [(cause, decision) for cause, _, decision in new]
                self._progress = Progress(envelopes[-1].seq, evaluations, digest.hexdigest(), engine.model_failures)
            if new:
                self._wake()
            for cause, token, decision in new:
                self._say(describe(cause, decision, *_named(engine, token)))

    def _batches(self) -> Iterator[list[Envelope]]:
        """Yield what the tape holds already, then whatever waits, until there is no more to come."""
        is_first = True
        while not self._why:
            self._come.wait()
            self._come.clear()
            is_last = self._is_over
            batch = _drained(self._waiting)
            if batch and is_first:
                is_first = False
                yield from self._earlier(batch[0].seq)
            if batch:
                yield batch
                self._fed_bytes += sum(len(envelope.payload) for envelope in batch)
            elif is_last:
                return
            if is_last:
                self._come.set()

    def _earlier(self, before_seq: int) -> Iterator[list[Envelope]]:
        from recorder.tape.reader import open_tape

        if before_seq == 0:
            return
        envelopes = open_tape(self._path).read(0, before_seq - 1)
        while not self._why and (chunk := list(islice(envelopes, _CHUNK))):
            yield chunk

    def _wake(self) -> None:
        # The recorder's loop may be gone: then nobody waits for news.
        with contextlib.suppress(RuntimeError):
            self._tell_loop()


@contextlib.contextmanager
def live_tap(
    path: Path, config: LiveConfig | None = None, say: Callable[[str], None] | None = None
) -> Iterator[LiveEngine]:
    """Yield a live engine for the tape at path; without more it decides by the defaults and tells stderr."""
    engine = LiveEngine(path, config or LiveConfig(), say or partial(click.echo, err=True))
    try:
        yield engine
    finally:
        engine.close()


def _drained(waiting: deque[Envelope]) -> list[Envelope]:
    batch: list[Envelope] = []
    # The recorder's thread may clear it meanwhile.
    with contextlib.suppress(IndexError):
        while True:
            batch.append(waiting.popleft())
    return batch


def _named(engine: Engine, token: int) -> tuple[str, str]:
    """Return the team and the game that a token stands for, fit for a terminal: both come from strangers."""
    market = engine.fold.market
    game = engine.roller.catalogue.games[int(market.game[token])]
    team = game.home if market.side[token] > 0 else game.away
    return _plain(team), _plain(game.game_id)


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
