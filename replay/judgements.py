"""What a sweep says of its own choice, as it is written and read; `replay.selection` finds it."""

from __future__ import annotations

import msgspec

__all__ = ["Broken", "GridTest", "Overfit", "Step"]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """
    One step of a walk forward: the cell chosen on the nights before, and what it earned on the next.

    Units: dollars per game; best is what the best cell of that night itself earned, which nobody could have known.
    """

    tape: str
    chosen: int
    games: int
    pnl_per_game: float
    best: float


class GridTest(msgspec.Struct, frozen=True, kw_only=True):
    """
    A test of the whole grid against doing nothing.

    p_value: how likely the best cell's profit is if no cell has any (Hansen's superior predictive ability, consistent);
    superior: the cells that are better than nothing with all of the grid taken into account (StepM at 5 %).
    """

    p_value: float
    superior: list[int]
    tested: int


class Overfit(msgspec.Struct, frozen=True, kw_only=True):
    """
    How often the best cell of one half of the games is no better than the median cell on the other half.

    probability: over all ways to halve the blocks of games; splits is how many ways there are; cells how many differ.
    """

    probability: float
    splits: int
    cells: int


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the featured cell came to on nights broken in one way, over several draws.

    applies is False where the nights cannot be broken so; vanished says that less than half of the profit is left, None
    where there was none to lose, or where so few games are left with more but not told apart from nothing.

    Units: dollars per game, the interval over games of the mean over draws.
    """

    control: str
    applies: bool
    draws: int = 0
    pnl_per_game: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    vanished: bool | None = None
