"""
The verb `demo`: the whole story on the sample tape, told by the program's own verbs.

It needs nothing but the command line that every user has: each step is a child process whose command is printed before
its output, so that the demo can be followed by hand.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from recorder.clock import SystemClock
from recorder.errors import GametapeError, UpstreamError, UsageError
from recorder.folders import make_folder

__all__ = ["demo"]

_SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample"
_OURS = ".gametape-demo"
_TONIGHT = "tapes/tonight"


class _Ready(msgspec.Struct):
    url: str


class _Story:
    """Runs verbs in one folder and tells what each is, what it says and how long it took."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clock = SystemClock()
        self._began_ns = self._clock.now_ns()

    def seconds(self) -> float:
        """Return how long the story has been going on."""
        return (self._clock.now_ns() - self._began_ns) / 1e9

    def tell(self, heading: str, *words: str) -> None:
        """Run one verb to its end; what it prints goes where ours goes."""
        self._head(heading, words)
        began_ns = self._clock.now_ns()
        code = subprocess.run(_command(words), cwd=self._folder, check=False).returncode
        if code:
            raise GametapeError(
                f"the demo stopped: `{_spoken(words)}` exited {code}", hint=f"cd {self._folder} && {_spoken(words)}"
            )
        click.secho(f"  {(self._clock.now_ns() - began_ns) / 1e9:.1f} s", dim=True)

    @contextmanager
    def serving(self, heading: str, *words: str) -> Iterator[str]:
        """Run a verb that serves until this context ends; yields the base URL that it announces."""
        self._head(heading, words)
        with subprocess.Popen(_command(words), cwd=self._folder, stdout=subprocess.PIPE) as server:
            try:
                line = server.stdout.readline() if server.stdout else b""
                try:
                    url = msgspec.json.decode(line, type=_Ready).url
                except msgspec.DecodeError as error:
                    raise UpstreamError(f"`{_spoken(words)}` did not say where it serves", why=str(error)) from error
                click.echo(f"  {url}")
                yield url
            finally:
                server.terminate()

    def _head(self, heading: str, words: tuple[str, ...]) -> None:
        click.echo()
        click.secho(heading, bold=True)
        click.secho(f"  $ {_spoken(words)}", fg="cyan")


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default="demo-out", show_default=True, help="Where to put it all."
)
@click.option(
    "--sample", type=click.Path(path_type=Path), default=_SAMPLE, help="A tape to play.  [default: the sample]"
)
@click.option("--for", "record_for", default="8s", show_default=True, help="How long to record.")
@click.option("--rate", default="60", show_default=True, help="How many times faster than it was the night goes by.")
def demo(out: Path, sample: Path, record_for: str, rate: str) -> None:
    """
    Run the whole story on the sample tape, in under a minute.

    \b
      gametape demo
      gametape demo --out /tmp/night --for 20s

    A simulated night is served over the protocols it came from, recorded like any other night, sealed, verified and
    replayed; then the settings are swept on the sample and drawn. Nothing leaves this machine.
    """
    if not sample.exists():
        raise UsageError(f"there is no tape at {sample}", hint="gametape synth --seed 7 --games 2 --out night")
    folder = _clear(out).resolve()
    night = os.path.relpath(sample.resolve(), folder)
    story = _Story(folder)
    play = ("play", night, "--serve", "--port", "0", "--rate", rate, "--start-offset", "90m")
    with story.serving(
        "1. A night to record: the sample, served as ESPN, the NBA and the market serve theirs", *play
    ) as url:
        record = ("record", "--upstream", url, "--league", "nba", "--for", record_for, "--tape", "tonight")
        story.tell("2. Record it", *record, "--poll-live", "0.5")
    story.tell("3. Is every byte what was written?", "verify", _TONIGHT)
    story.tell("4. Seal the block log as Parquet, and check again", "seal", _TONIGHT)
    story.tell("   The same tape, the same digest", "verify", "--deep", _TONIGHT)
    story.tell("5. What is on it?", "info", _TONIGHT)
    story.tell(
        f"6. Replay it: the night went by {rate} times too fast, so our polls were slow, and it shows",
        "replay",
        _TONIGHT,
        "--min-edge",
        "3",
        "--out",
        "runs/tonight",
    )
    grid = ("--min-edge", "1:8:1", "--poll", "2,5,10,30", "--order-delay", "0,1s")
    story.tell("7. Sweep the whole sample night", "sweep", night, *grid, "--out", "runs/sweep")
    story.tell("8. The answer in pictures", "report", "runs/sweep")
    _farewell(folder, story.seconds())


def _command(words: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "replay.cli", *words]


def _spoken(words: tuple[str, ...]) -> str:
    return shlex.join(["gametape", *words])


def _clear(out: Path) -> Path:
    """Make the folder anew; one that holds anything but an earlier demo is left alone."""
    if out.exists() and any(out.iterdir()):
        if not (out / _OURS).exists():
            raise UsageError(f"{out} is not empty and not an earlier demo", hint="gametape demo --out ANOTHER")
        shutil.rmtree(out)
    make_folder(out)
    (out / _OURS).touch()
    return out


def _farewell(folder: Path, seconds: float) -> None:
    """Say where everything is."""
    click.echo()
    click.secho(f"Done in {seconds:.0f} s. Everything is in {folder}:", bold=True)
    for path, what in (
        (_TONIGHT, "the tape that was recorded"),
        ("runs/tonight", "the ledger of its replay"),
        ("runs/sweep", "the cells of the sweep, and report.html"),
    ):
        click.echo(f"  {path:14} {what}")
    click.echo("\nNext: gametape --help, or record a real night: gametape record --league nba --for 4h")
