"""The strategy that ships keeps to the protocol; patterns are an extra that a strategy may leave out."""

from __future__ import annotations

from replay.core.strategy import Watching
from strategies.fusion import SignalFuser


class _Plain:
    name = "plain"

    def run(self, *columns: object) -> int:
        return -1 if columns else 0


def test_the_shipped_strategy_follows_patterns() -> None:
    """SignalFuser has a fresh watcher for every night."""
    fuser = SignalFuser()
    assert isinstance(fuser, Watching)
    assert fuser.watcher() is not fuser.watcher()


def test_a_strategy_without_patterns_is_still_one() -> None:
    """Watching is optional."""
    assert not isinstance(_Plain(), Watching)
