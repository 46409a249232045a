"""`gametape play`: a tape served back over the protocols it came from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from recorder.errors import UsageError
from recorder.tape.show import echo_json

if TYPE_CHECKING:
    import asyncio

    from recorder.tape.reader import Tape
    from replay.upstream.server import PlayOptions

__all__ = ["play"]


@click.command()
@click.argument("tape")
@click.option("--serve", is_flag=True, help="Serve it; the one way to play a tape, so it may be left out.")
@click.option("--view", is_flag=True, help="Look at it in a browser instead: every moment, with a scrubber.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port to listen on.  [default: a free one]")
@click.option("--rate", type=float, default=10.0, show_default=True, help="Tape seconds a second.")
@click.option("--step", type=click.Choice(["polls"]), help="Go from poll to poll instead: no score body is missed.")
@click.option("--loop", is_flag=True, help="Begin again when the tape is over.")
@click.option("--start-offset", default="0s", show_default=True, help="Begin this far into the tape.")
@click.option("--grace", default="30s", show_default=True, help="Go on answering this long after the end of the tape.")
@click.option("--failures", is_flag=True, help="Serve a poll that failed as 503, not the body before it.")
def play(
    tape: str,
    serve: bool,
    view: bool,
    host: str,
    port: int,
    rate: float,
    step: str | None,
    loop: bool,
    start_offset: str,
    grace: str,
    failures: bool,
) -> None:
    """
    Serve a tape back over the protocols it came from, or look at it.

    \b
    Examples:
      gametape play tapes/2026-01-15-nba --serve --rate 10
      gametape play tapes/2026-01-15-nba --view
      gametape play tapes/2026-01-15-nba --serve --port 8765 --step polls
      gametape record --upstream http://127.0.0.1:8765 --for 10m

    Prints one JSON line with the base URL when it is ready. The tape starts when the first client asks for something
    that is on it. ESPN, NBA, Gamma and CLOB paths answer what they answered at that time of the tape, and /ws/market
    sends the recorded frames; the asking recorder's own today is the tape's game day.

    With --view a page on this machine shows the games as they stood at any moment: what was known then, no more.
    """
    import asyncio

    from recorder.config import load_config, parse_duration_ns
    from recorder.tape.locate import locate_tape
    from recorder.tape.reader import open_tape
    from replay.upstream.server import PlayOptions

    if serve and view:
        raise UsageError("a tape is served or looked at, not both", hint="leave out --serve")
    if not 0 < rate < float("inf"):
        raise UsageError(f"rate {rate} cannot be played", hint="--rate 10, or --step polls for as fast as possible")
    options = PlayOptions(
        rate=rate,
        by_polls=step is not None,
        loop=loop,
        start_offset_ns=parse_duration_ns(start_offset),
        failed_is_503=failures,
    )
    grace_s = parse_duration_ns(grace) / 1e9
    found = open_tape(locate_tape(tape, Path(load_config().config.tapes_dir)))
    try:
        asyncio.run(_view(found, host, port) if view else _serve(found, options, host, port, grace_s))
    except BaseExceptionGroup as group:
        raise _leaf(group) from group


def _leaf(failure: BaseException) -> BaseException:
    """Return the first failure of a group that was no group itself: what a task met is what a user should read."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


async def _view(tape: Tape, host: str, port: int) -> None:
    import asyncio
    import signal

    from recorder.clock import SystemClock
    from replay.core.predictions import Forecaster
    from replay.film import open_film
    from replay.find import cache_folder
    from replay.live.decisions import LiveConfig
    from replay.live.parity import live_sessions
    from replay.live.view import viewing_on
    from replay.live.viewing import Viewing
    from replay.verbs.options import predictor_of, progress_bar

    with progress_bar("decoding") as tell:
        film = open_film(tape, cache_folder("film"), on_progress=tell)
    # A night that was decided live is looked at as it was decided.
    sessions = live_sessions(tape)
    predictor = predictor_of(None)
    forecaster = None if predictor is None else Forecaster(predictor, SystemClock().now_ns)
    viewing = Viewing(film, sessions[-1].config if sessions else LiveConfig(), forecaster)
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    async with viewing_on(viewing, host, port) as url:
        line = {"schema": "gametape.view/1", "url": url, "tape": tape.name}
        echo_json(line)
        click.echo(f"open {url} in a browser; Ctrl-C stops", err=True)
        await stopped.wait()
    click.echo("stopped", err=True)


async def _serve(tape: Tape, options: PlayOptions, host: str, port: int, grace_s: float) -> None:
    import asyncio
    import signal

    from recorder.clock import SystemClock
    from replay.upstream.server import serving

    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    async with serving(tape, SystemClock(), options, host=host, port=port) as upstream:
        _announce(tape, upstream.url, options)
        async with asyncio.TaskGroup() as group:
            ending = group.create_task(_end(upstream.ended, stopped, grace_s))
            await stopped.wait()
            ending.cancel()
    click.echo("stopped", err=True)


async def _end(ended: asyncio.Event, stopped: asyncio.Event, grace_s: float) -> None:
    import asyncio

    await ended.wait()
    click.echo(f"the tape is over; answering for {grace_s:g} s more", err=True)
    await asyncio.sleep(grace_s)
    stopped.set()


def _announce(tape: Tape, url: str, options: PlayOptions) -> None:
    line = {
        "schema": "gametape.play/1",
        "url": url,
        "tape": tape.name,
        "rate": None if options.by_polls else options.rate,
        "first_ns": tape.first_ns,
        "last_ns": tape.last_ns,
    }
    echo_json(line)
    length_s = (tape.last_ns - tape.first_ns) / 1e9
    click.echo(f"serving {length_s:.0f} s of {tape.name}, from when the first client asks; Ctrl-C stops", err=True)
