"""
The live engine on a tap: it reads along while the tape is recorded, and writes on it what it decides.

Theory of operation. Recording comes first. The tap only hands envelopes over, to a thread that owns the engine:
compiling, decoding and deciding never hold up the recorder's loop. What waits is bounded; an engine that falls behind
the bound, or raises, is cut off by the sequencer, which says so on the tape. Whatever waits is fed at once, so that a
late engine catches up. Decisions go back through the sequencer in the recorder's own thread. An engine that joins a
tape that is being gone on with reads the earlier part first: it knows what a replay of that tape knows. Until the
compiler is ready, which works in a process of its own, the engine runs interpreted. What is to be told to others is
copied out of the fold and left with an outlet, which has a thread and a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import msgspec

from recorder.clock import SystemClock
from recorder.envelope import Envelope, Kind, encode_meta
from recorder.errors import GametapeError
from recorder.sequencer import RECORDER, Tap, TapFullError
from recorder.tape.identity import read_identity
from recorder.tape.show import safe
from replay.core.predictions import Prediction
from replay.live.decisions import (
    FORECAST,
    LIVE,
    Decision,
    LiveConfig,
    cause_meta,
    cause_of,
    decisions_of,
    describe,
    forecasts_of,
)
from replay.live.facts import Fact, HealthFact, RecorderFact, SignalFact
from replay.live.forecasts import BackgroundForecaster, forecasting
from replay.live.health import FeedWatch
from replay.live.latency import Latency, write_latency
from replay.live.observe import Observer, named
from replay.live.warm import Warming

if TYPE_CHECKING:
    from recorder.session import Put
    from replay.core.engine import Engine
    from replay.live.outlet import Outlet, OutletPlan

__all__ = ["LiveEngine", "LiveFailedError", "Progress", "live_tap"]

_WAITING_MAX = 200_000
_WAITING_BYTES_MAX = 256 << 20
_CHUNK = 5_000
_LOOK_NS = 50_000_000
"""No more often than this are books and games copied out."""
_SETTLE_S = 2.0
# A thread that is stopped inside the compiler would take the process with it.
_JOIN_S = 60.0

_Said = tuple[str, int, bytes]
"""For the tape: the feed, the seq of the cause, the payload."""


class LiveFailedError(Exception):
    """The engine raised and takes no more envelopes."""


class Progress(NamedTuple):
    """
    How far an engine has come: the seq of the last envelope fed, and what it said since it began.

    digest is sha256 over the evaluations, little-endian int64, hex. prediction_failures are patterns that nobody
    forecast anything from, predictions_owed those that were yet to be answered.
    """

    seen: int
    evaluations: int
    digest: str
    model_failures: int
    prediction_failures: int = 0
    predictions_owed: int = 0


class LiveEngine:
    """A `recorder.session.Companion` that decides; its thread lives from `run` to `finish`, a failure or `close`."""

    name = LIVE

    def __init__(  # noqa: PLR0913 - options, by keyword
        self,
        path: Path,
        config: LiveConfig,
        say: Callable[[str], None],
        *,
        plan: OutletPlan | None = None,
        is_warmed: bool = False,
        waiting_max: int = _WAITING_MAX,
        waiting_bytes_max: int = _WAITING_BYTES_MAX,
        settle_s: float = _SETTLE_S,
    ) -> None:
        """
        Prepare an engine for the tape at path.

        say is told each signal in a line, in the engine's thread: a terminal that stands still is the engine's trouble.
        plan says what goes out, None for nothing. is_warmed: the compiler gets a process of its own, and the engine
        runs interpreted meanwhile. settle_s is how long the predictor is waited for in the end.
        """
        self._settle_s = settle_s
        self._path = path
        self._config = config
        self._say = say
        self._prefix = ""
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
        self._said: list[_Said] = []
        self._progress = Progress(-1, 0, hashlib.sha256().hexdigest(), 0)
        self._tell_loop: Callable[[], object] = lambda: None
        self._first_seq = 0
        self._forecaster: BackgroundForecaster | None = None
        self._is_warmed = is_warmed
        self._status = "starting"
        self._clock = SystemClock()
        self._stages: dict[str, int] = {}
        self._watch = FeedWatch()
        self._observer = Observer()
        self._looked_ns = 0
        self._is_dirty = False
        self._durable_seq = -1
        self.latency = Latency()
        self._outlet = None if plan is None else self._new_outlet(plan)

    def _new_outlet(self, plan: OutletPlan) -> Outlet:
        from replay.live.outlet import Outlet

        return Outlet(plan, health=self._health, on_sent=self._sent, say=self._say)

    @property
    def taps(self) -> Sequence[Tap]:
        """What reads along: the engine, which may be cut, and the watch over the feeds, which only counts."""
        return [self] if self._outlet is None else [self._watch, self]

    def on_durable(self, seq: int) -> None:
        """Take note of what the disk has."""
        self._durable_seq = seq

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
        # The recorder's clock, as far as its stamps tell it; ages and latencies are differences to those.
        self._clock = SystemClock(not_before_ns=begun.recv_ns)
        label = _label(self._path)
        self._prefix = f"[{label}] " if label else ""
        if self._outlet is not None:
            self._outlet.start(self._clock, label)
        written: Counter[str] = Counter()
        self._thread.start()
        try:
            while not self._is_done:
                await news.wait()
                news.clear()
                written += _put(put, self._taken()[1])
        finally:
            # Also where the session waits no longer: what was decided by now is written, and `seen` says how far it is.
            progress, said = self._taken()
            written += _put(put, said)
            counts = {"decisions": written[LIVE], "forecasts": written[FORECAST]}
            facts = {**progress._asdict(), **counts, "why": self._why}
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
        if self._outlet is not None:
            self._outlet.close()
        if self.latency.facts():
            write_latency(self._path.with_name(f"{self._path.name}.latency.json"), self.latency)

    def _taken(self) -> tuple[Progress, list[_Said]]:
        """Take along what was said since the last time, with how far the engine had come by it."""
        with self._lock:
            said, self._said = self._said, []
            return self._progress, said

    # In the engine's thread --------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            engine = self._config.engine(on_stage=self._mark)
            with forecasting(self._config.predictor, self._clock.now_ns) as forecaster:
                engine.forecaster = self._forecaster = forecaster
                try:
                    if self._is_warmed:
                        with Warming(self._config) as warming:
                            engine.interpret(interpreting=not warming.is_done)
                            self._decide(engine, warming)
                    else:
                        self._decide(engine, None)
                finally:
                    self._settle(engine)
        except Exception as error:  # noqa: BLE001  a strategy, a model and a terminal are foreign code; the recording goes on
            self._why = f"{type(error).__name__}: {error}"
        self._status = "cut" if self._why else "ended"
        self._is_done = True
        self._wake()

    def _settle(self, engine: Engine) -> None:
        """Wait a moment for the predictor, so that in the end the tape has all it said and counts its failures."""
        if self._forecaster is None:
            return
        made = self._forecaster.drain(self._settle_s)
        self._keep(self._forecast(engine, made), self._progress)
        self._tell(engine, (), made, ())

    def _forecast(self, engine: Engine, predictions: Sequence[Prediction]) -> list[_Said]:
        """Return for the tape what was forecast since this session began."""
        made = forecasts_of(predictions, engine.roller.catalogue)
        return [(FORECAST, cause, forecast.encode()) for cause, forecast in made if cause > self._first_seq]

    def _keep(self, said: Sequence[_Said], progress: Progress) -> None:
        """Leave what was said for the tape, with how far the engine has come by it."""
        failures, owed = (0, 0) if self._forecaster is None else self._forecaster.owed()
        with self._lock:
            self._said += said
            self._progress = progress._replace(prediction_failures=failures, predictions_owed=owed)
        if said:
            self._wake()

    def _decide(self, engine: Engine, warming: Warming | None) -> None:
        digest, evaluations = hashlib.sha256(), 0
        for envelopes in self._batches(warming):
            warming = self._warmed(engine, warming)
            if not envelopes:
                self._look(engine)
                continue
            outcome = engine.feed(envelopes)
            fresh = outcome.evaluations[outcome.evaluations[:, 0] > self._first_seq]
            digest.update(fresh.astype("<i8").tobytes())
            evaluations += len(fresh)
            new = [one for one in decisions_of(outcome.orders, engine.roller.catalogue) if one[0] > self._first_seq]
            said = [(LIVE, cause, decision.encode()) for cause, _, decision in new]
            progress = Progress(envelopes[-1].seq, evaluations, digest.hexdigest(), engine.model_failures)
            self._keep([*said, *self._forecast(engine, outcome.predictions)], progress)
            if self._outlet is not None:
                self._observer.note(outcome)
            self._tell(engine, envelopes, outcome.predictions, new)
            for cause, token, decision in new:
                self._say(self._prefix + describe(cause, decision, *map(safe, named(engine, token))))

    def _warmed(self, engine: Engine, warming: Warming | None) -> Warming | None:
        """Let the engine run compiled from here on where the compiler is ready, and return it where it is not."""
        if warming is None or not warming.is_done:
            self._status = "running" if warming is None else "compiling"
            return warming
        engine.interpret(interpreting=False)
        self._status = "running"
        return None

    def _batches(self, warming: Warming | None) -> Iterator[list[Envelope]]:
        """
        Yield what the tape holds already, then whatever waits, until there is no more to come.

        An empty batch means that nothing came for a while, and what has changed is yet to be told.
        """
        is_first = True
        while not self._why:
            self._come.wait(_LOOK_NS / 1e9 if self._is_dirty else None)
            self._come.clear()
            is_last = self._is_over
            batch = _drained(self._waiting)
            if batch and is_first:
                is_first = False
                yield from self._earlier(batch[0].seq, warming)
            if batch:
                yield batch
                self._fed_bytes += sum(len(envelope.payload) for envelope in batch)
            elif is_last:
                return
            else:
                yield []
            if is_last:
                self._come.set()

    def _earlier(self, before_seq: int, warming: Warming | None) -> Iterator[list[Envelope]]:
        from recorder.tape.reader import open_tape

        if before_seq == 0:
            return
        # A whole evening is read sooner by a compiled engine that begins later.
        self._status = "catching up"
        while warming is not None and not self._is_over and not warming.wait(_LOOK_NS / 1e9):
            pass
        envelopes = open_tape(self._path).read(0, before_seq - 1)
        while not self._why and (chunk := list(islice(envelopes, _CHUNK))):
            yield chunk

    # What is told ------------------------------------------------------------------------------------------------

    def _mark(self, stage: str) -> None:
        self._stages[stage] = self._clock.now_ns()

    def _tell(
        self,
        engine: Engine,
        envelopes: Sequence[Envelope],
        predictions: Sequence[Prediction],
        new: Sequence[tuple[int, int, Decision]],
    ) -> None:
        """Count how long the decisions took, and leave signals, predictions and what changed with the outlet."""
        for _, _, decision in new:
            for stage, at_ns in self._stages.items():
                self.latency.add(stage, decision.signal_ns, at_ns)
        done_ns = self._clock.now_ns()
        for prediction in predictions:
            if prediction.seq > self._first_seq:
                self.latency.add("predicted", prediction.recv_ns, done_ns)
        if self._outlet is None:
            for _, _, decision in new:
                self.latency.add("emitted", decision.signal_ns, done_ns)
            return
        facts: list[Fact] = [*self._before(engine, envelopes)]
        facts += [self._observer.signal(engine, *one) for one in new]
        facts += self._observer.predictions(engine, predictions)
        if facts:
            self._outlet.tell(self._progress.seen, facts)
        self._is_dirty = True
        if self._clock.now_ns() - self._looked_ns >= _LOOK_NS:
            self._look(engine)

    def _before(self, engine: Engine, envelopes: Sequence[Envelope]) -> Iterator[SignalFact]:
        """Yield the decisions of earlier sessions on this tape: whoever asks for signals is to find them all."""
        numbers = {token_id: number for number, token_id in enumerate(engine.roller.catalogue.tokens)}
        for envelope in envelopes:
            if envelope.kind is not Kind.DECISION or envelope.feed != LIVE:
                continue
            cause = cause_of(envelope)
            # A decision that cannot be read is for the parity check to tell.
            with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                decision = msgspec.json.decode(envelope.payload, type=Decision)
                if cause is not None and decision.token_id in numbers:
                    yield self._observer.signal(engine, cause, numbers[decision.token_id], decision)

    def _look(self, engine: Engine) -> None:
        self._is_dirty = False
        if self._outlet is not None:
            self._looked_ns = self._clock.now_ns()
            self._outlet.tell(self._progress.seen, self._observer.look(engine))

    # In the outlet's threads: whichever sent a signal, and its own -----------------------------------------------

    def _sent(self, signal: SignalFact, at_ns: int) -> None:
        if signal.seq > self._first_seq:
            self.latency.add("emitted", signal.recv_ns, at_ns)

    def _health(self, now_ns: int) -> list[Fact]:
        reasons = []
        if self._why:
            reasons.append(f"the engine is cut off, recording goes on: {self._why}")
        if self._progress.model_failures:
            reasons.append(f"the model failed on {self._progress.model_failures} states")
        if self._progress.prediction_failures:
            reasons.append(f"the predictor failed on {self._progress.prediction_failures} patterns")
        lag_ns = self._watch.lag_ns(self._durable_seq, now_ns)
        fact = HealthFact(
            reasons=tuple(safe(reason) for reason in reasons),
            feeds=self._watch.facts(now_ns),
            latency=self.latency.facts(),
            recorder=RecorderFact(self._watch.next_seq, self._durable_seq, lag_ns // 1_000_000),
            engine=self._status,
        )
        return [*self._watch.take_gaps(), fact]

    def _wake(self) -> None:
        # The recorder's loop may be gone: then nobody waits for news.
        with contextlib.suppress(RuntimeError):
            self._tell_loop()


@contextlib.contextmanager
def live_tap(
    path: Path,
    config: LiveConfig | None = None,
    say: Callable[[str], None] | None = None,
    plan: OutletPlan | None = None,
) -> Iterator[LiveEngine]:
    """Yield a live engine for the tape at path; without more it decides by the defaults and tells stderr."""
    tell = say or partial(click.echo, err=True)
    engine = LiveEngine(path, config or LiveConfig(), tell, plan=plan, is_warmed=True)
    try:
        yield engine
    finally:
        engine.close()


def _put(put: Put, said: Sequence[_Said]) -> Counter[str]:
    """Put what was said on the tape, and return how much of each feed."""
    for feed, cause, payload in said:
        put(feed, Kind.DECISION, meta=cause_meta(cause), payload=payload)
    return Counter(feed for feed, _, _ in said)


def _label(path: Path) -> str:
    """Return the label of the tape; a tape that cannot say has none, and the recording goes on."""
    try:
        return read_identity(path).label
    except (OSError, ValueError, GametapeError):
        return ""


def _drained(waiting: deque[Envelope]) -> list[Envelope]:
    batch: list[Envelope] = []
    # The recorder's thread may clear it meanwhile.
    with contextlib.suppress(IndexError):
        while True:
            batch.append(waiting.popleft())
    return batch
