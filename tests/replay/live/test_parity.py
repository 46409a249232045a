"""Deciding anew what was decided live."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest
from click.testing import CliRunner
from relive import relive, rewrite

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.errors import CorruptError, RegressionError
from recorder.tape.cli import verify
from recorder.tape.reader import Tape
from recorder.tape.seal import seal_tape
from replay.excerpt import cut_excerpt
from replay.inject.language import parse_faults
from replay.inject.tape import inject_tape
from replay.live.decisions import FORECAST, LIVE
from replay.live.parity import check_parity, live_sessions


@pytest.fixture(scope="module")
def lived(night, tmp_path_factory) -> Tape:
    """A night with the decisions of a live engine on it."""
    return relive(night.read(), tmp_path_factory.mktemp("lived") / "lived")


def decisions(tape: Tape) -> list[Envelope]:
    return [one for one in tape.read() if one.kind is Kind.DECISION and one.feed == LIVE]


def forecasts(tape: Tape) -> list[Envelope]:
    return [one for one in tape.read() if one.kind is Kind.DECISION and one.feed == FORECAST]


def with_fields(envelope: Envelope, **changed: object) -> Envelope:
    fields = msgspec.json.decode(envelope.payload) | changed
    return msgspec.structs.replace(envelope, payload=msgspec.json.encode(fields))


def is_end(envelope: Envelope) -> bool:
    return envelope.kind is Kind.NOTE and envelope.facts()["note"] == "live_end"


def test_n_of_n(lived, tmp_path) -> None:
    """verify --parity finds every decision again: in words, as JSON, hot and sealed, with exit code 0."""
    count = len(decisions(lived))
    text = CliRunner().invoke(verify, [str(lived.path), "--parity"])
    facts = json.loads(CliRunner().invoke(verify, [str(lived.path), "--parity", "--json"]).stdout)
    assert text.exit_code == 0
    assert f"decisions {count:,}/{count:,}, first divergence: none" in text.stdout
    assert (facts["schema"], facts["ok"]) == ("gametape.verify/1", True)
    assert facts["parity"]["recorded"] == facts["parity"]["recomputed"] == facts["parity"]["equal"] == count > 10
    assert facts["parity"]["first_divergence"] is None
    assert "forecasts 36/36, first divergence: none" in text.stdout
    assert [facts["parity"]["forecasts"][name] for name in ("recorded", "recomputed", "equal", "missing")] == [
        *(36, 36, 36, 0)
    ]
    copy = rewrite(lived, tmp_path / "copy", lambda envelope: envelope)
    seal_tape(copy.path)
    assert check_parity(copy.path).facts == facts["parity"]


def test_without_the_flag_nothing_is_decided(lived) -> None:
    """verify alone says nothing of parity."""
    assert "parity" not in json.loads(CliRunner().invoke(verify, [str(lived.path), "--json"]).stdout)


def test_a_tape_without_a_live_engine(night) -> None:
    """Where nothing was decided live, the check says so and holds."""
    parity = check_parity(night.path)
    assert (parity.ok, parity.facts["sessions"]) == (True, 0)
    assert parity.lines == ["no live engine ran while this tape was recorded"]


def test_a_planted_difference_is_named(lived, tmp_path) -> None:
    """One digit of one decision: its number, its fields as recorded and as they should be, and the fact to look at."""
    third = decisions(lived)[2]
    fair = msgspec.json.decode(third.payload)["fair_u6"]

    def change(envelope: Envelope) -> Envelope:
        return with_fields(envelope, fair_u6=fair + 1) if envelope.seq == third.seq else envelope

    copy = rewrite(lived, tmp_path / "copy", change)
    result = CliRunner().invoke(verify, [str(copy.path), "--parity", "--json"])
    found = json.loads(result.stdout)["parity"]["first_divergence"]
    cause = third.facts()["cause"]
    assert isinstance(result.exception, RegressionError)
    assert result.exception.exit_code == 4
    assert (found["index"], found["why"], found["seq"], found["cause"]) == (2, "differs", third.seq, cause)
    assert found["fields"] == {"fair_u6": {"recorded": fair + 1, "recomputed": fair}}
    assert found["cat"] == f"gametape cat {copy.path} --first-seq {cause} --limit 1"
    words = CliRunner().invoke(verify, [str(copy.path), "--parity"]).stdout
    assert f"first divergence: differs at seq {third.seq}" in words
    assert f"fair_u6      live {fair + 1}   anew {fair}" in words
    assert f"it follows from: {found['cat']}" in words


def test_a_wrong_cause_is_a_difference(lived, tmp_path) -> None:
    """A decision that names another fact as its cause is not the same decision."""
    first = decisions(lived)[0]
    cause = first.facts()["cause"]

    def change(envelope: Envelope) -> Envelope:
        meta = encode_meta({"cause": cause - 1}) if envelope.seq == first.seq else envelope.meta
        return msgspec.structs.replace(envelope, meta=meta)

    found = check_parity(rewrite(lived, tmp_path / "copy", change).path).facts["first_divergence"]
    assert found["fields"] == {"cause": {"recorded": cause - 1, "recomputed": cause}}


def test_a_decision_too_many_is_named(lived, tmp_path) -> None:
    """A decision that nothing on the tape leads to is on the tape only. It stands at the end, so that no seq moves."""
    last = decisions(lived)[-1]

    def change(envelope: Envelope) -> Envelope:
        later = envelope.seq > last.seq and envelope.kind is Kind.PULSE and not seen
        if not later:
            return envelope
        seen.append(envelope.seq)
        made = msgspec.structs.replace(last, recv_ns=envelope.recv_ns)
        return with_fields(made, signal_ns=7)

    seen: list[int] = []
    parity = check_parity(rewrite(lived, tmp_path / "copy", change).path)
    found = parity.facts["first_divergence"]
    assert (parity.ok, found["why"], found["seq"]) == (False, "on the tape only", seen[0])
    assert parity.facts["equal"] == parity.facts["recomputed"] == parity.facts["recorded"] - 1


def test_a_missing_decision_is_named(lived, tmp_path) -> None:
    """A decision that is not on the tape though its engine came that far is missing."""
    last = decisions(lived)[-1]

    def change(envelope: Envelope) -> Envelope:
        if envelope.seq != last.seq:
            return envelope
        return msgspec.structs.replace(envelope, kind=Kind.PULSE, feed="recorder", meta=b"", payload=b"")

    found = check_parity(rewrite(lived, tmp_path / "copy", change).path).facts["first_divergence"]
    assert (found["why"], found["seq"], found["cause"]) == ("missing on the tape", None, last.facts()["cause"])


def test_evaluations_are_held_to_their_digest(lived, tmp_path) -> None:
    """Equal decisions from other evaluations are a divergence too."""

    def change(envelope: Envelope) -> Envelope:
        if not is_end(envelope):
            return envelope
        facts = envelope.facts()
        return msgspec.structs.replace(envelope, meta=encode_meta(facts | {"evaluations": facts["evaluations"] + 1}))

    parity = check_parity(rewrite(lived, tmp_path / "copy", change).path)
    assert not parity.ok
    assert parity.facts["equal"] == parity.facts["recorded"]
    assert list(parity.facts["first_divergence"]["fields"]) == ["evaluations"]


def test_of_a_killed_session_what_it_left_is_compared(lived, tmp_path) -> None:
    """A tape that ends anywhere, without the last note, holds a prefix of the decisions; that prefix must agree."""
    middle = decisions(lived)[5].seq
    copy = rewrite(lived, tmp_path / "copy", lambda one: one if one.seq <= middle else None)
    parity = check_parity(copy.path)
    assert (parity.ok, parity.facts["recorded"], parity.facts["recomputed"]) == (True, 6, 6)
    assert live_sessions(copy)[0].end is None


def test_what_is_no_decision_is_a_difference(lived, tmp_path) -> None:
    """A payload that cannot be read is shown as it is; a live note that cannot be read is a damaged tape."""
    first = decisions(lived)[0]

    def broken(envelope: Envelope) -> Envelope:
        return msgspec.structs.replace(envelope, payload=b"\xff") if envelope.seq == first.seq else envelope

    found = check_parity(rewrite(lived, tmp_path / "one", broken).path).facts["first_divergence"]
    assert found["fields"]["payload"] == {"recorded": "\N{REPLACEMENT CHARACTER}", "recomputed": None}

    def unknown(envelope: Envelope) -> Envelope:
        meta = envelope.meta.replace(b"first_crossing", b"tea_leaves") if envelope.kind is Kind.NOTE else envelope.meta
        return msgspec.structs.replace(envelope, meta=meta)

    with pytest.raises(CorruptError, match="cannot be read"):
        check_parity(rewrite(lived, tmp_path / "two", unknown).path)


def test_a_planted_forecast_is_named(lived, tmp_path) -> None:
    """A point more in one forecast: its place, its field on both sides, its cause; the decisions are equal."""
    fifth = forecasts(lived)[4]
    point = msgspec.json.decode(fifth.payload)["point_u6"]

    def change(envelope: Envelope) -> Envelope:
        return with_fields(envelope, point_u6=point + 1_000_000) if envelope.seq == fifth.seq else envelope

    copy = rewrite(lived, tmp_path / "copy", change)
    result = CliRunner().invoke(verify, [str(copy.path), "--parity", "--json"])
    facts = json.loads(result.stdout)["parity"]
    found = facts["forecasts"]["first_divergence"]
    assert isinstance(result.exception, RegressionError)
    assert (facts["first_divergence"], facts["forecasts"]["equal"]) == (None, 35)
    assert (found["index"], found["why"], found["seq"]) == (4, "differs", fifth.seq)
    assert found["fields"] == {"point_u6": {"recorded": point + 1_000_000, "recomputed": point}}
    cause = fifth.facts()["cause"]
    assert found["cat"] == result.exception.hint == f"gametape cat {copy.path} --first-seq {cause} --limit 1"
    words = CliRunner().invoke(verify, [str(copy.path), "--parity"]).stdout
    assert f"forecasts 35/36, first divergence: differs at seq {fifth.seq}" in words
    assert f"point_u6     live {point + 1_000_000}   anew {point}" in words


def test_the_last_digit_of_a_float_is_no_difference(lived, tmp_path) -> None:
    """A thousandth of a point is what another processor may say; a pattern is whole numbers, and near no other."""
    first = forecasts(lived)[0]
    fields = msgspec.json.decode(first.payload)

    def changed(**values: object) -> Tape:
        def change(envelope: Envelope) -> Envelope:
            return with_fields(envelope, **values) if envelope.seq == first.seq else envelope

        return rewrite(lived, tmp_path / "_".join(values), change)

    assert check_parity(changed(point_u6=fields["point_u6"] - 1_000).path).ok
    parity = check_parity(changed(entries=[fields["entries"][0] + 1]).path)
    assert list(parity.facts["forecasts"]["first_divergence"]["fields"]) == ["entries"]


def test_a_forecast_that_is_gone_is_missing(lived, tmp_path) -> None:
    """Where the engine gave nothing up, a pattern without its forecast is a divergence."""
    gone = {one.seq for one in forecasts(lived)[6:8]}
    found = check_parity(rewrite(lived, tmp_path / "copy", _silenced(gone)).path).facts["forecasts"]
    assert (found["equal"], found["missing"], found["first_divergence"]["why"]) == (34, 2, "missing on the tape")


def test_a_tape_from_before_forecasts_were_written(lived, tmp_path) -> None:
    """An older tape has none and says nothing of them in its end; it stands the check, which says so."""
    silenced = _silenced({one.seq for one in forecasts(lived)})

    def change(envelope: Envelope) -> Envelope:
        if not is_end(envelope):
            return silenced(envelope)
        facts = envelope.facts()
        del facts["forecasts"], facts["predictions_owed"]
        return msgspec.structs.replace(envelope, meta=encode_meta(facts))

    parity = check_parity(rewrite(lived, tmp_path / "copy", change).path)
    assert parity.ok
    assert parity.lines[-1] == "no forecasts on this tape"


def test_of_a_killed_session_the_forecasts_it_left_are_compared(lived, tmp_path) -> None:
    """Without the last note nobody says which forecasts must be there; each one that is there must be right."""
    tenth = forecasts(lived)[9].seq
    copy = rewrite(lived, tmp_path / "copy", lambda one: one if one.seq <= tenth else None)
    parity = check_parity(copy.path)
    assert parity.ok
    assert parity.lines[-1] == "forecasts 10/10, first divergence: none"


def test_what_was_made_of_a_live_night_is_no_live_night(lived, tmp_path) -> None:
    """In an excerpt and a tape with faults stands what was decided on the whole tape: that is said, and is no fault."""
    inject_tape(lived, parse_faults("drop 5% polls"), 7, tmp_path / "injected")
    cut_excerpt(lived, tmp_path / "cut", since_ns=lived.first_ns, until_ns=lived.last_ns)
    for name in ("injected", "cut"):
        parity = check_parity(tmp_path / name)
        assert (parity.ok, parity.facts["sessions"]) == (True, 0)
        assert parity.lines == ["made from lived: what was decided live was decided there"]


def _silenced(seqs: set[int]) -> Callable[[Envelope], Envelope]:
    def change(envelope: Envelope) -> Envelope:
        if envelope.seq not in seqs:
            return envelope
        return msgspec.structs.replace(envelope, kind=Kind.PULSE, feed="recorder", meta=b"", payload=b"")

    return change
