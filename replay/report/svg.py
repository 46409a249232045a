"""SVG by hand: scales, ticks, paths and a frame. All text is escaped here; colours are CSS classes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from recorder.tape.show import safe

__all__ = ["Frame", "Scale", "num", "step_path", "ticks", "whisker"]


_NOTHING = Markup()


def num(value: float) -> str:
    """Return a coordinate with one decimal at most, as short as it can be written."""
    return f"{value:.1f}".removesuffix(".0")


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round values within low..high, about so many; [low] where there is no width."""
    if not high > low:
        return [low]
    raw = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= raw)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(k * step, 10) for k in range(first, last + 1)]


@dataclass(frozen=True, slots=True)
class Scale:
    """A map from values to pixels, linear or logarithmic; low may lie to the right of or below high."""

    low: float
    high: float
    begin: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of a value; the middle where there is no width."""
        low, high = (math.log(self.low), math.log(self.high)) if self.is_log else (self.low, self.high)
        at = math.log(value) if self.is_log else value
        share = (at - low) / (high - low) if high != low else 0.5
        return self.begin + share * (self.end - self.begin)


def step_path(points: Iterable[tuple[float, float | None]], end: float) -> str:
    """
    Return the path of a step line through (x, y) in pixels, to end in x; a y of None breaks it.

    Coordinates are rounded to whole pixels and written as steps from the last, which halves their length; a step that
    shows nowhere is left out.
    """
    parts: list[str] = []
    last_x, last_y = -1, -1
    is_open = False
    for x_raw, y_raw in points:
        x = round(x_raw)
        if y_raw is None:
            if is_open:
                parts.append(_across(x - last_x))
            is_open = False
            continue
        y = round(y_raw)
        if not is_open:
            parts.append(f"M{x} {y}")
        elif y != last_y:
            parts.append(f"{_across(x - last_x)}v{y - last_y}")
        else:
            continue
        is_open, last_x, last_y = True, x, y
    if is_open:
        parts.append(_across(round(end) - last_x))
    return "".join(parts)


def _across(width: int) -> str:
    return f"h{width}" if width else ""


def whisker(x: float, low: float, high: float, css: str, *, is_flat: bool = False) -> Markup:
    """Return an interval at x from low to high in pixels, with caps; flat lies on its side."""
    a, b, c = num(low), num(high), num(x)
    up, down = num(x - 4), num(x + 4)
    if is_flat:
        path = f"M{a} {up}V{down}M{a} {c}H{b}M{b} {up}V{down}"
    else:
        path = f"M{up} {a}H{down}M{c} {a}V{b}M{up} {b}H{down}"
    return Markup('<path class="{}" d="{}"/>').format(css, path)


@dataclass(slots=True)
class Frame:
    """
    A drawing with margins, in which charts collect their parts.

    Units: pixels; the plot lies between left..right and top..bottom.
    """

    width: int
    height: int
    label: str
    left: int = 56
    right: int = 16
    top: int = 14
    bottom: int = 40
    parts: list[Markup] = field(default_factory=list)

    @property
    def x0(self) -> int:
        """Left edge of the plot."""
        return self.left

    @property
    def x1(self) -> int:
        """Right edge of the plot."""
        return self.width - self.right

    @property
    def y0(self) -> int:
        """Bottom edge of the plot."""
        return self.height - self.bottom

    @property
    def y1(self) -> int:
        """Top edge of the plot."""
        return self.top

    def path(self, d: str, css: str, tip: str = "") -> None:
        """Add a path; nothing where it is empty."""
        if d:
            self.parts.append(Markup('<path class="{}" d="{}"{}/>').format(css, d, _tip(tip)))

    def dot(self, x: float, y: float, css: str, tip: str = "", radius: float = 3.5) -> None:
        """Add a dot."""
        made = Markup('<circle class="{}" cx="{}" cy="{}" r="{}"{}/>')
        self.parts.append(made.format(css, num(x), num(y), num(radius), _tip(tip)))

    def rect(self, x: float, y: float, width: float, height: float, css: str, tip: str = "") -> None:
        """Add a rectangle."""
        made = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"{}/>')
        self.parts.append(made.format(css, num(x), num(y), num(max(width, 0)), num(max(height, 0)), _tip(tip)))

    def text(self, x: float, y: float, words: object, css: str = "", anchor: str = "") -> None:
        """Add text; anchor is middle or end, start where it is empty."""
        named = " ".join(name for name in (css, anchor) if name)
        placed = Markup(' class="{}"').format(named) if named else Markup()
        self.parts.append(Markup('<text x="{}" y="{}"{}>{}</text>').format(num(x), num(y), placed, safe(str(words))))

    def x_axis(self, scale: Scale, marks: Sequence[tuple[float, str]], title: str) -> None:
        """Draw ticks with their words below the plot, and what they measure."""
        lines = "".join(f"M{num(scale(value))} {self.y0}v4" for value, _ in marks)
        self.path(f"M{self.x0} {self.y0}H{self.x1}{lines}", "axis")
        for value, words in marks:
            self.text(scale(value), self.y0 + 16, words.replace("-", "−"), "tick", "middle")
        self.text((self.x0 + self.x1) / 2, self.height - 6, title, "title", "middle")

    def y_axis(self, scale: Scale, marks: Sequence[tuple[float, str]], title: str) -> None:
        """Draw grid lines with their words left of the plot, and what they measure above it."""
        self.path("".join(f"M{self.x0} {num(scale(value))}H{self.x1}" for value, _ in marks), "grid")
        for value, words in marks:
            self.text(self.x0 - 6, scale(value) + 4, words.replace("-", "−"), "tick", "end")
        if title:
            self.text(2, 10, title, "title")

    def done(self, css: str = "", extra: Markup = _NOTHING) -> Markup:
        """Return the drawing; extra are attributes, as Markup."""
        head = Markup('<svg class="chart {}" viewBox="0 0 {} {}" role="img" aria-label="{}"{}>').format(
            css, self.width, self.height, safe(self.label), extra
        )
        return head + Markup().join(self.parts) + Markup("</svg>")


def _tip(words: str) -> Markup:
    return Markup(' data-t="{}"').format(safe(words)) if words else Markup()
