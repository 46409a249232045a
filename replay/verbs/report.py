"""`gametape report`: one self-contained page of a run."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["report"]

_PAGE = "report.html"


@click.command()
@click.argument("run", type=click.Path(path_type=Path), default=".", metavar="[RUN]")
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="Where to write.  [default: RUN/report.html]"
)
@click.option("--open", "is_shown", is_flag=True, help="Show it in the browser.")
def report(run: Path, out: Path | None, is_shown: bool) -> None:
    """
    Make one self-contained HTML page of a sweep.

    \b
      gametape sweep tapes/* --min-edge 1:10:0.5 --poll 2,5,10,30 --out runs/january
      gametape report runs/january
      gametape report runs/january --open

    RUN is what `sweep --out` wrote; without it, the folder you are in. The page asks nobody for anything: it can be
    mailed, printed and read offline.
    """
    from recorder.errors import DiskError
    from recorder.folders import ready_to_write
    from replay.report.page import render
    from replay.report.run import read_run

    page = out or run / _PAGE
    found = read_run(run)
    ready_to_write(page)
    text = render(found)
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DiskError(f"{page} cannot be written", why=str(error), hint="--out ANOTHER") from error
    click.echo(page)
    if is_shown:
        click.launch(page.resolve().as_uri())
