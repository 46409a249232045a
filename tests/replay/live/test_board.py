"""What the board answers."""

from __future__ import annotations

import pytest
from board_kit import S, batch, book, game, health, levels, signal

from replay.live.board import Board
from replay.live.facts import FeedFact, GapFact, PredictionFact

NOW_NS = 102 * S
AWAY = "nba:1-A"


def board(*facts, now_s=100, lost=0) -> Board:
    made = Board()
    made.apply(batch(*facts, now_s=now_s, lost=lost))
    return made


def whole(**more) -> Board:
    return board(game(**more), book(), book(AWAY, bids=levels((43, 1)), asks=levels((46, 2))))


def test_a_state_has_touch_edge_and_ages_of_now() -> None:
    """Ages grow with the time of the question; edge is fair value minus ask, of either side."""
    state = whole().state("nba:1", NOW_NS)
    home, away = state.tokens.home, state.tokens.away
    assert (home.bid_u6, home.bid_size_u6, home.ask_u6, home.ask_size_u6) == (540_000, 10_000_000, 560_000, 7_000_000)
    assert (home.mid_u6, away.mid_u6) == (550_000, 445_000)
    assert (state.edge_u6.home, state.edge_u6.away) == (40_000, 400_000 - 460_000)
    assert (state.game_age_ms, home.book_age_ms, state.recv_ns) == (2_000, 2_000, str(100 * S))
    assert whole().state("nba:1", NOW_NS + S).game_age_ms == 3_000
    assert (state.pattern.n, state.pattern.entries, state.pattern.of) == (2, [1, 2], 18)
    assert (state.is_stale, state.why, state.prior_home_u6) == (False, None, 550_000)


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ([game(), book(trust="unknown"), book(AWAY)], "the home book is unknown"),
        ([game(), book(), book(AWAY, trust="suspect")], "the away book is suspect"),
        ([game(), book()], "the away book is unknown"),
        ([game(seen_ns=60 * S), book(), book(AWAY)], "not seen for 42 s"),
        ([game(seen_ns=0), book(), book(AWAY)], "no score source has shown it yet"),
        ([game(), book(), book(AWAY), health(engine="cut")], "the engine has ended"),
    ],
)
def test_what_is_stale_says_why(facts, why) -> None:
    """A book in a gap, a game that nobody has confirmed lately, an engine that is gone: never shown as live."""
    state = board(*facts).state("nba:1", NOW_NS)
    assert (state.is_stale, state.why) == (True, why)


def test_a_recorder_that_says_nothing_makes_everything_stale() -> None:
    """Where the recording itself is silent for more than ten seconds, no number is news."""
    made = board(game(seen_ns=119 * S), book(), book(AWAY), health(), now_s=100)
    assert made.state("nba:1", 109 * S).why is None
    assert made.state("nba:1", 120 * S).why == "the recorder has said nothing for 20 s"
    assert made.health(120 * S).reasons == ["the recorder has said nothing for 20 s"]


def test_what_is_over_or_to_come_needs_no_book() -> None:
    """A final score stays as it is for ever; a game that is to come is not stale for want of a book."""
    assert board(game(status="final", seen_ns=1)).state("nba:1", NOW_NS).is_stale is False
    assert board(game(status="scheduled")).state("nba:1", NOW_NS).is_stale is False


def test_an_unknown_book_shows_no_price() -> None:
    """In a gap there is no price to mistake for one, nor an edge."""
    made = board(game(), book(trust="unknown"))
    state = made.state("nba:1", NOW_NS)
    assert (state.tokens.home.bid_u6, state.tokens.home.mid_u6, state.edge_u6.home) == (None, None, None)
    assert made.ladder("nba:1-H", NOW_NS).bids == []


def test_a_book_is_told_whole_and_best_first() -> None:
    """Every level, with its size."""
    ladder = whole().ladder("nba:1-H", NOW_NS)
    assert ladder.bids == [(540_000, 10_000_000), (530_000, 5_000_000)]
    assert ladder.asks == [(560_000, 7_000_000), (580_000, 9_000_000)]
    assert ladder.trust == "known"


def test_games_are_sorted_worst_first() -> None:
    """Stale, live, to come, over."""
    made = board(
        game("nba:over", status="final"),
        game("nba:soon", status="scheduled"),
        game("nba:live"),
        book("nba:live-H"),
        book("nba:live-A"),
        game("nba:bad"),
    )
    assert [state.game_id for state in made.states(NOW_NS)] == ["nba:bad", "nba:live", "nba:soon", "nba:over"]


def test_signals_are_found_by_their_place() -> None:
    """After a seq and a number, in order, at most so many; and those that made way are confessed."""
    made = board(*(signal(seq, n) for seq, n in ((3, 0), (3, 1), (7, 0), (9, 0))), health(), lost=2)
    assert [(one.seq, one.n) for one in made.signals_after(3, 0, 2)] == [(3, 1), (7, 0)]
    assert made.signals_after(9, 0, 5) == []
    assert "2 signals had to make way" in made.health(NOW_NS).reasons


def test_health_is_degraded_with_reasons() -> None:
    """A feed that is not live and a disk that is behind are reasons; without them all is ok."""
    feed = FeedFact("espn.nba", "SILENT", 90 * S, 0.0, 1, 0, None)
    bad = board(health(feed, lag_ms=5_000, reasons=("the model failed on 1 states",))).health(NOW_NS)
    assert (bad.status, len(bad.reasons), bad.feeds[0].age_ms) == ("degraded", 3, 12_000)
    assert board(health()).health(NOW_NS).status == "ok"
    assert Board().health(NOW_NS).status == "degraded"


def test_the_course_of_a_game_has_steps_gaps_and_forecasts() -> None:
    """Scores, mids, spreads, the model and forecasts with their times; a book in a gap is a hole in the line."""
    forecast = b'[{"horizon":"final","interval_lower":-3.0,"point_forecast":2.5,"interval_upper":8.0}]'
    made = board(game(), book(), PredictionFact("nba:1", 5, 100 * S, 6, None, forecast), GapFact("espn.nba", 1, 2))
    made.apply(batch(game(home_score=52, seen_ns=105 * S), book(trust="unknown"), now_s=105))
    history = made.history("nba:1", 100)
    assert history.series.score == [(str(100 * S), 50, 48), (str(105 * S), 52, 48)]
    assert [value for _, value in history.series.mid_home_u6] == [550_000, None]
    assert [value for _, value in history.series.spread_u6] == [20_000, None]
    assert history.series.prediction == [(str(100 * S), -3.0, 2.5, 8.0)]
    assert history.gaps == [("1", "2", "espn.nba")]
    assert made.state("nba:1", NOW_NS).prediction.n == 6


def test_an_unknown_name_is_a_key_error() -> None:
    """Nobody is answered about a game that is not there."""
    for ask in (Board().state, Board().history, Board().ladder):
        with pytest.raises(KeyError):
            ask("nba:0", 1)
