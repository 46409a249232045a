"""What the verbs of the backtest share: options, films with a progress bar, seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import click

from recorder.clock import SystemClock
from recorder.config import parse_duration_ns
from recorder.errors import UsageError

if TYPE_CHECKING:
    from recorder.tape.reader import Tape
    from replay.core.cells import Sizing
    from replay.core.predictions import Predictor
    from replay.film import Film
    from replay.settings import Setting

__all__ = [
    "cell_options",
    "films_of",
    "milliseconds",
    "policy_option",
    "poll_idle_option",
    "predictor_of",
    "predictor_option",
    "progress_bar",
    "setting_of",
    "setting_options",
    "stopwatch",
    "tell_torn",
]

_Verb = TypeVar("_Verb", bound=Callable[..., Any])

_MS_NS = 1_000_000
_SCALED_END = 10**15
_UNIT = 1_000_000
_DOLLARS_MAX = 1_000_000
"""A stake of these, in millionths and times a million, still fits into 64 bits."""
_TO_THE_EDGE = -1


def cell_options(verb: _Verb) -> _Verb:
    """Add the options that make one cell: threshold, polls, delays, and those that every cell of a run shares."""
    for option in reversed(
        (
            click.option("--min-edge", default="5", show_default=True, metavar="CENTS", help="Act from this edge on."),
            click.option(
                "--poll", default=None, metavar="SECONDS", help="Poll scores so often.  [default: as recorded]"
            ),
            click.option(
                "--phase", type=click.IntRange(0), default=0, help="Which seeded phase of the simulated polls."
            ),
            click.option("--book-delay", default="0", metavar="TIME", help="See every book message so much later."),
            click.option("--order-delay", default="0", metavar="TIME", help="From decision to venue: 250ms, 1s."),
            click.option(
                "--venue-delay", default=None, metavar="TIME", help="The venue's own delay.  [default: as recorded]"
            ),
            click.option("--seed", default=0, help="Seed of the simulated polls."),
            policy_option,
            setting_options,
        )
    ):
        verb = option(verb)
    return verb


def policy_option(verb: _Verb) -> _Verb:
    """Add the option that names one policy."""
    return click.option(
        "--policy",
        type=click.Choice(["every", "first-crossing"]),
        default="first-crossing",
        show_default=True,
        help="Act on every evaluation above the threshold, or once per crossing.",
    )(verb)


def poll_idle_option(verb: _Verb) -> _Verb:
    """Add the option of simulated polls while no game is on."""
    return click.option(
        "--poll-idle",
        "poll_idle_ms",
        default="30s",
        show_default=True,
        metavar="TIME",
        callback=lambda _, __, text: _positive_ms(text, "poll-idle"),
        help="With --poll: poll so often while a game is not on.",
    )(verb)


def setting_options(verb: _Verb) -> _Verb:
    """Add the options that every cell of a run shares."""
    for option in reversed(
        (
            click.option("--strategy", default="fusion", show_default=True, help="A name, or path/to/file.py:Name."),
            click.option("--model", "model_name", default="brownian", show_default=True, help="gametape model ls"),
            click.option(
                "--poll-nba",
                default=None,
                metavar="SECONDS",
                help="With --poll: poll the NBA's own scores so often instead.",
            ),
            click.option("--rearm", default=None, metavar="CENTS", help="Re-arm below this edge.  [default: min edge]"),
            click.option("--cooldown", default="0", metavar="TIME", help="At least so long between two orders."),
            click.option("--shares", default="10", show_default=True, help="Shares an order."),
            click.option("--cash", default=None, metavar="DOLLARS", help="Dollars an order, instead of shares."),
            click.option(
                "--kelly", default=None, metavar="FRACTION", help="This part of Kelly's stake, instead of shares."
            ),
            click.option("--bankroll", default="1000", show_default=True, help="Dollars; with --kelly."),
            click.option(
                "--slip",
                default="0",
                metavar="CENTS|edge",
                help="The limit is the ask seen plus this; edge: where the minimum edge is used up.",
            ),
            click.option("--fok", "all_or_none", is_flag=True, help="All or nothing; else what is there is taken."),
            click.option("--cap-shares", default=None, help="At most so many shares of a token."),
            click.option("--cap-cash", default=None, metavar="DOLLARS", help="At most so many dollars in a game."),
            click.option("--exit-edge", default=None, metavar="CENTS", help="Sell when the edge falls below."),
        )
    ):
        verb = option(verb)
    return verb


def predictor_option(verb: _Verb) -> _Verb:
    """Add the option that names a pattern predictor."""
    return click.option(
        "--predictor",
        "predictor_name",
        default=None,
        metavar="NAME|none",
        help="Forecast margins from score patterns.  [default: ensemble, where onnxruntime is installed]",
    )(verb)


def predictor_of(name: str | None) -> Predictor | None:
    """
    Return the predictor of this name; without a name the ensemble, and none where it cannot run here.

    Raises:
        UsageError: there is no such predictor, or what it runs on is not installed.
    """
    from replay.predictors import load_predictor

    if name == "none":
        return None
    try:
        return load_predictor(name or "ensemble")
    except UsageError as error:
        if name is not None:
            raise
        click.echo(f"no forecasts: {error} ({error.hint})", err=True)
        return None


def setting_of(min_edge: str, options: dict[str, object]) -> Setting:
    """
    Return the setting that the options of a verb describe.

    Raises:
        UsageError: an option is not what it should be.
    """
    from replay.core.cells import Policy
    from replay.settings import AS_RECORDED, Setting, View, parse_cents

    def given(name: str) -> str | None:
        value = options.get(name)
        return None if value is None else str(value)

    def units(name: str) -> int | None:
        text = given(name)
        return None if text is None else _scaled(text, name, _UNIT, least=0)

    def cents(name: str) -> int | None:
        text = given(name)
        return None if text is None else parse_cents(text)

    poll, poll_nba = given("poll"), given("poll_nba")
    venue = given("venue_delay")
    if poll_nba is not None and poll is None:
        raise UsageError("--poll-nba says how one source of a simulated poll differs", hint=f"--poll {poll_nba}")
    return Setting(
        view=View(
            poll_ms=AS_RECORDED if poll is None else _scaled(poll, "poll", 1_000, least=1),
            phase=int(given("phase") or 0),
            book_delay_ms=milliseconds(given("book_delay") or "0", "book-delay"),
            nba_poll_ms=0 if poll_nba is None else _scaled(poll_nba, "poll-nba", 1_000, least=1),
        ),
        min_edge_u6=parse_cents(min_edge),
        order_delay_ms=milliseconds(given("order_delay") or "0", "order-delay"),
        venue_delay_ms=AS_RECORDED if venue is None else milliseconds(venue, "venue-delay"),
        policy=Policy.EVERY if options.get("policy") == "every" else Policy.FIRST_CROSSING,
        rearm_u6=cents("rearm"),
        cooldown_ms=milliseconds(given("cooldown") or "0", "cooldown"),
        **_size(options),
        limit_slip_u6=_TO_THE_EDGE if given("slip") == "edge" else cents("slip") or 0,
        all_or_none=bool(options.get("all_or_none")),
        cap_shares_u6=units("cap_shares"),
        cap_cash_u6=units("cap_cash"),
        exit_edge_u6=cents("exit_edge"),
    )


class _Size(TypedDict):
    sizing: Sizing
    size_u6: int
    bankroll_u6: int


def _size(options: dict[str, object]) -> _Size:
    """Return what the size of an order is made of."""
    from replay.core.cells import Sizing
    from replay.settings import Setting

    def given(name: str, default_u6: int, most: int) -> int:
        value = options.get(name)
        return default_u6 if value is None else _scaled(str(value), name, _UNIT, least=1, end=most * _UNIT + 1)

    if options.get("cash") is not None and options.get("kelly") is not None:
        raise UsageError("--cash and --kelly are two sizes of one order", hint="leave one of them out")
    bankroll_u6 = given("bankroll", Setting().bankroll_u6, _DOLLARS_MAX)
    if options.get("kelly") is not None:
        return {"sizing": Sizing.KELLY, "size_u6": given("kelly", _UNIT, 1), "bankroll_u6": bankroll_u6}
    if options.get("cash") is not None:
        return {"sizing": Sizing.CASH, "size_u6": given("cash", _UNIT, _DOLLARS_MAX), "bankroll_u6": bankroll_u6}
    shares_u6 = given("shares", Setting().size_u6, _SCALED_END // _UNIT - 1)
    return {"sizing": Sizing.SHARES, "size_u6": shares_u6, "bankroll_u6": bankroll_u6}


def _scaled(text: str, name: str, scale: int, *, least: int, end: int = _SCALED_END) -> int:
    """Read one number as a whole number of its smallest unit, not below least and not beyond what a fold can hold."""
    from replay.settings import parse_numbers

    option = name.replace("_", "-")
    values = parse_numbers(text, option)
    value = values[0] * scale
    if len(values) > 1:
        raise UsageError(f"--{option} {text} is more than one value", hint="gametape sweep takes lists and ranges")
    if value != int(value) or not least <= value < end:
        raise UsageError(f"--{option} {text} is too small, too large or too fine")
    return int(value)


def milliseconds(text: str, name: str) -> int:
    """
    Read a duration as whole milliseconds.

    Raises:
        UsageError: not a duration, or finer than a millisecond.
    """
    ns = parse_duration_ns(text)
    if ns % _MS_NS:
        raise UsageError(f"--{name} {text} is finer than a millisecond")
    return ns // _MS_NS


def _positive_ms(text: str, name: str) -> int:
    if not (ms := milliseconds(text, name)):
        raise UsageError(f"--{name} {text} holds no time between polls", why="a millisecond is the least")
    return ms


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """Yield a function that returns the seconds since the beginning."""
    clock = SystemClock()
    began_ns = clock.now_ns()
    yield lambda: round((clock.now_ns() - began_ns) / 1e9, 3)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function to be told (done, total): a bar with an estimate on a terminal, a plain line every 10 s else."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    clock = SystemClock()
    said_ns = clock.now_ns()
    if not console.is_terminal:

        def tell(done: int, total: int) -> None:
            nonlocal said_ns
            if clock.now_ns() - said_ns >= 10_000_000_000:
                said_ns = clock.now_ns()
                click.echo(f"{label}: {done:,} of {total:,}", err=True)

        yield tell
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(label)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def tell_torn(tapes: list[Tape]) -> None:
    """Say of which tapes the last block was cut short: what was in it was never acknowledged, and is not played."""
    for tape in tapes:
        if tape.torn:
            click.echo(f"{tape.name} ends in a block that was cut short: gametape recover {tape.path}", err=True)


def films_of(tapes: list[Tape]) -> list[Film]:
    """Return the films of tapes, from the cache where they are there; say so where the compiler is to be waited for."""
    from replay.core.jit import tell_compiling
    from replay.film import open_film
    from replay.find import cache_folder

    tell_compiling(lambda: click.echo("compiling the engine, once for this version of its source", err=True))
    films = []
    for tape in tapes:
        with progress_bar(f"decoding {tape.name}") as tell:
            films.append(open_film(tape, cache_folder("film"), on_progress=tell))
    return films
