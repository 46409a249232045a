from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from little_upstream import AWAY_TOKEN, HOME_TOKEN, NIGHT, little_upstream
from watching import on_tape, stopped_once, wait_for

from recorder.cli import config, games, record
from recorder.envelope import Envelope, Kind
from recorder.errors import LockedError, LossyError, UpstreamError, UsageError
from recorder.tape.fsck import verify_tape
from recorder.tape.reader import open_tape
from recorder.tape.writer import TapeWriter

FEED = "polymarket.market"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("GAMETAPE_")]:
        monkeypatch.delenv(name)


def run(verb: click.Command, *words: str) -> Result:
    return CliRunner().invoke(verb, words, catch_exceptions=False)


def of(envelopes: list[Envelope], kind: Kind, feed: str) -> list[Envelope]:
    return [e for e in envelopes if e.kind is kind and e.feed == feed]


def recorded(enough: Callable[[list[Envelope]], object], *words: str) -> Result:
    """Record in this process until there is enough on the one tape, and end that as Ctrl-C does."""
    with stopped_once(lambda: any(enough(on_tape(path)) for path in Path().glob("tapes/*"))):
        return run(record, *words)


def heard_all(envelopes: list[Envelope]) -> bool:
    """See whether every source has answered, the scoreboard twice, and the market's socket has spoken."""
    heard = Counter(e.feed for e in envelopes if e.kind in {Kind.BODY, Kind.FRAME})
    once = ("nba.scoreboard", "gamma.markets", "polymarket.book", "polymarket.market")
    return heard["espn.nba"] >= 2 and all(heard[feed] for feed in once)


def test_a_whole_night_is_recorded() -> None:
    """record asks every source, finds the plan, opens the market socket and leaves a whole, verified tape."""
    with little_upstream() as base:
        result = recorded(heard_all, "--upstream", base, "--tape", "night", "--poll-live", "200ms", "--json")
    summary = json.loads(result.stdout)
    envelopes = on_tape(Path("tapes/night"))
    assert summary["schema"] == "gametape.record/1"
    assert summary["events"] == len(envelopes) == summary["durable_seq"] + 1
    assert (summary["games"], summary["gaps"], summary["first_seq"]) == (1, 0, 0)
    assert verify_tape(Path("tapes/night")).ok
    assert envelopes[0].facts()["upstream"]["espn"] == base
    assert len(of(envelopes, Kind.BODY, "espn.nba")) >= 2
    for feed in ("nba.scoreboard", "gamma.markets", "polymarket.book"):
        assert of(envelopes, Kind.BODY, feed)
    (plan,) = [e for e in of(envelopes, Kind.NOTE, "recorder") if e.facts()["note"] == "plan"]
    (game,) = json.loads(plan.payload)["games"]
    assert (game["game_id"], game["home"], game["away"]) == ("nba:401", "Pacers", "Knicks")
    assert (game["home_token_id"], game["away_token_id"]) == (HOME_TOKEN, AWAY_TOKEN)
    market = [e for e in envelopes if e.feed == "polymarket.market"]
    assert [e.kind for e in market] == [Kind.OPENED, Kind.SENT, Kind.FRAME, Kind.CLOSED]
    assert json.loads(market[1].payload)["assets_ids"] == [HOME_TOKEN, AWAY_TOKEN]


def test_an_existing_tape_is_gone_on_with() -> None:
    """Recording under the same name appends; seq goes on without a hole and time never falls."""
    with little_upstream() as base:
        for known in range(2):
            words = ("--upstream", base, "--tape", "a", "--json")
            result = recorded(lambda seen, known=known: len(of(seen, Kind.FRAME, FEED)) > known, *words)
    envelopes = list(open_tape(Path("tapes/a")).read())
    assert json.loads(result.stdout)["first_seq"] > 0
    assert [e.seq for e in envelopes] == list(range(len(envelopes)))
    assert [e.recv_ns for e in envelopes] == sorted(e.recv_ns for e in envelopes)
    assert sum(e.kind is Kind.NOTE and e.facts()["note"] == "session" for e in envelopes) == 2


