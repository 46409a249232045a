"""The guide for a new source is true: its feed runs, and its own test passes."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "adding-a-source.md"


def test_the_feed_of_the_guide_passes_the_test_of_the_guide() -> None:
    """The code blocks of docs/adding-a-source.md, run one after the other, hold."""
    blocks = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 2
    space: dict[str, object] = {"__name__": "guide"}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec", dont_inherit=True), space)
    test = space["test_a_live_game_is_asked_about_every_two_seconds"]
    assert callable(test)
    test()
