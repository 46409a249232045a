from __future__ import annotations

from replay.core.events import GameRef, Play, PlaysSeen
from replay.core.plays import PlayChange, PlayFold

GAME = GameRef(source="nba", league="nba", id="1")


def play(number: int, home: int, away: int, *, order: int | None = None, kind: str = "2pt") -> Play:
    return Play(
        number=number,
        order=number * 10_000 if order is None else order,
        kind=kind,
        period=1,
        clock_ms=0,
        home_score=home,
        away_score=away,
        source_ns=number,
        edited_ns=number,
    )


def version(at_ns: int, *plays: Play) -> PlaysSeen:
    return PlaysSeen(game=GAME, plays=tuple(sorted(plays, key=lambda one: one.order)), version_ns=at_ns)


def told(fold: PlayFold, *args: PlaysSeen) -> list[tuple[str, int]]:
    return [(change.name, one.number) for seen in args for change, one in fold.see(seen)]


def test_a_play_counts_once_in_however_many_versions() -> None:
    """Each answer repeats the game so far; what stood before is not news."""
    plays = [play(number, number, 0) for number in range(1, 6)]
    fold = PlayFold()
    said = told(fold, *(version(count, *plays[:count]) for count in (2, 2, 3, 5, 5)))
    assert said == [("APPENDED", number) for number in range(1, 6)]


def test_an_older_version_says_nothing_and_undoes_nothing() -> None:
    """An edge of the network serves a copy from before: its missing plays are not taken away, nor counted again."""
    first, second = play(1, 2, 0), play(2, 2, 3)
    fold = PlayFold()
    assert told(fold, version(2, first, second), version(1, first), version(2, first, second)) == [
        ("APPENDED", 1),
        ("APPENDED", 2),
    ]
    assert fold.score == (2, 3)


def test_a_late_insert_changes_no_score() -> None:
    """A rebound that is written down later stands in between; the score goes on from the last play."""
    fold = PlayFold()
    first, second, late = play(1, 2, 0), play(5, 2, 3), play(6, 2, 0, order=20_000)
    assert told(fold, version(5, first, second), version(6, first, late, second)) == [
        ("APPENDED", 1),
        ("APPENDED", 5),
        ("INSERTED", 6),
    ]
    assert fold.score == (2, 3)


def test_a_review_that_writes_a_row_is_a_play_and_one_that_does_not_is_a_correction() -> None:
    """The first has a time of its own; of the second only the version tells."""
    made, missed = play(2, 4, 0), play(2, 2, 0)
    fold = PlayFold()
    told(fold, version(2, play(1, 2, 0), made))
    assert told(fold, version(3, play(1, 2, 0), missed, play(3, 2, 0, kind="instantreplay"))) == [("APPENDED", 3)]
    fold = PlayFold()
    told(fold, version(2, play(1, 2, 0), made))
    assert told(fold, version(3, play(1, 2, 0), missed)) == [("CORRECTED", 2)]
    assert fold.score == (2, 0)


def test_a_play_taken_away_and_another_in_its_place() -> None:
    """The deleted row takes its points along; the new last row is new at the end."""
    fold = PlayFold()
    told(fold, version(3, play(1, 2, 0), play(2, 4, 0), play(3, 4, 0)))
    assert told(fold, version(4, play(1, 2, 0), play(4, 2, 1, order=20_000))) == [("APPENDED", 4)]
    assert PlayChange.APPENDED == 0
