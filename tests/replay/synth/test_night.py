"""The whole simulated night, read by the real decoders."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter

import pytest

from recorder.envelope import Kind, encode_row
from recorder.errors import UsageError
from recorder.plan import Planner
from recorder.tape.reader import open_tape
from replay.core.events import (
    BID,
    BookSnapshot,
    FeedGap,
    GameStatus,
    LevelChange,
    MarketResolved,
    MarketSeen,
    PlanSeen,
    ScoreSeen,
    Undecodable,
)
from replay.synth.night import GENERATOR_VERSION, LABEL, night, plan_night, write_night

PRINT_DIGEST = """
import hashlib, sys
from recorder.envelope import encode_row
from replay.synth.night import night, plan_night
digest = hashlib.sha256()
for envelope in night(plan_night(int(sys.argv[1]), 1, "2026-01-15", 500)):
    digest.update(encode_row(envelope))
print(digest.hexdigest())
"""
KNOWN_DIGEST = "3c0679ac2871fff44db9d6fba1a8fa0b44de5fd6494048bb0d8b231072e047a9"


def rows_digest(seed: int) -> str:
    digest = hashlib.sha256()
    for envelope in night(plan_night(seed, 1, "2026-01-15", 500)):
        digest.update(encode_row(envelope))
    return digest.hexdigest()


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_a_seed_means_the_same_bytes_in_every_process(hash_seed):
    """Another process with another hash seed makes the bytes that this generator version is known for."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT_DIGEST, "7"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == KNOWN_DIGEST, (
        f"other bytes than generator version {GENERATOR_VERSION} made: count it up"
    )


def test_another_seed_is_another_night():
    """Seeds differ in every part of the night."""
    assert rows_digest(8) != KNOWN_DIGEST


def test_the_order_is_the_recorder_s(small):
    """seq counts from 0 without a hole and receive time never falls."""
    assert [one.seq for one in small.envelopes] == list(range(len(small.envelopes)))
    times = [one.recv_ns for one in small.envelopes]
    assert sorted(times) == times


def test_the_tape_says_that_it_is_simulated(small):
    """The second envelope names the generator and the seed."""
    assert [one.facts()["note"] for one in small.envelopes[:2]] == ["session", "simulated"]
    facts = small.envelopes[1].facts()
    assert (facts["seed"], facts["games"], facts["generator"]) == (7, 2, GENERATOR_VERSION)


def test_every_byte_has_a_meaning(small):
    """Nothing on the tape is undecodable, and every kind of event is there."""
    names = Counter(type(event).__name__ for _, event in small.events)
    assert [event for _, event in small.events if isinstance(event, Undecodable)] == []
    assert set(names) == {
        *("ScoreSeen", "BookSnapshot", "LevelChange", "TradePrinted", "TickSizeChanged", "BestQuoted", "MarketListed"),
        *("MarketResolved", "MarketSeen", "PlanSeen", "FeedGap", "PollMissed", "PollUnchanged", "ControlText", "Pulse"),
        *("PlaysSeen", "VenueScoreSeen"),
    }


def test_all_full_books_carry_a_true_hash(small):
    """Every book that has all hashed fields verifies; those after a trade lack them."""
    books = [event for _, event in small.events if isinstance(event, BookSnapshot)]
    assert {(book.verified, book.tick_u6 is None) for book in books} == {(True, False), (None, True)}


def test_the_deltas_lead_to_every_next_book(small):
    """
    Level changes applied to a book give the next book exactly, on the socket and from REST.

    On the way the best prices are those the frame names, no book is crossed, and the two tokens mirror each other.
    """
    books: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
    compared = 0
    for envelope, event in small.events:
        if isinstance(event, FeedGap):
            books.clear()
        elif isinstance(event, BookSnapshot):
            snapshot = dict(event.bids), dict(event.asks)
            assert books.get(event.token_id, snapshot) == snapshot, envelope.seq
            compared += event.token_id in books
            books[event.token_id] = snapshot
        elif isinstance(event, LevelChange):
            bids, asks = books[event.token_id]
            side = bids if event.side == BID else asks
            side.pop(event.price_u6, None)
            if event.size_u6:
                side[event.price_u6] = event.size_u6
            if event.last:
                assert (event.best_bid_u6, event.best_ask_u6) == (max(bids, default=None), min(asks, default=None))
                assert max(bids, default=0) < min(asks, default=10**6 + 1)
    assert compared > 1000
    # a market that was resolved before the socket was lost is not shown again
    held = [game.market.token_ids for game in small.plan.games if game.market.token_ids[0] in books]
    assert held
    for tokens in held:
        first, second = (books[token] for token in tokens)
        assert first[0] == {10**6 - price: size for price, size in second[1].items()}
        assert first[1] == {10**6 - price: size for price, size in second[0].items()}


