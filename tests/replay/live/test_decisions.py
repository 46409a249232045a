"""What a live engine puts on the tape, and that no replay takes it in."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relive import EAGER, relive

from recorder.envelope import Envelope, Kind
from recorder.tape.reader import Tape
from replay.backtest import replay_film, replay_tape
from replay.core.cells import Policy, Sizing
from replay.core.engine import Freshness
from replay.film import build_film
from replay.find import load_strategy
from replay.live.decisions import Decision, LiveConfig, cause_meta, cause_of, describe
from replay.models import load_model
from replay.settings import Setting

U6 = st.integers(0, 10**12)
CONFIGS = st.builds(
    LiveConfig,
    strategy=st.text(max_size=20),
    model=st.text(max_size=20),
    freshness=st.builds(Freshness, book_ns=U6, game_ns=U6),
    setting=st.builds(
        Setting,
        min_edge_u6=st.integers(-(10**6), 10**6),
        order_delay_ms=st.integers(0, 10**6),
        venue_delay_ms=st.integers(-1, 10**6),
        policy=st.sampled_from(Policy),
        rearm_u6=st.none() | U6,
        sizing=st.sampled_from(Sizing),
        size_u6=U6,
        all_or_none=st.booleans(),
        cap_cash_u6=st.none() | U6,
        exit_edge_u6=st.none() | st.integers(-(10**6), 10**6),
    ),
)


class WithoutDecisions:
    """A tape as it would be had nobody decided beside it; the seqs stay."""

    def __init__(self, tape: Tape) -> None:
        self._tape = tape
        self.name, self.label, self.first_ns, self.last_ns = tape.name, tape.label, tape.first_ns, tape.last_ns
        self.digest = tape.digest

    def __len__(self) -> int:
        return sum(1 for _ in self.read())

    def read(self):
        return (envelope for envelope in self._tape.read() if envelope.kind is not Kind.DECISION)


@given(CONFIGS)
@settings(max_examples=100)
def test_a_configuration_comes_back_from_its_note(config) -> None:
    """What the note `live` says makes the same engine again, through JSON."""
    note = msgspec.json.decode(msgspec.json.encode({"note": "live", **config.facts()}))
    assert LiveConfig.from_facts(note) == config


@pytest.mark.parametrize("spoilt", [{}, {"policy": "tea"}, {"policy": 3}, {"book_fresh_ns": None, "min_edge_u6": None}])
def test_what_is_no_configuration_is_refused(spoilt) -> None:
    """A note that lacks something, or names what there is not, is a ValueError and nothing else."""
    facts = EAGER.facts() | spoilt if spoilt else {}
    if spoilt == {"book_fresh_ns": None, "min_edge_u6": None}:
        del facts["min_edge_u6"]
    with pytest.raises(ValueError, match="not the configuration"):
        LiveConfig.from_facts(facts)


def test_a_decision_is_canonical_bytes() -> None:
    """The payload is compact JSON with its keys in a fixed order, so that equal decisions are equal bytes."""
    decision = Decision(**dict.fromkeys(Decision.__struct_fields__, 1) | {"token_id": "T", "refused": None})
    assert decision.encode() == (
        b'{"token_id":"T","side":1,"fair_u6":1,"ask_u6":1,"ask_size_u6":1,"edge_u6":1,"game_age_ns":1,"book_age_ns":1,'
        b'"limit_u6":1,"size_u6":1,"signal_ns":1,"due_ns":1,"refused":null}'
    )


@pytest.mark.parametrize("meta", [b"", b"{}", b"[1]", b"{", b'{"cause":"7"}', b'{"cause":true}'])
def test_a_cause_that_is_none(meta) -> None:
    """A DECISION whose meta names no cause has none; nothing is raised."""
    assert cause_of(Envelope(0, 0, "live", 0, Kind.DECISION, meta, b"")) is None
    assert cause_of(Envelope(0, 0, "live", 0, Kind.DECISION, cause_meta(7), b"")) == 7


def test_a_signal_is_told_in_one_line() -> None:
    """Side, size, team, game, prices in cents, ages in seconds, and why no order followed."""
    values = {"token_id": "T", "side": -1, "fair_u6": 553_000, "ask_u6": 500_000, "ask_size_u6": 1, "edge_u6": 53_000}
    ages = {"game_age_ns": 1_500_000_000, "book_age_ns": 0, "limit_u6": 510_000, "size_u6": 10_000_000}
    decision = Decision(**values, **ages, signal_ns=0, due_ns=0, refused="too_small")
    assert describe(9, decision, "Hawks", "nba:1") == (
        "SELL 10 Hawks (nba:1) at 51.0c: fair 55.3c, ask 50.0c, edge +5.3c; "
        "score 1.5 s old, book 0.0 s; seq 9  no order: too small"
    )


def test_decisions_are_never_inputs(night, tmp_path) -> None:
    """A ledger's digest is the same with and without the decisions on the tape: by chunks of any size, and by film."""
    tape = relive(night.read(), tmp_path / "live")
    strategy, model = load_strategy("fusion"), load_model("brownian")
    setting = Setting(min_edge_u6=30_000, order_delay_ms=400_000)
    bare = WithoutDecisions(tape)
    assert len(bare) < len(tape)
    ledgers = [replay_tape(one, strategy, model, setting, chunk=size) for one in (tape, bare) for size in (1, 10**6)]
    ledgers += [replay_film(build_film(one, chunk=700), strategy, model, setting) for one in (tape, bare)]
    assert len({ledger.digest() for ledger in ledgers}) == 1
    assert len(ledgers[0].orders) > 5
