"""`gametape live`: record, and decide as it comes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recorder.cli import record, record_night
from recorder.errors import UsageError
from replay.verbs.options import policy_option, predictor_of, predictor_option, setting_of, setting_options

if TYPE_CHECKING:
    from replay.live.outlet import OutletPlan

__all__ = ["live"]

# What `record` asks and `record_night` is told as it is.
_RECORDING = tuple(param.name for param in record.params if param.name not in {"live", "as_json"})
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--min-edge", default="5", show_default=True, metavar="CENTS", help="Act from this edge on.")
@click.option("--order-delay", default="0", metavar="TIME", help="From decision to venue: 250ms, 1s.")
@click.option("--venue-delay", default=None, metavar="TIME", help="The venue's own delay.  [default: as recorded]")
@click.option("--serve", is_flag=True, help="Serve the API and the page to watch.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="Port; 0 a free one.")
@click.option("--uds", type=_FILE, help="Serve on a socket in a file instead, which only its owner may use.")
@click.option("--expose", is_flag=True, help="Let other machines reach it; asks for --token-file.")
@click.option("--token-file", type=_FILE, help="The token to ask for; made where there is none.")
@click.option("--webhook", "webhooks", multiple=True, metavar="URL", help="Post every signal there, signed.")
@click.option("--webhook-secret-file", type=_FILE, help="What webhooks are signed with; made where there is none.")
@click.option("--sink", "sinks", multiple=True, metavar="NAME=ADDRESS", help="Another way out: redis=redis://…")
@click.option("--ndjson", is_flag=True, help="Print every signal on stdout, a JSON line each.")
@policy_option
@setting_options
@predictor_option
def live(
    *,
    min_edge: str,
    strategy: str,
    model_name: str,
    predictor_name: str | None,
    serve: bool,
    host: str,
    port: int,
    uds: Path | None,
    expose: bool,
    token_file: Path | None,
    webhooks: tuple[str, ...],
    webhook_secret_file: Path | None,
    sinks: tuple[str, ...],
    ndjson: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401  the options of two verbs, each checked by click
) -> None:
    """
    Record tonight's games and decide as they come: `record --live` with a setting of your own.

    \b
      gametape live --league nba --for 4h
      gametape live --league nba --serve
      gametape live --league nba --serve --uds night.sock
      gametape live --league nba --min-edge 3 --cooldown 30s --tape tonight
      gametape live --upstream http://127.0.0.1:8000 --min-edge 2 --ndjson
      gametape verify tonight --parity

    Recording comes first: an engine that raises or falls behind is cut off, and the tape says so. Every signal is
    printed on stderr and written to the tape with the fact that caused it. No order is ever sent. What is served and
    sent out has a process of its own; docs/api.md says how to read it.
    """
    from replay.find import load_strategy
    from replay.live.decisions import LiveConfig
    from replay.live.tap import live_tap
    from replay.models import load_model

    # Asked for now, so that a wrong name is told before anything is recorded.
    load_strategy(strategy)
    load_model(model_name)
    predictor = predictor_of(predictor_name)
    config = LiveConfig(
        strategy=strategy,
        model=model_name,
        predictor=None if predictor is None else predictor.name,
        setting=setting_of(min_edge, options),
    )
    if not serve and (token_file or expose or uds):
        raise UsageError("--token-file, --expose and --uds say how to serve", hint="gametape live --serve ...")
    plan = None
    if serve or webhooks or sinks or ndjson:
        token = _secret(token_file) if serve else None
        secret = _webhook_secret(webhooks, webhook_secret_file)
        plan = _plan(host, port, uds, is_served=serve, is_exposed=expose, token=token)
        plan = _with_ways_out(plan, webhooks=webhooks, secret=secret, sinks=sinks, ndjson=ndjson)
    record_night(
        **{name: options[name] for name in _RECORDING},
        live_tap=partial(live_tap, config=config, plan=plan),
        # With --ndjson every line on stdout is JSON, the summary too.
        as_json=as_json or ndjson,
    )


live.params = [*(param for param in record.params if param.name != "live"), *live.params]


def _plan(
    host: str, port: int, uds: Path | None, *, is_served: bool, is_exposed: bool, token: str | None
) -> OutletPlan:
    from importlib.util import find_spec

    from replay.live.outlet import OutletPlan, listen, listen_at, names_of

    if not is_served:
        return OutletPlan()
    missing = [name for name in ("fastapi", "uvicorn", "prometheus_client") if find_spec(name) is None]
    if missing:
        raise UsageError(f"--serve needs {', '.join(missing)}", hint="pip install 'gametape[live]'")
    if uds is not None:
        if is_exposed:
            raise UsageError("--uds is for this machine, --expose for others", hint="one of them")
        at = (listen_at(uds),)
        click.echo(f"serving at {uds}: curl --unix-socket {uds} http://localhost/v1/games", err=True)
        return OutletPlan(listeners=at, names=names_of(at), token=token)
    listeners = listen(host, port, is_exposed=is_exposed, has_token=token is not None)
    where, bound = listeners[0].getsockname()[:2]
    shown = f"[{where}]" if ":" in where else where
    click.echo(f"serving http://{shown}:{bound}/; API: http://{shown}:{bound}/docs", err=True)
    return OutletPlan(listeners=listeners, names=names_of(listeners), is_exposed=is_exposed, token=token)


def _with_ways_out(
    plan: OutletPlan, *, webhooks: tuple[str, ...], secret: str, sinks: tuple[str, ...], ndjson: bool
) -> OutletPlan:
    from dataclasses import replace
    from urllib.parse import urlsplit

    from replay.live.sinks import load_sink

    for url in webhooks:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(f"--webhook needs an address with http or https, not {url!r}")
    for word in sinks:
        load_sink(word)
    return replace(plan, webhooks=webhooks, webhook_secret=secret, sinks=sinks, ndjson=ndjson)


def _secret(path: Path | None) -> str | None:
    from replay.live.secret import read_secret

    return None if path is None else read_secret(path)


def _webhook_secret(webhooks: tuple[str, ...], path: Path | None) -> str:
    if not webhooks:
        return ""
    secret = _secret(path)
    if secret is None:
        raise UsageError(
            "--webhook needs --webhook-secret-file",
            why="a receiver must be able to tell who posts",
            hint="any new file",
        )
    return secret
