"""
Configuration: flag > `GAMETAPE_` environment > `./gametape.toml` > default, and every value knows where it came from.

The one place that touches `os.environ`. No key holds a secret, and base URLs that carry credentials are refused, so
that none can reach a tape.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from recorder.errors import UsageError
from recorder.names import with_own
from recorder.overrides import read_overrides

__all__ = [
    "ENV_PREFIX",
    "FILE_NAME",
    "Config",
    "Settings",
    "Upstream",
    "decline_telemetry",
    "is_ci",
    "load_config",
    "parse_duration_ns",
    "step_summary",
]

ENV_PREFIX = "GAMETAPE_"
FILE_NAME = "gametape.toml"
_DURATION_NS_MAX = 10 * 365 * 86_400 * 1_000_000_000
"""A few of these and a time fit into 64 bits."""

# No settings: where the test suite finds real data, and the program's own switch, which is read before any setting.
_ENV_OF_OTHERS = frozenset({"GAMETAPE_REAL_DATA", "GAMETAPE_TRACEBACK"})

Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Upstream(msgspec.Struct, frozen=True, kw_only=True):
    """Where each source is asked. Bases without a trailing slash; market_ws and sports_ws are whole addresses."""

    espn: str
    nba: str
    clob: str
    gamma: str
    market_ws: str
    sports_ws: str


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings. Durations are seconds."""

    espn_url: str = "https://site.api.espn.com"
    nba_url: str = "https://cdn.nba.com"
    clob_url: str = "https://clob.polymarket.com"
    gamma_url: str = "https://gamma-api.polymarket.com"
    market_ws_url: str = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
    sports_ws_url: str = "wss://sports-api.polymarket.com/ws"
    user_agent: Annotated[str, Meta(min_length=1, max_length=300, pattern=r"^[ -~]+$")] = (
        "Mozilla/5.0 (compatible; gametape/0.1)"
    )
    tapes_dir: Annotated[str, Meta(min_length=1)] = "tapes"
    trials_dir: Annotated[str, Meta(min_length=1)] = "tapes/.trials"
    cache_dir: Annotated[str, Meta(min_length=1)] = "~/.cache/gametape"
    leagues: tuple[str, ...] = ("nba",)
    poll_live_s: Seconds = 2.0
    poll_idle_s: Seconds = 30.0
    nba_poll_live_s: Seconds = 2.0
    nba_plays_s: Seconds = 30.0
    nba_boxscore_s: Seconds = 30.0
    gamma_s: Seconds = 60.0
    witness_s: Seconds = 60.0
    timeout_s: Seconds = 10.0
    watchdog_s: Seconds = 60.0
    segment_mib: Annotated[int, Meta(ge=1, le=4096)] = 64
    backlog_mib: Annotated[int, Meta(ge=1, le=4096)] = 128
    reserve_mib: Annotated[int, Meta(ge=0, le=4096)] = 64
    seal_while_recording: bool = True
    aliases: dict[str, dict[str, str]] = {}
    markets: dict[str, str] = {}

    def upstream(self) -> Upstream:
        """Return the bases as one value."""
        return Upstream(
            espn=self.espn_url,
            nba=self.nba_url,
            clob=self.clob_url,
            gamma=self.gamma_url,
            market_ws=self.market_ws_url,
            sports_ws=self.sports_ws_url,
        )


class Settings(msgspec.Struct, frozen=True):
    """A configuration and where each of its values came from: `default`, a file, a variable or a flag."""

    config: Config
    sources: dict[str, str]


_KEYS = Config.__struct_fields__
_HTTP_KEYS = ("espn_url", "nba_url", "clob_url", "gamma_url")
_MATCHING = ("aliases", "markets")
_WS_KEYS = ("market_ws_url", "sports_ws_url")


