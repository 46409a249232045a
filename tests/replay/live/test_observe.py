"""What is copied out of an engine."""

from __future__ import annotations

import struct

import pytest
from relive import EAGER

from replay.core.state.book import ASK_ROW, BID_ROW, TRUST, best_price_u6, size_at_best
from replay.live.decisions import decisions_of
from replay.live.facts import TRUSTS, BookFact, GameFact
from replay.live.observe import Observer


@pytest.fixture(scope="module")
def lived(night):
    """An engine in the middle of a night, and its observer, which has looked once."""
    engine, observer = EAGER.engine(), Observer()
    signals = []
    envelopes = list(night.read())
    for first in range(0, len(envelopes) * 2 // 3, 500):
        outcome = engine.feed(envelopes[first : first + 500])
        observer.note(outcome)
        decided = decisions_of(outcome.orders, engine.roller.catalogue)
        signals += [observer.signal(engine, *one) for one in decided]
    return engine, observer, observer.look(engine), signals


def test_a_first_look_sees_every_game_with_a_market(lived) -> None:
    """Score, clock, model and both tokens as the engine holds them."""
    engine, _, facts, _ = lived
    (game,) = [fact for fact in facts if isinstance(fact, GameFact)]
    number, planned = next((k, one) for k, one in enumerate(engine.roller.catalogue.games) if one.plan is not None)
    plan = planned.plan
    assert (game.game_id, game.home_token, game.away_token) == (plan.game_id, plan.home_token_id, plan.away_token_id)
    assert (game.status, game.model_home_u6) == ("live", int(engine.fold.sight.fair_u6[0, number]))
    assert game.home_score + game.away_score > 50
    assert len(game.pattern) == 18
    assert game.prior_home_u6 == engine.priors.of(number) > 0


def test_a_book_fact_has_the_touch_of_the_fold(lived) -> None:
    """The best levels are those that decide, every size is positive, and prices fall away from the touch."""
    engine, _, facts, _ = lived
    market, tokens = engine.fold.market, engine.roller.catalogue.tokens
    books = [fact for fact in facts if isinstance(fact, BookFact)]
    assert len(books) == 2
    for book in books:
        token = tokens.index(book.token_id)
        assert book.trust == TRUSTS[market.books[token, TRUST]] == "known"
        for packed, row, sign in ((book.bids, BID_ROW, -1), (book.asks, ASK_ROW, 1)):
            levels = list(struct.iter_unpack("<qq", packed))
            best = best_price_u6(market.books, token, row), size_at_best(market.books, market.levels, token, row)
            assert levels[0] == best
            assert [price * sign for price, _ in levels] == sorted({price * sign for price, _ in levels})
            assert min(size for _, size in levels) > 0
            assert sum(size for _, size in levels) == market.levels[token, row].sum()


def test_a_second_look_sees_only_what_changed(lived, night) -> None:
    """Nothing where nothing came; after one more frame the books it was about."""
    engine, observer, _, _ = lived
    assert observer.look(engine) == []
    later = iter(list(night.read())[len(night) * 2 // 3 + 500 :])
    changed: list = []
    while not changed:
        engine.feed([next(later)])
        changed = observer.look(engine)
    assert 1 <= len(changed) <= 3


def test_signals_of_one_fact_are_numbered(lived) -> None:
    """Whoever resumes by seq and number misses none and gets none twice."""
    _, _, _, signals = lived
    places = [(one.seq, one.n) for one in signals]
    assert len(places) > 3
    assert places == sorted(set(places))
    assert all(one.n == 0 or (one.seq, one.n - 1) in places for one in signals)
    assert all(one.game_id.startswith("nba:") and one.team for one in signals)
