"""The verb `decode`: what bytes mean, one event a line."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from recorder.errors import LossyError, UsageError
from recorder.tape.show import echo_json

__all__ = ["decode"]

_STDIN = "-"


@click.command()
@click.option(
    "--feed", required=True, metavar="FEED", help="Whose bytes: espn.nba, nba.scoreboard, polymarket.market …"
)
@click.option(
    "--kind",
    type=click.Choice(["frame", "body"]),
    default=None,
    help="A socket frame or an HTTP body; a book that came as a body is a witness. By default, what the feed records.",
)
@click.option("--lines", is_flag=True, help="Each line of a file is one frame or body.")
@click.argument("files", nargs=-1, metavar="[FILE…|-]")
def decode(feed: str, kind: str | None, lines: bool, files: tuple[str, ...]) -> None:
    """
    Say what recorded bytes mean, one event a line.

    \b
      gametape decode --feed polymarket.market frame.json
      gametape decode --feed espn.nba scoreboard.json | jq .home_score
      gametape decode --feed polymarket.market --lines frames.ndjson
      curl -s https://… | gametape decode --feed gamma.markets

    Each FILE is one frame or body as it arrived; an array of messages is one frame. Without a FILE, or with `-`,
    standard input is read. Bytes that mean nothing become a line with `"event":"Undecodable"`, and the exit code is 3.
    """
    from recorder.envelope import Kind
    from replay.core.decode import KNOWN_FEEDS, decode_payload
    from replay.core.events import Undecodable, event_as_dict

    if feed not in KNOWN_FEEDS:
        near = difflib.get_close_matches(feed, KNOWN_FEEDS, n=1)
        raise UsageError(
            f"no decoder for feed {feed!r}",
            why=f"known are {', '.join(KNOWN_FEEDS)}",
            hint=f"gametape decode --feed {near[0] if near else KNOWN_FEEDS[0]} …",
        )
    is_frame = feed == "polymarket.market" if kind is None else kind == "frame"
    unread: list[str] = []
    for name in files or (_STDIN,):
        for payload in _payloads(name, by_line=lines):
            for event in decode_payload(feed, payload, Kind.FRAME if is_frame else Kind.BODY):
                echo_json(event_as_dict(event))
                if isinstance(event, Undecodable):
                    unread.append(f"{name}, index {event.index}: {event.reason}")
    if unread:
        raise LossyError(f"{len(unread)} could not be decoded", why=unread[0], hint="see the lines with Undecodable")


def _payloads(name: str, *, by_line: bool) -> Iterator[bytes]:
    """Yield what a file holds, whole or by line; UsageError where it cannot be read."""
    try:
        whole = sys.stdin.buffer.read() if name == _STDIN else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {name}", why=error.strerror or str(error)) from error
    if not by_line:
        yield whole
        return
    yield from (line for line in whole.splitlines() if line.strip())
