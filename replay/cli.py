"""
The program `gametape`: finds the verb that was asked for, loads only that, and turns errors into words and exit codes.

A verb is a click command in some module of ours, named in `VERBS`, or one that an installed package offers under the
entry-point group `gametape.commands`. Nothing but click is imported before a verb is chosen: `--help` is instant.
"""

from __future__ import annotations

import difflib
import errno
import importlib
import importlib.metadata
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from recorder.errors import Exit, GametapeError, UsageError
from recorder.folders import CANNOT_BE_MEANT

__all__ = ["PLUGIN_GROUP", "VERBS", "Verb", "app", "main", "run"]

PLUGIN_GROUP = "gametape.commands"
_OURS = ("recorder", "replay", "strategies")
_WORDS_MAX = 600
_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS})


@dataclass(frozen=True, slots=True)
class Verb:
    """
    One verb: whom it serves, where its click command is, and its line in the help.

    An empty target means that the verb comes through an entry point; the line is kept here so that help loads nothing.
    """

    section: str
    target: str
    line: str


_RECORD = "Record a game night"
_TAPES = "Tapes"
_BACKTEST = "Backtest"
_MODELS = "Models"
_PLUGINS = "Plug-ins"

VERBS: dict[str, Verb] = {
    "record": Verb(_RECORD, "recorder.cli:record", "Record tonight's games and markets, byte for byte."),
    "live": Verb(_RECORD, "replay.verbs.live:live", "Record, and decide as it comes."),
    "doctor": Verb(_RECORD, "recorder.operate.cli:doctor", "Check that this machine is ready for a night."),
    "top": Verb(_RECORD, "replay.verbs.top:top", "Watch a recording on one screen, worst first."),
    "games": Verb(_RECORD, "recorder.cli:games", "Show which game belongs to which market."),
    "config": Verb(_RECORD, "recorder.cli:config", "Show every setting and where its value came from."),
    "chaos": Verb(_RECORD, "recorder.chaos.cli:chaos", "Record a simulated night of faults; say what was lost."),
    "ls": Verb(_TAPES, "recorder.tape.cli:ls", "List the tapes of a directory."),
    "info": Verb(_TAPES, "recorder.operate.cli:info", "Say what a tape holds: feeds, gaps, a receipt per game."),
    "cat": Verb(_TAPES, "recorder.tape.cli:cat", "Print envelopes, one JSON line each."),
    "tail": Verb(_TAPES, "recorder.tape.cli:tail", "Print the last envelopes and follow a tape being written."),
    "verify": Verb(_TAPES, "recorder.tape.cli:verify", "Check every byte of a tape and locate damage."),
    "recover": Verb(_TAPES, "recorder.tape.cli:recover", "Say (and with --write do) what makes a damaged tape whole."),
    "seal": Verb(_TAPES, "recorder.tape.cli:seal", "Turn the block log of a finished tape into Parquet."),
    "decode": Verb(_TAPES, "replay.verbs.decode:decode", "Say what recorded bytes mean, one event a line."),
    "film": Verb(_TAPES, "replay.verbs.film:film", "Decode tapes ahead of time; check what was decoded."),
    "excerpt": Verb(_TAPES, "replay.verbs.excerpt:excerpt", "Cut a short stretch out of a tape, as a tape."),
    "sql": Verb(_TAPES, "replay.verbs.sql:sql", "Ask a tape in SQL."),
    "replay": Verb(_BACKTEST, "replay.verbs.replay:replay", "Play tapes through the live engine and write a ledger."),
    "sweep": Verb(_BACKTEST, "replay.verbs.sweep:sweep", "Sweep minimum edge, poll interval and order delay."),
    "holdout": Verb(_BACKTEST, "replay.verbs.holdout:holdout", "Seal nights until the setting is chosen."),
    "report": Verb(_BACKTEST, "replay.verbs.report:report", "Make one self-contained HTML page of a run."),
    "golden": Verb(_BACKTEST, "replay.verbs.golden:golden", "Check that no decision has moved since the golden run."),
    "play": Verb(_BACKTEST, "replay.verbs.play:play", "Serve a tape back over the protocols it came from."),
    "synth": Verb(_BACKTEST, "replay.verbs.synth:synth", "Make a simulated night in the exact wire formats."),
    "import": Verb(_BACKTEST, "replay.verbs.import_:import_", "Make a tape of quotes, plays or frames from files."),
    "inject": Verb(_BACKTEST, "replay.verbs.inject:inject", "Put faults into a recording; check what must hold."),
    "demo": Verb(_BACKTEST, "replay.verbs.demo:demo", "Run the whole story on the sample tape, in under a minute."),
    "model": Verb(_MODELS, "", "Fit, evaluate and describe win-probability models."),
}

