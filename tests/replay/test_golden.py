"""A golden: made, written, read back, and refused where it is not as it was written."""

from __future__ import annotations

import json
import shutil

import msgspec
import pytest

from recorder.errors import CorruptError, UsageError
from recorder.tape.reader import open_tape
from replay.film import open_film
from replay.golden import Golden, Recipe, decision_of, decision_prints, path_between, read_golden, take, write_golden
from replay.live.decisions import LiveConfig
from replay.settings import Setting


@pytest.fixture(scope="module")
def film(sample, cache_dir):
    return open_film(sample, cache_dir)


@pytest.fixture(scope="module")
def golden(film) -> Golden:
    return take([film], ["../sample"], Recipe(LiveConfig()), "a reason").golden


def test_it_holds_what_the_ledger_says(film, golden) -> None:
    """Digest, counts and every decision are those of the run, names spelled out, where the game stood beside it."""
    taken = take([film], ["../sample"], Recipe(LiveConfig()), "a reason")
    (ledger,) = taken.ledgers
    (entry,) = golden.tapes
    first = decision_of(entry, 0)
    assert golden.digest == entry.digest == ledger.digest()
    assert entry.counts["signals"] == len(entry.decisions) == len(ledger.orders)
    assert first == entry.first
    assert first["token_id"] == ledger.tokens[ledger.orders[0, 1]]
    assert (first["seq"], first["game_status"]) == (int(ledger.orders[0, 3]), "live")
    assert decision_of(entry, len(entry.decisions)) is None
    assert len(entry.evaluations.values()) == len(ledger.evaluations)


def test_it_is_read_back_and_made_again(film, golden, tmp_path) -> None:
    """The file gives the golden back, and its recipe the same golden."""
    path = tmp_path / "deep" / "golden.json"
    write_golden(golden, path)
    again = read_golden(path)
    assert again == golden
    assert take([film], ["../sample"], Recipe.of(again), "a reason").golden == golden
    assert path.stat().st_size < 200_000
    assert max(map(len, path.read_text().splitlines())) < 400


def test_beyond_the_bound_prints_are_kept(film, golden) -> None:
    """A golden that keeps few decisions in full knows all the others by their print."""
    small = take([film], ["../sample"], Recipe(LiveConfig()), "a reason", full_max=10).golden.tapes[0]
    assert len(small.decisions) == 10
    assert decision_prints(small) == decision_prints(golden.tapes[0])
    assert small.last == golden.tapes[0].last


def test_a_golden_that_was_changed_by_hand_is_refused(golden, tmp_path) -> None:
    """One digit, and it is no golden any more; nor is what is not one at all."""
    path = tmp_path / "golden.json"
    write_golden(golden, path)
    text = path.read_text()
    path.write_text(text.replace("a reason", "no reason"))
    with pytest.raises(CorruptError, match="not as it was written"):
        read_golden(path)
    path.write_text(text[:-20])
    with pytest.raises(CorruptError, match="not a golden"):
        read_golden(path)
    path.write_text(json.dumps(json.loads(text) | {"schema": "gametape.golden/9"}))
    with pytest.raises(UsageError, match="is no gametape"):
        read_golden(path)
    with pytest.raises(UsageError, match="there is no golden"):
        read_golden(tmp_path / "none.json")


def test_a_config_of_another_program_is_refused(golden) -> None:
    """A golden whose setting this program does not know cannot be run again."""
    with pytest.raises(CorruptError, match="config"):
        Recipe.of(msgspec.structs.replace(golden, config={"strategy": "fusion"}))


def test_the_recipe_keeps_every_setting() -> None:
    """Strategy, model, setting, ages and seed come back from plain values."""
    recipe = Recipe(LiveConfig(setting=Setting(min_edge_u6=12_300, cap_cash_u6=5, exit_edge_u6=-1, all_or_none=True)))
    golden = Golden(schema="", reason="", version="", decoders="", config=recipe.facts(), digest="", tapes=[])
    assert Recipe.of(golden) == recipe


def test_the_way_to_a_tape_begins_at_the_golden(sample, tmp_path) -> None:
    """The path leads from the golden's folder to the tape, wherever the two are moved together."""
    copy = tmp_path / "tapes" / "night"
    shutil.copytree(sample.path, copy)
    assert path_between(tmp_path / "golden" / "x.json", open_tape(copy)) == "../tapes/night"
