"""Where two films of one tape part is named: the first envelope, the column and both values."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reel import stretch

from replay.film import build_film
from replay.film_check import Difference, first_difference, stored_films


@pytest.fixture(scope="module")
def film():
    return build_film(stretch())


def changed(film, table, column, at, by):
    """The film with one number of one of its tables moved."""
    night = film.night
    if table == "rows":
        values = getattr(night.rows, column).copy()
        values[at] += by
        return replace(film, night=night._replace(rows=night.rows._replace(**{column: values})))
    values = getattr(night, table).copy()
    values[at, column] += by
    return replace(film, night=night._replace(**{table: values}))


def test_equal_films_do_not_differ(film):
    """A film made again is the same film."""
    assert first_difference(film, build_film(stretch(), plain=True)) is None


def test_the_first_difference_is_named(film):
    """Of several differences the first in the order of the tape is told, with both values."""
    seq = int(film.night.rows.seq[700])
    moved = changed(changed(film, "rows", "price_u6", 700, 1), "rows", "size_u6", 900, 5)
    before = int(film.night.rows.price_u6[700])
    difference = first_difference(film, moved)
    assert difference == Difference("rows", "price_u6", seq, before, before + 1)
    assert str(difference) == f"rows.price_u6 of seq {seq}: stored {before}, today {before + 1}"
    early = changed(moved, "states", 8, 0, 3)
    found = first_difference(film, early)
    assert found is not None
    assert (found.table, found.column, found.seq) == ("states", "home", int(film.night.states[0, 0]))


def test_rows_that_are_missing_are_named(film):
    """A table that ends too early differs at the first row that it lacks."""
    short = replace(film, night=film.night._replace(polls=film.night.polls[:-3]))
    difference = first_difference(film, short)
    count = len(film.night.polls)
    assert difference == Difference("polls", "rows", int(film.night.polls[-3, 0]), count, count - 3)


def test_names_and_counts_are_compared(film):
    """Where all columns agree, the names behind the numbers and the counts still have to."""
    other = replace(film, counts={**film.counts, "Pulse": 1})
    assert str(first_difference(film, other)).startswith("film.counts: stored")
    tokens = [*film.catalogue.tokens[:-1], "9"]
    named = replace(film, catalogue=replace(film.catalogue, tokens=tokens))
    assert first_difference(film, named) == Difference("catalogue", "tokens", None, film.catalogue.tokens[-1], "9")


def test_a_spoilt_film_is_passed_over(tmp_path):
    """What cannot be read in the cache is no film."""
    (tmp_path / f"{'a' * 32}-1").mkdir()
    assert list(stored_films(tmp_path, "a" * 64, "tape")) == []
