from __future__ import annotations

import dataclasses
import json

import msgspec
import pytest

from recorder.config import Config
from recorder.envelope import Kind
from recorder.operate.look import Look, Machine, look, patience_ns
from recorder.operate.watch import Watch

S = 1_000_000_000
T0_NS = 1_768_505_400 * S
MACHINE = Machine(pid=7, resident_bytes=1, disk_free_bytes=1 << 40, tape_bytes=1 << 20)


def seen(script, at_s: float, *, machine: Machine = MACHINE, pulse: bool = True) -> Look:
    """Look at a script at a time, one more pulse having come just before."""
    watch = Watch()
    for envelope in script.envelopes:
        watch(envelope)
    now_ns = T0_NS + int(at_s * S)
    if pulse:
        watch(dataclasses_pulse(script, now_ns))
    return look("tonight", watch, machine, Config(), now_ns, {"nba:401": "88-91"})


def dataclasses_pulse(script, now_ns: int):
    pulse = dataclasses.replace(script, envelopes=list(script.envelopes))
    pulse.put((now_ns - T0_NS) / S, "recorder", Kind.PULSE)
    return pulse.envelopes[-1]


def states(found: Look) -> dict[str, str]:
    return {one.feed: one.state for one in found.feeds}


def good_night(script):
    night = script()
    night.plan(0)
    night.opened(0, 1)
    night.books(1, 1)
    night.espn(1, "in")
    return night


def test_a_good_recording_is_said_to_be_good(script) -> None:
    """Where every feed speaks the verdict is one sentence, and the screen has every number."""
    found = seen(good_night(script), 4)
    assert (found.verdict, found.reasons) == ("recording is good", [])
    assert states(found) == {"polymarket.market": "LIVE", "espn.nba": "LIVE"}
    (game,) = found.games
    assert (game.score, game.book_age_s, game.away, game.home) == ("88-91", 3.0, "Knicks", "Pacers")
    assert game.bytes > 0


def test_worst_comes_first(script) -> None:
    """A socket that is gone stands above what is live, and is the reason in the verdict."""
    night = good_night(script)
    night.closed(5, 1)
    night.espn(6, "in")
    found = seen(night, 7)
    assert [(one.feed, one.state) for one in found.feeds] == [
        ("polymarket.market", "RECONNECTING"),
        ("espn.nba", "LIVE"),
    ]
    assert found.verdict == "polymarket.market RECONNECTING (lost)" or "RECONNECTING" in found.verdict


def test_what_is_silent_says_for_how_long(script) -> None:
    """A socket that the recorder found silent, and a poll beyond its patience, are silent; a slow poll is not yet."""
    night = good_night(script)
    night.put(70, "polymarket.market", Kind.SILENT, conn=1, asset=None, since_ns=T0_NS + 10 * S)
    found = seen(night, 80)
    assert states(found) == {"polymarket.market": "SILENT 70 s", "espn.nba": "SILENT 79 s"}
    assert states(seen(good_night(script), 30))["espn.nba"] == "LIVE"


def test_a_file_that_is_no_longer_asked_for_is_no_silence(script) -> None:
    """A feed of one game may end; one that failed last, and then said nothing, is silent."""
    night = good_night(script)
    night.put(2, "nba.plays", Kind.BODY, b"{}", url="http://n/0022", status=200)
    assert states(seen(night, 200))["nba.plays"] == "WAITING"
    night.put(3, "nba.plays", Kind.FAILED, url="http://n/0022", why="timeout")
    assert states(seen(night, 200))["nba.plays"] == "SILENT 198 s"


def test_a_stall_is_no_silence_of_a_poll(script) -> None:
    """The SILENT that a stall leaves for every feed says nothing of a feed that only asks now and then."""
    night = good_night(script)
    night.put(10, "espn.nba", Kind.SILENT, asset=None, since_ns=1)
    night.put(10, "nba.plays", Kind.SILENT, asset=None, since_ns=1)
    assert states(seen(night, 20)) == {"espn.nba": "LIVE", "nba.plays": "WAITING", "polymarket.market": "LIVE"}


def test_a_recorder_that_is_gone_makes_everything_stale(script) -> None:
    """Numbers of a dead recorder never look live, and the verdict says since when."""
    found = seen(good_night(script), 3 * 3600, machine=msgspec.structs.replace(MACHINE, pid=None), pulse=False)
    assert found.verdict == "recorder is not running; last event 2 h ago"
    assert set(states(found).values()) == {"STALE"}


def test_a_recorder_that_stands_still_makes_everything_stale(script) -> None:
    """A process that holds the lock and writes nothing is not a recording."""
    found = seen(good_night(script), 60, pulse=False)
    assert found.verdict == "nothing was written for 59 s"
    assert set(states(found).values()) == {"STALE"}


def test_the_machine_has_reasons_too(script) -> None:
    """A refusing disk, two hours left, a clock step and a stall are told; the last two for ten minutes."""
    night = good_night(script)
    night.put(60, "recorder", Kind.NOTE, note="disk_refused", why="No space left on device")
    night.put(61, "recorder", Kind.NOTE, note="clock_step", step_ns=-1_500_000_000)
    night.put(62, "recorder", Kind.NOTE, note="stalled", since_ns=1)
    night.books(63, 1)
    night.espn(63, "in")
    full = msgspec.structs.replace(MACHINE, disk_free_bytes=1 << 26)
    keys = {reason.key: reason.text for reason in seen(night, 64, machine=full).reasons}
    assert keys == {
        "disk_refused": "the disk refuses: No space left on device",
        "disk": "the disk is full in 1.1 h",
        "clock_step": "the clock stepped by -1.500 s, 3 s ago",
        "stalled": "the recorder stood still, 2 s ago",
    }
    later = {reason.key for reason in seen(night, 700).reasons}
    assert not later & {"clock_step", "stalled"}


def test_a_game_without_a_market_is_told_half_an_hour_before(script) -> None:
    """Once the catalogue is known, a game that nobody has matched is a reason from 30 minutes before its start."""
    night = good_night(script)
    team = {"id": "1", "name": "Bulls", "displayName": "Chicago Bulls"}
    other = {"id": "2", "name": "Heat", "displayName": "Miami Heat"}
    teams = [{"homeAway": "home", "team": team}, {"homeAway": "away", "team": other}]
    status = {"type": {"state": "pre"}}
    event = {"id": "501", "date": "2026-01-15T20:30:00Z", "competitions": [{"competitors": teams, "status": status}]}
    body = json.dumps({"events": [event]}).encode()
    night.put(2, "espn.nba", Kind.BODY, body, url="http://espn/b", status=200)
    assert seen(night, 3).unmatched == []
    night.put(3, "gamma.markets", Kind.BODY, b"[]", url="http://gamma/events", status=200)
    assert seen(night, 4).unmatched == []
    soon = seen(night, 31 * 60)
    assert [one.game_id for one in soon.unmatched] == ["nba:501"]
    assert "no market for Heat @ Bulls (no market names these teams)" in soon.verdict


@pytest.mark.parametrize(
    ("feed", "seconds"), [("polymarket.market", 60), ("espn.nba", 55), ("gamma.markets", 100), ("polymarket.book", 100)]
)
def test_patience_follows_how_often_a_feed_is_asked(feed: str, seconds: int) -> None:
    """Half a period more than the slowest poll, and its timeout."""
    assert patience_ns(feed, Config()) == seconds * S
