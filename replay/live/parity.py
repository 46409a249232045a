"""
Parity: what was decided live against what the tape says when it is decided anew.

Every live session on a tape is decided again by the same strategy, model and setting, from the tape's beginning and
envelope order alone. Signals are compared one by one, evaluations by number and digest. A session that ended in good
order says how far its engine came, and everything up to there must be on the tape; of one that was killed only what it
left can be compared. Forecasts are compared likewise: see `parity_forecasts`. A tape that was made from another, an
excerpt or one with faults in it, holds what was decided on that one: there is nothing to compare.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from recorder.envelope import Envelope, Kind
from recorder.errors import CorruptError, RegressionError
from recorder.sequencer import RECORDER
from recorder.tape.show import safe
from replay.core.predictions import Forecaster
from replay.difference import cat_command, differing_fields, field_lines
from replay.live.decisions import FORECAST, LIVE, LiveConfig, cause_of, decisions_of, forecasts_of
from replay.live.parity_forecasts import SIDES, compare_forecasts
from replay.predictors import load_predictor

if TYPE_CHECKING:
    from recorder.tape.reader import Tape
    from replay.core.engine import Engine

__all__ = ["LiveSession", "Parity", "check_parity", "live_sessions"]

_CHUNK = 5_000
_FOR_EVER = 1 << 62
_MADE = ("excerpt", "injected")
_GIVEN_UP = ("prediction_failures", "predictions_owed")


@dataclass(slots=True, kw_only=True)
class LiveSession:
    """
    One live engine's part of a tape, from its note on.

    recorded are its decisions: seq of the envelope, cause and fields; forecasts likewise. end is what its last note
    says, None where it was killed; last_seq is where the next session begins.
    """

    config: LiveConfig
    first_seq: int
    last_seq: int = _FOR_EVER
    recorded: list[tuple[int, int | None, dict[str, Any]]] = field(default_factory=list)
    forecasts: list[tuple[int, int | None, dict[str, Any]]] = field(default_factory=list)
    end: dict[str, Any] | None = None

    @property
    def given_up(self) -> int | None:
        """How many patterns nobody may look for a forecast of; None where nobody counted them."""
        return None if self.end is None else sum(int(self.end.get(name, 0)) for name in _GIVEN_UP)

    @property
    def tells_forecasts(self) -> bool:
        """Whether its forecasts are to be compared: it put some on the tape, or failed at none of those it should."""
        told = self.end is not None and "forecasts" in self.end and self.config.predictor is not None
        return bool(self.forecasts) or (told and self.given_up == 0)

    @property
    def seen(self) -> int:
        """The last seq that the engine was fed, as far as is known."""
        return self.last_seq if self.end is None else int(self.end["seen"])


@dataclass(slots=True)
class _Anew:
    """What a session comes to when it is decided again."""

    session: LiveSession
    decisions: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    forecasts: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    evaluations: int = 0
    digest: Any = field(default_factory=hashlib.sha256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """What the check found, in the form that `gametape verify` asks of a check."""

    ok: bool
    lines: list[str]
    facts: dict[str, Any]
    hint: str


def check_parity(path: Path) -> Parity:
    """
    Decide every live session of a tape anew and compare.

    Raises:
        CorruptError: the tape is damaged, or a live note cannot be read.
        UsageError: a strategy, a model or a predictor of a session is not installed.
    """
    from recorder.tape.reader import open_tape

    tape = open_tape(path)
    origin = _made_from(tape)
    made = _decided_anew(tape, live_sessions(tape) if origin is None else [])
    recorded = sum(len(one.session.recorded) for one in made)
    equal, divergence = 0, None
    recomputed = sum(_expected(one) for one in made)
    for one in made:
        same, found = _compare(one)
        equal += same
        divergence = divergence or found
    forecasts = _compare_forecasts(made)
    for found in (divergence, forecasts["first_divergence"]):
        if found is not None and found["look_at"] is not None:
            found["cat"] = cat_command(path, found["look_at"])
    evaluations = {
        "recorded": sum(one.session.end["evaluations"] for one in made if one.session.end),
        "recomputed": sum(one.evaluations for one in made if one.session.end),
    }
    facts = {
        "sessions": len(made),
        "recorded": recorded,
        "recomputed": recomputed,
        "equal": equal,
        "evaluations": evaluations,
        "first_divergence": divergence,
        "forecasts": forecasts,
    }
    first = divergence or forecasts["first_divergence"]
    hint = "" if first is None else first.get("cat", f"gametape cat {path} --feed {LIVE}")
    lines = _lines(facts) if origin is None else [f"made from {safe(origin)}: what was decided live was decided there"]
    return Parity(ok=first is None, lines=lines, facts=facts, hint=hint)


def _made_from(tape: Tape) -> str | None:
    """Return the name of the tape that this one was cut from or made of, None for a recording."""
    first = next(tape.read(0, 0), None)
    facts = {} if first is None or first.kind is not Kind.NOTE else first.facts()
    return str(facts.get("of")) if facts.get("note") in _MADE else None


def live_sessions(tape: Tape) -> list[LiveSession]:
    """
    Return the live sessions of a tape, from its notes and decisions.

    Raises:
        CorruptError: the note of a live session cannot be read.
    """
    sessions: list[LiveSession] = []
    current: LiveSession | None = None
    for envelope in tape.read(feeds=(RECORDER, LIVE, FORECAST)):
        if envelope.kind is Kind.DECISION and current is not None:
            told = current.recorded if envelope.feed == LIVE else current.forecasts
            told.append((envelope.seq, cause_of(envelope), _fields(envelope.payload)))
        elif envelope.kind is Kind.NOTE:
            facts = envelope.facts()
            if facts["note"] == "session" and sessions:
                sessions[-1].last_seq = min(sessions[-1].last_seq, envelope.seq)
                current = None
            elif facts["note"] == LIVE:
                current = LiveSession(config=_config(tape, envelope), first_seq=envelope.seq)
                sessions.append(current)
            elif facts["note"] == f"{LIVE}_end" and current is not None:
                current.end = facts
    return sessions


def _config(tape: Tape, envelope: Envelope) -> LiveConfig:
    try:
        return LiveConfig.from_facts(envelope.facts())
    except ValueError as error:
        raise CorruptError(
            f"the live note of {tape.name} at seq {envelope.seq} cannot be read", why=str(error)
        ) from error


def _fields(payload: bytes) -> dict[str, Any]:
    """Return the fields of a decision; a payload that is none becomes one field, which equals nothing."""
    try:
        fields: dict[str, Any] = msgspec.json.decode(payload, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {"payload": payload.decode(errors="replace")}
    return fields


def _decided_anew(tape: Tape, sessions: list[LiveSession]) -> list[_Anew]:
    """Feed the tape to an engine for each different configuration."""
    made = [_Anew(session) for session in sessions]
    engines: list[tuple[Engine, list[_Anew]]] = [
        (config.engine(), [one for one in made if one.session.config == config])
        for config in dict.fromkeys(session.config for session in sessions)
    ]
    for engine, asked in engines:
        config = asked[0].session.config
        if config.predictor is not None and any(one.session.tells_forecasts for one in asked):
            # How long it takes now is nobody's question.
            engine.forecaster = Forecaster(load_predictor(config.predictor), lambda: 0)
        # What the engine of the last session was not fed is no business of this one: it may be what it failed on.
        for envelopes in _chunks(tape.read(0, max(one.session.seen for one in asked))):
            _feed(engine, envelopes, asked)
    return made


def _feed(engine: Engine, envelopes: list[Envelope], asked: list[_Anew]) -> None:
    try:
        outcome = engine.feed(envelopes)
    except Exception as error:  # a strategy and a model are foreign code
        where = f"between seq {envelopes[0].seq} and {envelopes[-1].seq}"
        raise RegressionError(f"the strategy raises {where}", why=f"{type(error).__name__}: {error}") from error
    decided = list(decisions_of(outcome.orders, engine.roller.catalogue))
    forecast = list(forecasts_of(outcome.predictions, engine.roller.catalogue))
    for one in asked:
        first, last = one.session.first_seq, one.session.seen
        causes = outcome.evaluations[:, 0]
        evaluations = outcome.evaluations[(causes > first) & (causes <= last)]
        one.digest.update(evaluations.astype("<i8").tobytes())
        one.evaluations += len(evaluations)
        one.decisions += [
            (cause, msgspec.structs.asdict(decision)) for cause, _, decision in decided if first < cause <= last
        ]
        one.forecasts += [(cause, _fields(made.encode())) for cause, made in forecast if first < cause <= last]


def _chunks(envelopes: Iterable[Envelope]) -> Iterator[list[Envelope]]:
    iterator = iter(envelopes)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk


def _expected(one: _Anew) -> int:
    """Return how many decisions must be on the tape: of a session that was killed, those that are, and no more."""
    made = len(one.decisions)
    return made if one.session.end is not None else min(made, len(one.session.recorded))


def _compare(one: _Anew) -> tuple[int, dict[str, Any] | None]:
    """Return how many decisions are equal, and the first that is not."""
    recorded, equal, first = one.session.recorded, 0, None
    for index in range(max(len(recorded), _expected(one))):
        found = _difference(one, index)
        if found is None:
            equal += 1
        elif first is None:
            first = {"index": index, **found}
    return equal, first or _compare_evaluations(one)


def _compare_forecasts(made: list[_Anew]) -> dict[str, Any]:
    """Compare the forecasts of all sessions that tell of any."""
    telling = [one for one in made if one.session.tells_forecasts]
    found = [compare_forecasts(one.session.forecasts, one.forecasts, one.session.given_up) for one in telling]
    return {
        "sessions": len(telling),
        "recorded": sum(len(one.session.forecasts) for one in telling),
        "recomputed": sum(len(one.forecasts) for one in telling),
        "equal": sum(one.equal for one in found),
        "missing": sum(one.missing for one in found),
        "given_up": sum(one.session.given_up or 0 for one in telling),
        "first_divergence": next((one.divergence for one in found if one.divergence is not None), None),
    }


def _compare_evaluations(one: _Anew) -> dict[str, Any] | None:
    """Return how the evaluations differ that led to equal decisions, None where they do not or nobody counted them."""
    if one.session.end is None:
        return None
    anew = {"evaluations": one.evaluations, "digest": one.digest.hexdigest()}
    told = {key: one.session.end[key] for key in anew}
    fields = differing_fields(told, anew, SIDES)
    why = "the decisions are equal, the evaluations are not"
    blank = {"index": None, "seq": None, "cause": None, "look_at": None}
    return {**blank, "why": why, "fields": fields} if fields else None


def _difference(one: _Anew, index: int) -> dict[str, Any] | None:
    """Return in which fields a decision differs, None where it does not; look_at is the fact that it followed from."""
    recorded, anew = one.session.recorded, one.decisions
    seq, cause, told = recorded[index] if index < len(recorded) else (None, None, {})
    cause_anew, made = anew[index] if index < _expected(one) else (None, {})
    if cause == cause_anew and told == made:
        return None
    why = "missing on the tape" if seq is None else "on the tape only" if cause_anew is None else "differs"
    fields = differing_fields({"cause": cause, **told}, {"cause": cause_anew, **made}, SIDES)
    causes = [one for one in (cause, cause_anew) if one is not None]
    return {"why": why, "seq": seq, "cause": cause_anew, "fields": fields, "look_at": min(causes, default=None)}


def _lines(facts: dict[str, Any]) -> list[str]:
    """Say it for people."""
    if not facts["sessions"]:
        return ["no live engine ran while this tape was recorded"]
    total = max(facts["recorded"], facts["recomputed"])
    evaluations, forecasts = facts["evaluations"], facts["forecasts"]
    lines = _told(f"decisions {facts['equal']:,}/{total:,}", facts["first_divergence"])
    lines.append(f"evaluations {evaluations['recomputed']:,}/{evaluations['recorded']:,}")
    if not forecasts["sessions"]:
        return [*lines, "no forecasts on this tape"]
    total = forecasts["recorded"] + forecasts["missing"]
    given_up = f", {forecasts['given_up']:,} patterns given up live" if forecasts["given_up"] else ""
    counted = f"forecasts {forecasts['equal']:,}/{total:,}{given_up}"
    return lines + _told(counted, forecasts["first_divergence"])


def _told(counted: str, divergence: dict[str, Any] | None) -> list[str]:
    if divergence is None:
        return [f"{counted}, first divergence: none"]
    where = "" if divergence["seq"] is None else f" at seq {divergence['seq']}"
    lines = [
        f"{counted}, first divergence: {divergence['why']}{where}",
        *field_lines(divergence["fields"], {"recorded": "live", "recomputed": "anew"}),
    ]
    if "cat" in divergence:
        lines.append(f"  it follows from: {divergence['cat']}")
    return lines
