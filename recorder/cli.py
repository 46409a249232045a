"""The verbs of the recorder: record, games, config."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recorder.config import Settings, load_config, parse_duration_ns
from recorder.errors import LossyError, UpstreamError, UsageError
from recorder.folders import make_folder
from recorder.tape.show import echo_json, safe
from recorder.times import SECOND_NS, utc

if TYPE_CHECKING:
    from recorder.clock import SystemClock
    from recorder.config import Config
    from recorder.leagues import League
    from recorder.progress import Tally
    from recorder.session import Companion, Session
    from recorder.tape.writer import TapeWriter

    LiveTap = Callable[[Path], AbstractContextManager[Companion]]
    """Takes the path of the tape that is being recorded; its context is the live engine's life, its value the tap."""

__all__ = ["config", "games", "record", "record_night"]

_PLAIN_LINE_S = 10.0
_LEAGUE_HELP = "A league, as often as wanted: nba, nhl, mlb, ncaamb, …"
_UPSTREAM_HELP = "Ask this base address instead of every public one."


@click.command()
@click.option("--league", "leagues", multiple=True, metavar="KEY", help=_LEAGUE_HELP)
@click.option("--all", "all_leagues", is_flag=True, help="All leagues.")
@click.option("--for", "record_for", metavar="TIME", help="How long: 30s, 90m, 4h. Without it until Ctrl-C.")
@click.option("--tape", metavar="NAME", help="The tape; an existing one is gone on with. Default: date and leagues.")
@click.option("--upstream", metavar="URL", help=_UPSTREAM_HELP)
@click.option("--poll-live", metavar="TIME", help="How often scores are asked while a game is on; 2s.")
@click.option("--poll-idle", metavar="TIME", help="And while none is; 30s. With --upstream as --poll-live.")
@click.option("--live", is_flag=True, help="Run the live engine beside the recording.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked, and ask nothing.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON.")
def record(*, live: bool, **options: Any) -> None:  # noqa: ANN401  click has checked each
    """
    Record tonight's games and their markets, byte for byte.

    \b
    gametape record --league nba --for 4h
    gametape record --all --tape saturday
    gametape record --upstream http://127.0.0.1:8000 --poll-live 500ms
    gametape record --league nhl --dry-run

    The first Ctrl-C ends the recording in good order; nothing that was recorded is ever lost by stopping. Exit code 0
    where every source was heard, 3 where one never was, 8 where none was.
    """
    record_night(**options, live_tap=_live_tap() if live else None)


