"""Comparing forecasts."""

from __future__ import annotations

import pytest

from replay.live.parity_forecasts import compare_forecasts

GAME = {"game_id": "nba:1", "horizon": "half", "point_u6": 2_000_000}
FINAL = GAME | {"horizon": "final"}
ANEW = [(5, GAME), (5, FINAL), (8, GAME)]


@pytest.mark.parametrize(("given_up", "missing"), [(None, 0), (2, 0), (1, 0), (0, 1)])
def test_as_many_patterns_may_be_missing_as_were_given_up(given_up, missing) -> None:
    """A pattern that was given up is no divergence; one more is, and of a killed session nobody knows."""
    found = compare_forecasts([(90, 5, GAME), (91, 5, FINAL)], ANEW, given_up)
    assert (found.equal, found.missing) == (2, missing)
    assert (found.divergence is None) == (missing == 0)


def test_what_nothing_leads_to_is_on_the_tape_only() -> None:
    """A forecast twice, with another cause or without any, has nothing that it could be equal to."""
    for cause in (5, 6, None):
        found = compare_forecasts([(90, 5, GAME), (92, cause, GAME)], ANEW, None)
        assert found.equal == 1
        assert found.divergence is not None
        assert (found.divergence["why"], found.divergence["index"]) == ("on the tape only", 1)
        assert found.divergence["fields"]["cause"] == {"recorded": cause, "recomputed": None}


def test_what_is_no_number_is_near_nothing() -> None:
    """None and a number, or a truth value, are not the same forecast, however near."""
    for told, made in ((None, 0), (0, None), (True, 1)):
        found = compare_forecasts([(9, 5, GAME | {"lstm_u6": told})], [(5, GAME | {"lstm_u6": made})], 0)
        assert (found.divergence is None) == (told == made)
