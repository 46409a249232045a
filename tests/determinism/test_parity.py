"""One meaning: envelope by envelope or by film, a setting alone or among many, the ledger is the same."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from fold_kit import summed
from hypothesis import given, settings
from hypothesis import strategies as st
from reel import stretch

from replay.backtest import replay_film, replay_tape, run_settings, sum_settings
from replay.core import engine as engine_module
from replay.core.cells import ORDER_COLUMNS, Policy, Sizing
from replay.core.engine import Engine, Freshness
from replay.core.tally import FIGURES
from replay.film import Film, build_film
from replay.find import load_strategy
from replay.models import load_model
from replay.settings import Setting, View, cell_params, grid

SETTINGS = st.builds(
    Setting,
    min_edge_u6=st.sampled_from([0, 5_000, 10_000, 20_000, 40_000]),
    order_delay_ms=st.sampled_from([0, 1, 250, 3_000, 60_000]),
    venue_delay_ms=st.sampled_from([-1, 0, 3_000]),
    policy=st.sampled_from(Policy),
    rearm_u6=st.sampled_from([None, -20_000, 0]),
    cooldown_ms=st.sampled_from([0, 1_000, 30_000]),
    sizing=st.sampled_from(Sizing),
    size_u6=st.sampled_from([1_000_000, 10_000_000, 300_000_000]),
    bankroll_u6=st.sampled_from([100_000_000, 10_000_000_000]),
    limit_slip_u6=st.sampled_from([-1, 0, 20_000]),
    all_or_none=st.booleans(),
    cap_shares_u6=st.sampled_from([None, 0, 50_000_000]),
    cap_cash_u6=st.sampled_from([None, 20_000_000]),
    exit_edge_u6=st.sampled_from([None, -30_000, 0]),
)
VIEWS = st.builds(
    View, st.sampled_from([-1, 2_500, 7_000, 30_000]), st.integers(0, 1), st.sampled_from([0, 400, 5_000])
)


@pytest.fixture(scope="module")
def film() -> Film:
    return build_film(stretch())


def tools() -> tuple:
    return load_strategy("fusion"), load_model("brownian")


@given(setting=SETTINGS, chunk=st.sampled_from([1_000, 3_041, 100]))
@settings(max_examples=25)
def test_by_tape_and_by_film(film: Film, setting: Setting, chunk: int) -> None:
    """The engine that live uses and the fold over a film say the same, whatever the setting."""
    by_film = replay_film(film, *tools(), setting)
    by_tape = replay_tape(stretch(), *tools(), setting, chunk=chunk)
    assert by_tape.digest() == by_film.digest()
    assert by_tape.summary() == by_film.summary()
    assert (
        replace(by_tape, evaluations=by_film.evaluations, orders=by_film.orders, patterns=by_film.patterns) == by_film
    )


def test_one_envelope_at_a_time() -> None:
    """Stepped envelope by envelope, the engine says each thing once, in the words of the whole run."""
    setting = Setting(min_edge_u6=8_000, policy=Policy.EVERY, cooldown_ms=5_000, order_delay_ms=700)
    ledger = replay_tape(stretch(), *tools(), setting, chunk=10**6)
    engine = Engine(*tools(), cell_params([setting])[1])
    outcomes = [engine.step(envelope) for envelope in stretch().envelopes]
    np.testing.assert_array_equal(np.concatenate([one.evaluations for one in outcomes]), ledger.evaluations)
    said = np.concatenate([one.orders for one in outcomes])
    decided = slice(0, ORDER_COLUMNS.index("status"))
    np.testing.assert_array_equal(said[:, decided], ledger.orders[:, decided])
    # Whatever is said follows from the envelope that was just shown, or from one before it.
    for envelope, outcome in zip(stretch().envelopes, outcomes, strict=True):
        assert (outcome.evaluations[:, 0] == envelope.seq).all()
        assert (outcome.orders[:, ORDER_COLUMNS.index("signal_ns")] == envelope.recv_ns).all()


@given(chosen=st.lists(st.tuples(SETTINGS, VIEWS), min_size=2, max_size=30))
@settings(max_examples=25)
def test_many_settings_are_each_alone(film: Film, chosen: list[tuple[Setting, View]]) -> None:
    """In one fold or alone, a setting has the same orders, the same looks and the same profit to the micro-dollar."""
    many = [replace(setting, view=view) for setting, view in chosen]
    cells = run_settings(film, *tools(), many)
    assert [cell.setting for cell in cells] == many
    for cell in cells:
        alone = replay_film(film, *tools(), cell.setting)
        np.testing.assert_array_equal(cell.orders[:, 1:], alone.orders[:, 1:])
        assert cell.looks == alone.looks
        assert int(cell.pnl_u6.sum()) == alone.pnl_u6


@given(chosen=st.lists(st.tuples(SETTINGS, VIEWS), min_size=1, max_size=12), rows=st.sampled_from([1, 100]))
@settings(max_examples=15)
def test_a_small_log_forgets_nothing(film: Film, chosen: list[tuple[Setting, View]], rows: int) -> None:
    """However often orders leave the log, those kept, and the sums over those not kept, are those of one long log."""
    many = [replace(setting, view=view) for setting, view in chosen]
    cells = run_settings(film, *tools(), many)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(engine_module, "_LOG_ROWS", rows)
        kept = run_settings(film, *tools(), many)
        part = sum_settings(film, *tools(), many)
    for number, cell in enumerate(cells):
        np.testing.assert_array_equal(kept[number].orders, cell.orders)
        np.testing.assert_array_equal(part.pnl_u6[number], cell.pnl_u6)
        assert dict(zip(FIGURES, part.figures[number].tolist(), strict=True)) == summed(cell.orders)
        own = np.ascontiguousarray(cell.orders[:, 1:])
        assert part.decisions[number].tobytes() == hashlib.sha256(own.tobytes()).digest()


def test_orders_are_told_once_whatever_the_log_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine whose log is full every few orders tells the same orders, each once, and has all of them at the end."""
    setting = Setting(min_edge_u6=2_000, policy=Policy.EVERY, cooldown_ms=500, order_delay_ms=700)
    ledger = replay_tape(stretch(), *tools(), setting, chunk=10**6)
    monkeypatch.setattr(engine_module, "_LOG_ROWS", 8)
    assert len(ledger.orders) > 32
    assert replay_tape(stretch(), *tools(), setting, chunk=50).digest() == ledger.digest()
    engine = Engine(*tools(), cell_params([setting])[1])
    said = np.concatenate([engine.step(envelope).orders for envelope in stretch().envelopes])
    decided = slice(0, ORDER_COLUMNS.index("status"))
    np.testing.assert_array_equal(said[:, decided], ledger.orders[:, decided])
    assert engine.fold.signals == len(ledger.orders)


