"""When a token is evaluated, when not and why, and what a view sees."""

from __future__ import annotations

import pytest
from fold_kit import AWAY, CENT, HOME, MS, SECOND, Interpreted, SmallNight, fold_night
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.core.cells import SETTLED_NS, Policy
from replay.core.engine import Freshness
from replay.core.events import GameStatus
from replay.settings import Setting, View

QUIET = Setting(min_edge_u6=99 * CENT)
BY_BOOK, BY_SCORE = 0, 1
AT_START = {"book_unknown": 2}
"""The first score looks at both tokens, whose books are not known yet."""


def live(fair=60):
    """A game that is on from second 0; the home token is worth so many cents."""
    return SmallNight().link().score(0, 10, 10, fair)


def seen(said, *names):
    return [tuple(evaluation[name] for name in names) for evaluation in said.evaluations]


def test_a_book_change_evaluates_its_token():
    """Fair value less ask is the edge, with the size at the ask and how old both inputs are."""
    small = live().book(2_000, HOME, ((45, 5),), ((50, 7), (51, 8)))
    (evaluation,) = fold_night(small, QUIET).evaluations
    assert evaluation == {
        "seq": small.seq,
        "recv_ns": 2 * SECOND,
        "token": HOME,
        "fair_u6": 60 * CENT,
        "ask_u6": 50 * CENT,
        "ask_size_u6": 7_000_000,
        "edge_u6": 10 * CENT,
        "game_age_ns": 2 * SECOND,
        "book_age_ns": 0,
        "cause": BY_BOOK,
    }


def test_the_away_token_is_worth_the_rest_of_a_dollar():
    """Both tokens of a game are valued by one probability."""
    small = live(60).book(1_000, AWAY, (), ((35, 5),))
    assert seen(fold_night(small, QUIET), "fair_u6", "edge_u6") == [(40 * CENT, 5 * CENT)]


def test_a_score_evaluates_both_tokens():
    """Points are a reason to look at both sides, with the books as they were; a moving clock is not."""
    small = live().book(1_000, HOME, (), ((50, 5),)).book(1_000, AWAY, (), ((45, 5),))
    small.score(3_000, 12, 10, 70, clock_ms=590_000).score(4_000, 12, 10, 71, clock_ms=580_000)
    said = seen(fold_night(small, QUIET), "recv_ns", "token", "cause", "edge_u6", "book_age_ns", "game_age_ns")
    assert said[2:] == [
        (3 * SECOND, HOME, BY_SCORE, 20 * CENT, 2 * SECOND, 0),
        (3 * SECOND, AWAY, BY_SCORE, -15 * CENT, 2 * SECOND, 0),
    ]


def test_at_one_time_the_tape_says_what_comes_first():
    """A change and points of the same nanosecond are met in the order of seq, whichever of the two is the first."""
    before = live(60).book(1_000, HOME, (), ((50, 5),)).ask(3_000, HOME, 48, 5).score(3_000, 12, 10, 70)
    assert seen(fold_night(before, QUIET), "fair_u6", "ask_u6", "cause")[1:] == [
        (60 * CENT, 48 * CENT, BY_BOOK),
        (70 * CENT, 48 * CENT, BY_SCORE),
    ]
    after = live(60).book(1_000, HOME, (), ((50, 5),)).score(3_000, 12, 10, 70).ask(3_000, HOME, 48, 5)
    assert seen(fold_night(after, QUIET), "fair_u6", "ask_u6", "cause")[1:] == [
        (70 * CENT, 50 * CENT, BY_SCORE),
        (70 * CENT, 48 * CENT, BY_BOOK),
    ]


def test_the_clock_moves_the_fair_value():
    """The next change of the book meets the fair value of the latest state."""
    small = live(60).score(1_000, 10, 10, 55, clock_ms=590_000).book(2_000, HOME, (), ((50, 5),))
    assert seen(fold_night(small, QUIET), "fair_u6") == [(55 * CENT,)]


@pytest.mark.parametrize(
    ("looks", "build"),
    [
        ({"not_live": 3}, lambda: SmallNight().link().score(0, 0, 0, 60, status=GameStatus.SCHEDULED)),
        ({"not_live": 1}, lambda: SmallNight().link()),
        ({"no_fair": 3}, lambda: live(None)),
    ],
)
def test_a_game_that_cannot_be_valued_is_skipped_and_counted(looks, build):
    """Before the start and where the model has no answer nothing is evaluated."""
    said = fold_night(build().book(1_000, HOME, (), ((50, 5),)), QUIET)
    assert said.evaluations == []
    assert said.looks() == looks


