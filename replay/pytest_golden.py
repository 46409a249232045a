"""
A pytest plugin: the fixture `replay_golden` holds what a strategy decides on a tape against a golden beside the test.

`pytest --update-goldens "why"` writes goldens anew instead; it is refused in CI. Nothing of the backtest is imported
before a test asks.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from recorder.config import is_ci

if TYPE_CHECKING:
    from replay.settings import Setting

__all__ = ["ReplayGolden", "pytest_addoption", "pytest_configure", "replay_golden"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--update-goldens REASON`."""
    parser.getgroup("gametape").addoption(
        "--update-goldens", metavar="REASON", default=None, help="Write goldens anew, and why. Refused where CI=true."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to update in CI, or without a reason, before any test runs."""
    reason = config.getoption("--update-goldens")
    if reason is not None and is_ci():
        raise pytest.UsageError("goldens are not updated in CI: a golden changes by hand, with a reason")
    if reason is not None and not reason.strip():
        raise pytest.UsageError('a golden changes for a reason: --update-goldens "…"')


class ReplayGolden:
    """
    What the fixture hands over: call it with a tape.

    The golden stands in the folder `golden` beside the test, named after the test unless a name is given.
    """

    def __init__(self, folder: Path, name: str, reason: str | None) -> None:
        """Look for goldens in folder; with a reason write them anew."""
        self.folder = folder
        self.name = name
        self.reason = reason

    def __call__(
        self,
        tape: Path | str,
        *,
        strategy: str = "fusion",
        model: str = "brownian",
        setting: Setting | None = None,
        name: str = "",
    ) -> None:
        """
        Replay a tape and fail where a decision is another than in the golden.

        strategy and model are those of the command line: a name, or `path/to/file.py:Name`.

        Raises:
            UsageError: there is no such tape, strategy or model.
        """
        __tracebackhide__ = True
        from recorder.tape.reader import open_tape
        from replay.film import open_film
        from replay.find import cache_folder
        from replay.golden import Recipe, path_between, read_golden, take, write_golden
        from replay.golden_check import compare
        from replay.golden_report import as_lines
        from replay.live.decisions import LiveConfig
        from replay.settings import Setting

        path = self.folder / f"{name or self.name}.json"
        recipe = Recipe(LiveConfig(strategy=strategy, model=model, setting=setting or Setting()))
        opened = open_tape(tape)
        film = open_film(opened, cache_folder("film"))
        if self.reason is not None:
            write_golden(take([film], [path_between(path, opened)], recipe, self.reason).golden, path)
            return
        if not path.exists():
            pytest.fail(f'there is no golden {path}\n  try: pytest --update-goldens "first golden"', pytrace=False)
        golden = read_golden(path)
        if golden.config != recipe.facts():
            told = f"golden {golden.config}\n  now    {recipe.facts()}"
            pytest.fail(f"{path} was made by another setting\n  {told}", pytrace=False)
        taken = take([film], [path_between(path, opened)], recipe, "", full_max=film.events)
        checked = compare(str(path), golden, taken, [opened])
        if not checked.ok:
            pytest.fail("\n".join(as_lines(checked)), pytrace=False)


@pytest.fixture
def replay_golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a function that holds what is decided on a tape against the golden beside this test."""
    name = "".join(one if one.isalnum() or one in "-_." else "-" for one in request.node.name)
    return ReplayGolden(request.path.parent / "golden", name, request.config.getoption("--update-goldens"))
