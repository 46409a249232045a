"""A tape as decoded columns, built and cached."""

from __future__ import annotations

import shutil
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from script import AWAY, HOME, Score, Script, retaped

from recorder.envelope import Envelope, Kind
from recorder.errors import CorruptError
from recorder.tape.reader import Tape, open_tape
from recorder.tape.seal import seal_tape
from replay.core.rows import ROW_COLUMNS
from replay.film import Film, build_film, decoder_version, open_film
from replay.settle import Basis

TABLES = ("states", "polls", "rules")


def assert_same(found: Film, expected: Film) -> None:
    for field in fields(Film):
        if field.name not in ("night", "folder"):
            assert getattr(found, field.name) == getattr(expected, field.name), field.name
    for name, kind in ROW_COLUMNS.items():
        ours, theirs = getattr(found.night.rows, name), getattr(expected.night.rows, name)
        np.testing.assert_array_equal(ours, theirs)
        assert (ours.dtype, type(ours), ours.flags.writeable) == (kind, np.ndarray, False)
        assert ours.flags.c_contiguous
    for name in TABLES:
        ours = getattr(found.night, name)
        np.testing.assert_array_equal(ours, getattr(expected.night, name))
        assert (ours.dtype, type(ours), ours.flags.writeable) == (np.int64, np.ndarray, False)
        assert ours.flags.c_contiguous


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    """A game with a market that pays its home token."""
    script = Script().note("session").plan().scores(Score(1, 0)).book(HOME, "0.4x1", "0.6x1")
    script.wait(2).unchanged().pulse().market(HOME, AWAY, orderMinSize=5)
    resolved = {"event_type": "market_resolved", "market": "0x1", "timestamp": "1", "assets_ids": [HOME, AWAY]}
    script.frame(resolved | {"winning_asset_id": HOME, "winning_outcome": "Pacers"}).wait(1).pulse()
    return retaped(script.envelopes, tmp_path / "tape")


def test_a_film_says_what_is_on_the_tape(tape: Tape) -> None:
    """Events, times, counts of what was decoded, and what the tokens paid."""
    film = build_film(tape)
    assert (film.tape, film.digest, film.events) == ("tape", tape.digest(), len(tape))
    assert (film.first_ns, film.last_ns) == (tape.first_ns, tape.last_ns)
    assert film.counts == {
        "BookSnapshot": 1,
        "MarketResolved": 1,
        "MarketSeen": 1,
        "PlanSeen": 1,
        "PollUnchanged": 1,
        "Pulse": 2,
        "ScoreSeen": 1,
    }
    assert {token: (paid.payout_u6, paid.basis) for token, paid in film.payouts.items()} == {
        HOME: (1_000_000, Basis.RESOLVED),
        AWAY: (0, Basis.RESOLVED),
    }


@pytest.mark.parametrize("chunk", [1, 3, 10**6])
def test_chunks_do_not_matter(tape: Tape, chunk: int) -> None:
    """Decoded in chunks of any size it is the same film."""
    assert_same(build_film(tape, chunk=chunk), build_film(tape))


def test_the_cache_gives_back_what_was_built(sample: Tape, sample_film: Film) -> None:
    """A film that was stored and mapped again is the one that was built, to the type of every column."""
    assert sample_film.folder is not None
    assert_same(sample_film, build_film(sample))


def test_a_film_is_built_once(tape: Tape, tmp_path: Path) -> None:
    """The second opening decodes nothing; under another name it is the same film."""
    told: list[tuple[int, int]] = []
    film = open_film(tape, tmp_path / "cache", on_progress=lambda done, all_of: told.append((done, all_of)))
    assert told == [(len(tape), len(tape))]
    again = open_film(tape, tmp_path / "cache", on_progress=lambda *_: pytest.fail("built again"))
    assert_same(again, film)
    renamed = retaped(tape.read(), tmp_path / "other")
    assert open_film(renamed, tmp_path / "cache", on_progress=lambda *_: pytest.fail("built again")).tape == "other"


def test_a_film_does_not_hide_damage(tape: Tape, tmp_path: Path) -> None:
    """A bit that flipped after the film was made is noticed before the film is used; a sound copy is not refused."""
    seal_tape(tape.path)
    film = open_film(open_tape(tape.path), tmp_path / "cache")
    copy = open_tape(shutil.copytree(tape.path, tmp_path / "copy"))
    assert_same(open_film(copy, tmp_path / "cache", on_progress=lambda *_: pytest.fail("built again")), film)
    (sealed,) = (tape.path / "sealed").glob("*.parquet")
    data = bytearray(sealed.read_bytes())
    data[100] ^= 1
    sealed.write_bytes(data)
    with pytest.raises(CorruptError):
        open_film(open_tape(tape.path), tmp_path / "cache")
    assert_same(open_film(copy, tmp_path / "cache"), film)


def test_an_empty_tape_is_an_empty_film(tmp_path: Path) -> None:
    """A tape without envelopes has a film without rows, cached like any other."""
    film = open_film(retaped([], tmp_path / "empty"), tmp_path / "cache")
    assert (film.events, film.first_ns, film.last_ns, len(film.night.rows.seq)) == (0, 0, 0, 0)
    assert len(film.night.states) == 0


@pytest.mark.parametrize("spoil", ["half a column", "no column", "half a card", "empty column"])
def test_a_spoilt_film_is_made_again(tape: Tape, tmp_path: Path, spoil: str) -> None:
    """Whatever is missing of a cached film, the next opening builds it anew and leaves a whole one."""
    film = open_film(tape, tmp_path / "cache")
    folder = film.folder
    assert folder is not None
    victim = folder / ("film.json" if spoil == "half a card" else "rows.seq.npy")
    whole = victim.read_bytes()
    victim.unlink()
    if spoil != "no column":
        victim.write_bytes(b"" if spoil == "empty column" else whole[: len(whole) // 2])
    assert_same(open_film(tape, tmp_path / "cache"), build_film(tape))
    assert victim.read_bytes() == whole
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [folder.name]


def test_two_builders_end_with_one_film(tape: Tape, tmp_path: Path) -> None:
    """Who finishes second takes the film that is there, and leaves nothing behind."""
    cache = tmp_path / "cache"
    first: list[Film] = []

    def meanwhile(done: int, _: int) -> None:
        if not first:
            first.append(open_film(tape, cache, on_progress=None))

    assert_same(open_film(tape, cache, on_progress=meanwhile), first[0])
    assert len(list(cache.iterdir())) == 1


def test_a_damaged_tape_has_no_film(tape: Tape, tmp_path: Path) -> None:
    """A flipped byte ends in an error and leaves no film in the cache."""
    path = next((tmp_path / "tape" / "hot").iterdir())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptError):
        open_film(open_tape(tmp_path / "tape"), tmp_path / "cache")
    assert not list(tmp_path.glob("cache/*/film.json"))


def test_a_decision_is_not_the_end_of_a_night(tape: Tape, tmp_path: Path) -> None:
    """What a live engine wrote after the last fact is an envelope of the tape, and moves no time."""
    last_ns = tape.last_ns + 1
    decision = Envelope(0, last_ns, "live", 0, Kind.DECISION, b'{"cause":1}', b"{}")
    film = build_film(retaped([*tape.read(), decision], tmp_path / "live"))
    assert (film.last_ns, film.events) == (tape.last_ns, len(tape) + 1)


def test_the_version_is_of_the_source() -> None:
    """The version is sixteen hex digits, the same each time."""
    assert decoder_version() == decoder_version()
    assert len(bytes.fromhex(decoder_version())) == 8
