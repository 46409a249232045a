"""
Holding a golden against a run made now, and naming the first thing that moved.

The digest decides. Where it differs, the first differing decision is named field by field, with where the game stood
on both sides and the envelope it followed from; if an evaluation moved before it, that one is named too, as its
likely cause.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from replay.core.cells import EVALUATION_COLUMNS
from replay.difference import cat_command, differing_fields, envelope_line
from replay.golden import (
    Golden,
    GoldenTape,
    Recipe,
    Taken,
    decision_of,
    decision_prints,
    evaluation_prints,
    read_golden,
    take,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from recorder.tape.reader import Tape
    from replay.film import Film
    from replay.ledger import Ledger

__all__ = ["SIDES", "Checked", "Moved", "TapeVerdict", "check_golden", "compare", "locate"]

SIDES = ("golden", "now")
_LOOK_AHEAD = 64


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """
    One decision or evaluation that differs.

    index counts from 0; seq is the earlier of the two causes. why is `differs`, `missing now`, `new`, or for a run of
    evaluations that share a print `among these`. fields holds both values of each field that differs; golden and now
    are both sides in full, None where unknown.
    """

    index: int
    seq: int | None
    why: str
    fields: dict[str, dict[str, Any]]
    golden: dict[str, Any] | None
    now: dict[str, Any] | None
    note: str = ""
    cat: str = ""
    envelope: str = ""


class TapeVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one tape of a golden. why is empty where nothing moved; the rest says what did."""

    tape: str
    path: str
    ok: bool
    digest: dict[str, str]
    why: str = ""
    counts: dict[str, dict[str, int]] = {}
    decision: Moved | None = None
    evaluation: Moved | None = None
    pattern: Moved | None = None
    settlements: dict[str, dict[str, Any]] = {}


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a golden. decoders_changed says whether the source that decodes is another one than then."""

    golden: str
    ok: bool
    reason: str
    config: dict[str, int | str | None]
    decoders_changed: bool
    tapes: list[TapeVerdict]


def locate(golden: Path, entry: GoldenTape) -> Tape:
    """
    Open a tape of a golden: where the golden says, else by its name among the user's tapes.

    Raises:
        UsageError: it is in neither place.
        CorruptError: it is damaged.
    """
    from recorder.tape.reader import open_tape
    from replay.find import find_tapes

    path = golden.parent / entry.path
    return open_tape(path.resolve()) if path.is_dir() else find_tapes([entry.tape])[0]


def check_golden(path: Path, films_of: Callable[[list[Tape]], list[Film]]) -> tuple[Checked, Taken]:
    """
    Run a golden's recipe again and compare; films_of turns its tapes into films.

    Raises:
        UsageError: there is no golden, or one of its tapes, its strategy or its model is not there.
        CorruptError: the golden or a tape is not as it was written.
    """
    golden = read_golden(path)
    recipe = Recipe.of(golden)
    tapes = [locate(path, entry) for entry in golden.tapes]
    taken = _taken(golden, recipe, films_of(tapes))
    return compare(str(path), golden, taken, tapes), taken


def _taken(golden: Golden, recipe: Recipe, films: list[Film]) -> Taken:
    kept = sum(len(entry.decisions) + len(entry.prints) for entry in golden.tapes)
    # Everything is kept in full on this side, so that it can be shown whatever the golden left out.
    room = max(kept, *(film.events for film in films)) * len(films)
    return take(films, [entry.path for entry in golden.tapes], recipe, "", full_max=room)


def compare(name: str, golden: Golden, taken: Taken, tapes: list[Tape]) -> Checked:
    """Compare tape by tape; tapes in the order of the golden's."""
    verdicts = [
        _verdict(before, after, ledger, tape)
        for before, after, ledger, tape in zip(golden.tapes, taken.golden.tapes, taken.ledgers, tapes, strict=True)
    ]
    return Checked(
        golden=name,
        ok=all(verdict.ok for verdict in verdicts),
        reason=golden.reason,
        config=golden.config,
        decoders_changed=golden.decoders != taken.golden.decoders,
        tapes=verdicts,
    )


