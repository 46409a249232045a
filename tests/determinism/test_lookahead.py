"""No look-ahead: cut the tape anywhere, and what was decided before the cut is the same to the byte."""

from __future__ import annotations

import numpy as np
import pytest
from reel import Reel, stretch

from replay.backtest import replay_film
from replay.core.cells import EVALUATION_COLUMNS, ORDER_COLUMNS, OrderStatus, Policy
from replay.core.rows import Night, Rows
from replay.film import Film, build_film
from replay.find import load_strategy
from replay.ledger import Ledger
from replay.models import load_model
from replay.settings import Setting, View
from strategies.fusion import run

_NOW = EVALUATION_COLUMNS.index("recv_ns")
_SIGNAL, _DUE, _STATUS = (ORDER_COLUMNS.index(name) for name in ("signal_ns", "due_ns", "status"))
BUSY = {"min_edge_u6": 8_000, "policy": Policy.EVERY, "cooldown_ms": 2_000, "order_delay_ms": 900}
SETTINGS = {
    "as recorded": Setting(**BUSY),
    "slower polls": Setting(view=View(poll_ms=7_000), **BUSY),
    "late books": Setting(view=View(poll_ms=4_000, phase=2, book_delay_ms=1_300), **BUSY),
}


def differences(full: Ledger, cut: Ledger, cut_ns: int) -> list[str]:
    """Return what a cut changed of the time before it: evaluations, signals, and what became of orders."""
    found = []
    for name, whole, part in (("evaluations", full.evaluations, cut.evaluations), ("signals", full.orders, cut.orders)):
        at = _NOW if name == "evaluations" else _SIGNAL
        columns = slice(None) if name == "evaluations" else slice(0, _STATUS)
        if not np.array_equal(whole[whole[:, at] <= cut_ns, columns], part[part[:, at] <= cut_ns, columns]):
            found.append(name)
    # An order that was refused at once keeps its word; one that was sent is matched when it arrives.
    never_sent = (OrderStatus.TOO_SMALL, OrderStatus.CAPPED)
    settled = [
        orders[(orders[:, _DUE] < cut_ns) | ((orders[:, _SIGNAL] <= cut_ns) & np.isin(orders[:, _STATUS], never_sent))]
        for orders in (full.orders, cut.orders)
    ]
    return found if np.array_equal(*settled) else [*found, "fills"]


def played(film: Film, setting: Setting, strategy: object = None) -> Ledger:
    return replay_film(film, strategy or load_strategy("fusion"), load_model("brownian"), setting)


def cut_points(reel: Reel, film: Film, setting: Setting) -> list[int]:
    """Return seqs to cut behind: every evaluation's and signal's, where nothing else came in the same nanosecond."""
    ledger = played(film, setting)
    seqs = {*ledger.evaluations[:, 0].tolist(), *ledger.orders[:, ORDER_COLUMNS.index("seq")].tolist()}
    last = len(reel) - 1
    times = [one.recv_ns for one in reel.envelopes]
    return [seq for seq in sorted(seqs) if seq < last and times[seq] < times[seq + 1]]


def columns_cut(film: Film, seq: int, cut_ns: int) -> Film:
    """Return a film of which nothing is left behind seq."""
    night = film.night
    count = int(np.searchsorted(night.rows.seq, seq, side="right"))
    tables = {name: getattr(night, name)[getattr(night, name)[:, 0] <= seq] for name in ("states", "polls", "rules")}
    for table in tables.values():
        table.setflags(write=False)
    rows = Rows(*(column[:count] for column in night.rows))
    changed = {"night": Night(rows=rows, **tables), "last_ns": cut_ns, "events": seq + 1}
    return Film(**{name: getattr(film, name) for name in film.__slots__} | changed)


@pytest.fixture(scope="module")
def film() -> Film:
    return build_film(stretch())


def all_differences(film: Film, setting: Setting, strategy: object = None, every: int = 1) -> list[tuple[int, str]]:
    """Cut behind every decision and return what differs where."""
    reel, full = stretch(), played(film, setting, strategy)
    found = []
    for seq in cut_points(reel, film, setting)[::every]:
        cut_ns = reel.envelopes[seq].recv_ns
        cut = played(columns_cut(film, seq, cut_ns), setting, strategy)
        found += [(seq, what) for what in differences(full, cut, cut_ns)]
    return found


@pytest.mark.parametrize("name", SETTINGS)
def test_the_stretch_is_worth_cutting(film: Film, name: str) -> None:
    """There are hundreds of evaluations, dozens of signals and fills, and a gap."""
    ledger = played(film, SETTINGS[name])
    assert len(cut_points(stretch(), film, SETTINGS[name])) > 300
    assert ledger.fills > 12
    assert film.counts["FeedGap"] == 1


@pytest.mark.parametrize("name", SETTINGS)
def test_nothing_before_a_cut_changes(film: Film, name: str) -> None:
    """Cut behind every single evaluation and signal: those before, and the fills before, are equal to the byte."""
    assert all_differences(film, SETTINGS[name]) == []


@pytest.mark.parametrize("name", SETTINGS)
def test_nothing_before_a_cut_of_the_tape_changes(film: Film, name: str) -> None:
    """The same with the tape cut before it is decoded, behind every signal."""
    setting, reel = SETTINGS[name], stretch()
    full, heard = played(film, setting), 0
    times = [one.recv_ns for one in reel.envelopes]
    for seq in sorted(set(full.orders[:, ORDER_COLUMNS.index("seq")].tolist())):
        if times[seq] < times[seq + 1]:
            cut = played(build_film(Reel(reel.envelopes[: seq + 1])), setting)
            assert differences(full, cut, times[seq]) == []
            heard += len(cut.evaluations)
    assert heard > 1_000


# Canaries: strategies that peek, each in its own way. The same cuts must catch them. ---------------------------------


class PeeksAtScores:
    """Values a game by what it will stand at three observations later."""

    name = "peeks at scores"

    def run(self, rows, rules, states, fairs, *rest):
        if not len(fairs):
            return run(rows, rules, states, fairs, *rest)
        later = np.minimum(np.arange(len(fairs)) + 6, len(fairs) - 1)
        return run(rows, rules, states, fairs[later], *rest)


class PeeksAtTheBook:
    """Reads the size of a level two rows beyond its index."""

    name = "peeks at the book"

    def run(self, rows, *rest):
        size = rows.size_u6.copy()
        size[:-2] = np.where(rows.op[:-2] < 4, size[2:], size[:-2])
        size.setflags(write=False)
        return run(rows._replace(size_u6=size), *rest)


class HearsEarly:
    """Sees every score five seconds before it was received."""

    name = "hears early"

    def run(self, rows, rules, states, fairs, timeline, *rest):
        return run(rows, rules, states, fairs, timeline._replace(at_ns=timeline.at_ns - 5_000_000_000), *rest)


class KnowsTheHeight:
    """Leans towards the highest value that the home side will have."""

    name = "knows the height"

    def run(self, rows, rules, states, fairs, *rest):
        height = fairs.max(initial=0)
        return run(rows, rules, states, np.where(fairs < 0, fairs, (9 * fairs + height) // 10), *rest)


@pytest.mark.parametrize("canary", [PeeksAtScores, PeeksAtTheBook, HearsEarly, KnowsTheHeight])
def test_a_canary_that_peeks_is_caught(film: Film, canary: type) -> None:
    """A strategy that reads beyond its index differs behind some cut, whatever it peeks at."""
    assert all_differences(film, SETTINGS["as recorded"], canary(), every=5) != []
