"""The course of a game in bounded room: a series that is full keeps every second point of its past."""

from __future__ import annotations

from array import array
from typing import Any

__all__ = ["Course"]

_ABSENT = -(1 << 62)
POINTS_MAX = 8_192


class Course:
    """
    One series: a time and some values a point, kept where the values differ from those before.

    Points closer than spacing_ns replace each other, so that a book that trembles costs one point a spacing.
    """

    def __init__(self, width: int, code: str = "q", *, spacing_ns: int = 0, points_max: int = POINTS_MAX) -> None:
        """Begin empty; code is the type of the values as in `array`."""
        self._times: array[int] = array("q")
        self._values: array[Any] = array(code)
        self._width = width
        self._spacing_ns = spacing_ns
        self._points_max = points_max

    def __len__(self) -> int:
        """Return the number of points."""
        return len(self._times)

    def add(self, at_ns: int, *values: float | None) -> None:
        """Add a point, unless it says nothing new."""
        row: array[Any] = array(self._values.typecode, [_ABSENT if value is None else value for value in values])
        width = self._width
        if self._times and self._values[-width:] == row:
            return
        # The first of two close points stays where it stands in time, so that a step is not moved by what follows it.
        if len(self._times) > 1 and at_ns - self._times[-2] < self._spacing_ns:
            del self._times[-1:], self._values[-width:]
        self._times.append(at_ns)
        self._values.extend(row)
        if len(self._times) > self._points_max:
            self._thin()

    def points(self, most: int) -> list[Any]:
        """Return at most so many points, the last one included: the time as text, then the values."""
        count = len(self._times)
        stride = max(1, -(-count // max(1, most)))
        chosen = range(count - 1, -1, -stride)[::-1]
        return [(str(self._times[k]), *self._row(k)) for k in chosen]

    def _row(self, k: int) -> tuple[float | None, ...]:
        values = self._values[k * self._width : (k + 1) * self._width]
        return tuple(None if value == _ABSENT else value for value in values)

    def _thin(self) -> None:
        """Leave out every second point of the older half: what is recent stays as it is."""
        half = len(self._times) // 2
        kept = [*range(0, half, 2), *range(half, len(self._times))]
        width = self._width
        values: array[Any] = array(self._values.typecode)
        for k in kept:
            values.extend(self._values[k * width : (k + 1) * width])
        self._times = array("q", [self._times[k] for k in kept])
        self._values = values
