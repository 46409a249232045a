"""
The language of faults: `drop 5% polls; freeze book 20s; duplicate`.

A text is faults separated by `;`, a fault a name and its words in any order: a share (`5%`), a time (`20s`, for a clock
also `-2s`), how often (`x3`), and what it befalls (`polls`, `scores`, `book`, `all`, or the name of a feed). A word
that is left out has a default. `FAULTS` is the whole language: names, what words they take, their line in the help.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from recorder.config import parse_duration_ns
from recorder.errors import GametapeError, UsageError
from recorder.times import SECOND_NS

__all__ = ["FAULTS", "Fault", "FaultKind", "parse_faults", "targets_of"]

_POLLS, _SCORES, _BOOK, _ALL = "polls", "scores", "book", "all"
_TARGETS = (_POLLS, _SCORES, _BOOK, _ALL)
_TIMES_MAX = 1_000
_DURATION_MAX_NS = 86_400_000_000_000
_BLANKS = str.maketrans("\t\r\n", "   ")


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultKind:
    """
    What a fault of one name takes, by default, and what it is.

    A word whose default is None is not taken. Units: share in millionths of what it can befall, time in ns.
    """

    line: str
    share_u6: int | None = None
    time_ns: int | None = None
    times: int | None = None
    target: str | None = None
    goes_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault as it was asked for; values that its kind does not take are 0 or empty."""

    name: str
    share_u6: int
    time_ns: int
    times: int
    target: str

    def __str__(self) -> str:
        """Write it as it can be read again, defaults spelled out."""
        share = f"{self.share_u6 / 10_000:g}%" if self.share_u6 else ""
        time = ""
        if self.time_ns:
            time = f"{self.time_ns / 1e6:g}ms" if abs(self.time_ns) < SECOND_NS else f"{self.time_ns / 1e9:.12g}s"
        times = f"x{self.times}" if self.times > 1 else ""
        return " ".join(word for word in (self.name, share, self.target, time, times) if word)


FAULTS: dict[str, FaultKind] = {
    "drop": FaultKind(line="lost on the way; a poll is then a failed one", share_u6=50_000, target=_POLLS),
    "freeze": FaultKind(
        line="nothing comes for so long, though the line is open; polls fail, the watchdog acts after 60 s",
        time_ns=20 * SECOND_NS,
        times=1,
        target=_BOOK,
    ),
    "stall": FaultKind(
        line="held up for so long, then all arrives at once", time_ns=5 * SECOND_NS, times=1, target=_BOOK
    ),
    "disconnect": FaultKind(line="the market socket is lost and opened again", time_ns=10 * SECOND_NS, times=1),
    "kill": FaultKind(line="the recorder is killed and started again", time_ns=30 * SECOND_NS, times=1),
    "duplicate": FaultKind(line="arrives twice", share_u6=20_000, target=_ALL),
    "reorder": FaultKind(
        line="comes up to so much later, so that others overtake it", time_ns=SECOND_NS // 20, target=_ALL
    ),
    "stale-cdn": FaultKind(line="a score answer is an old one, up to so old", share_u6=100_000, time_ns=30 * SECOND_NS),
    "score-flap": FaultKind(line="after a new score answer the one before it shows once more", share_u6=200_000),
    "clock-step": FaultKind(
        line="the machine's clock is set, forward or back", time_ns=-2 * SECOND_NS, times=1, goes_back=True
    ),
    "truncate": FaultKind(line="cut short on the way", share_u6=10_000, target=_ALL),
    "end": FaultKind(line="the recording ends after this share of it", share_u6=800_000),
}


def targets_of(target: str) -> str:
    """Say in words what a target is."""
    return {
        _POLLS: "every answer to a request",
        _SCORES: "answers of ESPN and the NBA",
        _BOOK: "frames of the market socket",
        _ALL: "answers and frames",
    }.get(target, f"the feed {target}")