def test_a_thousand_settings_at_once(film: Film) -> None:
    """A grid of a thousand cells agrees with the cells alone; a sample of them is compared."""
    many = grid(
        Setting(),
        min_edges_u6=range(0, 50_000, 2_000),
        views=[View(), View(5_000), View(15_000, 1), View(5_000, 0, 1_000)],
        order_delays_ms=[0, 250, 1_000, 3_000, 10_000],
        venue_delays_ms=[-1, 0],
    )
    assert len(many) == 1_000
    cells = run_settings(film, *tools(), many)
    assert sum(len(cell.orders) for cell in cells) > 500
    for cell in cells[::97]:
        alone = replay_film(film, *tools(), cell.setting)
        np.testing.assert_array_equal(cell.orders[:, 1:], alone.orders[:, 1:])
        assert int(cell.pnl_u6.sum()) == alone.pnl_u6


def test_freshness_is_the_same_by_tape_and_film(film: Film) -> None:
    """How old inputs may be is a part of the run on both ways, and makes a difference."""
    setting = Setting(min_edge_u6=5_000)
    digests = set()
    for freshness in (Freshness(), Freshness(book_ns=10**9, game_ns=2 * 10**9)):
        by_tape = replay_tape(stretch(), *tools(), setting, freshness=freshness)
        assert by_tape.digest() == replay_film(film, *tools(), setting, freshness=freshness).digest()
        digests.add(by_tape.digest())
    assert len(digests) == 2


def test_a_higher_threshold_acts_less(film: Film) -> None:
    """Without delays, caps or cooldown, the signals of a higher threshold are a part of a lower one's."""
    signals = []
    for edge in (5_000, 10_000, 20_000, 30_000):
        ledger = replay_film(film, *tools(), Setting(min_edge_u6=edge, policy=Policy.EVERY, venue_delay_ms=0))
        signals.append({(seq, token) for _, token, _, seq in ledger.orders[:, :4].tolist()})
    assert all(higher <= lower for lower, higher in pairwise(signals))
    assert len(signals[0]) > len(signals[-1]) > 0


@given(delays=st.lists(st.integers(0, 20_000), min_size=2, max_size=2).map(sorted))
@settings(max_examples=25)
def test_a_later_order_never_fills_earlier(film: Film, delays: list[int]) -> None:
    """The same signals, each filled later by the difference of the delays, or not at all."""
    base = Setting(min_edge_u6=15_000, policy=Policy.FIRST_CROSSING)
    sooner, later = (replay_film(film, *tools(), replace(base, order_delay_ms=ms)).orders for ms in delays)
    signal, due = ORDER_COLUMNS.index("signal_ns"), ORDER_COLUMNS.index("due_ns")
    at_first = {(token, seq): ns for token, seq, ns in sooner[:, [1, 3, due]].tolist()}
    for token, seq, signal_ns, ns in later[:, [1, 3, signal, due]].tolist():
        assert ns >= signal_ns + delays[1] * 1_000_000
        if (token, seq) in at_first:
            assert ns == at_first[token, seq] + (delays[1] - delays[0]) * 1_000_000