def test_the_number_of_level_changes_is_reported_true(small):
    """The summary counts the level changes that are on the tape."""
    assert small.summary.level_changes == sum(isinstance(event, LevelChange) for _, event in small.events)


def test_the_result_is_one_result(small):
    """The last scores, the resolution and the catalogue's payout agree for every game."""
    last, resolved, paid = {}, {}, {}
    for _, event in small.events:
        if isinstance(event, ScoreSeen):
            last[event.game.source, event.game.id] = event
        elif isinstance(event, MarketResolved):
            resolved[event.market_id] = event.winning_token_id
        elif isinstance(event, MarketSeen) and event.payout_u6:
            paid[event.market_id] = event.token_ids[event.payout_u6.index(1_000_000)]
    for game in small.plan.games:
        finals = [last["espn", game.espn_id], last["nba", game.nba_id]]
        assert {final.status for final in finals} == {GameStatus.FINAL}
        assert {(final.home_score, final.away_score) for final in finals} == {
            (game.moments[-1].home, game.moments[-1].away)
        }
        home = game.market.token_ids[game.market.home_index]
        assert (resolved[game.market.market_id] == home) == (finals[0].home_score > finals[0].away_score)
        assert resolved[game.market.market_id] == paid[game.market.market_id]


def test_the_plan_is_the_one_a_recorder_would_make(small):
    """The recorder's planner, shown the same bodies, maps every game to the same market and tokens."""
    planner, plan = Planner(), None
    for one in small.envelopes[:200]:
        if one.kind is Kind.BODY and one.payload:
            plan = planner.see(one.feed, one.payload) or plan
    noted = next(event for _, event in small.events if isinstance(event, PlanSeen))
    assert plan is not None
    assert not plan.unmatched
    payload = next(one.payload for one in small.envelopes if one.kind is Kind.NOTE and one.facts()["note"] == "plan")
    assert plan.encode() == payload
    assert [game.game_id for game in noted.games] == [f"nba:{game.espn_id}" for game in small.plan.games]


def test_the_socket_is_lost_once_and_comes_back(small):
    """One close, and afterwards a new connection that subscribes before anything arrives on it."""
    socket = [one for one in small.envelopes if one.feed == "polymarket.market"]
    assert [one.kind for one in socket if one.conn == 1][-1] is Kind.CLOSED
    assert [one.kind for one in socket if one.conn == 2][:3] == [Kind.OPENED, Kind.SENT, Kind.FRAME]
    assert {one.conn for one in socket} == {1, 2}


def test_a_written_night_reads_back(tmp_path):
    """The tape holds exactly the night, is labelled, and has the same digest under another name."""
    plan = plan_night(5, 1, "2026-01-15", 300)
    written = [write_night(tmp_path / name, plan) for name in ("one", "two")]
    tapes = [open_tape(tmp_path / name) for name in ("one", "two")]
    envelopes = list(night(plan))
    assert list(tapes[0].read()) == envelopes
    assert tapes[0].label == LABEL
    assert tapes[0].digest() == tapes[1].digest()
    assert written[0].events == len(envelopes)
    assert written[0].payload_bytes == sum(len(one.payload) for one in envelopes)


@pytest.mark.parametrize(
    ("games", "date", "changes"),
    [
        (0, "2026-01-15", 1),
        (16, "2026-01-15", 1),
        (1, "soon", 1),
        (1, "0001-01-01", 1),
        (1, "1969-12-31", 1),
        (1, "2262-04-12", 1),
        (1, "9999-12-31", 1),
        (1, "2026-01-15", -1),
    ],
)
def test_what_cannot_be_is_refused(games, date, changes):
    """Too many games, none, no date, one that no stamp of 64 bits reaches, or fewer events than none: wrong usage."""
    with pytest.raises(UsageError):
        plan_night(1, games, date, changes)


@pytest.mark.parametrize("date", ["2026-11-01", "2027-03-13", "2026-07-15"])
def test_any_date_makes_a_night(date):
    """Nights of clock changes and of summer are nights too."""
    plan = plan_night(2, 1, date, 100)
    assert plan.span.first_ns < plan.games[0].start_ns < plan.games[0].tip_ns < plan.games[0].end_ns < plan.span.last_ns
