"""How a look at a recording is drawn for a terminal: the verdict first, then what is worst."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from recorder.operate.look import FeedLook, GameLook, Look
from recorder.tape.show import hours, moment, safe, size

__all__ = ["draw"]

_GOOD, _BAD, _STALE = "bold green", "bold red", "dim"
_FEED_COLUMNS = ("feed", "state", "age", "msg/s", "usual", "gaps", "reconn.", "lag p50", "lag p99")
_SPARED = frozenset({"usual", "lag p50"})
_WIDE, _WHY_MIN = 100, len("last trouble")


def draw(seen: Look, *, width: int = 160, rows_max: int = 100) -> Group:
    """Return a look as something that rich prints on so many columns; at most so many rows for games."""
    verdict = Text(safe(seen.verdict), style=_BAD if seen.reasons else _GOOD)
    title = Text.assemble(
        (safe(seen.tape), "bold"),
        (f"  {safe(seen.label.upper())}" if seen.label else "", _BAD),
        f"  {moment(seen.at_ns)} UTC  {seen.events:,} events in {hours(seen.seconds)}",
    )
    hidden = len(seen.games) - rows_max
    known = [Text(safe(f"acknowledged: {reason.text}"), style=_STALE) for reason in seen.acknowledged]
    parts: list[Text | Table] = [title, verdict, *known, Text(), _feeds(seen, width)]
    if seen.games:
        parts += [Text(), _games(seen, rows_max)]
    if hidden > 0:
        parts.append(Text(f"{hidden} more games", style=_STALE))
    return Group(*parts, Text(), _machine(seen))


def _table(*columns: str, left: int = 2) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for at, name in enumerate(columns):
        table.add_column(name, justify="left" if at < left else "right", no_wrap=True)
    return table


def _feeds(seen: Look, width: int) -> Table:
    """Draw the feeds; on a narrow terminal without what can be done without, never with numbers cut short."""
    rows = [_feed(one) for one in seen.feeds]
    columns = [name for name in _FEED_COLUMNS if width >= _WIDE or name not in _SPARED]
    widths = [max(len(name), *(len(row[name]) for row in rows), 0) for name in columns] if rows else []
    left = width - sum(widths) - 2 * len(widths)
    table = _table(*columns)
    if left >= _WHY_MIN:
        table.add_column("last trouble", no_wrap=True, overflow="ellipsis", max_width=left)
    for one, row in zip(seen.feeds, rows, strict=True):
        cells = [Text(row[name], style=_feed_style(one) if name == "state" else "") for name in columns]
        why = [Text(safe(one.why), style=_STALE)] if left >= _WHY_MIN else []
        table.add_row(*cells, *why, style=_STALE if one.state == "STALE" else "")
    return table


def _feed(one: FeedLook) -> dict[str, str]:
    cells = (
        safe(one.feed),
        one.state,
        _seconds(one.age_s),
        f"{one.rate:.1f}",
        f"{one.usual_rate:.1f}",
        str(one.gaps),
        str(one.reconnects),
        _milliseconds(one.lag_p50_ms),
        _milliseconds(one.lag_p99_ms),
    )
    return dict(zip(_FEED_COLUMNS, cells, strict=True))


def _feed_style(one: FeedLook) -> str:
    return {"LIVE": "green", "WAITING": "", "STALE": _STALE}.get(one.state, _BAD)


def _games(seen: Look, rows_max: int) -> Table:
    table = _table("game", "score", "book age", "recorded")
    stands_still = any(reason.is_fatal for reason in seen.reasons)
    for one in seen.games[:rows_max]:
        table.add_row(*_game(one), style=_STALE if stands_still else "")
    return table


def _game(one: GameLook) -> tuple[str, str, str, str]:
    age = "no book" if one.book_age_s is None else _seconds(one.book_age_s)
    return safe(f"{one.away} @ {one.home}"), safe(one.score) or "-", age, size(one.bytes)


def _machine(seen: Look) -> Text:
    machine = seen.machine
    hours = "?" if seen.disk_hours is None else f"{seen.disk_hours:,.0f}"
    memory = "" if machine.resident_bytes is None else f"memory {size(machine.resident_bytes)}"
    durable = f"durable {seen.behind_s:.1f} s ago"
    who = ["no recorder"] if machine.pid is None else [f"recorder {machine.pid}", memory, durable]
    disk = f"disk {size(machine.disk_free_bytes)} free, {hours} h"
    return Text("  ".join(filter(None, [*who, f"tape {size(machine.tape_bytes)}", disk])), style="cyan")


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return hours(seconds) if seconds < 48 * 3600 else f"{seconds / 86_400:.0f} days"


def _milliseconds(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.0f} ms" if abs(milliseconds) < 10_000 else _seconds(milliseconds / 1000)
