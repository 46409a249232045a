"""`gametape replay`."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result
from script import Score, Script

from recorder.errors import UsageError
from recorder.tape.writer import TapeWriter
from replay.verbs.replay import replay
from replay.verbs.sweep import sweep

SAMPLE = str(Path(__file__).resolve().parents[3] / "data" / "sample")
CONTRACT = [
    "schema",
    "digest",
    "events",
    "evaluations",
    "signals",
    "orders",
    "fills",
    "pnl_u6",
    "coverage",
    "seconds",
]


@pytest.fixture(autouse=True)
def _our_cache(cache_dir, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(cache_dir))
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(replay, words, catch_exceptions=False)


def facts(*words: str) -> dict[str, object]:
    return json.loads(run(*words, "--json").stdout)


def test_the_json_contract() -> None:
    """The keys that scripts may count on are there, the schema first; each tape has its own figures."""
    told = facts(SAMPLE, "--min-edge", "3")
    assert next(iter(told)) == "schema"
    assert told["schema"] == "gametape.replay/1"
    assert set(CONTRACT) <= set(told)
    assert told["signals"] >= told["orders"] >= told["fills"] > 0
    assert (told["tapes"][0]["tape"], told["tapes"][0]["label"]) == ("sample", "simulated")
    assert told["tapes"][0]["digest"] == told["digest"]


@pytest.mark.parametrize("options", [(), ("--order-delay", "3s", "--venue-delay", "1s"), ("--policy", "every")])
def test_exact_is_the_same(options) -> None:
    """The engine driven envelope by envelope, in chunks of any size, gives the digest of the film."""
    told = facts(SAMPLE, *options)
    for chunk in ("997", "1000000"):
        assert facts(SAMPLE, *options, "--exact", "--chunk", chunk)["digest"] == told["digest"]


def test_orders_under_way_at_the_end_are_the_same_in_both(tmp_path) -> None:
    """With a delay of twenty minutes, what arrives after the last book but before the last pulse arrives in both."""
    options = (SAMPLE, "--order-delay", "20m", "--policy", "every", "--cooldown", "1m")
    exact = facts(*options, "--exact", "--chunk", "13", "--out", str(tmp_path / "exact"))
    film = facts(*options, "--out", str(tmp_path / "film"))
    assert exact["digest"] == film["digest"]
    assert "filled" in film["tapes"][0]["order_statuses"]


def test_a_setting_is_part_of_the_digest() -> None:
    """Another threshold, delay or poll plan is another ledger."""
    options = [(), ("--min-edge", "4"), ("--order-delay", "1s"), ("--poll", "10"), ("--poll", "10", "--phase", "1")]
    options += [("--kelly", "0.1"), ("--kelly", "0.1", "--bankroll", "5000"), ("--slip", "edge")]
    digests = [facts(SAMPLE, *words)["digest"] for words in options]
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize("plan", [("--poll", "1"), ("--poll", "1.5", "--phase", "1", "--seed", "3")])
def test_a_plan_faster_than_the_recording_is_the_cell_of_a_sweep(plan) -> None:
    """With --event-times a replay comes to what the sweep's cell does, to the micro-dollar, and says how."""
    asked = (SAMPLE, "--min-edge", "4", *plan)
    with pytest.raises(UsageError, match="cannot be answered"):
        run(*asked)
    told = facts(*asked, "--event-times")
    # A sweep counts phases from 0: the last of two is phase 1.
    grid = [word if word != "--phase" else "--phases" for word in asked]
    if "--phases" in grid:
        grid[grid.index("--phases") + 1] = "2"
    swept = CliRunner().invoke(sweep, [*grid, "--event-times", "--recheck", "0", "--json"], catch_exceptions=False)
    cell = json.loads(swept.stdout)["cells"][-1]
    same = ("signals", "orders", "fills", "pnl_u6", "fees_u6")
    assert {name: cell[name] for name in same} == {name: told[name] for name in same}
    assert told["fills"] > 0
    assert "answered from the times of the plays" in run(*asked, "--event-times").stdout


def test_event_times_change_only_what_polls_cannot_answer(tmp_path) -> None:
    """As recorded or slower nothing changes; a faster plan is another ledger, and its card names the bound."""
    for plan in ((), ("--poll", "10")):
        assert facts(SAMPLE, *plan, "--event-times")["digest"] == facts(SAMPLE, *plan)["digest"]
    told = facts(SAMPLE, "--poll", "1", "--event-times", "--out", str(tmp_path / "fast"))
    assert told["digest"] not in {facts(SAMPLE, *plan)["digest"] for plan in ((), ("--poll", "10"))}
    card = json.loads((tmp_path / "fast" / "ledger.json").read_bytes())
    assert (card["config"]["poll_ms"], card["config"]["bound"]) == (1_000, "events")
    assert card["digest"] == told["digest"]