_EXAMPLES = """\
Record live sports and prediction markets as they arrive, and replay them through the code that ran live.

\b
  gametape record --league nba --for 4h               record tonight
  gametape verify tapes/2026-01-15-nba                is every byte what was written?
  gametape replay tapes/2026-01-15-nba --min-edge 5   what would we have done?
  gametape sweep tapes/* --min-edge 1:10:0.5 --poll 2,5,10,30 --out runs/january
  gametape report runs/january --open                 the answer in pictures

Data goes to stdout, everything else to stderr. Exit codes: 0 ok, 1 failed, 2 usage, 3 done but lossy, 4 regression,
5 corrupt, 6 disk, 7 locked, 8 upstream unavailable.
"""


class _Program(click.Group):
    """The group of all verbs, loaded one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every verb, ours in the order of the table, then those of plug-ins."""
        del ctx
        return [*VERBS, *sorted(set(_plugins()) - set(VERBS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one verb; None where there is no such verb."""
        del ctx
        verb = VERBS.get(cmd_name)
        if verb is not None and verb.target:
            return _load(cmd_name, verb.target)
        entry = _plugins().get(cmd_name)
        if entry is not None:
            return _load(cmd_name, entry.value)
        if verb is not None:
            raise UsageError(
                f"`{cmd_name}` is not installed",
                why=f"no installed package offers it under the entry-point group {PLUGIN_GROUP}",
                hint="pip install -e .",
            )
        return None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb that args begin with, or suggest the nearest one."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f"gametape {near[0]} --help" if near else "gametape --help"
            raise UsageError(f"there is no verb `{name}`", why=f"did you mean `{near[0]}`?" if near else "", hint=hint)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs by section without loading any, then the options."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for name, verb in VERBS.items():
            rows.setdefault(verb.section, []).append((name, verb.line))
        for name, entry in sorted(_plugins().items()):
            if name not in VERBS:
                origin = entry.dist.name if entry.dist else entry.module
                rows.setdefault(_PLUGINS, []).append((name, f"From the package {origin}."))
        width = max(len(name) for names in rows.values() for name, _ in names)
        for section, lines in rows.items():
            with formatter.section(section):
                formatter.write_dl([(name.ljust(width), line) for name, line in lines])
        click.Command.format_options(self, ctx, formatter)

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb. A reader that has seen enough (`gametape cat … | head`) is no error."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # What is still buffered would fail once more at exit; let it go where nobody complains.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise click.exceptions.Exit(Exit.OK) from None
        return result


def _plugins() -> dict[str, importlib.metadata.EntryPoint]:
    return {entry.name: entry for entry in importlib.metadata.entry_points(group=PLUGIN_GROUP)}


def _load(name: str, target: str) -> click.Command:
    module_name, _, attribute = target.partition(":")
    try:
        command = getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in _OURS:
            raise
        raise UsageError(
            f"`{name}` needs {error.name}, which is not installed", hint="pip install -e '.[research]'"
        ) from error
    if not isinstance(command, click.Command):
        raise TypeError(f"{target} is {type(command).__name__}, not a click command")
    return command


@click.group(
    cls=_Program, help=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="gametape", message="%(prog)s %(version)s")
@click.option("--traceback", is_flag=True, envvar="GAMETAPE_TRACEBACK", help="On a failure of ours, show where.")
def app(*, traceback: bool) -> None:
    """Take the options that stand before the verb."""
    del traceback  # read by run(), which must know it even where the verb never starts


def run(args: Sequence[str] | None = None) -> int:
    """
    Run one command line, without the program's name, and return the exit code.

    Args None means the process's own. Every failure is told on stderr as what, why and the next command; a traceback is
    shown only with `--traceback` or GAMETAPE_TRACEBACK=1.
    """
    words = list(sys.argv[1:] if args is None else args)
    try:
        result = app.main(args=words, prog_name="gametape", standalone_mode=False)
    except GametapeError as error:
        _tell(error.what, error.why, error.hint)
        return error.exit_code
    except click.UsageError as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            click.echo(error.format_message(), err=True)
        else:
            _tell(error.format_message(), "", f"{error.ctx.command_path if error.ctx else 'gametape'} --help")
        return Exit.USAGE
    except click.ClickException as error:
        _tell(error.format_message(), "", "")
        return error.exit_code
    except click.Abort:
        return 130
    except OSError as error:
        number = error.errno or _number_of(error)
        return _refused(error if number == error.errno else OSError(number, os.strerror(number or 0)), words)
    except MemoryError:
        _tell("there is not enough memory for this", "", "a smaller part of it, or another machine")
        return Exit.FAILED
    except Exception as error:  # noqa: BLE001 the last line of defence: a user gets words, a developer asks for the rest
        number = _number_of(error)
        return _confess(error, words) if number is None else _refused(OSError(number, os.strerror(number)), words)
    return result if isinstance(result, int) else Exit.OK


def main() -> None:
    """Run the program and exit."""
    _open_what_is_closed()
    sys.exit(run())


def _open_what_is_closed() -> None:
    """Let nothing take the number of a standard stream that was closed: what is meant for people would go into it."""
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(fd)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), fd)
            setattr(sys, name, os.fdopen(fd, "w" if fd else "r", encoding="utf-8"))


def _tell(what: str, why: str, hint: str) -> None:
    """Say it in at most three lines, whatever a file or a library put into the words."""
    from recorder.tape.show import safe

    for head, text in (("error: ", what), ("  why: ", why), ("  try: ", hint)):
        if text:
            words = safe(" ".join(text.splitlines()))
            click.echo(head + (words if len(words) <= _WORDS_MAX else f"{words[:_WORDS_MAX]} …"), err=True)


def _number_of(error: Exception) -> int | None:
    """
    Return the number with which the disk refused, where a library only put it into words.

    polars ends them in `(os error 28)`; numpy says of a disk that is full how much of an array it wrote.
    """
    told = str(error)
    found = re.search(r"\(os error ([0-9]{1,3})\)", told)
    if found and int(found[1]) in _DISK:
        return int(found[1])
    is_cut_short = isinstance(error, OSError) and re.fullmatch(r"[0-9]+ requested and [0-9]+ written", told)
    return errno.ENOSPC if is_cut_short else None


def _refused(error: OSError, words: list[str]) -> int:
    """Tell of what the system would not do; only a disk that is full or broken, or not ours, was to be expected."""
    if error.errno in _DISK:
        where = f"while writing {error.filename}" if error.filename else ""
        _tell(f"the disk refused: {error.strerror}", where, "df -h")
        return Exit.DISK
    if isinstance(error, PermissionError) and error.filename:
        _tell(f"may not use {error.filename}", error.strerror or "", "gametape config show names the folders in use")
        return Exit.DISK
    if error.errno in CANNOT_BE_MEANT - {errno.ENOENT, errno.EINVAL} and error.filename:
        _tell(f"{error.filename} cannot be used", error.strerror or "", "gametape config show names the folders in use")
        return Exit.USAGE
    return _confess(error, words)


def _confess(error: Exception, words: list[str]) -> int:
    """Tell of a failure that nobody foresaw."""
    with app.make_context("gametape", list(words), resilient_parsing=True) as ctx:
        if ctx.params.get("traceback"):
            raise error
    where = error.filename if isinstance(error, OSError) and error.filename else ""
    what = f"{error.strerror}: {where}" if where and isinstance(error, OSError) else f"{type(error).__name__}: {error}"
    _tell(what, "this was not foreseen", "the same command as `gametape --traceback …`, to see where")
    return Exit.FAILED


if __name__ == "__main__":
    main()
