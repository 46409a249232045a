"""The verbs that handle tapes: ls, cat, tail, verify, recover, seal."""

from __future__ import annotations

import base64
import difflib
import threading
from collections.abc import Callable, Iterator
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click
import msgspec

from recorder.envelope import Envelope
from recorder.errors import CorruptError, LossyError, RegressionError, UsageError
from recorder.tape import show
from recorder.tape.locate import list_tapes, locate_tape, tape_bytes
from recorder.times import iso_ns

if TYPE_CHECKING:
    from recorder.tape.reader import Tape

__all__ = ["cat", "ls", "recover", "seal", "tail", "verify"]

_FOLLOW_S = 0.1


class _TapeArgument(click.ParamType[Path]):
    name = "TAPE"

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Find the tape that is meant."""
        del param, ctx
        return value if isinstance(value, Path) else locate_tape(value, _tapes_dir())


class _Moment(click.ParamType[int]):
    name = "TIME"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read UTC nanoseconds or an ISO time (UTC unless it says otherwise) as UTC nanoseconds."""
        if isinstance(value, int):
            return value
        if value.isascii() and value.isdigit() and len(value) == len("1700000000000000000"):
            return int(value)
        try:
            return iso_ns(value, UTC)
        except ValueError:
            self.fail(f"{value!r} is no time: write 2026-01-15T19:30:00 (UTC) or nanoseconds since 1970", param, ctx)


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_tape = click.argument("tape", type=_TapeArgument(), metavar="TAPE")
_feed = click.option(
    "--feed", "feeds", multiple=True, metavar="FEED", help="Only this feed; may be given several times."
)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False, metavar="[DIR]")
@_as_json
def ls(folder: Path | None, as_json: bool) -> None:
    """
    List the tapes of a directory.

    \b
      gametape ls
      gametape ls /data/tapes --json

    Without DIR, the directory of tapes of the configuration (`tapes`).
    """
    where = folder or _tapes_dir()
    if folder is not None and not folder.is_dir():
        raise UsageError(f"{folder} is not a directory", hint="gametape ls")
    rows = [_listed(path) for path in list_tapes(where)]
    if as_json:
        show.echo_json({"schema": "gametape.ls/1", "tapes": rows})
        return
    table = [
        [
            row["tape"],
            row["state"],
            show.thousands(row["events"]),
            show.size(row["bytes"]),
            show.moment(row["first_ns"]),
            show.span(row),
            row["label"],
        ]
        for row in rows
    ]
    show.print_table(["tape", "state", "events", "size", "begins (UTC)", "lasts", "label"], table, right={2, 3, 5})
    if not rows:
        click.echo(f"no tapes in {where}", err=True)


@click.command()
@_tape
@_feed
@click.option("--since", "since_ns", type=_Moment(), help="From this time on (UTC), included.")
@click.option("--until", "until_ns", type=_Moment(), help="Up to this time, not included.")
@click.option("--first-seq", type=click.IntRange(min=0), default=0, metavar="SEQ", help="Begin at this seq.")
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="At most this many.")
@click.option(
    "--raw",
    "raw_seq",
    type=click.IntRange(min=0),
    metavar="SEQ",
    help="Write this payload's exact bytes, nothing else.",
)
@click.option("--salvage", is_flag=True, help="Leave damaged stretches out instead of stopping there.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines; what it always prints.")
def cat(
    tape: Path,
    feeds: tuple[str, ...],
    since_ns: int | None,
    until_ns: int | None,
    first_seq: int,
    limit: int | None,
    raw_seq: int | None,
    salvage: bool,
    as_json: bool,
) -> None:
    """
    Print envelopes, one JSON line each.

    \b
      gametape cat tonight --limit 5
      gametape cat tonight --feed espn.nba --since 2026-01-15T19:30 --until 2026-01-15T19:31
      gametape cat tonight --raw 1234 > body.json

    The payload stands under `payload` where it is text, else under `payload_base64`. Times are UTC.
    """
    from recorder.tape.reader import open_tape

    del as_json
    opened = open_tape(tape, salvage=salvage)
    _refuse_unknown(feeds, opened)
    if raw_seq is not None:
        found = next(opened.read(raw_seq, raw_seq), None)
        if found is None:
            raise UsageError(
                f"there is no seq {raw_seq}",
                why=f"the tape ends at {opened.next_seq - 1}",
                hint=f"gametape info {tape}",
            )
        click.echo(found.payload, nl=False)
        return
    left = -1 if limit is None else limit
    for envelope in opened.read(first_seq, None, since_ns, until_ns, feeds or None):
        if left == 0:
            break
        left -= 1
        click.echo(_line(envelope))


