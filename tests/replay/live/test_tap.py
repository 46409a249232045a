"""The live engine on a tap."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import msgspec
from click.testing import CliRunner
from relive import EAGER, FAILING, relive
from watching import on_tape, stopped_once

from recorder.envelope import Envelope, Kind
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import Tape, open_tape
from replay.backtest import replay_tape
from replay.core.cells import ORDER_COLUMNS
from replay.find import load_strategy
from replay.live.decisions import FORECAST, LIVE, LiveConfig, decisions_of, forecasts_of
from replay.live.parity import check_parity
from replay.models import load_model
from replay.predictors import load_predictor
from replay.settings import Setting
from replay.verbs.live import live

ROOT = Path(__file__).resolve().parents[3]


def of(tape: Tape, kind: Kind, note: str = "") -> list[Envelope]:
    return [one for one in tape.read() if one.kind is kind and (not note or one.facts()["note"] == note)]


def inputs(tape: Tape) -> list[tuple[object, ...]]:
    """What a tape says of the world, without order numbers and the recorder's own notes."""
    return [
        (one.recv_ns, one.feed, one.conn, one.kind, one.meta, one.payload)
        for one in tape.read()
        if one.kind not in (Kind.DECISION, Kind.NOTE)
    ]


def decided(tape: Tape) -> list[bytes]:
    return [one.payload for one in of(tape, Kind.DECISION) if one.feed == LIVE]


def forecasts(tape: Tape) -> list[bytes]:
    return [one.payload for one in of(tape, Kind.DECISION) if one.feed == FORECAST]


class Slow(LiveConfig):
    """An engine that is not ready before the gate opens."""

    gate = threading.Event()

    def engine(self, on_stage=None):
        self.gate.wait()
        return super().engine(on_stage)


def test_live_decides_what_a_replay_decides(night, tmp_path) -> None:
    """The decisions written while a night is recorded are those of a replay of the night, field by field."""
    ledger = replay_tape(night, load_strategy("fusion"), load_model("brownian"), EAGER.setting)
    catalogue = type("Names", (), {"tokens": ledger.tokens})
    replayed = [decision.encode() for _, _, decision in decisions_of(ledger.orders, catalogue)]
    said: list[str] = []
    tape = relive(night.read(), tmp_path / "live", say=said.append)
    assert decided(tape) == replayed
    assert len(said) == len(replayed) > 10
    assert all(line.startswith("BUY 10 ") and "; seq " in line for line in said)


def test_a_decision_names_its_cause(night, tmp_path) -> None:
    """Each decision comes after the fact that caused it, and signal_ns is that fact's receive time."""
    tape = relive(night.read(), tmp_path / "live")
    facts = {one.seq: one for one in tape.read()}
    for one in of(tape, Kind.DECISION):
        cause = facts[one.facts()["cause"]]
        assert cause.seq < one.seq
        assert cause.kind in (Kind.FRAME, Kind.BODY)
        assert one.feed == FORECAST or cause.recv_ns == msgspec.json.decode(one.payload)["signal_ns"]


def test_the_notes_say_what_decided_and_how_far(night, tmp_path) -> None:
    """The first note holds the whole setting, the last one the seq that the engine saw last and what it said."""
    tape = relive(night.read(), tmp_path / "live")
    (begun,) = of(tape, Kind.NOTE, "live")
    (ended,) = of(tape, Kind.NOTE, "live_end")
    facts = ended.facts()
    assert LiveConfig.from_facts(begun.facts()) == EAGER
    assert (facts["decisions"], facts["forecasts"]) == (len(decided(tape)), len(forecasts(tape)))
    assert facts["seen"] == max(one.seq for one in tape.read() if one.kind is not Kind.DECISION and one.seq < ended.seq)
    assert (facts["why"], facts["model_failures"]) == ("", 0)
    assert facts["evaluations"] > facts["decisions"]


def test_a_strategy_that_raises_is_cut_and_the_recording_is_whole(night, tmp_path) -> None:
    """The tape has every envelope of the night, a note that the tap was cut and why, and parity of what was decided."""
    path = tmp_path / "failing.py"
    path.write_text(FAILING)
    tape = relive(night.read(), tmp_path / "live", LiveConfig(strategy=f"{path}:Failing", setting=EAGER.setting))
    assert inputs(tape) == inputs(night)
    (cut,) = of(tape, Kind.NOTE, "tap_cut")
    assert (cut.facts()["tap"], "out of ideas" in cut.facts()["why"]) == ("live", True)
    (ended,) = of(tape, Kind.NOTE, "live_end")
    assert ended.facts()["why"] == "ZeroDivisionError: out of ideas"
    parity = check_parity(tape.path)
    assert (parity.ok, parity.facts["recorded"]) == (True, len(decided(tape)))


