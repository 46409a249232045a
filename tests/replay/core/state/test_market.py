"""What rows do to the market: trust, gaps, witnesses, links and rules."""

from __future__ import annotations

import numpy as np
import pytest
from fold_kit import AWAY, CENT, HOME, SHARE, SmallNight

from replay.core.jit import interpreted
from replay.core.rows import OP_RULES
from replay.core.state import market as kernels
from replay.core.state.book import (
    ASK_ROW,
    BID_ROW,
    BOOK_NS,
    DIVERGED,
    DROPPED_OLD,
    KNOWN,
    SUSPECT,
    TICK_U6,
    TRUST,
    UNKNOWN,
    UNSEEDED,
    best_price_u6,
)
from replay.core.state.market import (
    FEE_RATE_U6,
    SIZE_MIN_U6,
    VENUE_DELAY_NS,
    grown_market,
    new_market,
)

apply_row = interpreted(kernels.apply_row)
apply_rules = interpreted(kernels.apply_rules)

BIDS, ASKS = ((45, 100), (44, 50)), ((47, 80), (48, 60))


def after(small, market=None):
    """The market after a small night, and how many of its rows were worth a look."""
    market = market or new_market(2, 1)
    night = small.night()
    looks = 0
    for i in range(len(night.rows.seq)):
        if night.rows.op[i] == OP_RULES:
            apply_rules(market, int(night.rows.token[i]), night.rules, int(night.rows.price_u6[i]))
        else:
            looks += bool(apply_row(market, night.rows, i))
    return market, looks


def touch(market, token=HOME):
    """Best bid and ask in cents."""
    return tuple(interpreted(best_price_u6)(market.books, token, row) / CENT for row in (BID_ROW, ASK_ROW))


def test_a_snapshot_makes_a_book_known():
    """A snapshot is the truth on arrival, and its end is worth a look; nothing in between is."""
    market, looks = after(SmallNight().book(5, HOME, BIDS, ASKS))
    assert market.books[HOME, TRUST] == KNOWN
    assert market.books[HOME, BOOK_NS] == 5_000_000
    assert touch(market) == (45, 47)
    assert looks == 1


def test_a_snapshot_replaces_what_was_known():
    """Levels that the next snapshot does not name are gone."""
    market, _ = after(SmallNight().book(1, HOME, BIDS, ASKS).book(2, HOME, ((10, 1),), ()))
    assert touch(market) == (10, -0.0001)
    assert np.count_nonzero(market.levels) == 1


def test_changes_without_a_snapshot_leave_a_book_unseeded():
    """Changes cannot make a book known: they are passed over, and that they came is noted."""
    market, looks = after(SmallNight().ask(1, HOME, 47, 10))
    assert market.books[HOME, TRUST] == UNSEEDED
    assert not market.levels.any()
    assert looks == 0


def test_a_gap_forgets():
    """After a gap a book is unknown; changes make it unseeded, and only a snapshot makes it known again."""
    small = SmallNight().book(1, HOME, BIDS, ASKS).gap(2, HOME)
    assert after(small)[0].books[HOME, TRUST] == UNKNOWN
    assert after(small.ask(3, HOME, 47, 10))[0].books[HOME, TRUST] == UNSEEDED
    assert after(small.book(4, HOME, BIDS, ASKS))[0].books[HOME, TRUST] == KNOWN


def test_a_message_of_several_levels_is_judged_at_its_end():
    """In the middle of a message a book may be crossed; only its last level is worth a look."""
    small = SmallNight().book(1, HOME, BIDS, ASKS)
    small.bid(2, HOME, 47, 5, last=False).ask(2, HOME, 47, 0, best=(47, 48))
    market, looks = after(small)
    assert market.books[HOME, TRUST] == KNOWN
    assert touch(market) == (47, 48)
    assert looks == 2


@pytest.mark.parametrize("cents", [47, 48])
def test_a_crossed_or_locked_book_is_suspect_until_it_agrees_again(cents):
    """A bid at or above the best ask takes the trust; the next message that parts the sides gives it back."""
    small = SmallNight().book(1, HOME, BIDS, ASKS).bid(2, HOME, cents, 5)
    market, _ = after(small)
    assert market.books[HOME, TRUST] == SUSPECT
    assert market.books[HOME, DIVERGED] == 1
    assert after(small.bid(3, HOME, cents, 0))[0].books[HOME, TRUST] == KNOWN


@pytest.mark.parametrize("best", [(44, 47), (45, 48), (46, 46)])
def test_a_book_that_the_venue_contradicts_is_suspect(best):
    """Where our best prices are not those the venue named with the change, something was missed."""
    small = SmallNight().book(1, HOME, BIDS, ASKS).bid(2, HOME, 30, 5, best=best)
    assert after(small)[0].books[HOME, TRUST] == SUSPECT
    assert after(small.bid(3, HOME, 30, 6, best=(45, 47)))[0].books[HOME, TRUST] == KNOWN


