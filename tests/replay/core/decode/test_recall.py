"""A body that comes once more is not decoded again, and means what it would have meant."""

from __future__ import annotations

from recorder.envelope import Envelope, Kind
from replay.core.decode import Recall, decode

BODIES = (b'{"events":[]}', b"{", b"")
METAS = (b'{"status":200,"url":"u"}', b'{"status":304,"url":"u"}', b'{"status":"?"}')


def test_recalled_is_decoded():
    """Over every turn of two bodies, metas and feeds the events are those of the decoder."""
    recall = Recall()
    bodies = [(feed, meta, body) for feed in ("espn.nba", "gamma.markets") for meta in METAS for body in BODIES]
    turns = [(one, other) for one in bodies for other in bodies]
    for one, other in turns:
        for feed, meta, body in (one, one, other):
            envelope = Envelope(0, 0, feed, 0, Kind.BODY, meta, body)
            assert recall.decode(envelope) == decode(envelope)


def test_the_same_body_is_the_same_list():
    """The list of events itself comes back, which tells whoever takes it that there is no news."""
    recall = Recall()
    first, later = (Envelope(seq, seq, "espn.nba", 0, Kind.BODY, METAS[0], BODIES[0]) for seq in (0, 1))
    events = recall.decode(first)
    assert recall.decode(later) is events
    assert recall.decode(Envelope(2, 2, "espn.nba", 0, Kind.BODY, METAS[0], b"{}")) is not events
    assert recall.decode(later) is not events
