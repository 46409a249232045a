"""What the verbs of the backtest share."""

from __future__ import annotations

import sys

import click
import pytest
from click.testing import CliRunner

from recorder.envelope import Envelope, Kind
from recorder.errors import UsageError
from recorder.tape.reader import open_tape
from recorder.tape.writer import TapeWriter
from replay.core.cells import Policy, Sizing
from replay.film import decoder_version
from replay.settings import AS_RECORDED, Setting, View
from replay.verbs.options import (
    films_of,
    milliseconds,
    policy_option,
    poll_idle_option,
    predictor_of,
    progress_bar,
    setting_of,
    setting_options,
    stopwatch,
    tell_torn,
)


def setting_from(*words: str) -> Setting:
    made: list[Setting] = []

    @click.command()
    @policy_option
    @setting_options
    def verb(strategy: str, model_name: str, **options: object) -> None:
        assert (strategy, model_name) == ("fusion", "brownian")
        made.append(setting_of("5", options))

    result = CliRunner().invoke(verb, words)
    if result.exception is not None:
        raise result.exception
    return made[0]


def test_without_options_it_is_the_default_setting() -> None:
    """The defaults of the command line are those of a Setting."""
    assert setting_from() == Setting()


def test_every_option_has_its_place() -> None:
    """Cents become u6 of a dollar, shares and dollars u6, times milliseconds."""
    words = "--policy every --rearm 2.5 --cooldown 1.5s --shares 20 --slip 1 --fok --cap-shares 100 --cap-cash 50.5"
    assert setting_from(*words.split(), "--exit-edge", "-1") == Setting(
        policy=Policy.EVERY,
        rearm_u6=25_000,
        cooldown_ms=1_500,
        size_u6=20_000_000,
        limit_slip_u6=10_000,
        all_or_none=True,
        cap_shares_u6=100_000_000,
        cap_cash_u6=50_500_000,
        exit_edge_u6=-10_000,
    )
    assert setting_from("--cash", "25") == Setting(sizing=Sizing.CASH, size_u6=25_000_000)
    kelly = {"sizing": Sizing.KELLY, "size_u6": 250_000}
    assert setting_from("--kelly", "0.25", "--bankroll", "500") == Setting(**kelly, bankroll_u6=500_000_000)
    assert setting_from("--kelly", "0.25") == Setting(**kelly)
    assert setting_from("--slip", "edge") == Setting(limit_slip_u6=-1)


def test_idle_polls_are_whole_milliseconds() -> None:
    """A time between polls while no game is on; none at all is refused."""
    told: list[int] = []

    @click.command()
    @poll_idle_option
    def verb(poll_idle_ms: int) -> None:
        told.append(poll_idle_ms)

    for words in ((), ("--poll-idle", "1m")):
        assert CliRunner().invoke(verb, words).exit_code == 0
    assert told == [30_000, 60_000]
    assert isinstance(CliRunner().invoke(verb, ("--poll-idle", "0s")).exception, UsageError)


def test_views_and_delays_of_one_run() -> None:
    """What a single run sees and waits for comes from the verb's own options."""
    options = {"poll": "2.5", "phase": 3, "book_delay": "100ms", "order_delay": "250ms", "venue_delay": "1s"}
    made = setting_of("0.5", options)
    assert made.view == View(poll_ms=2_500, phase=3, book_delay_ms=100)
    assert (made.min_edge_u6, made.order_delay_ms, made.venue_delay_ms) == (5_000, 250, 1_000)
    assert setting_of("5", {}).venue_delay_ms == AS_RECORDED


@pytest.mark.parametrize(
    "words",
    [
        ("--shares", "0"),
        ("--shares", "-5"),
        ("--shares", "1,2"),
        ("--shares", "0.0000001"),
        ("--shares", "1e30"),
        ("--cash", "nan"),
        ("--cash", "0"),
        ("--cash", "1000001"),
        ("--kelly", "0"),
        ("--kelly", "1.1"),
        ("--kelly", "0.5", "--cash", "10"),
        ("--bankroll", "2000000"),
        ("--cap-cash", "-1"),
        ("--rearm", "nan"),
        ("--exit-edge", "1e99"),
        ("--slip", "x"),
    ],
)
def test_what_is_no_value_of_an_option(words) -> None:
    """A number that is none, too small, too large, too fine, or several of them, is a usage error."""
    with pytest.raises(UsageError):
        setting_from(*words)


@pytest.mark.parametrize("text", ["0.0001s", "soon", "-1s", ""])
def test_what_is_no_whole_number_of_milliseconds(text) -> None:
    """Anything else is a usage error."""
    with pytest.raises(UsageError):
        milliseconds(text, "order-delay")


def test_seconds_never_fall() -> None:
    """A stopwatch begins at about nothing and only rises."""
    with stopwatch() as seconds:
        assert 0 <= seconds() <= seconds()


def test_progress_without_a_terminal_is_silent_at_first(capsys) -> None:
    """Where stderr is no terminal, nothing is said before ten seconds have passed."""
    with progress_bar("folding") as tell:
        tell(1, 2)
    assert capsys.readouterr().err == ""


def test_films_come_from_the_cache(sample, cache_dir, monkeypatch) -> None:
    """A tape is decoded once; the second film is read back, equal in every column."""
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(cache_dir))
    first, second = films_of([sample])[0], films_of([sample])[0]
    assert (first.digest, first.counts, len(first.night.rows.seq)) == (
        second.digest,
        second.counts,
        len(second.night.rows.seq),
    )
    assert (cache_dir / "film" / f"{sample.digest()[:32]}-{decoder_version()}" / "film.json").exists()


def test_a_torn_tail_is_told(tmp_path, capsys) -> None:
    """What a crash left half-written at the end of a tape is said once, and plays no part."""
    writer = TapeWriter.create(tmp_path / "a", created_ns=1)
    writer.append(Envelope(0, 1, "recorder", 0, Kind.PULSE, b"", b""))
    writer.close()
    tell_torn([open_tape(tmp_path / "a")])
    assert capsys.readouterr().err == ""
    (hot,) = (tmp_path / "a" / "hot").iterdir()
    hot.write_bytes(hot.read_bytes() + hot.read_bytes()[80:120])
    tell_torn([open_tape(tmp_path / "a")])
    assert "a ends in a block that was cut short" in capsys.readouterr().err


def test_the_predictor_is_the_ensemble_another_or_none() -> None:
    """By default the one that ships; by name what is installed; `none` is none; a wrong name is told."""
    default, named = predictor_of(None), predictor_of("ensemble")
    assert default is not None
    assert named is not None
    assert default.name == named.name == "ensemble"
    assert predictor_of("none") is None
    with pytest.raises(UsageError, match="no predictor 'nobody'"):
        predictor_of("nobody")


def test_without_onnxruntime_there_are_no_forecasts_unless_asked_for(monkeypatch, capsys) -> None:
    """A core install plays tapes as ever and says what it leaves out; asked by name, it is an error."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert predictor_of(None) is None
    told = capsys.readouterr().err
    assert told.startswith("no forecasts: predictor 'ensemble' needs onnxruntime")
    with pytest.raises(UsageError, match="needs onnxruntime"):
        predictor_of("ensemble")
