"""The touch of every token, as the fold knows it."""

from __future__ import annotations

from replay.core.cells import EVALUATION_COLUMNS
from replay.report.quotes import quotes_of


def test_a_quote_is_what_the_fold_saw(film, sweep):
    """At every evaluation that a book caused, our ask is the ask that the fold decided on."""
    from replay.backtest import replay_film
    from replay.find import load_strategy
    from replay.models import load_model

    quotes = quotes_of(film)
    ledger = replay_film(film, load_strategy("fusion"), load_model("brownian"), sweep.cells[0].setting)
    column = {name: k for k, name in enumerate(EVALUATION_COLUMNS)}
    checked = 0
    for row in ledger.evaluations[:: max(len(ledger.evaluations) // 500, 1)]:
        mine = quotes.of(int(row[column["token"]]))
        before = mine[mine[:, 0] <= row[column["recv_ns"]]]
        assert int(before[-1, 3]) == int(row[column["ask_u6"]])
        checked += 1
    assert checked > 100


def test_nothing_is_said_twice(film):
    """A row of a token is a change of its touch, and times never fall."""
    quotes = quotes_of(film)
    for token in range(len(film.catalogue.tokens)):
        mine = quotes.of(token)
        assert (mine[1:, 0] >= mine[:-1, 0]).all()
        assert ((mine[1:, 2:] != mine[:-1, 2:]).any(axis=1)).all()


def test_a_mid_needs_both_sides(film):
    """The frame has a mid exactly where bid and ask are known, and names tokens by prefix and number."""
    quotes = quotes_of(film)
    frame = quotes.frame("3/")
    known = (quotes.table[:, 2] >= 0) & (quotes.table[:, 3] >= 0)
    assert frame["mid_u6"].is_not_null().to_list() == known.tolist()
    assert frame["token_id"][0].startswith("3/")
