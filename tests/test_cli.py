"""The program: its help, its errors, its exit codes."""

from __future__ import annotations

import errno
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from recorder import errors
from replay import cli

ROOT = Path(__file__).resolve().parents[1]
HEAVY = (
    "aiohttp",
    "duckdb",
    "jinja2",
    "msgspec",
    "numba",
    "numpy",
    "polars",
    "pyarrow",
    "rich",
    "websockets",
    "asyncio",
)


def gametape(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "replay.cli", *args],
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def verb(monkeypatch):
    """Plant a verb `planted` that runs the given function."""

    def plant(function):
        command = click.command("planted")(function)
        monkeypatch.setattr(cli, "planted", command, raising=False)
        monkeypatch.setitem(cli.VERBS, "planted", cli.Verb("Tapes", "replay.cli:planted", "Planted."))

    return plant


def test_help_imports_nothing_heavy():
    """`gametape --help` loads click and our table, no library that takes long to load."""
    program = (
        "import sys\nfrom replay.cli import run\nassert run(['--help']) == 0\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stderr.strip() == "[]"


def test_help_names_every_verb_with_examples_first():
    """Examples stand before the verbs, and every verb has its line."""
    done = gametape("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    examples, _, verbs = done.stdout.partition("Record a game night:")
    assert "gametape record --league nba" in examples
    lines = {line.split()[0] for line in verbs.splitlines() if line.startswith("  ")}
    assert set(cli.VERBS) <= lines


def test_version_is_that_of_the_distribution():
    """`--version` names the program and its version."""
    done = gametape("--version")
    assert done.stdout == "gametape 0.1.0\n"


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_verb_loads_and_shows_help(name):
    """Every verb of the table is a click command whose help has a first line."""
    context = click.Context(cli.app)
    command = cli.app.get_command(context, name)
    assert command is not None
    assert command.get_short_help_str()


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_verb_tells_its_examples_first(name):
    """The help of a verb shows what to type before it lists options."""
    command = cli.app.get_command(click.Context(cli.app), name)
    assert isinstance(command, click.Command)
    assert f"gametape {name}" in (command.help or "")


def test_an_unknown_verb_is_a_usage_error_with_a_suggestion(capsys):
    """A mistyped verb exits 2 and names the nearest one; nothing goes to stdout."""
    assert cli.run(["sweeep"]) == errors.Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: there is no verb `sweeep`\n  why: did you mean `sweep`?\n  try: gametape sweep --help\n"


def test_a_verb_like_no_other_gets_the_help(capsys):
    """Where nothing is near, the error names the help and guesses nothing."""
    assert cli.run(["zzzzzz"]) == errors.Exit.USAGE
    assert capsys.readouterr().err == "error: there is no verb `zzzzzz`\n  try: gametape --help\n"


def test_an_unknown_option_is_a_usage_error(capsys):
    """A mistyped option exits 2 and says where to look."""
    assert cli.run(["--versoin"]) == errors.Exit.USAGE
    assert "try: gametape --help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.GametapeError, 1),
        (errors.UsageError, 2),
        (errors.LossyError, 3),
        (errors.RegressionError, 4),
        (errors.CorruptError, 5),
        (errors.DiskError, 6),
        (errors.LockedError, 7),
        (errors.UpstreamError, 8),
    ],
)
def test_an_error_says_what_why_and_the_next_command(verb, capsys, error, code):
    """Each of our errors becomes three lines on stderr and its own exit code."""

    def fail():
        raise error("it broke", why="it was old", hint="gametape ls")

    verb(fail)
    assert cli.run(["planted"]) == code
    assert capsys.readouterr() == ("", "error: it broke\n  why: it was old\n  try: gametape ls\n")


def test_an_error_stays_three_lines_that_a_terminal_may_show(verb, capsys):
    """Whatever words a file brought along: no line more, no escape, no end of it."""

    def fail():
        raise errors.UsageError("no\nsuch\ttape", why="\x1b]0;owned\x07" + "9" * 10_000, hint="a\r\nb")

    verb(fail)
    assert cli.run(["planted"]) == errors.Exit.USAGE
    what, why, hint = capsys.readouterr().err.splitlines()
    assert (what, hint) == ("error: no such\N{REPLACEMENT CHARACTER}tape", "  try: a b")
    assert len(why) < 700
    assert "\x1b" not in why