def load_config(
    flags: Mapping[str, object] | None = None,
    *,
    upstream: str | None = None,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """
    Put the configuration together.

    flags: values given on the command line by key; None means not given. upstream: one base that replaces every
    address, as `--upstream` does. env and folder stand in for the process's environment and working directory.

    Raises:
        UsageError: an unknown key, a value that does not fit, a file that is not TOML.
    """
    given: dict[str, object] = {}
    sources = dict.fromkeys(_KEYS, "default")
    for source, values in (
        *_from_file((folder or Path()) / FILE_NAME),
        *_from_env(os.environ if env is None else env),
        *([] if upstream is None else [("--upstream", _addresses(upstream))]),
        *((_flag(key), {key: value}) for key, value in (flags or {}).items() if value is not None),
    ):
        for key, value in values.items():
            _check_key(key, source)
            given[key] = _checked(key, value, source)
            sources[key] = source
    return Settings(msgspec.convert(given, Config, strict=False), sources)


def is_ci(env: Mapping[str, str] | None = None) -> bool:
    """Say whether this runs in continuous integration, as every service of that kind says in CI."""
    told = (os.environ if env is None else env).get("CI", "")
    return told.strip().lower() not in {"", "0", "false", "no"}


def decline_telemetry() -> None:
    """
    Keep libraries from telling their makers that they are used; called before such a one is loaded.

    onnxruntime collects events in a file under the home directory and sends them, unless told beforehand not to.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def step_summary(env: Mapping[str, str] | None = None) -> Path | None:
    """Return the file that a GitHub workflow shows as the summary of this step; None elsewhere."""
    told = (os.environ if env is None else env).get("GITHUB_STEP_SUMMARY", "")
    return Path(told) if told else None


def parse_duration_ns(text: str) -> int:
    """
    Read `250ms`, `10s`, `5m`, `4h` or plain seconds (`2`, `0.5`) as nanoseconds.

    Raises:
        UsageError: not a duration.
    """
    units_ns = {"ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000}
    number = text.strip().lower()
    unit = next((unit for unit in units_ns if number.endswith(unit)), "")
    whole, _, part = number.removesuffix(unit).partition(".")
    if not (whole + part).isascii() or not (whole + part).isdigit() or len(whole) > 9 or len(part) > 9:
        raise UsageError(f"not a duration: {text!r}", hint="write 250ms, 10s, 5m or 4h")
    scale: int = 10 ** len(part)
    duration_ns = int(whole + part) * units_ns[unit or "s"] // scale
    if duration_ns > _DURATION_NS_MAX:
        raise UsageError(f"longer than ten years: {text!r}", hint="write 250ms, 10s, 5m or 4h")
    return duration_ns


def _from_file(path: Path) -> list[tuple[str, dict[str, object]]]:
    if path.exists() and not path.is_file():
        raise UsageError(f"cannot read {path}", why="it is no file")
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}", why=str(error)) from error
    try:
        return [(str(path), tomllib.loads(text))]
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML", why=str(error)) from error


def _from_env(env: Mapping[str, str]) -> list[tuple[str, dict[str, object]]]:
    return [
        (name, {name.removeprefix(ENV_PREFIX).lower(): value})
        for name, value in sorted(env.items())
        if name.startswith(ENV_PREFIX) and name not in _ENV_OF_OTHERS
    ]


def _addresses(base: str) -> dict[str, object]:
    """Point every source at one base: the paths stay, the sockets become ws on the same port."""
    base = base.rstrip("/")
    scheme, _, rest = base.partition("://")
    if scheme not in {"http", "https"} or not rest:
        raise UsageError(f"--upstream needs a base address, not {base!r}", hint="--upstream http://127.0.0.1:8000")
    socket = f"{'wss' if scheme == 'https' else 'ws'}://{rest}/ws"
    return {**dict.fromkeys(_HTTP_KEYS, base), "market_ws_url": f"{socket}/market", "sports_ws_url": socket}


def _check_key(key: str, source: str) -> None:
    if key in _KEYS:
        return
    near = difflib.get_close_matches(key, _KEYS, n=1)
    what = f"unknown setting {key!r} in {source}" if key != source else f"unknown setting {key!r}"
    hint = f"did you mean {near[0]}?" if near else "gametape config show lists every setting"
    raise UsageError(what, hint=hint)


def _flag(key: str) -> str:
    """Name the option that gives a setting; options of times say their unit in the value."""
    return f"--{key.removesuffix('_s').replace('_', '-')}"


def _checked(key: str, value: object, source: str) -> object:
    """Convert one value to its key's type, so that a wrong one is reported with the place it came from."""
    if key == "leagues" and isinstance(value, str):
        value = [league.strip() for league in value.split(",") if league.strip()]
    try:
        made = msgspec.convert({key: value}, Config, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{key} from {source} does not fit", why=str(error)) from error
    checked: Any = getattr(made, key)
    if key in _MATCHING:
        _refuse_nonsense(made, source)
    return _checked_url(key, checked, source) if key in _HTTP_KEYS + _WS_KEYS else checked


def _refuse_nonsense(made: Config, source: str) -> None:
    """Refuse names and markets that cannot be meant, before anything is recorded by them."""
    try:
        with_own(made.aliases)
        read_overrides(made.markets)
    except UsageError as error:
        raise UsageError(f"{source}: {error.what}", why=error.why, hint=error.hint) from error


def _checked_url(key: str, url: str, source: str) -> str:
    schemes = {"ws", "wss"} if key in _WS_KEYS else {"http", "https"}
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{key} from {source} is not an address", why=str(error)) from error
    if parts.scheme not in schemes or not host:
        raise UsageError(f"{key} from {source} must be an address with {' or '.join(sorted(schemes))}")
    # The value itself is not shown: it is the part that may be a secret.
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            f"{key} from {source} must not carry credentials or a query", why="addresses are written to the tape"
        )
    return url.rstrip("/")