def test_the_default_name_is_the_night_and_the_leagues() -> None:
    """Without a name the tape is called after New York's game day and its leagues; the summary says what is next."""
    with little_upstream() as base:
        result = recorded(heard_all, "--upstream", base, "--league", "nba", "--poll-live", "200ms")
    (path,) = Path("tapes").iterdir()
    assert path.name.endswith("-nba")
    assert f"gametape verify {path}" in result.stdout
    assert "recording nba to" in result.stderr


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a/.."])
def test_the_directory_of_tapes_never_becomes_a_tape(name: str) -> None:
    """A name that names nothing is refused before anything is made: what is recorded later would lie inside it."""
    with pytest.raises(UsageError, match="names no tape"):
        run(record, "--tape", name, "--upstream", "http://127.0.0.1:1", "--for", "1s")
    assert not Path("tapes").exists()


def test_a_flag_is_blamed_by_its_own_name() -> None:
    """Who types `--poll-live 0` is told of `--poll-live`, not of the setting behind it."""
    with pytest.raises(UsageError, match="from --poll-live does not fit"):
        run(record, "--poll-live", "0", "--upstream", "http://127.0.0.1:1", "--tape", "a", "--for", "1s")


def test_a_tape_that_is_being_written_is_locked() -> None:
    """A second recorder of the same tape is refused before it asks anybody anything."""
    Path("tapes").mkdir()
    with TapeWriter.create(Path("tapes/a"), created_ns=1), pytest.raises(LockedError):
        run(record, "--tape", "a", "--upstream", "http://127.0.0.1:1", "--for", "1s")


def test_no_answer_at_all_is_an_upstream_error() -> None:
    """Where nobody answers the tape says so, and so does the exit."""
    with pytest.raises(UpstreamError, match="no source gave a usable answer"):
        recorded(lambda seen: of(seen, Kind.FAILED, "espn.nba"), "--upstream", "http://127.0.0.1:1", "--tape", "a")
    assert of(list(open_tape(Path("tapes/a")).read()), Kind.FAILED, "espn.nba")


@pytest.mark.parametrize("broken", [(429, "slow down"), (200, "<html>busy</html>")])
def test_answers_of_no_use_are_an_upstream_error(broken: tuple[int, str]) -> None:
    """Sources that only refuse, or send pages, are told as such; what they sent is on the tape all the same."""
    with little_upstream({"/": broken}) as base, pytest.raises(UpstreamError, match="usable") as caught:
        recorded(lambda seen: of(seen, Kind.BODY, "espn.nba"), "--upstream", base, "--tape", "a")
    assert "espn.nba: " in caught.value.why
    body = of(list(open_tape(Path("tapes/a")).read()), Kind.BODY, "espn.nba")[0]
    assert body.payload.decode() == broken[1]


def test_a_source_that_was_never_heard_makes_the_night_lossy() -> None:
    """One source that only refuses, beside others that answer, ends in exit 3 with its name and reason."""
    with little_upstream({"todaysScoreboard": (403, "no")}) as base, pytest.raises(LossyError) as caught:
        recorded(heard_all, "--upstream", base, "--tape", "a", "--poll-live", "200ms")
    assert (caught.value.what, caught.value.why) == (
        "recorded, but without nba.scoreboard",
        "nba.scoreboard: status 403",
    )


