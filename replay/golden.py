"""
Goldens: what a run decided, committed as a small readable file, so that a change that moves a decision is found.

A golden holds the ledger's digest, its counts, the decisions in full up to a bound (beyond it a print of eight digits
each), a print of every evaluation or short run of them, and the settlements. The digest alone says whether anything
moved; everything else is there to say what. The last key is a hash of all before it: a golden changes by its verb,
with a reason, and not by hand or by a merge.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from recorder.errors import CorruptError, UsageError
from replay.backtest import replay_film
from replay.core.cells import ORDER_COLUMNS, OrderStatus
from replay.core.events import GameStatus
from replay.core.patterns import PATTERN_COLUMNS
from replay.core.state.game import AWAY, CLOCK_MS, HOME, PERIOD, STATUS, new_games, observe
from replay.counterfactual import PollPlan, refuse_unanswerable, timeline_of
from replay.film import Film, decoder_version
from replay.ledger import Ledger, combined_digest
from replay.live.decisions import LiveConfig
from replay.whole import write_whole

if TYPE_CHECKING:
    from recorder.tape.reader import Tape

__all__ = [
    "SCHEMA",
    "Golden",
    "GoldenTape",
    "Prints",
    "Recipe",
    "Taken",
    "decision_of",
    "decision_prints",
    "evaluation_prints",
    "path_between",
    "read_golden",
    "take",
    "write_golden",
]

Ints = NDArray[np.int64]

SCHEMA = "gametape.golden/1"

_COLUMNS = (*ORDER_COLUMNS[1:], "game_status", "period", "clock_ms", "home_score", "away_score")
_STATE = _COLUMNS[-5:]
_AT = {name: number for number, name in enumerate(ORDER_COLUMNS)}
_FULL_MAX = 2_000
"""Decisions kept in full, over all tapes of a golden: a few hundred kilobytes."""
_PRINTS_MAX = 16_384
_PRINTS_A_LINE = 30
_WIDTH = 150
_COUNTS = ("events", "evaluations", "signals", "orders", "fills", "pnl_u6", "fees_u6", "open_positions")


class Prints(msgspec.Struct, frozen=True, kw_only=True):
    """Four hexadecimal digits for every `stride` evaluations, in order, many to a line."""

    stride: int
    lines: list[str]

    def values(self) -> list[str]:
        """Return the prints one by one."""
        text = "".join(self.lines)
        return [text[at : at + 4] for at in range(0, len(text), 4)]


class GoldenTape(msgspec.Struct, frozen=True, kw_only=True):
    """
    What was decided on one tape.

    tokens are (token id, game, team); decisions are rows under `columns`, where token is a number into tokens; prints
    are those of the decisions beyond the ones kept in full; settlements are (token id, shares_u6, cash_u6, payout_u6,
    basis). path leads from the golden's own folder to the tape.
    """

    tape: str
    path: str
    tape_digest: str
    label: str
    digest: str
    counts: dict[str, int]
    looks: dict[str, int]
    first: dict[str, Any] | None
    last: dict[str, Any] | None
    tokens: list[tuple[str, str, str]]
    settlements: list[tuple[str, int, int, int | None, str]]
    columns: list[str]
    decisions: list[list[int | None]]
    prints: list[str]
    evaluations: Prints
    pattern_columns: list[str]
    patterns: list[list[int]]


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """One setting on one or more tapes. decoders is a hash of the source that decoded, version the program's."""

    schema: str
    reason: str
    version: str
    decoders: str
    config: dict[str, int | str | None]
    digest: str
    tapes: list[GoldenTape]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the runs of a golden are made: who decides by which setting, and how simulated polls are drawn."""

    config: LiveConfig
    polls: PollPlan = field(default_factory=PollPlan)

    def facts(self) -> dict[str, int | str | None]:
        """Return it as plain values."""
        return {**self.config.facts(), "seed": self.polls.seed}

    @classmethod
    def of(cls, golden: Golden) -> Recipe:
        """
        Read the recipe of a golden.

        Raises:
            CorruptError: its config is not one of this program.
        """
        try:
            return cls(LiveConfig.from_facts(golden.config), PollPlan(seed=int(golden.config["seed"] or 0)))
        except (KeyError, ValueError) as error:
            raise CorruptError("the config of the golden cannot be read", why=str(error)) from error


@dataclass(frozen=True, slots=True)
class Taken:
    """What a golden is made from, for whoever explains a difference: ledgers in the order of the golden's tapes."""

    golden: Golden
    ledgers: list[Ledger]