def test_a_full_disk_is_a_disk_error(verb, capsys):
    """ENOSPC from anywhere exits 6 and names the file."""

    def fail():
        raise OSError(errno.ENOSPC, "No space left on device", "tapes/x")

    verb(fail)
    assert cli.run(["planted"]) == errors.Exit.DISK
    assert "tapes/x" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        OSError("68206 requested and 8176 written"),
        RuntimeError("parquet: File out of specification: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_one_whatever_a_library_says(verb, capsys, error):
    """numpy and polars tell of a full disk in words of their own: it exits 6 all the same."""

    def fail():
        raise error

    verb(fail)
    assert cli.run(["planted"]) == errors.Exit.DISK
    assert "No space left on device" in capsys.readouterr().err


def test_a_folder_that_may_not_be_written_is_a_disk_error(verb, capsys):
    """No permission, say for the cache, is foreseen: it exits 6, names the folder and what to look at."""

    def fail():
        raise PermissionError(errno.EACCES, "Permission denied", "/root/.cache/gametape")

    verb(fail)
    assert cli.run(["planted"]) == errors.Exit.DISK
    err = capsys.readouterr().err
    assert err.startswith("error: may not use /root/.cache/gametape\n  why: Permission denied\n")
    assert "not foreseen" not in err


def test_an_unforeseen_failure_is_words_not_a_traceback(verb, capsys):
    """A bug of ours exits 1 with one line of what it was, and says how to see where."""

    def fail():
        raise RuntimeError("wires crossed")

    verb(fail)
    assert cli.run(["planted"]) == errors.Exit.FAILED
    err = capsys.readouterr().err
    assert err.startswith("error: RuntimeError: wires crossed\n")
    assert "--traceback" in err
    assert "Traceback" not in err


def test_the_traceback_can_be_asked_for(verb, monkeypatch):
    """`--traceback`, or GAMETAPE_TRACEBACK=1, lets the failure through as it is."""

    def fail():
        raise RuntimeError("wires crossed")

    verb(fail)
    with pytest.raises(RuntimeError, match="wires crossed"):
        cli.run(["--traceback", "planted"])
    monkeypatch.setenv("GAMETAPE_TRACEBACK", "1")
    with pytest.raises(RuntimeError, match="wires crossed"):
        cli.run(["planted"])


def test_ctrl_c_exits_130(verb):
    """An interrupted verb exits as a shell expects."""

    def stop():
        raise KeyboardInterrupt

    verb(stop)
    assert cli.run(["planted"]) == 130


def test_an_exit_code_set_by_a_verb_is_the_program_s(verb):
    """A verb that is done but lossy exits 3."""
    verb(lambda: click.get_current_context().exit(errors.Exit.LOSSY))
    assert cli.run(["planted"]) == errors.Exit.LOSSY


def test_a_reader_that_has_seen_enough_is_no_error():
    """A verb whose reader closes the pipe ends quietly with 0."""
    program = (
        "import click, sys\nfrom replay import cli\n"
        "cli.planted = click.command()(lambda: [click.echo('x' * 1000) for _ in range(10_000)] and None)\n"
        "cli.VERBS['planted'] = cli.Verb('Tapes', 'replay.cli:planted', '')\n"
        "sys.argv[1:] = ['planted']\ncli.main()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(10) == b"x" * 10
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=120) == 0


def test_a_verb_that_needs_an_extra_says_so(monkeypatch, capsys):
    """A verb whose module needs a library that is not installed exits 2 and names the library."""
    monkeypatch.setitem(cli.VERBS, "planted", cli.Verb("Tapes", "no_such_library_anywhere:planted", ""))
    assert cli.run(["planted"]) == errors.Exit.USAGE
    assert "no_such_library_anywhere" in capsys.readouterr().err


def spoken_commands() -> list[tuple[str, str]]:
    """Every command line that the pages, the program's help and the verbs' own help tell somebody to type."""
    context = click.Context(cli.app)
    texts = {"gametape --help": cli.app.help or ""}
    for name in cli.VERBS:
        command = cli.app.get_command(context, name)
        texts[f"gametape {name} --help"] = (command.help if command else "") or ""
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("data/**/*.md"))]:
        blocks = re.findall(r"^```(?:sh|bash|console)?\n(.*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)
        texts[path.relative_to(ROOT).as_posix()] = "\n".join(blocks).replace("\\\n", " ")
    return [
        (origin, part.partition("#")[0].strip())
        for origin, text in texts.items()
        for line in text.splitlines()
        for part in re.split(r"&&|\|", line.strip().removeprefix("$ "))
        if part.strip().startswith("gametape ")
    ]


def options_nobody_knows(line: str) -> list[str]:
    """Return what in a command line is no verb or no option of its verb."""
    words = shlex.split(re.split(r"\s{2,}", line)[0])[1:]
    command: click.Command = cli.app
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            return [words[0]]
        command = found
        words = words[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "-h"}
    return [word for word in words if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known]


def test_what_we_tell_people_to_type_can_be_typed():
    """Every verb and every option in an example, on a page or in a help text, exists."""
    lines = spoken_commands()
    assert len(lines) > 20
    assert [(*line, wrong) for line in lines if (wrong := options_nobody_knows(line[1]))] == []


def test_a_verb_without_its_arguments_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Usage first and no word of an error, on stderr, with the exit code of wrong usage."""
    assert cli.run(["sweep"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith("Usage: gametape sweep")
    assert (told.out, "error" in told.err.lower().split("options:")[0]) == ("", False)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("info data/sample >&-", 0),
        ("info nowhere 2>&-", 2),
        ("decode --feed espn.nba <&-", 3),
        ("info data/sample --json <&- >&- 2>&-", 0),
    ],
)
def test_a_closed_stream_changes_nothing(words: str, code: int) -> None:
    """Where the standard input, output or error was closed, a verb does what it does and ends as it ends."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m replay.cli {words}'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "not foreseen" not in done.stderr
