from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from little_upstream import little_upstream

from recorder.operate.cli import doctor, info
from recorder.tape.writer import TapeWriter


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(verb: click.Command, *words: object) -> Result:
    return CliRunner().invoke(verb, [str(word) for word in words], catch_exceptions=False)


def test_info_gives_each_game_its_receipt(script) -> None:
    """The receipts of `info --json` are by game, with a verdict; a person gets a table of sources under each game."""
    night = script()
    night.plan(0)
    night.opened(0, 1)
    night.books(1, 1)
    night.espn(2, "in")
    night.espn(9, "post")
    with TapeWriter.create("tapes_a", created_ns=1) as writer:
        for envelope in night.envelopes:
            writer.append(envelope)
    (receipt,) = json.loads(run(info, "./tapes_a", "--json").stdout)["receipts"]
    assert (receipt["game_id"], receipt["home"], receipt["seconds"]) == ("nba:401", "Pacers", 7.0)
    covered = {one["feed"]: one["coverage"] for one in receipt["sources"]}
    assert covered == {"espn.nba": 1.0, "polymarket.market": 1.0, "polymarket.book": 0.0, "nba.scoreboard": 0.0}
    text = run(info, "./tapes_a").stdout
    assert "Knicks @ Pacers (nba:401), on for 0:00:07: nba.scoreboard never told of it; " in text
    assert "  source             covered" in text


def test_doctor_says_what_to_do() -> None:
    """Each check on a line with its level, and below it what to try; as JSON the same. Nothing fails here: 0."""
    done = run(doctor)
    facts = json.loads(run(doctor, "--json").stdout)
    assert (done.exit_code, facts["schema"], facts["ok"]) == (0, "gametape.doctor/1", True)
    names = [check["name"] for check in facts["checks"]]
    machine = {"configuration", "time zone", "clock", "disk space", "disk", "open files", "port"}
    assert set(names) == machine | {"last tape", "unsealed"}
    for check in facts["checks"]:
        assert f"{check['level']:<4}  {check['name']}" in done.stdout
        assert (check["level"] == "ok") == (not check["fix"])


def test_doctor_fails_on_a_configuration_that_cannot_be_meant() -> None:
    """An unknown key is a failed check, not a crash, and its suggestion is the fix."""
    Path("gametape.toml").write_text("pol_idle_s = 4\n")
    done = run(doctor, "--json")
    (check,) = json.loads(done.stdout)["checks"]
    assert (done.exit_code, check["level"]) == (1, "fail")
    assert "did you mean poll_idle_s?" in check["fix"]
    Path("gametape.toml").write_text("poll_idle_s = 'x'\n")
    assert "gametape.toml does not fit: Expected" in run(doctor).stdout


def test_doctor_asks_the_network_only_when_told() -> None:
    """With --network every host is asked once; with --tonight the schedule; both say what they found."""
    with little_upstream() as base:
        done = run(doctor, "--network", "--tonight", "--upstream", base, "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks[base.removeprefix("http://")]["level"] == "ok"
    assert checks["tonight"]["said"] == "no game"
    done = run(doctor, "--tonight", "--network", "--upstream", "http://127.0.0.1:1", "--json")
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert (done.exit_code, checks["127.0.0.1:1"]["level"], checks["tonight"]["level"]) == (1, "fail", "fail")