def test_a_token_without_a_game_is_not_looked_at():
    """Other markets' books are kept but not counted."""
    said = fold_night(SmallNight().score(0, 10, 10, 60).book(1_000, HOME, (), ((50, 5),)), QUIET)
    assert said.looks() == {}


def test_a_book_without_asks_is_skipped():
    """Nothing is for sale."""
    looks = fold_night(live().book(1_000, HOME, ((50, 5),), ()), QUIET).looks()
    assert looks == {"no_ask": 1, **AT_START}


def test_a_suspect_book_is_skipped():
    """While bids stand at or above asks, no edge is believed."""
    small = live().book(1_000, HOME, ((45, 5),), ((50, 5),)).bid(2_000, HOME, 55, 1).bid(3_000, HOME, 55, 0)
    assert fold_night(small, QUIET).looks() == {"evaluated": 2, "book_suspect": 1, **AT_START}


def test_a_score_finds_an_unknown_book():
    """In a gap a changed score is noticed and not acted on."""
    small = live().book(1_000, HOME, (), ((50, 5),)).gap(2_000, HOME).score(3_000, 12, 10, 70)
    looks = fold_night(small, QUIET).looks()
    # Home's book is in a gap and away's was never known: both at the score; both again when the game began.
    assert looks == {"evaluated": 1, "book_unknown": 4}


def test_an_old_book_is_not_acted_on_when_the_score_changes():
    """An ask that has stood for longer than allowed may be a feed that fell silent."""
    small = live().book(1_000, HOME, (), ((50, 5),)).book(1_000, AWAY, (), ((50, 5),))
    at_limit = Freshness(book_ns=2 * SECOND)
    assert fold_night(small.score(3_000, 12, 10, 70), QUIET, freshness=at_limit).looks()["evaluated"] == 4
    small = live().book(1_000, HOME, (), ((50, 5),)).book(1_001, AWAY, (), ((50, 5),)).score(3_001, 12, 10, 70)
    looks = fold_night(small, QUIET, freshness=at_limit).looks()
    assert (looks["evaluated"], looks["book_stale"]) == (3, 1)


def test_a_game_not_heard_of_is_not_acted_on_when_the_book_moves():
    """After so long without an observation the fair value may be of another state; heard of again, it holds again."""
    small = live().book(1_000, HOME, (), ((50, 5),))
    small.bid(2_000, HOME, 40, 1).bid(2_001, HOME, 40, 2).bid(2_500, HOME, 40, 3)
    small.score(3_000, 10, 10, 60).bid(3_500, HOME, 40, 4).bid(5_000, HOME, 40, 5).bid(5_001, HOME, 40, 6)
    said = fold_night(small, QUIET, freshness=Freshness(game_ns=2 * SECOND))
    assert [at / SECOND for (at,) in seen(said, "recv_ns")] == [1, 2, 3.5, 5]
    assert said.looks() == {"evaluated": 4, "game_stale": 3, "book_unknown": 2}


def test_a_game_that_ends_is_no_longer_evaluated():
    """After the final whistle the market is about settlement."""
    small = live().book(1_000, HOME, (), ((50, 5),)).score(2_000, 10, 10, 60, status=GameStatus.FINAL)
    looks = fold_night(small.ask(3_000, HOME, 50, 6), QUIET).looks()
    assert (looks["evaluated"], looks["not_live"]) == (1, 1)


def test_a_token_that_changes_sides_is_looked_at_anew():
    """When the plan corrects which token is whose, the next look acts on it, though the touch has not moved."""
    small = SmallNight().link(home=AWAY, away=HOME).score(0, 10, 10, 60).book(1_000, HOME, ((20, 5),), ((50, 5),))
    small.bid(2_000, HOME, 20, 6).link(2_500).bid(3_000, HOME, 20, 7)
    said = fold_night(small, Setting())
    assert seen(said, "fair_u6") == [(40 * CENT,), (40 * CENT,), (60 * CENT,)]
    assert [order["signal_ns"] for order in said.orders] == [3 * SECOND]


def test_a_token_whose_game_moved_to_another_market_is_not_acted_on():
    """Its book goes on, its edge looks as good as ever, and nothing is decided on it; the other token is."""
    small = SmallNight().link().score(0, 10, 10, 60).unlink(500, HOME)
    small.book(1_000, HOME, ((20, 5),), ((50, 5),)).book(1_000, AWAY, ((20, 5),), ((30, 5),)).score(2_000, 12, 10, 60)
    said = fold_night(small, Setting())
    assert {token for (token,) in seen(said, "token")} == {AWAY}
    assert {order["token"] for order in said.orders} == {AWAY}
    assert said.looks()["no_game"] == 1


