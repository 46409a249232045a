"""Debian's Chromium for tests of pages, without a network of its own accord."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["chromium"]

_PROGRAM = Path("/usr/bin/chromium")
_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def chromium() -> Iterator[Any]:
    """Start a browser, or skip the test where there is none; while it is there, nobody else can run a loop here."""
    api = pytest.importorskip("playwright.sync_api")
    if not _PROGRAM.exists():
        pytest.skip(f"there is no {_PROGRAM}: apt-get install chromium")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(_PROGRAM), args=_QUIET, timeout=120_000)
        yield started
        started.close()