def test_a_predictor_that_fails_costs_no_decision(night, tmp_path) -> None:
    """Without a predictor, with one that is not there, and with the one that ships the decisions are the same."""
    tapes = {
        name: relive(night.read(), tmp_path / f"with-{name}".lower(), replace(EAGER, predictor=name))
        for name in (None, "nobody", "ensemble")
    }
    failures = {name: of(tape, Kind.NOTE, "live_end")[0].facts()["prediction_failures"] for name, tape in tapes.items()}
    assert decided(tapes[None]) == decided(tapes["nobody"]) == decided(tapes["ensemble"]) != []
    assert (failures[None], failures["ensemble"]) == (0, 0)
    assert failures["nobody"] >= 18


def test_forecasts_are_on_the_tape(night, tmp_path) -> None:
    """Each forecast of a replay of the night is on the tape of the live night, in order, for both horizons."""
    ideas = load_strategy("fusion"), load_model("brownian")
    predictor = load_predictor("ensemble")
    ledger = replay_tape(night, *ideas, EAGER.setting, predictor=predictor)
    catalogue = type("Names", (), {"games": [type("Game", (), {"game_id": name}) for name in ledger.games]})
    replayed = [made.encode() for _, made in forecasts_of(ledger.predictions, catalogue)]
    assert forecasts(relive(night.read(), tmp_path / "live")) == replayed
    assert len(replayed) == 36


DOUBTING = """
import threading

from replay.core.predictions import Forecast

go = threading.Event()


class Doubting:
    name = "doubting"
    leagues = ("nba",)

    def predict(self, pattern, prior_u6):
        if len(pattern) == 5:
            raise LookupError("no idea")
        if len(pattern) == 9:
            assert go.wait(600)
        numbers = {"point_forecast": pattern[-1], "interval_lower": -99, "interval_upper": 99, "coverage": 0.5}
        return (Forecast(horizon="half", **numbers),)
"""


def test_a_predictor_that_raises_or_hangs_costs_its_own_forecasts_only(night, tmp_path, monkeypatch) -> None:
    """What it failed on and what it was too late for are numbers on the tape; the rest is there and stands parity."""
    card = tmp_path / "doubting-1.dist-info"
    card.mkdir()
    (card / "METADATA").write_text("Metadata-Version: 2.1\nName: doubting\nVersion: 1\n")
    (card / "entry_points.txt").write_text("[gametape.predictors]\ndoubting = doubting:Doubting\n")
    (tmp_path / "doubting.py").write_text(DOUBTING)
    monkeypatch.syspath_prepend(tmp_path)
    go = importlib.import_module("doubting").go
    config = replace(EAGER, predictor="doubting")
    hanging = relive(night.read(), tmp_path / "hanging", config, settle_s=0.0)
    go.set()
    raising = relive(night.read(), tmp_path / "raising", config)
    assert decided(hanging) == decided(raising) == decided(relive(night.read(), tmp_path / "live"))
    ends = [of(tape, Kind.NOTE, "live_end")[0].facts() for tape in (hanging, raising)]
    # The one it hangs on and all behind it are given up: at least ten of eighteen, with the one it raises on.
    assert ends[0]["prediction_failures"] >= 10
    assert ends[0]["prediction_failures"] + ends[0]["forecasts"] == 18
    assert (ends[1]["prediction_failures"], ends[1]["forecasts"]) == (1, 17)
    parities = [check_parity(tape.path) for tape in (hanging, raising)]
    assert [one.ok for one in parities] == [True, True]
    assert parities[1].lines[-1] == "forecasts 17/17, 1 patterns given up live, first divergence: none"


def test_an_engine_that_lags_is_cut_and_the_recording_is_whole(night, tmp_path) -> None:
    """Where more waits for the engine than may, by number or by bytes, its tap is cut and recording goes on."""
    for name, bounds in (("number", {"waiting_max": 500}), ("bytes", {"waiting_bytes_max": 100_000})):
        Slow.gate.clear()
        slow = Slow(setting=EAGER.setting)
        tape = relive(night.read(), tmp_path / name, slow, before_end=Slow.gate.set, **bounds)
        assert inputs(tape) == inputs(night)
        (cut,) = of(tape, Kind.NOTE, "tap_cut")
        assert cut.facts()["why"].startswith("TapFullError: ")
        (ended,) = of(tape, Kind.NOTE, "live_end")
        assert (ended.facts()["seen"], ended.facts()["decisions"]) == (-1, 0)
        assert ended.facts()["why"].endswith("envelopes behind")