def parse_faults(text: str) -> tuple[Fault, ...]:
    """
    Read a text of faults.

    Raises:
        UsageError: it is none; names the word and its column.
    """
    text = text.translate(_BLANKS)
    faults = [
        _fault(text, words) for part in _split(text, ";", 0, len(text)) if (words := list(_split(text, " ", *part)))
    ]
    if not faults:
        raise UsageError("no fault is named", hint='--faults "drop 5% polls; freeze book 20s"')
    return tuple(faults)


def _split(text: str, by: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield where the parts of a stretch of the text begin and end, empty ones left out."""
    at = start
    while at < stop:
        cut = text.find(by, at, stop)
        end = stop if cut < 0 else cut
        first = at + len(text[at:end]) - len(text[at:end].lstrip())
        if text[first:end].strip():
            yield first, first + len(text[first:end].rstrip())
        at = end + 1


def _fault(text: str, words: list[tuple[int, int]]) -> Fault:
    first, last = words[0]
    name = text[first:last]
    kind = FAULTS.get(name)
    if kind is None:
        near = difflib.get_close_matches(name, FAULTS, n=1)
        raise _refusal(text, first, f"there is no fault {name!r}", f"did you mean {near[0]}?" if near else _names())
    said: dict[str, int | str] = {}
    for begin, end in words[1:]:
        what, value = _word(text, begin, end, kind)
        if getattr(kind, what) is None:
            raise _refusal(text, begin, f"{name} takes no {what.partition('_')[0]}", f"{name}: {_usage(name, kind)}")
        if what in said:
            raise _refusal(text, begin, f"{name} has two of {what.partition('_')[0]}", f"{name}: {_usage(name, kind)}")
        said[what] = value

    def number(what: str) -> int:
        return int(said.get(what, getattr(kind, what) or 0))

    return Fault(
        name=name,
        share_u6=number("share_u6"),
        time_ns=number("time_ns"),
        times=number("times"),
        target=str(said.get("target", kind.target or "")),
    )


def _word(text: str, begin: int, end: int, kind: FaultKind) -> tuple[str, int | str]:
    """Say what a word is and what it stands for."""
    word = text[begin:end]
    if word.endswith("%"):
        try:
            share_u6 = round(float(word[:-1]) * 10_000)
        except (ValueError, OverflowError):
            share_u6 = 0
        if not 0 < share_u6 <= 1_000_000:
            raise _refusal(text, begin, f"{word!r} is no share", "above 0% and up to 100%")
        return "share_u6", share_u6
    if word[:1] == "x" and word[1:].isascii() and word[1:].isdigit():
        if not 1 <= int(word[1:]) <= _TIMES_MAX:
            raise _refusal(text, begin, f"{word!r} is not how often", f"x1 to x{_TIMES_MAX}")
        return "times", int(word[1:])
    if word[0].isdigit() or word[0] in "+-":
        return "time_ns", _time_ns(text, begin, word, kind)
    if word in _TARGETS or "." in word:
        return "target", word
    raise _refusal(
        text, begin, f"{word!r} is no word of this language", f"{', '.join(_TARGETS)}, a feed, 5%, 20s or x3"
    )


def _time_ns(text: str, begin: int, word: str, kind: FaultKind) -> int:
    try:
        time_ns = parse_duration_ns(word.lstrip("+-"))
    except GametapeError as error:
        raise _refusal(text, begin, f"{word!r} is no time", error.why or "250ms, 20s, 5m") from error
    if not 0 < time_ns <= _DURATION_MAX_NS:
        raise _refusal(text, begin, f"{word!r} is no time", "above nothing, up to a day")
    if word[0] == "-" and not kind.goes_back:
        raise _refusal(text, begin, f"{word!r} goes back", "only a clock can")
    return -time_ns if word[0] == "-" else time_ns


def _refusal(text: str, at: int, what: str, why: str) -> UsageError:
    return UsageError(f"{what}, at column {at + 1} of {text!r}", why=why, hint="gametape inject --help")


def _names() -> str:
    return f"there are {', '.join(FAULTS)}"


def _usage(name: str, kind: FaultKind) -> str:
    default = Fault(
        name=name,
        share_u6=kind.share_u6 or 0,
        time_ns=kind.time_ns or 0,
        times=kind.times or 0,
        target=kind.target or "",
    )
    return f"such as `{default}`"
