"""Thinning, coverage and the course of a game."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from replay.report.overlay import Course, courses, coverage, overlay_of, thin, thin_band
from replay.report.quotes import quotes_of

S = 1_000_000_000
series = st.lists(st.tuples(st.integers(0, 50), st.integers(-1, 1000)), min_size=1, max_size=400)


@settings(max_examples=80)
@given(series, st.integers(8, 60))
def test_a_thinned_series_keeps_its_ends_and_extremes(rows, points):
    """However thin, the highest, the lowest and the last value survive, and no point moves."""
    at = np.cumsum([step for step, _ in rows])
    value = np.array([price for _, price in rows])
    kept = thin(at, value, points)
    assert len(kept) <= max(points, len(rows) if len(rows) <= points else 0)
    assert set(map(tuple, kept.tolist())) <= set(zip(at.tolist(), value.tolist(), strict=True))
    assert kept[-1].tolist() == [at[-1], value[-1]]
    assert kept[:, 1].max() == value.max()
    assert kept[:, 1].min() == value.min()


def test_a_thinned_band_never_stays_wider_than_it_stood():
    """A slice shows its widest moment and then how it ended, until the next slice that has any row."""
    at = np.array([0, 1, 2, 3, 1000])
    bid = np.array([40, 30, -1, 49, 49])
    ask = np.array([60, 70, 80, 51, 51])
    assert thin_band(at, bid, ask, 4).tolist() == [[0, 30, 70], [3, 49, 51], [1000, 49, 51], [1000, 49, 51]]


def test_coverage_counts_silence_of_scores_and_unknown_books():
    """100 s of play, 20 s without a score and 10 s without a book: 80 % and 90 %, and both stretches are named."""
    heard = np.array([k * 2 * S for k in range(21)] + [60 * S + k * 2 * S for k in range(21)])
    course = Course(np.zeros((0, 5), np.int64), heard, 0, 100 * S)
    quotes = np.array([[-5 * S, 0, 400_000, 410_000], [50 * S, 0, -1, -1], [60 * S, 0, 400_000, -1]])
    score, book, spans = coverage(course, quotes)
    assert (score, book) == (0.8, 0.9)
    assert spans == [(40 * S, 60 * S, "score"), (50 * S, 60 * S, "book")]


def test_a_book_never_known_covers_nothing():
    """Without a quote the whole game is one stretch."""
    course = Course(np.zeros((0, 5), np.int64), np.array([0, S]), 0, S)
    assert coverage(course, np.zeros((0, 4), np.int64))[1:] == (0.0, [(0, S, "book")])


def test_a_game_that_was_never_live_has_no_coverage():
    """Nothing can be missing of what was not there."""
    course = Course(np.zeros((0, 5), np.int64), np.zeros(0, np.int64), S, S)
    assert coverage(course, np.zeros((0, 4), np.int64)) == (None, None, [])


def test_the_course_of_a_game_ends_with_its_final_score(film):
    """Every game has a course; a score falls only where an official took one back; the end is the result."""
    found = courses(film)
    assert len(found) == 3
    for number, course in found.items():
        states = film.night.states[film.night.states[:, 2] == number]
        assert course.table[-1, 1:3].tolist() == states[-1, 8:10].tolist()
        assert (np.diff(course.table[:, 1:3], axis=0) < 0).any(axis=1).sum() <= 5
        assert course.begin_ns < course.end_ns


def test_an_overlay_is_in_thousandths_of_home_s_price(film, evidence):
    """Signals on the away token stand at home's price, and no series leaves its axes."""
    quotes = quotes_of(film)
    number, course = next(iter(courses(film).items()))
    home = int(quotes.tokens_of[number, 0])
    trade = pl.DataFrame(
        {
            "side": [1, 1],
            "token": [home, home + 1],
            "signal_ns": [course.begin_ns + S, course.begin_ns + 2 * S],
            "due_ns": [course.begin_ns + 2 * S, course.begin_ns + 3 * S],
            "ask_u6": [400_000, 300_000],
            "filled_u6": [0, 10_000_000],
            "cash_u6": [0, 3_100_000],
        }
    )
    fairs = np.full(len(film.night.states), 500_000)
    overlay = overlay_of(course, quotes.of(home), fairs, trade, home, [(course.begin_ns, course.begin_ns + S, "book")])
    assert overlay.signals == [(10, 1, 400), (20, -1, 700)]
    assert overlay.fills == [(30, -1, 690)]
    assert overlay.gaps[0].end_ds == 10
    assert all(0 <= at <= overlay.length_ds and -1 <= value <= 1000 for at, value in overlay.mid)
    assert len(overlay.mid) <= 600
    assert [game.overlay is not None for game in evidence.games] == [True, True, True]