def test_a_late_engine_catches_up(night, tmp_path) -> None:
    """An engine that is ready only when all is recorded still decides everything, once it may."""
    Slow.gate.clear()
    late = relive(night.read(), tmp_path / "late", Slow(setting=EAGER.setting), before_end=Slow.gate.set)
    assert decided(late) == decided(relive(night.read(), tmp_path / "live"))
    assert check_parity(late.path).ok


def test_a_tape_that_is_gone_on_with_is_known_to_the_engine(night, tmp_path) -> None:
    """A second session decides with the books, scores and positions of the first; both stand the parity check."""
    # Where the socket broke: a new session forgets the books too.
    half = next(one.seq for one in night.read() if one.kind is Kind.CLOSED) - 1
    whole = decided(relive(night.read(), tmp_path / "whole"))
    relive(night.read(0, half), tmp_path / "halves")
    tape = relive(night.read(half + 1), tmp_path / "halves")
    assert decided(tape) == whole
    relive(night.read(half + 1), tmp_path / "mixed", LiveConfig(setting=Setting(min_edge_u6=40_000)))
    parity = check_parity(relive(night.read(half + 1), tmp_path / "mixed").path)
    assert (parity.ok, parity.facts["sessions"]) == (True, 2)
    facts = check_parity(tape.path).facts
    assert (facts["sessions"], facts["equal"], facts["recorded"]) == (2, len(whole), len(whole))


def test_names_of_strangers_steer_no_terminal(night, tmp_path) -> None:
    """A team's name with control characters is printed without them."""
    said: list[str] = []
    home = json.loads(of(night, Kind.NOTE, "plan")[0].payload)["games"][0]["home"]
    evil = [
        msgspec.structs.replace(one, payload=one.payload.replace(home.encode(), b"\\u001b[2J"))
        if one.kind is Kind.NOTE
        else one
        for one in night.read()
    ]
    relive(evil, tmp_path / "live", say=said.append)
    assert any("[2J" in line for line in said)
    assert all(line.isprintable() for line in said)


def test_a_real_session_stands_the_parity_check(night, tmp_path, monkeypatch) -> None:
    """A night served over sockets, recorded by `gametape live`: n of n decisions again, after sealing too."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GAMETAPE_")]:
        monkeypatch.delenv(name)
    words = ["play", str(night.path), "--port", "0", "--rate", "1200", "--start-offset", "25m"]
    command = [sys.executable, "-m", "replay.cli", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as server:
        base = json.loads(server.stdout.readline())["url"]
        options = ["--upstream", base, "--league", "nba", "--poll-live", "50ms", "--tape", "./tonight"]
        with stopped_once(lambda: sum(one.kind is Kind.DECISION for one in on_tape(tmp_path / "tonight")) >= 3):
            done = CliRunner().invoke(live, [*options, "--min-edge", "2", "--json"], catch_exceptions=False)
        server.terminate()
    assert (done.exit_code, json.loads(done.stdout)["schema"]) == (0, "gametape.record/1")
    assert verify_tape(tmp_path / "tonight").ok
    tape = open_tape(tmp_path / "tonight")
    facts = check_parity(tape.path).facts
    assert facts["first_divergence"] is None
    assert facts["recorded"] == facts["recomputed"] == facts["equal"] == len(decided(tape)) > 0
    assert facts["evaluations"]["recorded"] == facts["evaluations"]["recomputed"] > 0
    assert sum(line.startswith("[simulated] BUY ") for line in done.stderr.splitlines()) == facts["recorded"]


def test_order_columns_of_a_decision_do_not_change() -> None:
    """A decision holds exactly the columns of an order up to its size, but cell and seq."""
    kept = ORDER_COLUMNS[: ORDER_COLUMNS.index("size_u6") + 1]
    assert {*kept} - {"cell", "token", "seq"} < {*msgspec.structs.asdict(_any_decision())}


def _any_decision():
    from replay.live.decisions import Decision

    return Decision(**dict.fromkeys(Decision.__struct_fields__, 0) | {"token_id": "", "refused": None})
