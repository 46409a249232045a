"""`gametape top`: one screen that says whether the recording is good."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from recorder.clock import SystemClock
from recorder.config import Config, load_config, parse_duration_ns
from recorder.errors import Exit, UsageError
from recorder.tape.locate import list_tapes, locate_tape

if TYPE_CHECKING:
    from recorder.envelope import Envelope
    from recorder.operate.alerts import Alert
    from recorder.operate.glance import PlannedGame
    from recorder.operate.look import Look, Machine
    from recorder.operate.watch import Watch
    from replay.core.events import ScoreSeen

__all__ = ["top"]

_CATCHING_UP = 200_000
_HEAD = 5_000
"""So many envelopes tell how a recording began."""
_OTHER_LINES = 10


@click.command()
@click.argument("tape", required=False, metavar="[TAPE]")
@click.option("--once", is_flag=True, help="Look once; the exit code is the verdict.")
@click.option(
    "--last", default="15m", show_default=True, metavar="TIME", help="Look back so far; gaps are of that time."
)
@click.option("--whole", is_flag=True, help="Read the whole tape first: gaps and bytes are then those of all of it.")
@click.option("--every", default="1s", show_default=True, metavar="TIME", help="How often to look.")
@click.option("--alerts", "alerts_file", type=click.Path(path_type=Path), metavar="FILE", help="Append alerts here.")
@click.option(
    "--ack",
    "acks",
    multiple=True,
    metavar="KEY[=TIME]",
    help="A reason that is known: it does not count for 30m, or so long.",
)
@click.option("--bell/--no-bell", default=True, show_default=True, help="Ring the terminal when an alert is raised.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each look.")
def top(
    tape: str | None,
    once: bool,
    last: str,
    whole: bool,
    every: str,
    alerts_file: Path | None,
    acks: tuple[str, ...],
    bell: bool,
    as_json: bool,
) -> None:
    """
    Watch a recording on one screen, worst first: is it good, and if not, why?

    \b
      gametape top
      gametape top tonight --alerts alerts.ndjson
      gametape top --once --last 5m || echo "look at the recorder"
      gametape top tonight --once --json | jq '.verdict, .reasons[].key'
      gametape top tonight --ack feed:espn.nba=30m

    Without TAPE, the one that is being recorded, else the newest. It reads the tape as it grows and never disturbs the
    recorder, so it may run over ssh, many times, and on the tape of a recorder that has died. An alert is raised when a
    reason has lasted five seconds and cleared when it has been gone for thirty. With --once the exit code is 0 where
    the recording is good, 3 where something is missing, 1 where nothing is being recorded. Of a long night only how it
    began and its last quarter of an hour are read; with --whole all of it is, which takes a while.
    """
    from recorder.operate.alerts import Alerts, parse_ack
    from recorder.operate.look import leave_out

    config, now_ns = load_config().config, SystemClock().now_ns()
    known = [parse_ack(text, now_ns) for text in acks]
    path = _tape_of(tape, Path(config.tapes_dir))
    every_s = max(parse_duration_ns(every) / 1e9, 0.1)
    alerts, stopped = Alerts(), threading.Event()
    with contextlib.ExitStack() as stack:
        stack.enter_context(_ended_by(stopped))
        news = None if alerts_file is None else stack.enter_context(alerts_file.open("a", encoding="utf-8"))
        show = _print_json if as_json else stack.enter_context(_screen(is_lasting=not once))
        _tell([ack.told(now_ns) for ack in known], news, bell=bell)
        for whole_look in _looks(path, config, None if whole else parse_duration_ns(last)):
            seen = leave_out(whole_look, {ack.key for ack in known if whole_look.at_ns < ack.until_ns})
            show(seen)
            if once:
                raise SystemExit(_verdict(seen))
            _tell(alerts.step(seen.reasons, seen.at_ns), news, bell=bell)
            if stopped.wait(every_s):
                break


@contextlib.contextmanager
def _ended_by(stopped: threading.Event) -> Iterator[None]:
    """
    End quietly at Ctrl-C.

    Where the interpreter is in a callback that may not raise, as when it collects garbage, the exception is lost: that
    Ctrl-C was pressed is remembered.
    """

    def interrupt(_number: int, _frame: object) -> None:
        stopped.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGINT, before)


def _verdict(seen: Look) -> Exit:
    if not seen.reasons:
        return Exit.OK
    return Exit.FAILED if any(reason.is_fatal for reason in seen.reasons) else Exit.LOSSY


def _tape_of(tape: str | None, folder: Path) -> Path:
    """Return the tape that is meant; without a name the one being written, else the one that was written last."""
    from recorder.tape.identity import LOCK_FILE
    from recorder.tape.writer import is_being_written

    if tape is not None:
        return locate_tape(tape, folder)
    tapes = list_tapes(folder)
    if not tapes:
        raise UsageError(f"there is no tape in {folder}/", hint="gametape record --league nba")

    def newest(path: Path) -> tuple[bool, float]:
        lock = path / LOCK_FILE
        return is_being_written(path), lock.stat().st_mtime if lock.exists() else 0.0

    return max(tapes, key=newest)


def _looks(path: Path, config: Config, last_ns: int | None) -> Iterator[Look]:
    """Follow a tape, all of it or how it began and its last so long, and yield a look whenever all has been seen."""
    from recorder.operate.look import look
    from recorder.operate.watch import Watch
    from recorder.tape.reader import open_tape

    watch, clock, scores = Watch(), SystemClock(), _Scores()
    tape = open_tape(path)
    begin = None if last_ns is None else next(tape.read(_HEAD, since_ns=tape.last_ns - last_ns), None)
    if begin is not None:
        # How a recording begins tells which feeds and games it has; what lies between is passed over.
        for early in tape.read(0, _HEAD - 1):
            watch(early)
        watch.leap(begin.seq, begin.recv_ns)
    knows_games = begin is None
    for envelope in tape.follow(0 if begin is None else begin.seq):
        if envelope is not None:
            watch(envelope)
            if watch.events % _CATCHING_UP == 0:
                click.echo(f"reading {path.name}: {watch.events:,} events", err=True)
            continue
        if not knows_games:
            watch.games |= _matched(watch)
            knows_games = True
        yield look(path.name, watch, _machine(path), config, clock.now_ns(), scores.of(watch), label=tape.label)


def _matched(watch: Watch) -> dict[str, PlannedGame]:
    """Return the games that the last bodies tell of: the plan may have grown in what was passed over."""
    from recorder.envelope import Envelope, Kind
    from recorder.operate.glance import planned_games
    from recorder.plan import Planner
    from recorder.sequencer import RECORDER

    planner = Planner()
    for (feed, _), body in sorted(watch.bodies.items(), key=lambda item: item[1].seq):
        planner.see(feed, body.payload)
    plan = Envelope(0, 0, RECORDER, 0, Kind.NOTE, b"", planner.plan.encode())
    return {game.game_id: game for game in planned_games(plan) if game.game_id not in watch.games}


def _machine(path: Path) -> Machine:
    from recorder.operate.look import Machine
    from recorder.operate.machine import disk_free_bytes, recorder_pid, resident_bytes
    from recorder.tape.locate import tape_bytes

    pid = recorder_pid(path)
    return Machine(
        pid=pid,
        resident_bytes=None if pid is None else resident_bytes(pid),
        disk_free_bytes=disk_free_bytes(path),
        tape_bytes=tape_bytes(path),
    )


# Scores ------------------------------------------------------------------------------------------------------


class _Scores:
    """The newest score of each game of the plan, decoded only where its body is another one than before."""

    def __init__(self) -> None:
        self._decoded: dict[tuple[str, str], tuple[int, list[ScoreSeen]]] = {}

    def of(self, watch: Watch) -> dict[str, str]:
        from replay.core.events import GameStatus

        by_ref = {(ref.source, ref.league, ref.id): game.game_id for game in watch.games.values() for ref in game.refs}
        best: dict[str, tuple[int, ScoreSeen]] = {}
        for key, body in watch.bodies.items():
            for score in self._scores(key, body):
                game_id = by_ref.get((score.game.source, score.game.league, score.game.id))
                is_known = score.status is not GameStatus.SCHEDULED
                if game_id is not None and is_known and body.seq >= best.get(game_id, (-1, score))[0]:
                    best[game_id] = (body.seq, score)
        return {game_id: _score_text(score) for game_id, (_, score) in best.items()}

    def _scores(self, key: tuple[str, str], body: Envelope) -> list[ScoreSeen]:
        from replay.core.decode import decode
        from replay.core.events import ScoreSeen

        known = self._decoded.get(key)
        if known is None or known[0] != body.seq:
            known = body.seq, [event for event in decode(body) if isinstance(event, ScoreSeen)]
            self._decoded[key] = known
        return known[1]


def _score_text(score: ScoreSeen) -> str:
    from replay.core.events import GameStatus

    points = f"{_or_dash(score.away_score)}-{_or_dash(score.home_score)}"
    if score.status is GameStatus.LIVE and score.clock_ms is not None:
        seconds = score.clock_ms // 1000
        return f"{points}  P{score.period or '?'} {seconds // 60}:{seconds % 60:02d}"
    return f"{points}  {score.status.name.lower().replace('_', ' ')}"


def _or_dash(points: int | None) -> str:
    return "-" if points is None else str(points)


# Out ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _screen(*, is_lasting: bool) -> Iterator[Callable[[Look], None]]:
    """Yield what draws a look: over the one before on a terminal that it keeps, else below it."""
    from rich.console import Console
    from rich.live import Live

    from recorder.operate.screen import draw

    console = Console()
    if not console.is_terminal:
        # A pipe has no width; what is looked at in a file or by mail should not be folded.
        console.width = 160
    if not is_lasting or not console.is_terminal:
        yield lambda seen: console.print(draw(seen, width=console.width))
        return

    def redraw(seen: Look) -> None:
        rows_max = max(3, console.height - _OTHER_LINES - len(seen.feeds))
        live.update(draw(seen, width=console.width, rows_max=rows_max), refresh=True)

    with Live(console=console, screen=True, auto_refresh=False) as live:
        yield redraw


def _tell(alerts: Sequence[Alert], news: IO[str] | None, *, bell: bool) -> None:
    """Say what is news: a line in the file, and the terminal's bell for what was raised."""
    from recorder.tape.show import json_line

    for alert in alerts:
        if news is not None:
            news.write(json_line(alert) + "\n")
            news.flush()
        if bell and alert.what == "raised" and sys.stderr.isatty():
            click.echo("\a", nl=False, err=True)


def _print_json(seen: Look) -> None:
    import msgspec

    from recorder.tape.show import echo_json

    echo_json({"schema": "gametape.top/1", **msgspec.to_builtins(seen)})
