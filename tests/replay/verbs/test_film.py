"""The verb film: decodes ahead of time, and catches decoders that no longer make what was stored."""

from __future__ import annotations

import json

import pytest
from reel import stretch

from recorder.errors import Exit
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter
from replay.cli import run
from replay.core.decode import polymarket


@pytest.fixture
def tape(tmp_path, monkeypatch):
    """A sealed stretch of play, and a cache of its own."""
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(tmp_path / "cache"))
    with TapeWriter.create(tmp_path / "night", created_ns=0) as writer:
        for envelope in stretch().envelopes:
            writer.append(envelope)
    seal_tape(tmp_path / "night")
    return tmp_path / "night"


def test_a_film_is_made_and_holds(tape, capsys):
    """Made, then checked: the columns and the stored film are what the decoders make."""
    assert run(["film", str(tape), "--json"]) == Exit.OK
    made = json.loads(capsys.readouterr().out)
    assert (made["schema"], made["events"]) == ("gametape.film/1", len(stretch()))
    assert run(["film", "--check", str(tape), "--json"]) == Exit.OK
    checked = json.loads(capsys.readouterr().out)
    assert (checked["films"], checked["rows"]) == (2, made["rows"])


def test_a_changed_decoder_is_caught(tape, capsys, monkeypatch):
    """A decoder that reads a price a hundredth off is named: the envelope, the column, both values; exit 4."""
    assert run(["film", str(tape)]) == Exit.OK
    honest = polymarket._text_u6
    monkeypatch.setattr(polymarket, "_text_u6", lambda text: honest(text) + 10_000)
    capsys.readouterr()
    assert run(["film", "--check", str(tape)]) == Exit.REGRESSION
    said = capsys.readouterr().err
    assert "rows.price_u6 of seq" in said
    assert "gametape cat" in said
