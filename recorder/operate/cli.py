"""The verbs of an operator: info, doctor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from recorder.envelope import Envelope
from recorder.tape import show

if TYPE_CHECKING:
    from recorder.config import Config
    from recorder.operate.doctor import Check
    from recorder.operate.receipt import Receipts

__all__ = ["doctor", "info"]


@click.command()
@click.argument("tape")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(tape: str, as_json: bool) -> None:
    """
    Say what a tape holds: feeds, times, gaps, digest.

    \b
      gametape info tonight
      gametape info tapes/tonight --json | jq .gaps

      gametape info tonight --json | jq '.receipts[] | {game_id, verdict}'

    A gap is a stretch in which a feed was blind: its connection closed, its requests failed, or it was silent though it
    should not have been. A receipt says of a game for how much of its time each source covered it; complete means 99 %
    of every one.
    """
    from recorder.config import load_config
    from recorder.operate.receipt import Receipts
    from recorder.tape.locate import locate_tape, tape_bytes
    from recorder.tape.reader import open_tape
    from recorder.tape.summary import summarise

    path = locate_tape(tape, Path(load_config().config.tapes_dir))
    opened, receipts = open_tape(path), Receipts()
    summary = summarise(_shown_to(receipts, opened.read()))
    feeds = {
        name: {**msgspec.to_builtins(feed), "coverage": summary.coverage(name)}
        for name, feed in sorted(summary.feeds.items())
    }
    facts = {
        "schema": "gametape.info/1",
        "tape": opened.name,
        "digest": opened.digest(),
        "events": len(opened),
        "feeds": feeds,
        "first_ns": opened.first_ns,
        "last_ns": opened.last_ns,
        "gaps": msgspec.to_builtins(summary.gaps),
        "receipts": msgspec.to_builtins(receipts.all()),
        "label": opened.label,
        "created_ns": opened.created_ns,
        "closed": opened.closed,
        "lost": opened.lost,
        "torn": [{"file": torn.file, "offset": torn.offset} for torn in opened.torn],
        "bytes": tape_bytes(path),
    }
    if as_json:
        show.echo_json(facts)
    else:
        _print_info(facts)


@click.command()
@click.option("--tonight", is_flag=True, help="Also ask for tonight's games and their markets.")
@click.option("--network", is_flag=True, help="Also ask every host for its address, an answer and the time.")
@click.option("--league", "leagues", multiple=True, metavar="KEY", help="With --tonight: these leagues.")
@click.option("--upstream", metavar="URL", help="Ask this base address instead of every public one.")
@click.option("--port", type=click.IntRange(1, 65535), default=8787, show_default=True, help="The live API's port.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(
    tonight: bool, network: bool, leagues: tuple[str, ...], upstream: str | None, port: int, as_json: bool
) -> None:
    """
    Check that this machine is ready to record, and that the last night ended well.

    \b
      gametape doctor
      gametape doctor --tonight --league nba       before the game: is every game matched?
      gametape doctor --network                    does every source answer?
      gametape doctor --json | jq '.checks[] | select(.level != "ok")'

    Each check is ok, warn or fail, with what to do. Nothing is asked of the network unless you say so. Exit code 0, or
    1 where a check fails.
    """
    from recorder.clock import SystemClock
    from recorder.config import load_config
    from recorder.errors import Exit, UsageError
    from recorder.operate.doctor import Check, check_machine

    try:
        config = load_config({"leagues": list(leagues) or None}, upstream=upstream).config
    except UsageError as error:
        checks = [Check("configuration", "fail", ": ".join(filter(None, (error.what, error.why))), error.hint)]
    else:
        checks = check_machine(config, SystemClock(), port=port)
        checks += _network_checks(config) if network else []
        checks += _tonight_checks(config) if tonight else []
    is_ok = all(check.level != "fail" for check in checks)
    if as_json:
        show.echo_json({"schema": "gametape.doctor/1", "ok": is_ok, "checks": checks})
    else:
        _print_checks(checks)
    if not is_ok:
        raise SystemExit(Exit.FAILED)


def _network_checks(config: Config) -> list[Check]:
    import asyncio
    from urllib.parse import urlsplit

    from recorder.clock import SystemClock
    from recorder.net.probe import Answer, Unreachable, probe
    from recorder.operate.doctor import check_host

    urls = {
        urlsplit(url).netloc: url for url in msgspec.to_builtins(config.upstream()).values() if isinstance(url, str)
    }
    clock = SystemClock()

    async def ask_all() -> list[Answer | Unreachable]:
        return await asyncio.gather(*(probe(url, clock, user_agent=config.user_agent) for url in urls.values()))

    return [check_host(host, answer) for host, answer in zip(urls, asyncio.run(ask_all()), strict=True)]


def _tonight_checks(config: Config) -> list[Check]:
    import asyncio

    from recorder.clock import SystemClock
    from recorder.errors import UpstreamError
    from recorder.games import look_at
    from recorder.leagues import game_date, league_of
    from recorder.operate.doctor import Check, check_plan
    from recorder.plan import Plan

    now_ns = SystemClock().now_ns()
    try:
        plan = asyncio.run(look_at(config, [league_of(key) for key in dict.fromkeys(config.leagues)], now_ns))
    except UpstreamError as error:
        return [Check("tonight", "fail", f"{error.what}: {error.why}", "gametape doctor --network")]
    day = game_date(now_ns)
    games = tuple(game for game in plan.games if game.start_ns is None or game_date(game.start_ns) == day)
    alone = tuple(game for game in plan.unmatched if game.start_ns is None or game_date(game.start_ns) == day)
    return check_plan(Plan(games, alone), now_ns)


def _print_checks(checks: list[Check]) -> None:
    width = max(len(check.name) for check in checks)
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    for check in checks:
        level = click.style(f"{check.level:<4}", fg=colours[check.level])
        click.echo(f"{level}  {show.safe(check.name):<{width}}  {show.safe(check.said)}")
        if check.fix:
            click.echo(f"      {'':<{width}}  try: {show.safe(check.fix)}")
    counts = {level: sum(check.level == level for check in checks) for level in colours}
    click.echo(", ".join(f"{count} {level}" for level, count in counts.items()), err=True)


def _shown_to(receipts: Receipts, envelopes: Iterable[Envelope]) -> Iterator[Envelope]:
    for envelope in envelopes:
        receipts(envelope)
        yield envelope


def _print_info(facts: dict[str, Any]) -> None:
    click.echo(f"{facts['tape']}  {show.safe(facts['label'])}".rstrip())
    click.echo(f"digest   {facts['digest']}")
    click.echo(f"events   {show.thousands(facts['events'])} in {show.size(facts['bytes'])}")
    click.echo(f"time     {show.moment(facts['first_ns'])} to {show.moment(facts['last_ns'])} UTC, {show.span(facts)}")
    click.echo(f"ended    {'cleanly' if facts['closed'] else 'not cleanly, or is still being recorded'}")
    for torn in facts["torn"]:
        click.echo(f"torn     {torn['file']} at byte {torn['offset']}: a block cut short, never acknowledged")
    for first_seq, last_seq in facts["lost"]:
        click.echo(f"lost     seq {show.seqs(first_seq, last_seq)}")
    rows = [
        [
            show.safe(name),
            show.thousands(feed["events"]),
            show.size(feed["bytes"]),
            f"{feed['coverage']:.2%}",
            " ".join(f"{kind} {show.thousands(count)}" for kind, count in sorted(feed["kinds"].items())),
        ]
        for name, feed in facts["feeds"].items()
    ]
    click.echo()
    show.print_table(["feed", "events", "payload", "coverage", "kinds"], rows, right={1, 2, 3})
    if facts["gaps"]:
        click.echo()
        table = [
            [
                show.safe(gap["feed"]),
                gap["kind"],
                str(gap["seq"]),
                show.moment(gap["from_ns"]),
                "to the end" if gap["until_ns"] is None else f"{(gap['until_ns'] - gap['from_ns']) / 1e9:.1f} s",
                show.safe(gap["why"] if gap["asset"] is None else f"{gap['why']}: {gap['asset'][:16]}…"),
            ]
            for gap in facts["gaps"]
        ]
        show.print_table(["gap", "kind", "seq", "from (UTC)", "lasts", "why"], table, right={2, 4})
    for receipt in facts["receipts"]:
        click.echo()
        _print_receipt(receipt)


def _print_receipt(receipt: dict[str, Any]) -> None:
    teams = show.safe(f"{receipt['away']} @ {receipt['home']}")
    lasted = f", on for {show.hours(receipt['seconds'])}" if receipt["from_ns"] else ""
    click.echo(f"{teams} ({show.safe(receipt['game_id'])}){lasted}: {show.safe(receipt['verdict'])}")
    rows = [
        [
            f"  {show.safe(one['feed'])}",
            show.hours(one["seconds"]),
            f"{one['coverage']:.2%}",
            show.thousands(one["answers"]),
            str(one["gaps"]),
            f"{one['gap_seconds_max']:.1f} s",
            str(one["duplicates"]),
            str(one["reconnects"]),
        ]
        for one in receipt["sources"]
    ]
    head = ["  source", "covered", "share", "answers", "gaps", "longest", "duplicates", "reconnects"]
    show.print_table(head, rows, right=range(1, 8))
