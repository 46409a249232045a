"""How the market answers a score."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scored import film_of
from script import Score, Script

from replay.markout import HORIZONS_MS, markouts
from replay.report.quotes import quotes_of
from replay.report.reaction import reaction_of
from replay.scoretimes import score_changes
from replay.stats import GameBootstrap


def test_it_is_the_markout_of_a_trade_in_the_team_that_scored(film):
    """Horizon by horizon the mean is that of a trade at the mid when the score happened, for the team that scored."""
    quotes, rows = quotes_of(film), []
    planned = [number for number, game in enumerate(film.catalogue.games) if game.plan is not None]
    mids = quotes.frame("")
    for game in planned:
        token, margin = str(int(quotes.tokens_of[game, 0])), 0
        mine = mids.filter(pl.col("token_id") == token)
        for change in score_changes(film, game):
            side, margin = int(np.sign(change.home - change.away - margin)), change.home - change.away
            at_ns = change.upper_ns if change.event_ns is None else change.event_ns
            last = mine.filter(pl.col("recv_ns") <= at_ns).tail(1)["mid_u6"].to_list()
            if side and last and last[0] is not None:
                rows.append({"seq": len(rows), "token_id": token, "fill_ns": at_ns, "side": side, "price_u6": last[0]})
    marked = markouts(pl.DataFrame(rows), mids, until_ns=film.last_ns)
    expected = {
        key[0]: (part["markout_u6"].mean() / 10_000, part["markout_u6"].len() - part["markout_u6"].null_count())
        for key, part in marked.group_by("horizon_ms")
    }
    numbers = {game: at for at, game in enumerate(planned)}
    start, *points = reaction_of([film], [numbers], GameBootstrap(len(planned), seed=1))
    assert (start.horizon_ms, start.mean_c) == (0, 0.0)
    assert [point.horizon_ms for point in points] == list(HORIZONS_MS)
    for point in points:
        assert (point.mean_c, point.trades) == (
            pytest.approx(expected[point.horizon_ms][0], abs=1e-4),
            expected[point.horizon_ms][1],
        )
    # The simulated market follows the score, and not at once.
    assert points[-1].mean_c > points[0].mean_c > -0.1
    assert points[-1].low_c is not None


def test_without_books_there_is_no_answer():
    """Scores alone move no mid."""
    film = film_of(Script().plan().scores(Score()).wait(2).scores(Score(2, 0, "11:00")).envelopes)
    assert reaction_of([film], [{0: 0}], GameBootstrap(1, seed=1)) == []