def record_night(
    *,
    leagues: tuple[str, ...],
    all_leagues: bool,
    record_for: str | None,
    tape: str | None,
    upstream: str | None,
    poll_live: str | None,
    poll_idle: str | None,
    live_tap: LiveTap | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """
    Do what `record` does, with the options as they were given, and with a live engine's tap.

    Raises:
        UsageError: an option cannot be meant.
        LockedError: somebody else records this tape.
        UpstreamError: nobody gave a usable answer.
        LossyError: a source that was asked never gave one.
    """
    import asyncio

    from recorder.clock import SystemClock
    from recorder.lineup import check_manners
    from recorder.net.label import served_label

    live_s, idle_s = _seconds(poll_live), _seconds(poll_idle)
    if upstream is not None and idle_s is None:
        # A night that is played back has the dates of its own day: by our clock none of its games is ever near.
        idle_s = live_s if live_s is not None else load_config().config.poll_live_s
    polls = {"poll_live_s": live_s, "nba_poll_live_s": live_s, "poll_idle_s": idle_s}
    settings = load_config({"leagues": list(leagues) or None, **polls}, upstream=upstream)
    wanted = _leagues(settings.config, all_leagues=all_leagues)
    for_ns = None if record_for is None else parse_duration_ns(record_for)
    check_manners(settings.config)
    path = _tape_path(settings.config, tape, wanted, SystemClock().now_ns())
    if dry_run:
        _say_plan_of_asking(settings.config, wanted, path, as_json=as_json)
        return
    label = "" if upstream is None else asyncio.run(served_label(upstream))
    _record(settings.config, wanted, path, for_ns, live_tap, label=label, as_json=as_json)


@click.command()
@click.option("--league", "leagues", multiple=True, metavar="KEY", help=_LEAGUE_HELP)
@click.option("--date", "date", metavar="YYYY-MM-DD", help="A game day of New York; today.")
@click.option("--upstream", metavar="URL", help=_UPSTREAM_HELP)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def games(*, leagues: tuple[str, ...], date: str | None, upstream: str | None, as_json: bool) -> None:
    """
    Show which game belongs to which market, how surely, and which has none.

    \b
    gametape games
    gametape games --league nba --date 2026-01-15
    gametape games --json
    """
    import asyncio

    from recorder.games import look_at
    from recorder.leagues import game_date

    settings = load_config({"leagues": list(leagues) or None}, upstream=upstream)
    now_ns = _noon_ns(date)
    plan = asyncio.run(look_at(settings.config, _leagues(settings.config), now_ns))
    day = game_date(now_ns)
    shown = [game for game in plan.games if game.start_ns is None or game_date(game.start_ns) == day]
    alone = [game for game in plan.unmatched if game.start_ns is None or game_date(game.start_ns) == day]
    if as_json:
        echo_json({"schema": "gametape.games/1", "date": day.isoformat(), "games": shown, "unmatched": alone})
        return
    for game in shown:
        teams = safe(f"{game.away} @ {game.home}")
        click.echo(
            f"{_hour(game.start_ns)}  {safe(game.game_id):<16} {teams:<36} {game.confidence:<7} {game.market_id}"
        )
    for one in alone:
        teams = safe(f"{one.away} @ {one.home}")
        click.echo(f"{_hour(one.start_ns)}  {safe(one.game_id):<16} {teams:<36} UNMATCHED {safe(one.reason)}")
    click.echo(f"{day}: {len(shown)} games with a market, {len(alone)} without", err=True)


@click.group()
def config() -> None:
    """
    Show every setting and where its value came from.

    \b
    gametape config show
    gametape config show --json
    """


@config.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show(*, as_json: bool) -> None:
    """Show every setting, its value and its source: default, gametape.toml, or a GAMETAPE_ variable."""
    rows = _settings_rows(load_config())
    if as_json:
        echo_json({"schema": "gametape.config/1", "settings": rows})
        return
    for row in rows:
        click.echo(f"{row['key']:<16} {_text(row['value']):<56} {row['source']}")


# Recording ---------------------------------------------------------------------------------------------------


def _record(
    config: Config,
    leagues: Sequence[League],
    path: Path,
    for_ns: int | None,
    live_tap: LiveTap | None,
    *,
    label: str,
    as_json: bool,
) -> None:
    import asyncio

    from recorder.clock import SystemClock
    from recorder.progress import Tally

    writer = _open_tape(config, path, label)
    clock = SystemClock(not_before_ns=writer.last_ns)
    tally = Tally(durable_seq=writer.next_seq - 1)
    first_seq = writer.next_seq
    click.echo(f"recording {', '.join(league.key for league in leagues)} to {path}; Ctrl-C ends it", err=True)
    try:
        asyncio.run(_run(config, leagues, writer, clock, tally, for_ns, live_tap))
    finally:
        _summarise(tally, path, first_seq, as_json=as_json)
    unheard = tally.unheard
    why = "; ".join(f"{name}: {safe(last)}" for name, last in unheard.items()) or "none came before the end"
    if not tally.answers:
        raise UpstreamError("no source gave a usable answer", why=why, hint="what is asked: gametape record --dry-run")
    if unheard:
        raise LossyError(f"recorded, but without {', '.join(unheard)}", why=why, hint=f"gametape info {path}")


async def _run(
    config: Config,
    leagues: Sequence[League],
    writer: TapeWriter,
    clock: SystemClock,
    tally: Tally,
    for_ns: int | None,
    live_tap: LiveTap | None,
) -> None:
    import asyncio
    from random import Random

    from recorder.lineup import lineup
    from recorder.plan import Planner
    from recorder.session import Session
    from recorder.tape.reserve import Reserve
    from recorder.tape.sealer import Sealer

    with ExitStack() as stack:
        companion = None if live_tap is None else stack.enter_context(live_tap(writer.path))
        reserve = stack.enter_context(Reserve(writer.path, config.reserve_mib << 20))
        if config.reserve_mib and not reserve.is_held:
            click.echo(f"no room to set {config.reserve_mib} MiB aside: the disk is nearly full", err=True)
        feeds = lineup(config, leagues, rng=Random(clock.now_ns()))

        def durable(seq: int) -> None:
            tally.on_durable(seq)
            if companion is not None:
                companion.on_durable(seq)

        session = Session(
            writer,
            clock,
            feeds,
            Planner(config.markets, config.aliases),
            config,
            taps=[tally] if companion is None else [tally, *companion.taps],
            on_durable=durable,
            make_room=reserve.release,
            sealer=Sealer(writer) if config.seal_while_recording else None,
        )
        _stop_on_signals(session)
        try:
            async with asyncio.TaskGroup() as group:
                showing = group.create_task(_show(tally, clock))
                await session.run(for_ns=for_ns, companion=companion)
                showing.cancel()
        except BaseExceptionGroup as failures:
            # The session says one thing; the group around it is ours and nobody's news.
            raise failures.exceptions[0] from None


def _stop_on_signals(session: Session) -> None:
    """Let the first Ctrl-C or SIGTERM end a session in good order, and the end of the terminal or ssh it runs in."""
    import asyncio
    import signal

    loop, numbers = asyncio.get_running_loop(), [signal.SIGINT, signal.SIGTERM]
    # Under nohup it is ignored: whoever asked for that means the recording to go on.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)

    def stop() -> None:
        # A second signal finds its usual meaning again.
        for number in numbers:
            loop.remove_signal_handler(number)
        click.echo("stopping: closing sockets, writing the rest", err=True)
        session.stop()

    for number in numbers:
        loop.add_signal_handler(number, stop)


def _open_tape(config: Config, path: Path, label: str) -> TapeWriter:
    """Begin the tape, or go on with it where it exists."""
    from recorder.clock import SystemClock
    from recorder.tape.writer import TapeWriter

    segment_bytes = config.segment_mib << 20
    if (path / "tape.json").exists():
        return TapeWriter.resume(path, segment_raw_bytes=segment_bytes)
    make_folder(path.parent)
    return TapeWriter.create(path, created_ns=SystemClock().now_ns(), label=label, segment_raw_bytes=segment_bytes)


def _live_tap() -> LiveTap:
    """Find the live engine's tap: the entry point `live` of the group `gametape.taps`."""
    from importlib.metadata import entry_points

    found = entry_points(group="gametape.taps", name="live")
    if not found:
        raise UsageError(
            "--live finds no engine",
            why="no installed package has the entry point `live` in the group `gametape.taps`",
            hint="record without --live; the tape can be replayed at any time",
        )
    tap: LiveTap = next(iter(found)).load()
    return tap


async def _show(tally: Tally, clock: SystemClock) -> None:
    """Show progress on stderr for ever: one changing line on a terminal, a plain line every ten seconds elsewhere."""
    import asyncio
    import sys

    if not sys.stderr.isatty():
        while True:
            await asyncio.sleep(_PLAIN_LINE_S)
            click.echo(safe(tally.line(clock.now_ns())), err=True)
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    with console.status("starting") as status:
        while True:
            await asyncio.sleep(0.25)
            line = Text(safe(tally.line(clock.now_ns(), feeds_max=4)))
            line.truncate(max(10, console.width - 3), overflow="ellipsis")
            status.update(line)


def _summarise(tally: Tally, path: Path, first_seq: int, *, as_json: bool) -> None:
    seconds = (tally.last_ns - tally.first_ns) / 1e9
    if as_json:
        feeds = {
            name: {"events": count.events, "answers": count.answers, "gaps": count.gaps}
            for name, count in sorted(tally.feeds.items())
        }
        facts = {"schema": "gametape.record/1", "tape": str(path), "events": tally.events, "first_seq": first_seq}
        more = {"durable_seq": tally.durable_seq, "games": tally.games, "decisions": tally.decisions}
        echo_json({**facts, **more, "feeds": feeds, "gaps": tally.gaps, "seconds": round(seconds, 3)})
        return
    click.echo(f"{path}: {tally.events:,} events in {seconds:.0f} s, {tally.games} games, {tally.bytes:,} bytes")
    for name, count in sorted(tally.feeds.items()):
        why = f"  last: {safe(count.last_why)}" if count.gaps else ""
        click.echo(f"  {name:<20} {count.events:>9,} events  {count.gaps:>4} gaps{why}")
    if tally.decisions:
        click.echo(f"  {tally.decisions:,} signals decided live; gametape verify --parity {path} decides them anew")
    click.echo(f"next: gametape verify {path}; gametape seal {path}; gametape replay {path}")


def _say_plan_of_asking(config: Config, leagues: Sequence[League], path: Path, *, as_json: bool) -> None:
    """Say what would be asked first, which is all that is known before the first answers."""
    from random import Random

    from recorder.clock import SystemClock
    from recorder.feeds.base import Get, Start
    from recorder.lineup import lineup

    now_ns = SystemClock().now_ns()
    asked = [
        {"feed": feed.name, "method": "GET" if command.body is None else "POST", "url": command.url}
        for feed in lineup(config, leagues, rng=Random(0))
        for command in feed.step(Start(), now_ns)
        if isinstance(command, Get)
    ]
    later = [
        {"feed": "polymarket.market", "method": "SOCKET", "url": config.market_ws_url},
        {"feed": "polymarket.book", "method": "POST", "url": f"{config.clob_url}/books"},
    ]
    exists = (path / "tape.json").exists()
    if as_json:
        echo_json({"schema": "gametape.record/1", "dry_run": True, "tape": str(path), "asked": asked, "later": later})
        return
    click.echo(f"tape {path} ({'would be gone on with' if exists else 'would be new'})")
    for row in asked:
        click.echo(f"{row['feed']:<18} {row['method']:<6} {row['url']}")
    click.echo("once games and markets are matched:")
    for row in later:
        click.echo(f"{row['feed']:<18} {row['method']:<6} {row['url']}")


# Small things ------------------------------------------------------------------------------------------------


def _leagues(config: Config, *, all_leagues: bool = False) -> list[League]:
    from recorder.leagues import LEAGUES, league_of

    if all_leagues:
        return list(LEAGUES.values())
    leagues = [league_of(key) for key in dict.fromkeys(config.leagues)]
    if not leagues:
        raise UsageError("no league to record", hint="gametape record --league nba")
    return leagues


def _seconds(duration: str | None) -> float | None:
    return None if duration is None else parse_duration_ns(duration) / 1e9


def _tape_path(config: Config, tape: str | None, leagues: Sequence[League], now_ns: int) -> Path:
    """Return where the tape is: a path as it is given, a name below the tapes directory, or tonight's own name."""
    from recorder.leagues import LEAGUES, game_date

    if tape is None:
        keys = "-".join(league.key for league in leagues)
        name = "all" if len(leagues) == len(LEAGUES) else keys
        tape = f"{game_date(now_ns)}-{name}"[:64]
    if Path(tape).name in {"", ".."}:  # the tapes directory itself must never become a tape
        raise UsageError(
            f"--tape {tape!r} names no tape", hint="a name such as tonight, or a path such as /data/tonight"
        )
    return Path(tape) if "/" in tape else Path(config.tapes_dir) / tape


def _noon_ns(date: str | None) -> int:
    """Return noon in New York of a date, when that day's games are ahead; now for no date."""
    from datetime import datetime

    from recorder.clock import SystemClock
    from recorder.leagues import GAME_ZONE

    if date is None:
        return SystemClock().now_ns()
    try:
        noon = datetime.strptime(date, "%Y-%m-%d").replace(hour=12, tzinfo=GAME_ZONE)
    except ValueError as error:
        raise UsageError(f"not a date: {date!r}", why=str(error), hint="--date 2026-01-15") from error
    return int(noon.timestamp()) * SECOND_NS


def _hour(start_ns: int | None) -> str:
    from recorder.leagues import GAME_ZONE

    if start_ns is None:
        return "  ?  "
    return utc(start_ns).astimezone(GAME_ZONE).strftime("%H:%M")


def _settings_rows(settings: Settings) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": getattr(settings.config, key), "source": source}
        for key, source in settings.sources.items()
    ]


def _text(value: object) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)
