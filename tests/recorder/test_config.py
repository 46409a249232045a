from __future__ import annotations

import os
from pathlib import Path

import pytest

from recorder.config import Config, is_ci, load_config, parse_duration_ns, step_summary
from recorder.errors import UsageError


def test_defaults(tmp_path) -> None:
    """Without a file, a variable or a flag every value is the default and says so."""
    settings = load_config(env={}, folder=tmp_path)
    assert settings.config == Config()
    assert set(settings.sources.values()) == {"default"}


def test_precedence(tmp_path) -> None:
    """A flag beats a variable, a variable beats the file, the file beats the default; each source is remembered."""
    (tmp_path / "gametape.toml").write_text('poll_live_s = 3\npoll_idle_s = 31\nwitness_s = 61\nleagues = ["nhl"]\n')
    env = {"GAMETAPE_POLL_IDLE_S": "32", "GAMETAPE_WITNESS_S": "62", "OTHER": "x"}
    settings = load_config({"witness_s": 63.0, "timeout_s": None}, env=env, folder=tmp_path)
    config = settings.config
    assert (config.poll_live_s, config.poll_idle_s, config.witness_s, config.timeout_s) == (3, 32, 63, 10)
    assert config.leagues == ("nhl",)
    assert settings.sources["poll_live_s"] == str(tmp_path / "gametape.toml")
    assert settings.sources["poll_idle_s"] == "GAMETAPE_POLL_IDLE_S"
    assert settings.sources["witness_s"] == "--witness"
    assert settings.sources["timeout_s"] == "default"


def test_lists_in_the_environment(tmp_path) -> None:
    """A variable holds several leagues separated by commas."""
    settings = load_config(env={"GAMETAPE_LEAGUES": "nba, nhl"}, folder=tmp_path)
    assert settings.config.leagues == ("nba", "nhl")


@pytest.mark.parametrize("where", ["file", "env", "flag"])
def test_unknown_key_is_an_error_with_a_suggestion(tmp_path, where: str) -> None:
    """A misspelt key is refused wherever it stands, and the right one is named."""
    if where == "file":
        (tmp_path / "gametape.toml").write_text("pol_live_s = 3\n")
    env = {"GAMETAPE_POL_LIVE_S": "3"} if where == "env" else {}
    flags = {"pol_live_s": 3} if where == "flag" else {}
    with pytest.raises(UsageError) as caught:
        load_config(flags, env=env, folder=tmp_path)
    assert caught.value.hint == "did you mean poll_live_s?"


@pytest.mark.parametrize(
    "env",
    [
        {"GAMETAPE_POLL_LIVE_S": "fast"},
        {"GAMETAPE_POLL_LIVE_S": "0"},
        {"GAMETAPE_POLL_LIVE_S": "nan"},
        {"GAMETAPE_SEGMENT_MIB": "1.5"},
        {"GAMETAPE_ESPN_URL": "site.api.espn.com"},
        {"GAMETAPE_ESPN_URL": "ftp://site.api.espn.com"},
        {"GAMETAPE_ESPN_URL": "http://[1"},
        {"GAMETAPE_MARKET_WS_URL": "https://example.com"},
        {"GAMETAPE_USER_AGENT": "a\r\nb: c"},
    ],
)
def test_a_value_that_does_not_fit_names_its_source(tmp_path, env: dict[str, str]) -> None:
    """A value of the wrong type or range is refused with the name of the place it came from."""
    with pytest.raises(UsageError, match=next(iter(env))):
        load_config(env=env, folder=tmp_path)


def test_names_and_markets_of_one_s_own(tmp_path) -> None:
    """Tables of the file: other names of teams by league, markets by game; what cannot be meant names the file."""
    text = '[aliases.nba]\n"Ballers" = "Warriors"\n[markets]\n"nba:1" = "nba-a-b"\n'
    (tmp_path / "gametape.toml").write_text(text)
    config = load_config(env={}, folder=tmp_path).config
    assert (config.aliases, config.markets) == ({"nba": {"Ballers": "Warriors"}}, {"nba:1": "nba-a-b"})
    for wrong in ('[aliases.nbl]\na = "b"', '[markets]\n"1" = "nba-a-b"', '[markets]\n"nba:1" = 7', 'aliases = "a"'):
        (tmp_path / "gametape.toml").write_text(wrong)
        with pytest.raises(UsageError, match=r"gametape\.toml"):
            load_config(env={}, folder=tmp_path)


def test_file_that_is_not_toml(tmp_path) -> None:
    """A file that is not TOML is a usage error, not a traceback."""
    (tmp_path / "gametape.toml").write_bytes(b"\xff = ")
    with pytest.raises(UsageError, match=r"gametape\.toml"):
        load_config(env={}, folder=tmp_path)


def test_credentials_in_an_address_are_refused_and_not_repeated(tmp_path) -> None:
    """An address with a password or a query never gets into the configuration, nor into the error."""
    for url in ("https://me:canary@example.com", "https://example.com?token=canary"):
        with pytest.raises(UsageError) as caught:
            load_config(env={"GAMETAPE_GAMMA_URL": url}, folder=tmp_path)
        assert "canary" not in f"{caught.value.what}{caught.value.why}{caught.value.hint}"


def test_upstream_replaces_every_base(tmp_path) -> None:
    """One base stands in for all of them; the sockets become ws on the same port; a single flag still wins."""
    settings = load_config(
        {"nba_url": "http://127.0.0.1:9"}, upstream="http://127.0.0.1:8000/", env={}, folder=tmp_path
    )
    upstream = settings.config.upstream()
    assert (upstream.espn, upstream.nba) == ("http://127.0.0.1:8000", "http://127.0.0.1:9")
    assert upstream.market_ws == "ws://127.0.0.1:8000/ws/market"
    assert upstream.sports_ws == "ws://127.0.0.1:8000/ws"
    assert settings.sources["clob_url"] == "--upstream"
    with pytest.raises(UsageError):
        load_config(upstream="127.0.0.1:8000", env={}, folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("250ms", 250_000_000),
        ("10s", 10**10),
        ("5m", 3 * 10**11),
        ("4h", 144 * 10**11),
        ("2", 2 * 10**9),
        ("0.5", 5 * 10**8),
    ],
)
def test_durations(text: str, ns: int) -> None:
    """Durations are read exactly."""
    assert parse_duration_ns(text) == ns


@pytest.mark.parametrize("text", ["", "s", "-1s", "1d", "1e3", "1.2.3", "٣s", "9999999999s", "99999h"])
def test_not_durations(text: str) -> None:
    """What is not a duration is a usage error."""
    with pytest.raises(UsageError):
        parse_duration_ns(text)


@pytest.mark.parametrize(("told", "means"), [("true", True), ("1", True), ("", False), ("false", False), ("0", False)])
def test_ci_is_what_the_environment_says(told, means) -> None:
    """Services say CI=true; nobody else sets it, or sets it to nothing."""
    assert is_ci({"CI": told}) is means
    assert is_ci({}) is False


def test_the_step_summary_is_a_file_in_a_workflow_only() -> None:
    """None where no workflow runs."""
    assert step_summary({"GITHUB_STEP_SUMMARY": "/tmp/s.md"}) == Path("/tmp/s.md")
    assert step_summary({}) is None


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_settings_are_read_from_a_file_only(tmp_path, make) -> None:
    """A FIFO or a folder of that name is refused, and nobody waits for what it might say."""
    make(tmp_path / "gametape.toml")
    with pytest.raises(UsageError, match="cannot read"):
        load_config(env={}, folder=tmp_path)