def take(
    films: Sequence[Film], paths: Sequence[str], recipe: Recipe, reason: str, *, full_max: int = _FULL_MAX
) -> Taken:
    """
    Run a recipe over films and return the golden of it; paths as in GoldenTape.

    Raises:
        UsageError: there is no such strategy or model, or a poll plan cannot be answered from a recording.
    """
    from replay.find import load_strategy
    from replay.models import load_model

    config = recipe.config
    refuse_unanswerable(films, [config.setting.view])
    strategy, model = load_strategy(config.strategy), load_model(config.model)
    ledgers = [
        replay_film(film, strategy, model, config.setting, polls=recipe.polls, freshness=config.freshness)
        for film in films
    ]
    share = max(len(films), 1)
    golden = Golden(
        schema=SCHEMA,
        reason=reason,
        version=metadata.version("gametape"),
        decoders=decoder_version(),
        config=recipe.facts(),
        digest=combined_digest([ledger.digest() for ledger in ledgers]),
        tapes=[
            _tape(film, ledger, path, recipe, max(full_max // share, 1), max(_PRINTS_MAX // share, 64))
            for film, ledger, path in zip(films, ledgers, paths, strict=True)
        ],
    )
    return Taken(golden, ledgers)


def _tape(film: Film, ledger: Ledger, path: str, recipe: Recipe, full: int, prints_max: int) -> GoldenTape:
    summary = ledger.summary()
    states = _states_at(film, recipe, ledger)
    rows = [[*row[1:], *state] for row, state in zip(ledger.orders.tolist(), states, strict=True)]
    stride = -(-len(ledger.evaluations) // prints_max) or 1
    made = GoldenTape(
        tape=ledger.tape,
        path=path,
        tape_digest=ledger.tape_digest,
        label=ledger.label,
        digest=ledger.digest(),
        counts={name: int(str(summary[name])) for name in _COUNTS},
        looks={name: count for name, count in ledger.looks.items() if count},
        first=None,
        last=None,
        tokens=_tokens(film, ledger),
        settlements=[(s.token_id, s.shares_u6, s.cash_u6, s.payout_u6, s.basis) for s in ledger.settlements],
        columns=list(_COLUMNS),
        decisions=rows,
        prints=[],
        evaluations=evaluation_prints(ledger.evaluations, stride),
        pattern_columns=list(PATTERN_COLUMNS),
        patterns=ledger.patterns.tolist(),
    )
    ends = {"first": decision_of(made, 0), "last": decision_of(made, len(rows) - 1)} if rows else {}
    return msgspec.structs.replace(made, decisions=rows[:full], prints=decision_prints(made)[full:], **ends)


def _tokens(film: Film, ledger: Ledger) -> list[tuple[str, str, str]]:
    plans = {
        film.catalogue.games[game].game_id: film.catalogue.games[game].plan for game in ledger.game_of if game >= 0
    }
    named = []
    for token_id, game in zip(ledger.tokens, ledger.game_of, strict=True):
        game_id = ledger.games[game] if game >= 0 else ""
        plan = plans.get(game_id)
        team = "" if plan is None else plan.home if plan.home_token_id == token_id else plan.away
        named.append((token_id, game_id, team))
    return named


def _states_at(film: Film, recipe: Recipe, ledger: Ledger) -> list[list[int | None]]:
    """
    Return where the game of each order stood when it was decided: status, period, clock_ms, home and away score.

    What the fold saw is folded once more, up to each decision. Nothing decides by it: it is for whoever asks why.
    """
    view = recipe.config.setting.view
    timeline = timeline_of(film, [view], recipe.polls)
    delay_ns = view.book_delay_ms * 1_000_000
    at_ns, seqs = (timeline.at_ns + delay_ns).tolist(), timeline.seq.tolist()
    shown = film.night.states[timeline.state].tolist()
    games = new_games(max(len(film.catalogue.games), 1))
    found: list[list[int | None]] = []
    cursor = 0
    for row in ledger.orders.tolist():
        moment = (row[_AT["signal_ns"]], row[_AT["seq"]])
        while cursor < len(seqs) and (at_ns[cursor], seqs[cursor]) <= moment:
            _, _, number, source, status, period, clock_ms, counts_up, home, away = shown[cursor][:10]
            observe(games, number, source, status, period, clock_ms, counts_up, home, away, at_ns[cursor])
            cursor += 1
        game = games[ledger.game_of[row[_AT["token"]]]]
        found.append([int(game[column]) for column in (STATUS, PERIOD, CLOCK_MS, HOME, AWAY)])
    return found


# Reading a golden ----------------------------------------------------------------------------------------------


def decision_of(tape: GoldenTape, index: int) -> dict[str, Any] | None:
    """Return a decision with its names spelled out; None where it was not kept in full, or there is none."""
    if index >= len(tape.decisions):
        return None
    values: dict[str, Any] = dict(zip(tape.columns, tape.decisions[index], strict=True))
    token_id, game_id, team = tape.tokens[values.pop("token")]
    values["status"] = OrderStatus(values["status"]).name.lower()
    values["game_status"] = GameStatus(values["game_status"]).name.lower()
    return {"seq": values.pop("seq"), "game_id": game_id, "team": team, "token_id": token_id, **values}


def decision_prints(tape: GoldenTape) -> list[str]:
    """Return eight hexadecimal digits for each decision, over what was decided and what became of it."""
    kept = []
    for index in range(len(tape.decisions)):
        named = decision_of(tape, index)
        assert named is not None
        # Team names and where the game stood explain a decision; they are no part of it.
        told = {key: value for key, value in named.items() if key not in _STATE and key != "team"}
        kept.append(hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()[:8])
    return [*kept, *tape.prints]


def evaluation_prints(evaluations: Ints, stride: int) -> Prints:
    """Return the prints of evaluations, shape (n, len(EVALUATION_COLUMNS)), so many to one print."""
    table = np.ascontiguousarray(evaluations, "<i8")
    prints = [hashlib.sha256(table[at : at + stride].tobytes()).hexdigest()[:4] for at in range(0, len(table), stride)]
    lines = ["".join(prints[at : at + _PRINTS_A_LINE]) for at in range(0, len(prints), _PRINTS_A_LINE)]
    return Prints(stride=stride, lines=lines)


# The file ------------------------------------------------------------------------------------------------------


def write_golden(golden: Golden, path: Path) -> None:
    """Write a golden where it is asked for, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = msgspec.to_builtins(golden)
    body = {**facts, "sha256": _seal(facts)}
    write_whole(path, f"{_rendered(body)}\n".encode())


def read_golden(path: Path) -> Golden:
    """
    Read a golden.

    Raises:
        UsageError: there is no such file, or it is of another version of the format.
        CorruptError: it is not what `golden update` wrote.
    """
    hint = f'gametape golden update TAPE --out {path} --reason "…"'
    try:
        facts: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"there is no golden {path}", hint=hint) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptError(f"{path} is not a golden", why=str(error), hint=hint) from error
    if facts.get("schema") != SCHEMA:
        raise UsageError(f"{path} is no {SCHEMA}", why=f"it says {facts.get('schema')!r}", hint=hint)
    if facts.pop("sha256", None) != _seal(facts):
        why = "its hash is not that of its contents: it was changed by hand or by a merge"
        raise CorruptError(f"{path} is not as it was written", why=why, hint=hint)
    try:
        return msgspec.convert(facts, Golden)
    except msgspec.ValidationError as error:
        raise CorruptError(f"{path} is not a golden", why=str(error), hint=hint) from error


def path_between(golden: Path, tape: Tape) -> str:
    """Return the way from a golden's folder to a tape."""
    return Path(os.path.relpath(tape.path.resolve(), golden.resolve().parent)).as_posix()


def _seal(facts: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(facts, order="sorted")).hexdigest()


def _rendered(value: object, indent: str = "") -> str:
    """Render JSON for people and for diffs: what fits a line stands on one, everything else is opened."""
    flat = msgspec.json.encode(value).decode()
    if not isinstance(value, dict | list) or (indent and len(flat) + len(indent) <= _WIDTH) or not value:
        return flat
    deeper = indent + "  "
    if isinstance(value, dict):
        parts = [f"{deeper}{msgspec.json.encode(key).decode()}: {_rendered(one, deeper)}" for key, one in value.items()]
    else:
        # A list of rows is a table: one row a line, however long.
        table = all(isinstance(one, list) for one in value)
        parts = [deeper + (msgspec.json.encode(one).decode() if table else _rendered(one, deeper)) for one in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n" + ",\n".join(parts) + f"\n{indent}{closing}"