def test_a_book_delay_lets_scores_be_seen_earlier_against_the_book():
    """A view that hears of books a second late evaluates them a second later, and knows the scores of that second."""
    small = live(60).book(1_000, HOME, (), ((50, 5),)).score(1_500, 12, 10, 70)
    late = Setting(view=View(book_delay_ms=1_000), min_edge_u6=99 * CENT)
    said = fold_night(small, late)
    by_book = [e for e in said.evaluations if e["cause"] == BY_BOOK]
    assert [(e["recv_ns"], e["fair_u6"]) for e in by_book] == [(2 * SECOND, 70 * CENT)]


moves = st.lists(
    st.tuples(
        st.integers(1, 900),
        st.sampled_from(["ask", "bid", "book", "gap", "score", "clock", "repeat", "end", "witness"]),
        st.sampled_from([HOME, AWAY]),
        st.integers(40, 60),
        st.sampled_from([0, 5, 50]),
    ),
    max_size=40,
)


def wild(steps):
    """A night in which anything may happen: the ask moves, breaks and comes back, the game goes on or repeats."""
    small, at, points, clock = live().book(500, HOME, ((30, 9),), ((50, 9),)), 500, 10, 600_000
    for wait, what, token, cents, shares in steps:
        at += wait
        if what == "ask":
            small.ask(at, token, cents, shares)
        elif what == "bid":
            small.bid(at, token, cents - 25, shares)
        elif what in ("book", "witness"):
            small.book(at, token, ((cents - 25, 9),), ((cents, 9),), witness=what == "witness")
        elif what == "gap":
            small.gap(at, token)
        else:
            points += what == "score"
            clock -= 1_000 * (what != "repeat")
            status = GameStatus.FINAL if what == "end" and cents > 58 else GameStatus.LIVE
            small.score(at, points, 10, cents, clock_ms=clock, status=status)
    return small


GRID = [
    Setting(view=view, min_edge_u6=edge * CENT, policy=policy, order_delay_ms=300, venue_delay_ms=0, exit_edge_u6=leave)
    for view in (View(), View(book_delay_ms=200))
    for edge, policy, leave in (
        (3, Policy.EVERY, None),
        (2, Policy.FIRST_CROSSING, None),
        (5, Policy.FIRST_CROSSING, 0),
    )
]


@settings(max_examples=60)
@given(moves, st.integers(1, 5))
def test_counting_looks_that_are_alike_changes_nothing(steps, fresh_s):
    """
    A look that is only counted would have found the same.

    The grid is folded once as it is, and once with a fold that is made to look at everything after every row.
    """
    small, freshness = wild(steps), Freshness(game_ns=fresh_s * SECOND, book_ns=3 * SECOND)
    shifts = [0, 40]
    as_is = fold_night(small, *GRID, freshness=freshness, at_ms=shifts)
    always = fold_night(small, *GRID, freshness=freshness, at_ms=shifts, strategy=AlwaysLooks)
    assert as_is.evaluations == always.evaluations
    assert as_is.orders == always.orders
    assert [as_is.looks(view) for view in (0, 1)] == [always.looks(view) for view in (0, 1)]


class AlwaysLooks:
    """The fuser, row by row, with every token's last look forgotten in between."""

    name = "fusion"

    @staticmethod
    def run(rows, *more):
        """Run the rows one at a time; before the last, nothing is seen that the next row would not have let in."""
        *rest, start, until_ns = more
        sight = rest[5]
        for i in range(start, len(rows.seq)):
            one = type(rows)(*(column[i : i + 1] for column in rows))
            assert Interpreted.run(one, *rest, 0, -MS) == -1
            sight.settled[:, SETTLED_NS] = -1
        return Interpreted.run(type(rows)(*(column[:0] for column in rows)), *rest, 0, until_ns)


@settings(max_examples=40)
@given(moves, st.integers(0, 40))
def test_nothing_before_a_cut_depends_on_what_comes_after(steps, kept):
    """Cut the night anywhere: all that was said before the cut stays the same."""
    whole, cut = fold_night(wild(steps), *GRID), fold_night(wild(steps[:kept]), *GRID)
    last_ns = 500 * MS + sum(step[0] for step in steps[:kept]) * MS
    said = [evaluation for evaluation in whole.evaluations if evaluation["recv_ns"] < last_ns]
    assert said == [evaluation for evaluation in cut.evaluations if evaluation["recv_ns"] < last_ns]

    def signals(orders):
        shown = ("cell", "token", "seq", "signal_ns", "fair_u6", "ask_u6", "limit_u6", "size_u6")
        return [[order[name] for name in shown] for order in orders if order["signal_ns"] < last_ns]

    assert signals(whole.orders) == signals(cut.orders)
