from __future__ import annotations

from collections import Counter

from recorder.envelope import Kind
from recorder.tape.reader import open_tape


def test_the_simulated_sources_are_all_recorded(short_night) -> None:
    """Every source answers, well and badly; games are matched with their markets, and books flow."""
    path, record = short_night
    statuses: Counter[tuple[str, int]] = Counter()
    frames = planned = 0
    for envelope in open_tape(path).read():
        if envelope.kind is Kind.BODY:
            statuses[envelope.feed, envelope.facts()["status"]] += 1
        frames += envelope.kind is Kind.FRAME and b"price_change" in envelope.payload
        if envelope.kind is Kind.NOTE and envelope.facts()["note"] == "plan":
            planned = max(planned, envelope.payload.count(b'"game_id"'))
    for feed in ("espn.nba", "nba.scoreboard", "gamma.markets", "polymarket.book"):
        assert statuses[feed, 200], feed
    assert {status for _, status in statuses} > {200, 304}
    assert frames > 500
    assert planned == 10
    assert {source for source, _ in record.asked} == {"espn", "nba", "gamma", "clob", "market"}
