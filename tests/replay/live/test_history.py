"""Series in bounded room."""

from __future__ import annotations

from replay.live.history import Course


def test_only_what_is_new_is_kept() -> None:
    """A value that stands is one point, at the time at which it came."""
    course = Course(2)
    for at_ns, row in ((1, (0, 0)), (2, (0, 0)), (3, (2, 0)), (4, (2, 0)), (5, (None, 0))):
        course.add(at_ns, *row)
    assert course.points(10) == [("1", 0, 0), ("3", 2, 0), ("5", None, 0)]


def test_what_trembles_costs_one_point_a_spacing() -> None:
    """A thousand changes within ten seconds are about ten points, the latest value among them."""
    course = Course(1, spacing_ns=1_000)
    for at_ns in range(0, 10_000, 10):
        course.add(at_ns, at_ns % 70)
    assert 10 <= len(course) <= 22
    assert course.points(100)[-1] == ("9990", 9990 % 70)


def test_room_is_bounded_and_the_recent_part_is_whole() -> None:
    """A hundred thousand points leave at most so many, the newest quarter without holes."""
    course = Course(1, points_max=100)
    for at_ns in range(100_000):
        course.add(at_ns, at_ns)
    times = [int(at_ns) for at_ns, _ in course.points(1_000)]
    assert len(times) <= 101
    assert times[-25:] == list(range(99_975, 100_000))
    assert times == sorted(times)


def test_fewer_points_on_request_end_with_the_last() -> None:
    """Whoever asks for ten points of a thousand gets at most ten, the last one among them."""
    course = Course(1)
    for at_ns in range(1_000):
        course.add(at_ns, at_ns)
    points = course.points(10)
    assert len(points) <= 10
    assert points[-1] == ("999", 999)
    assert Course(1).points(5) == []