@click.command()
@_tape
@_feed
@click.option("-n", "--limit", type=click.IntRange(min=0), default=10, show_default=True, metavar="N", help="How many.")
@click.option(
    "-f", "--follow", is_flag=True, help="Go on as the tape is recorded; ends when nobody records it any more."
)
@click.option("--json", "as_json", is_flag=True, help="JSON lines; what it always prints.")
def tail(tape: Path, feeds: tuple[str, ...], limit: int, follow: bool, as_json: bool) -> None:
    """
    Print the last envelopes, and follow a tape that is being written.

    \b
      gametape tail tonight
      gametape tail -f tonight --feed polymarket.market

    The lines are those of `cat`.
    """
    from recorder.tape.reader import open_tape

    del as_json
    opened = open_tape(tape)
    wanted = feeds or None
    if not follow:
        _refuse_unknown(feeds, opened)
    last: list[Envelope] = []
    begin = opened.next_seq
    # Backwards in growing strides: the last few of a rare feed may lie far back.
    stride = max(limit, 1) * (1 if wanted is None else 64)
    while begin > 0 and len(last) < limit:
        # No end is said at first: whether anything may stand behind what is known is then asked, too.
        end = None if begin == opened.next_seq else begin - 1
        begin, stride = max(0, begin - stride), stride * 4
        last = [*opened.read(begin, end, feeds=wanted), *last]
    for envelope in last[len(last) - limit :] if limit else []:
        click.echo(_line(envelope))
    if follow:
        _follow(tape, opened.follow(opened.next_seq, wanted))


@click.command()
@_tape
@click.option("--deep", is_flag=True, help="Also decode every row and compare it with its digest.")
@click.option("--parity", is_flag=True, help="Also decide anew, and compare with what was decided live.")
@_as_json
def verify(tape: Path, deep: bool, parity: bool, as_json: bool) -> None:
    """
    Check every byte of a tape and locate damage.

    \b
      gametape verify tonight
      gametape verify tonight --deep --json | jq .damage
      gametape verify tonight --parity

    Exit code 0 where every byte is what was written, 5 where one is not; 4 where --parity finds another decision.
    """
    from recorder.tape.fsck import verify_tape

    report = verify_tape(tape, deep=deep)
    checked = _parity()(tape) if parity and report.ok else None
    if as_json:
        compared = {} if checked is None else {"parity": checked.facts}
        show.echo_json({"schema": "gametape.verify/1", **msgspec.to_builtins(report), **compared})
    else:
        rows = [[one.file, str(one.offset), show.seqs(one.first_seq, one.last_seq), one.why] for one in report.damage]
        if rows:
            show.print_table(["file", "byte", "seq", "why"], rows, right={1})
        click.echo(f"{'ok' if report.ok else 'damaged'}: {show.thousands(report.events)} envelopes can be read")
        for first_seq, last_seq in report.lost:
            click.echo(f"declared lost: seq {show.seqs(first_seq, last_seq)}")
        if not report.closed:
            click.echo("the last recording did not end cleanly, or is still going on")
    if not report.ok:
        places = f"{len(report.damage)} place" + ("s" if len(report.damage) > 1 else "")
        raise CorruptError(f"{tape} is damaged in {places}", why=report.damage[0].why, hint=f"gametape recover {tape}")
    if checked is not None:
        for line in [] if as_json else checked.lines:
            click.echo(show.safe(line))
        if not checked.ok:
            raise RegressionError(f"{tape} is not decided anew as it was live", hint=checked.hint)


@click.command()
@_tape
@click.option("--write", is_flag=True, help="Do it; without, only say what would be done.")
@_as_json
def recover(tape: Path, write: bool, as_json: bool) -> None:
    """
    Say (and with --write do) what makes a damaged tape whole.

    \b
      gametape recover tonight
      gametape recover tonight --write

    Every row that can be read stays. Damaged files go to `quarantine/` inside the tape, and what is gone is declared
    lost in its manifest. Doing it twice does nothing more. Exit code 0 where nothing is lost, 3 where something is.
    """
    from recorder.tape.recover import recover_tape

    report = recover_tape(tape, write=write)
    if as_json:
        show.echo_json({"schema": "gametape.recover/1", **msgspec.to_builtins(report)})
    else:
        for step in report.steps:
            click.echo(show.safe(f"{step.file}: {step.what} ({step.why})"))
        if not report.steps:
            click.echo("nothing to do")
        elif not write:
            click.echo(f"nothing was changed; to do it: gametape recover {tape} --write", err=True)
    if report.lost:
        count = sum(last_seq - first_seq + 1 for first_seq, last_seq in report.lost)
        spans = ", ".join(show.seqs(first_seq, last_seq) for first_seq, last_seq in report.lost[:5])
        tense = "are" if write else "would be given up as"
        raise LossyError(
            f"{count} envelopes {tense} lost", why=f"seq {spans} cannot be read", hint=f"gametape info {tape}"
        )


