"""Numbers on the command line."""

from __future__ import annotations

import math

import click

__all__ = ["Span"]


class Span(click.FloatRange):
    """A number between two: nan, which is neither below nor above anything, is none."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the number."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number", param, ctx)
        return number