def test_a_dry_run_asks_nothing_and_makes_nothing() -> None:
    """--dry-run lists the first questions and what follows them."""
    facts = json.loads(run(record, "--dry-run", "--json", "--league", "nhl", "--tape", "x").stdout)
    assert [row["feed"] for row in facts["asked"]] == ["espn.nhl", "espn.nhl", "gamma.markets"]
    assert "site.api.espn.com" in facts["asked"][0]["url"]
    assert facts["later"][0]["url"].startswith("wss://")
    assert "would be new" in run(record, "--dry-run").stdout
    assert not Path("tapes").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--league", "nbaa"),
        ("--for", "long"),
        ("--poll-live", "1"),
        ("--upstream", "nowhere"),
        ("--tape", "UPPER", "--upstream", "http://127.0.0.1:1"),
        ("--tape", "..", "--upstream", "http://127.0.0.1:1"),
    ],
)
def test_wrong_arguments_are_usage_errors(words: tuple[str, ...]) -> None:
    """What cannot be meant is refused before anything is asked or made."""
    with pytest.raises(UsageError):
        run(record, *words)
    assert not list(Path().rglob("tape.json"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_recording_in_good_order(number: signal.Signals) -> None:
    """One SIGINT, SIGTERM or SIGHUP closes the sockets, commits, closes the tape and exits with 0."""
    with little_upstream() as base:
        child = _start_recording(base)
        _wait_for_frame(child)
        child.send_signal(number)
        out, err = child.communicate(timeout=120)
    assert (child.returncode, b"stopping" in err) == (0, True), err.decode()
    assert b"events in" in out
    closed = of(list(open_tape(Path("tapes/a")).read()), Kind.CLOSED, "polymarket.market")
    assert [e.facts()["side"] for e in closed] == ["us"]


def test_a_killed_recording_is_gone_on_with() -> None:
    """After SIGKILL the lock is free, what was readable still is, and the next session goes on without a hole."""
    with little_upstream() as base:
        child = _start_recording(base)
        _wait_for_frame(child)
        before = list(open_tape(Path("tapes/a")).read())
        child.kill()
        child.communicate(timeout=120)
        run(record, "--upstream", base, "--tape", "a", "--for", "1s")
    after = list(open_tape(Path("tapes/a")).read())
    assert after[: len(before)] == before
    assert [e.seq for e in after] == list(range(len(after)))
    assert after[-1].recv_ns > before[-1].recv_ns
    assert verify_tape(Path("tapes/a")).ok


def _start_recording(base: str) -> subprocess.Popen[bytes]:
    code = f"from recorder.cli import record; record(['--upstream', {base!r}, '--tape', 'a', '--poll-live', '50ms'])"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )


def _wait_for_frame(child: subprocess.Popen[bytes]) -> None:
    """Read the tape beside its writer until a frame of the market is on it."""
    wait_for(lambda: child.poll() is not None or of(on_tape(Path("tapes/a")), Kind.FRAME, FEED))
    assert child.poll() is None, child.communicate()


def test_games_shows_the_mapping() -> None:
    """games prints each game of the day with its market, and those without; strangers steer no terminal."""
    with little_upstream() as base:
        facts = json.loads(run(games, "--upstream", base, "--date", NIGHT, "--json").stdout)
        text = run(games, "--upstream", base, "--date", NIGHT).stdout
        empty = json.loads(run(games, "--upstream", base, "--date", "2026-01-20", "--json").stdout)
    assert (facts["schema"], facts["date"]) == ("gametape.games/1", NIGHT)
    assert [(g["game_id"], g["market_id"], g["confidence"]) for g in facts["games"]] == [("nba:401", "0xabc", "exact")]
    assert [one["game_id"] for one in facts["unmatched"]] == ["nba:501"]
    assert "19:30  nba:401          Knicks @ Pacers" in text
    assert "UNMATCHED" in text
    assert "\x1b" not in text
    assert (empty["games"], empty["unmatched"]) == ([], [])


def test_games_refuses_what_is_no_date() -> None:
    """A date that is none is a usage error."""
    with pytest.raises(UsageError, match="not a date"):
        run(games, "--date", "2026-02-30")


def test_config_show_says_where_each_value_came_from(monkeypatch) -> None:
    """config show prints every key with its value and source, as text and as JSON."""
    Path("gametape.toml").write_text("poll_idle_s = 45\n")
    monkeypatch.setenv("GAMETAPE_TIMEOUT_S", "7")
    rows = {row["key"]: row for row in json.loads(run(config, "show", "--json").stdout)["settings"]}
    assert (rows["poll_idle_s"]["value"], rows["poll_idle_s"]["source"]) == (45.0, "gametape.toml")
    assert (rows["timeout_s"]["value"], rows["timeout_s"]["source"]) == (7.0, "GAMETAPE_TIMEOUT_S")
    assert rows["espn_url"]["source"] == "default"
    assert len(run(config, "show").stdout.splitlines()) == len(rows)