def _verdict(before: GoldenTape, after: GoldenTape, ledger: Ledger, tape: Tape) -> TapeVerdict:
    shown = _short(tape.path)
    digest = dict(zip(SIDES, (before.digest, after.digest), strict=True))
    if before.tape_digest != after.tape_digest:
        why = "this is not the tape of the golden: its bytes are others"
        digest = dict(zip(SIDES, (before.tape_digest, after.tape_digest), strict=True))
        return TapeVerdict(tape=before.tape, path=shown, ok=False, digest=digest, why=why)
    if before.digest == after.digest:
        return TapeVerdict(tape=before.tape, path=shown, ok=True, digest=digest)
    decision = _first_decision(before, after, ledger)
    evaluation = _first_evaluation(before, ledger)
    if decision is not None and evaluation is not None and not _earlier(evaluation, decision):
        evaluation = None
    pattern = _first_pattern(before, after, ledger)
    settlements = _settlements(before, after)
    if decision is not None:
        why = "a decision moved"
    elif evaluation is not None:
        why = "every decision is the same, an evaluation moved"
    elif pattern is not None:
        why = "every decision is the same, a score pattern moved"
    elif settlements:
        why = "every decision is the same, a settlement moved"
    elif before.tokens != after.tokens:
        why = "every decision is the same, the names or numbers of tokens moved"
    else:
        why = "nothing that a golden holds has moved: the digest is taken in another form than then"
    return TapeVerdict(
        tape=before.tape,
        path=shown,
        ok=False,
        digest=digest,
        why=why,
        counts=_counts(before, after),
        decision=_pointed(decision, tape, shown),
        evaluation=_pointed(evaluation, tape, shown),
        pattern=_pointed(pattern, tape, shown),
        settlements=settlements,
    )


def _counts(before: GoldenTape, after: GoldenTape) -> dict[str, dict[str, int]]:
    """Return the counts that differ; what a golden does not name did not happen."""
    told, made = {**before.counts, **before.looks}, {**after.counts, **after.looks}
    names = dict.fromkeys((*told, *made), 0)
    return differing_fields(names | told, names | made, SIDES)


def _short(path: Path) -> str:
    """Return a path as one would type it here."""
    resolved, here = path.resolve(), Path.cwd().resolve()
    return str(resolved.relative_to(here) if resolved.is_relative_to(here) else resolved)


def _earlier(evaluation: Moved, decision: Moved) -> bool:
    """Say whether an evaluation moved before a decision's own, so that it may be the reason."""
    return evaluation.seq is not None and decision.seq is not None and evaluation.seq <= decision.seq


def _pointed(moved: Moved | None, tape: Tape, path: str) -> Moved | None:
    """Add the envelope to look at."""
    if moved is None or moved.seq is None:
        return moved
    return msgspec.structs.replace(moved, cat=cat_command(path, moved.seq), envelope=envelope_line(tape, moved.seq))


def _first_decision(before: GoldenTape, after: GoldenTape, ledger: Ledger) -> Moved | None:
    told, made = decision_prints(before), decision_prints(after)
    at = next((k for k in range(max(len(told), len(made))) if told[k : k + 1] != made[k : k + 1]), None)
    if at is None:
        return None
    golden, now = decision_of(before, at), decision_of(after, at)
    why = "differs"
    if at >= len(told):
        why = "new"
    elif at >= len(made):
        why = "missing now"
    elif golden is not None and now is not None:
        then, today = _moment(golden), _moment(now)
        if then != today:
            why = "missing now" if then < today else "new"
    elif told[at : at + 1] == made[at + 1 : at + 2]:
        why = "new"
    if why == "new":
        golden = None
    elif why == "missing now":
        now = None
    seqs = [side["seq"] for side in (golden, now) if side is not None]
    note = _not_acted_on(golden, ledger) if now is None and golden is not None else ""
    fields = differing_fields(golden or {}, now or {}, SIDES) if golden is not None and now is not None else {}
    return Moved(index=at, seq=min(seqs, default=None), why=why, fields=fields, golden=golden, now=now, note=note)


def _moment(decision: dict[str, Any]) -> tuple[int, int]:
    return decision["signal_ns"], decision["seq"]