def test_event_times_that_a_tape_does_not_have(tmp_path) -> None:
    """Without plays on the tape a faster plan is refused in the words of the sweep, and the score is named."""
    script = Script().plan()
    for number in range(8):
        script.wait(10).scores(Score(2 * number, 0, f"{11 - number}:00"))
    with TapeWriter.create(tmp_path / "bare", created_ns=1) as writer:
        for envelope in script.envelopes:
            writer.append(envelope)
    with pytest.raises(UsageError, match="does not say when every score of") as refused:
        run(str(tmp_path / "bare"), "--poll", "1", "--event-times")
    assert refused.value.why == "2:0 has no time of its own that can be believed"


def test_idle_polls_are_those_of_a_game_that_is_not_on() -> None:
    """Where recorded polls are as they are, `--poll-idle` changes nothing; a simulated poller sees a start later."""
    assert facts(SAMPLE, "--poll-idle", "5m")["digest"] == facts(SAMPLE)["digest"]
    looks = [facts(SAMPLE, "--poll", "10", "--poll-idle", idle)["evaluations"] for idle in ("10s", "5m")]
    assert looks[0] != looks[1]


def test_words_for_people(tmp_path) -> None:
    """Without --json: what was seen, what was decided, what it came to, marked as simulated; files where asked."""
    done = run(SAMPLE, "--min-edge", "3", "--out", str(tmp_path / "run"))
    assert "sample  [simulated]: " in done.stdout
    assert "simulated P&L $" in done.stdout
    assert "more signals (--out DIR writes all of them)" in done.stdout
    assert "written to" in done.stderr
    told = facts(SAMPLE, "--min-edge", "3")
    card = json.loads((tmp_path / "run" / "ledger.json").read_bytes())
    assert card["digest"] == told["digest"]
    assert len(pl.read_parquet(tmp_path / "run" / "orders.parquet")) == told["signals"]
    assert len(pl.read_parquet(tmp_path / "run" / "evaluations.parquet")) == told["evaluations"]


@pytest.mark.parametrize(
    "words",
    [
        ("--min-edge", "much"),
        ("--min-edge", "0.001"),
        ("--poll", "0.1"),
        ("--poll", "fast"),
        ("--order-delay", "1parsec"),
        ("--order-delay", "0.0001s"),
        ("--shares", "none"),
        ("--strategy", "fussion"),
        ("--model", "nothing"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(words) -> None:
    """A wrong number, duration or name exits with 2 and says what."""
    with pytest.raises(UsageError) as failed:
        run(SAMPLE, *words)
    assert failed.value.what


@pytest.mark.parametrize(
    "words",
    [
        ("--exact", "--poll", "5"),
        ("--exact", "--book-delay", "1s"),
        ("--exact", "--event-times"),
        ("--policy", "no"),
    ],
)
def test_options_that_contradict_each_other(words) -> None:
    """What click itself refuses exits with 2 too."""
    assert run(SAMPLE, *words).exit_code == 2


def test_a_tape_that_is_not_there() -> None:
    """A missing tape, and one that is given twice, are usage errors."""
    for words in (("nowhere",), (SAMPLE, SAMPLE)):
        with pytest.raises(UsageError):
            run(*words)


@pytest.mark.parametrize("words", [("--phase", "-1"), ("--exact", "--chunk", "0")])
def test_numbers_that_no_replay_can_have_are_wrong_usage(words) -> None:
    """A phase before the first, and chunks of nothing, are refused with exit code 2."""
    assert run(SAMPLE, *words).exit_code == 2


def test_forecasts_are_told_and_written(tmp_path) -> None:
    """Each complete pattern has its forecasts, on the terminal and in predictions.parquet; without a predictor none."""
    output = run(SAMPLE, "--out", "with").output
    played = facts(SAMPLE, "--predictor", "none")
    patterns = output.count("pattern complete")
    assert patterns > 0
    assert output.count("half-time ") == output.count("; final ") == patterns
    assert f"digest {played['digest']}" in output
    written = pl.read_parquet(tmp_path / "with" / "predictions.parquet")
    assert written.filter(pl.col("minutes") == 18).height == 2 * patterns
    assert written["minutes"].n_unique() > 10
    assert (written["latency_ns"] > 0).all()
    card = json.loads((tmp_path / "with" / "ledger.json").read_bytes())
    assert (card["predictor"], card["predictions"]) == ("ensemble", written.height // 2)
    (tape,) = played["tapes"]
    assert (tape["predictor"], tape["predictions"]) == (None, 0)