@click.command()
@_tape
@_as_json
def seal(tape: Path, as_json: bool) -> None:
    """
    Turn the block log of a tape into Parquet.

    \b
      gametape seal tonight

    The digest stays the same. Beside a recorder, everything but the segment being written is sealed, at low priority;
    a recorder does that by itself. Any tool that reads Parquet can then read `TAPE/sealed/*.parquet`.
    """
    from recorder.tape.seal import seal_tape
    from recorder.tape.sealer import yield_to_others
    from recorder.tape.writer import is_being_written

    if is_being_written(tape):
        yield_to_others()
    report = seal_tape(tape)
    if as_json:
        show.echo_json({"schema": "gametape.seal/1", **msgspec.to_builtins(report)})
        return
    sizes = f"{show.size(report.hot_bytes)} became {show.size(report.sealed_bytes)}"
    click.echo(f"sealed {report.segments} segments, {show.thousands(report.events)} envelopes, {sizes}")
    if report.left:
        click.echo("the segment being written stays hot", err=True)


def _listed(path: Path) -> dict[str, Any]:
    """Say of one tape what `ls` shows."""
    from recorder.tape.reader import open_tape
    from recorder.tape.writer import is_being_written

    row: dict[str, Any] = {"tape": path.name, "path": str(path), "bytes": tape_bytes(path)}
    try:
        tape = open_tape(path)
    except CorruptError as error:
        row |= {
            "state": "damaged",
            "why": error.why,
            "events": None,
            "first_ns": None,
            "last_ns": None,
            "label": "",
        }
    else:
        state = (
            "damaged" if tape.damage else "recording" if is_being_written(path) else "closed" if tape.closed else "open"
        )
        row |= {"state": state, "events": len(tape), "label": tape.label}
        row |= {"first_ns": tape.first_ns or None, "last_ns": tape.last_ns or None}
    return row


def _follow(tape: Path, followed: Iterator[Envelope | None]) -> None:
    from recorder.tape.writer import is_being_written

    pause = threading.Event()
    ended = False
    for envelope in followed:
        if envelope is not None:
            click.echo(_line(envelope))
        elif ended:
            return
        else:
            # One more look after the writer has gone: it may have committed just before.
            ended = not is_being_written(tape)
            if not ended:
                pause.wait(_FOLLOW_S)


class _Check(Protocol):
    """What a check of the entry-point group `gametape.checks` found: for people, for JSON, and what to type next."""

    ok: bool
    lines: list[str]
    facts: dict[str, Any]
    hint: str


def _parity() -> Callable[[Path], _Check]:
    """Find the parity check: recorded facts alone mean nothing here, so it comes from whoever decides."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="gametape.checks", name="parity"):
        check: Callable[[Path], _Check] = entry.load()
        return check
    raise UsageError("--parity finds no engine", why="no installed package has `parity` in the group `gametape.checks`")


def _tapes_dir() -> Path:
    from recorder.config import load_config

    return Path(load_config().config.tapes_dir)


def _refuse_unknown(feeds: tuple[str, ...], tape: Tape) -> None:
    """Raise where a tape has no envelope of a feed: an empty answer would look like a silent source."""
    from recorder.tape.reader import open_tape

    missing = set(feeds)
    if not missing:
        return
    known: set[str] = set()
    for envelope in open_tape(tape.path, salvage=True).read():
        known.add(envelope.feed)
        missing.discard(envelope.feed)
        if not missing:
            return
    name = min(missing)
    near = difflib.get_close_matches(name, known, n=1)
    raise UsageError(
        f"{tape.name} has no feed {name!r}",
        why=f"it has {', '.join(sorted(known))}",
        hint=f"did you mean {near[0]}?" if near else f"gametape info {tape.name}",
    )


def _line(envelope: Envelope) -> str:
    """Render an envelope as one line of JSON."""
    facts: dict[str, Any] = {
        "seq": envelope.seq,
        "recv_ns": envelope.recv_ns,
        "feed": envelope.feed,
        "conn": envelope.conn,
        "kind": envelope.kind.name.lower(),
    }
    try:
        facts["meta"] = envelope.facts()
    except msgspec.DecodeError:
        facts["meta"] = envelope.meta.decode(errors="replace")
    try:
        facts["payload"] = envelope.payload.decode()
    except UnicodeDecodeError:
        facts["payload_base64"] = base64.b64encode(envelope.payload).decode()
    return show.json_line(facts)