def _not_acted_on(golden: dict[str, Any], ledger: Ledger) -> str:
    """Say what became of the moment at which the golden had a decision that is gone."""
    token = ledger.tokens.index(golden["token_id"]) if golden["token_id"] in ledger.tokens else -1
    rows = ledger.evaluations
    here = rows[(rows[:, 0] == golden["seq"]) & (rows[:, 2] == token)]
    if not len(here):
        return "there is no evaluation at that moment any more"
    now = dict(zip(EVALUATION_COLUMNS, here[0].tolist(), strict=True))
    moved = differing_fields({key: golden[key] for key in now if key in golden}, now, SIDES)
    moved = {key: pair for key, pair in moved.items() if pair["golden"] is not None}
    if not moved:
        return "the evaluation is there and the same; the policy no longer acts on it"
    told = ", ".join(f"{key} {pair['golden']}, now {pair['now']}" for key, pair in moved.items())
    return f"the evaluation is there, but: {told}"


def _first_evaluation(before: GoldenTape, ledger: Ledger) -> Moved | None:
    stride = before.evaluations.stride
    told = before.evaluations.values()
    made = evaluation_prints(ledger.evaluations, stride).values()
    at = next((k for k in range(max(len(told), len(made))) if told[k : k + 1] != made[k : k + 1]), None)
    if at is None:
        return None
    now = _evaluation(ledger, at * stride)
    why = "among these" if stride > 1 else _kind_of_move(told, made, at)
    seq = None if now is None else now["seq"]
    if why == "missing now":
        # What is gone cannot be shown: only its print was kept. It stood between these two.
        previous = _evaluation(ledger, at * stride - 1) if at else None
        seq = None if previous is None else previous["seq"]
        now = None
    note = f"one of {stride} from number {at * stride} on" if stride > 1 else ""
    return Moved(index=at * stride, seq=seq, why=why, fields={}, golden=None, now=now, note=note)


def _kind_of_move(told: list[str], made: list[str], at: int) -> str:
    """Tell one that is new or missing from one that differs: what follows it is found again, moved by a few."""
    if at >= len(told):
        return "new"
    if at >= len(made):
        return "missing now"
    after = 4
    for step in range(1, _LOOK_AHEAD):
        if told[at : at + after] == made[at + step : at + step + after]:
            return "new"
        if made[at : at + after] == told[at + step : at + step + after]:
            return "missing now"
    return "differs"


def _evaluation(ledger: Ledger, index: int) -> dict[str, Any] | None:
    if index >= len(ledger.evaluations):
        return None
    values: dict[str, Any] = dict(zip(EVALUATION_COLUMNS, ledger.evaluations[index].tolist(), strict=True))
    token = values.pop("token")
    game = ledger.game_of[token]
    values["cause"] = ("the book moved", "the score changed")[values["cause"]]
    names = {"game_id": ledger.games[game] if game >= 0 else "", "token_id": ledger.tokens[token]}
    return {"seq": values.pop("seq"), **names, **values}


def _first_pattern(before: GoldenTape, after: GoldenTape, ledger: Ledger) -> Moved | None:
    """Return the first score pattern that differs; patterns are few and kept in full."""
    told, made = (
        [dict(zip(side.pattern_columns, row, strict=True)) for row in side.patterns] for side in (before, after)
    )
    at = next((k for k in range(max(len(told), len(made))) if told[k : k + 1] != made[k : k + 1]), None)
    if at is None:
        return None
    golden, now = (_named_pattern(side[at], ledger) if at < len(side) else None for side in (told, made))
    seqs = [side["seq"] for side in (golden, now) if side is not None]
    why = "differs" if golden is not None and now is not None else "new" if golden is None else "missing now"
    fields = differing_fields(golden, now, SIDES) if golden is not None and now is not None else {}
    return Moved(index=at, seq=min(seqs), why=why, fields=fields, golden=golden, now=now)


def _named_pattern(values: dict[str, int], ledger: Ledger) -> dict[str, Any]:
    game = values["game"]
    return {"seq": values["seq"], "game_id": ledger.games[game] if game < len(ledger.games) else "", **values}


def _settlements(before: GoldenTape, after: GoldenTape) -> dict[str, dict[str, Any]]:
    keys = ("shares_u6", "cash_u6", "payout_u6", "basis")
    told, made = (
        {f"{row[0]} {key}": value for row in side.settlements for key, value in zip(keys, row[1:], strict=True)}
        for side in (before, after)
    )
    return differing_fields(told, made, SIDES)
