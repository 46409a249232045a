"""
Laws that hold on every tape, however bad the night: what is decided, and what another setting would have decided.

`check_tape` replays a tape and holds what the engine did against a second opinion (`Witness`) and against itself under
other settings: it is how a recording with faults in it is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from recorder.errors import GametapeError
from replay.backtest import replay_film, replay_tape
from replay.core.cells import EVALUATION_COLUMNS, ORDER_COLUMNS, OrderStatus, Policy
from replay.core.engine import Freshness
from replay.counterfactual import PollPlan, fastest_intervals_ms, timeline_of
from replay.film import Film, build_film
from replay.inject.witness import Trust, Witness
from replay.ledger import Ledger
from replay.settings import Setting, View

if TYPE_CHECKING:
    from recorder.tape.reader import Tape
    from replay.core.models import WinProbability
    from replay.core.strategy import Strategy

__all__ = ["LAWS", "Checked", "Violation", "check_tape"]

_BUSY = Setting(min_edge_u6=5_000, policy=Policy.EVERY, cooldown_ms=2_000, order_delay_ms=300, exit_edge_u6=-20_000)
_EDGES_U6 = (5_000, 10_000, 20_000, 40_000)
_DELAYS_MS = (0, 250, 1_000, 5_000)
_TIMES = (2, 3, 5)
_BY_SCORE = 1
_FILLED = (int(OrderStatus.FILLED), int(OrderStatus.PARTIAL))
_EVALUATION = {name: at for at, name in enumerate(EVALUATION_COLUMNS)}
_ORDER = {name: at for at, name in enumerate(ORDER_COLUMNS)}

LAWS = {
    "one ledger": "by tape or by film, in whatever chunks, a replay says the same",
    "known books": "nothing is evaluated on a book that is unknown, in a declared gap, or suspect",
    "true books": "what is evaluated is the book as it stood, by a second opinion",
    "fresh inputs": "nothing is evaluated on a game or a book that was not heard of for longer than the rule allows",
    "fills in sight": "no order is filled in a gap, on a suspect book, or beyond its limit",
    "later is not earlier": "a longer way to the venue never fills a signal earlier",
    "slower polls see less": "a poll every k intervals sees a part of what the faster one sees, in the same phase",
    "more edge, fewer signals": "the signals of a higher threshold are a part of those of a lower one",
}
"""Every law by name, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One breach of a law; seq is the envelope at which it shows, None where it is of the whole tape."""

    law: str
    seq: int | None
    why: str


@dataclass(slots=True, kw_only=True)
class Checked:
    """What a tape was held to: cases looked at by law, and the breaches."""

    events: int
    undecodable: int = 0
    cases: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LAWS, 0))
    violations: list[Violation] = field(default_factory=list)

    def hold(self, law: str, seq: int | None, why: str, *, holds: bool) -> None:
        """Count a case, and a breach where it does not hold."""
        self.cases[law] += 1
        if not holds:
            self.violations.append(Violation(law=law, seq=seq, why=why))


def check_tape(tape: Tape, strategy: Strategy, model: WinProbability) -> Checked:
    """
    Hold a tape to every law.

    Raises:
        CorruptError: the tape is damaged.
    """
    checked = Checked(events=len(tape))
    film = build_film(tape)

    def played(setting: Setting) -> Ledger:
        return replay_film(film, strategy, model, setting)

    busy = played(_BUSY)
    for chunk in (101, 1_000):
        digest = replay_tape(tape, strategy, model, _BUSY, chunk=chunk).digest()
        why = f"by {chunk} envelopes the digest is {digest[:12]}, by film {busy.digest()[:12]}"
        checked.hold("one ledger", None, why, holds=digest == busy.digest())
    _hold_against_witness(tape, busy, checked)
    _hold_delays(played, checked)
    _hold_edges(played, checked)
    _hold_polls(film, checked)
    return checked


# Against the second opinion ------------------------------------------------------------------------------------


def _hold_against_witness(tape: Tape, ledger: Ledger, checked: Checked) -> None:
    witness = Witness()
    evaluations = _by_seq(ledger)
    fills = sorted(
        (order for order in ledger.orders.tolist() if order[_ORDER["status"]] in _FILLED),
        key=lambda order: order[_ORDER["due_ns"]],
        reverse=True,
    )
    for envelope in tape.read():
        while fills and fills[-1][_ORDER["due_ns"]] < envelope.recv_ns:
            _hold_fill(witness, ledger, fills.pop(), checked)
        witness.see(envelope)
        for evaluation in evaluations.pop(envelope.seq, ()):
            _hold_evaluation(witness, ledger, evaluation, checked)
    while fills:
        _hold_fill(witness, ledger, fills.pop(), checked)
    for seq in evaluations:
        checked.hold("true books", seq, "an evaluation of an envelope that is not on the tape", holds=False)
    checked.undecodable = witness.undecodable


def _by_seq(ledger: Ledger) -> dict[int, list[list[int]]]:
    found: dict[int, list[list[int]]] = {}
    for row in ledger.evaluations.tolist():
        found.setdefault(row[_EVALUATION["seq"]], []).append(row)
    return found


def _hold_evaluation(witness: Witness, ledger: Ledger, row: list[int], checked: Checked) -> None:
    at = {name: row[k] for name, k in _EVALUATION.items()}
    token_id, seq = ledger.tokens[at["token"]], at["seq"]
    by_score = at["cause"] == _BY_SCORE
    stood = [witness.standing(token_id)] if by_score else witness.moments.get(token_id, [])
    known = [one for one in stood if one.trust is Trust.KNOWN]
    trust = stood[-1].trust.value if stood else "not touched by this envelope"
    checked.hold("known books", seq, f"token …{token_id[-6:]} is {trust}", holds=bool(known))
    if known:
        same = any((one.ask_u6, one.ask_size_u6) == (at["ask_u6"], at["ask_size_u6"]) for one in known)
        last = known[-1]
        why = f"ask {at['ask_u6']} of {at['ask_size_u6']}, but the book stood at {last.ask_u6} of {last.ask_size_u6}"
        checked.hold("true books", seq, why, holds=same)
    rule = Freshness()
    if by_score:
        age_ns, most_ns = at["recv_ns"] - witness.standing(token_id).heard_ns, rule.book_ns
        said_ns, what = at["book_age_ns"], "book"
    else:
        age_ns, most_ns = at["recv_ns"] - witness.heard_ns(token_id), rule.game_ns
        said_ns, what = at["game_age_ns"], "game"
    why = f"the {what} is {said_ns / 1e9:.3f} s old by the engine, {age_ns / 1e9:.3f} s since it was heard of"
    checked.hold("fresh inputs", seq, why, holds=age_ns <= said_ns <= most_ns)


def _hold_fill(witness: Witness, ledger: Ledger, order: list[int], checked: Checked) -> None:
    at = {name: order[k] for name, k in _ORDER.items()}
    token_id = ledger.tokens[at["token"]]
    stood = witness.standing(token_id)
    mean_u6 = at["cash_u6"] * 1_000_000 / at["filled_u6"]
    buys = at["side"] > 0
    # Cash is rounded at each level: half a millionth of a dollar each.
    slack = 1_000_000 * 50 / at["filled_u6"]
    within = mean_u6 <= at["limit_u6"] + slack if buys else abs(mean_u6) >= at["limit_u6"] - slack
    touched = (stood.bid_u6, stood.ask_u6) == tuple(
        None if at[name] < 0 else at[name] for name in ("fill_bid_u6", "fill_ask_u6")
    )
    why = (
        f"the order of seq {at['seq']} for token …{token_id[-6:]} was filled at {mean_u6 / 1e4:.2f} c (limit "
        f"{at['limit_u6'] / 1e4:.2f} c) when the book was {stood.trust.value} at {stood.bid_u6}, {stood.ask_u6}"
    )
    checked.hold("fills in sight", at["seq"], why, holds=stood.trust is Trust.KNOWN and within and touched)


# Against itself under other settings ---------------------------------------------------------------------------


def _signals(ledger: Ledger) -> dict[tuple[int, int], list[int]]:
    """Return the orders by what caused them: seq and token."""
    return {(row[_ORDER["seq"]], row[_ORDER["token"]]): row for row in ledger.orders.tolist()}


def _hold_delays(played: Callable[[Setting], Ledger], checked: Checked) -> None:
    base = Setting(min_edge_u6=10_000, policy=Policy.FIRST_CROSSING)
    runs = [(ms, _signals(played(replace(base, order_delay_ms=ms)))) for ms in _DELAYS_MS]
    for (sooner_ms, sooner), (later_ms, later) in pairwise(runs):
        for cause in _both(sooner, later):
            early, late = sooner[cause][_ORDER["due_ns"]], later[cause][_ORDER["due_ns"]]
            why = f"with {sooner_ms} ms it arrives at {early}, with {later_ms} ms at {late}"
            checked.hold(
                "later is not earlier", cause[0], why, holds=late - early == (later_ms - sooner_ms) * 1_000_000
            )


def _both(one: dict[tuple[int, int], list[int]], other: dict[tuple[int, int], list[int]]) -> Iterator[tuple[int, int]]:
    return (cause for cause in one if cause in other)


def _hold_edges(played: Callable[[Setting], Ledger], checked: Checked) -> None:
    base = Setting(policy=Policy.EVERY, venue_delay_ms=0)
    runs = [(edge, _signals(played(replace(base, min_edge_u6=edge)))) for edge in _EDGES_U6]
    for (low, lower), (high, higher) in pairwise(runs):
        for cause in higher:
            why = f"a signal at {high / 1e4:g} c and none at {low / 1e4:g} c"
            checked.hold("more edge, fewer signals", cause[0], why, holds=cause in lower)


def _hold_polls(film: Film, checked: Checked) -> None:
    fast_ms = max(*fastest_intervals_ms(film), 1_000)

    def seen(poll_ms: int) -> set[tuple[int, int]]:
        # Polled as often whether the game is on or not: else two pollers fall out of step where one sees it end sooner.
        timeline = timeline_of(film, [View(poll_ms=poll_ms)], PollPlan(idle_ms=1))
        return set(zip(timeline.at_ns.tolist(), timeline.state.tolist(), strict=True))

    try:
        fast = seen(fast_ms)
    except GametapeError as error:
        checked.hold("slower polls see less", None, error.what, holds=False)
        return
    for times in _TIMES:
        extra = seen(fast_ms * times) - fast
        seq = int(film.night.states[min(extra)[1], 0]) if extra else None
        why = f"every {times * fast_ms} ms {len(extra)} answers are seen that every {fast_ms} ms are not"
        checked.hold("slower polls see less", seq, why, holds=not extra)
