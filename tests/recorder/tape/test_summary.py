from __future__ import annotations

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.tape.summary import summarise

SECOND = 1_000_000_000


def tape_of(*facts: tuple[int, str, Kind, dict]) -> list[Envelope]:
    return [
        Envelope(seq, second * SECOND, feed, 1, kind, encode_meta(meta), b"xy")
        for seq, (second, feed, kind, meta) in enumerate(facts)
    ]


def test_counts_by_feed_and_kind():
    """Each feed has its counts, bytes and times."""
    summary = summarise(tape_of((1, "a", Kind.FRAME, {}), (2, "b", Kind.PULSE, {}), (3, "a", Kind.FRAME, {})))
    assert (summary.events, summary.first_ns, summary.last_ns) == (3, SECOND, 3 * SECOND)
    assert (summary.feeds["a"].events, summary.feeds["a"].bytes, summary.feeds["a"].kinds) == (2, 4, {"frame": 2})


def test_a_gap_lasts_until_the_feed_is_back():
    """A closed socket is a gap until it is open again, failed polls until the next answer, and they count once."""
    summary = summarise(
        tape_of(
            (0, "ws", Kind.OPENED, {}),
            (0, "poll", Kind.BODY, {}),
            (10, "ws", Kind.CLOSED, {"code": 1006, "reason": "reset", "side": "them"}),
            (12, "poll", Kind.FAILED, {"why": "timeout"}),
            (14, "poll", Kind.FAILED, {"why": "timeout"}),
            (15, "ws", Kind.OPENED, {}),
            (16, "poll", Kind.BODY, {}),
            (18, "ws", Kind.CLOSED, {"code": 1000, "reason": "", "side": "us"}),
            (20, "poll", Kind.BODY, {}),
        )
    )
    found = [(gap.feed, gap.why, gap.from_ns, gap.until_ns, gap.count) for gap in summary.gaps]
    assert found == [
        ("ws", "reset", 10 * SECOND, 15 * SECOND, 1),
        ("poll", "timeout", 12 * SECOND, 16 * SECOND, 2),
        ("ws", "closed", 18 * SECOND, None, 1),
    ]
    assert {name: summary.coverage(name) for name in summary.feeds} == {"poll": 0.8, "ws": 0.65}


def test_a_silent_asset_blinds_only_itself():
    """Silence of one asset is a gap from when it began, and takes nothing from the feed's coverage."""
    summary = summarise(
        tape_of(
            (0, "ws", Kind.FRAME, {}),
            (30, "ws", Kind.SILENT, {"asset": "T", "since_ns": 5 * SECOND}),
            (40, "ws", Kind.FRAME, {}),
        )
    )
    assert [(gap.asset, gap.from_ns, gap.until_ns) for gap in summary.gaps] == [("T", 5 * SECOND, 40 * SECOND)]
    assert summary.coverage("ws") == 1.0