def test_a_change_older_than_the_snapshot_is_dropped():
    """What the snapshot already contains is not applied again."""
    small = SmallNight().book(1, HOME, BIDS, ASKS, source_ms=1_000).bid(2, HOME, 46, 5, source_ms=999)
    market, looks = after(small)
    assert touch(market) == (45, 47)
    assert market.books[HOME, DROPPED_OLD] == 1
    assert looks == 1
    assert touch(after(small.bid(3, HOME, 46, 5, source_ms=1_000))[0]) == (46, 47)


def test_a_price_off_every_grid_makes_a_book_suspect():
    """A level that has no place is a level we do not know."""
    small = SmallNight().book(1, HOME, BIDS, ASKS).bid(2, HOME, 30.001, 5, last=False)
    assert after(small)[0].books[HOME, TRUST] == SUSPECT


def test_a_witness_seeds_what_the_stream_left_unseeded_or_suspect():
    """A REST answer helps where changes arrive without a snapshot, and where a book is in doubt."""
    unseeded = SmallNight().ask(1, HOME, 47, 10).book(2, HOME, BIDS, ASKS, witness=True)
    assert after(unseeded)[0].books[HOME, TRUST] == KNOWN
    suspect = SmallNight().book(1, HOME, BIDS, ASKS).bid(2, HOME, 48, 5).book(3, HOME, BIDS, ASKS, witness=True)
    market, _ = after(suspect)
    assert market.books[HOME, TRUST] == KNOWN
    assert touch(market) == (45, 47)


def test_a_witness_seeds_nothing_in_a_gap():
    """Where the stream is silent it would not say when the answer ceases to be true."""
    market, looks = after(SmallNight().book(1, HOME, BIDS, ASKS, witness=True))
    assert market.books[HOME, TRUST] == UNKNOWN
    assert not market.levels.any()
    assert looks == 0


def test_a_witness_does_not_touch_a_known_book():
    """The stream is newer than any answer to a request."""
    market, looks = after(SmallNight().book(1, HOME, BIDS, ASKS).book(2, HOME, ((1, 1),), ((50, 1),), witness=True))
    assert touch(market) == (45, 47)
    assert looks == 1


@pytest.mark.parametrize(("bids", "asks"), [(((1, 9),), ((99, 9),)), ((), ()), (((1, 9),), ())])
def test_a_ghost_is_no_witness(bids, asks):
    """The venue is known to answer with an empty book of 0.01 to 0.99; such an answer seeds nothing."""
    market, _ = after(SmallNight().ask(1, HOME, 47, 10).book(2, HOME, bids, asks, witness=True))
    assert market.books[HOME, TRUST] == UNSEEDED
    assert not market.levels.any()


def test_links_ticks_and_rules_are_taken_over():
    """The plan names tokens, the catalogue rules; what it leaves out stays as it was."""
    small = SmallNight().link().tick(1, AWAY, 0.1)
    small.rule(2, HOME, delay_ms=3_000, fee_u6=20_000).rule(3, HOME, tick_u6=100, size_min=15)
    market, _ = after(small)
    assert market.game.tolist() == [0, 0]
    assert market.side.tolist() == [1, -1]
    assert market.tokens_of.tolist() == [[HOME, AWAY]]
    assert market.books[:, TICK_U6].tolist() == [100, 1_000]
    assert market.rules[HOME, VENUE_DELAY_NS] == 3_000_000_000
    assert market.rules[HOME, FEE_RATE_U6] == 20_000
    assert market.rules[HOME, SIZE_MIN_U6] == 15 * SHARE


def test_a_token_stands_for_one_side_or_for_none():
    """Linked anew it leaves what it stood for; unlinked it keeps its game, for the accounts, and no side of it."""
    market, _ = after(SmallNight().link().unlink(1, HOME))
    assert (market.game[HOME], market.side[HOME], market.tokens_of.tolist()) == (0, 0, [[-1, AWAY]])
    market, _ = after(SmallNight().link().link(1, home=AWAY, away=HOME))
    assert (market.side.tolist(), market.tokens_of.tolist()) == ([-1, 1], [[AWAY, HOME]])


def test_a_grown_market_is_the_same_market():
    """Room for more changes nothing of what is there."""
    before, _ = after(SmallNight().link().book(1, HOME, BIDS, ASKS))
    grown = grown_market(before, 5, 3)
    for name, old in before._asdict().items():
        assert (getattr(grown, name)[: len(old)] == old).all()
    fresh = new_market(5, 3)
    assert (grown.books[2:] == fresh.books[2:]).all()
    assert (grown.tokens_of[1:] == -1).all()
