"""From envelopes to rows."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from script import AWAY, HOME, MS, Score, Script

from recorder.envelope import Envelope, Kind
from recorder.errors import UsageError
from replay.core.events import Event, LevelChange
from replay.core.roll import Roller
from replay.core.rows import (
    OP_ASK,
    OP_BID,
    OP_FORGET,
    OP_LAST,
    OP_LINK,
    OP_RULES,
    OP_SNAPSHOT,
    OP_SNAPSHOT_ASK,
    OP_SNAPSHOT_BID,
    OP_SNAPSHOT_END,
    OP_TICK,
    OP_TRADE_BUY,
    OP_TRADE_SELL,
    OP_WITNESS,
    POLL_COLUMNS,
    ROW_COLUMNS,
    RULES_COLUMNS,
    STATE_COLUMNS,
    Night,
)
from replay.film import joined
from replay.synth.night import night, plan_night


def rolled(script: Script) -> tuple[Roller, Night]:
    roller = Roller()
    return roller, roller.roll(script.envelopes)


def rows(night: Night, *columns: str) -> list[tuple[int, ...]]:
    return list(zip(*(getattr(night.rows, name).tolist() for name in columns), strict=True))


def column(table: np.ndarray, names: tuple[str, ...], name: str) -> list[int]:
    return table[:, names.index(name)].tolist()


def forgotten(night: Night) -> list[tuple[int, int]]:
    return [(seq, token) for seq, op, token in rows(night, "seq", "op", "token") if op == OP_FORGET]


def test_every_kind_of_event_has_a_taker() -> None:
    """No event of the vocabulary is unknown to the roller."""
    assert set(Roller()._takers) == set(get_args(Event))


def test_a_book_becomes_rows() -> None:
    """A snapshot is a head with the venue's best prices, its levels best first, an end and its tick."""
    _, night = rolled(Script().book("T", "0.48x5 0.49x7", "0.52x1 0.51x2", tick="0.01"))
    assert rows(night, "op", "price_u6", "size_u6", "bid_u6", "ask_u6") == [
        (OP_SNAPSHOT, 0, 0, 490_000, 510_000),
        (OP_SNAPSHOT_BID, 490_000, 7_000_000, -1, -1),
        (OP_SNAPSHOT_BID, 480_000, 5_000_000, -1, -1),
        (OP_SNAPSHOT_ASK, 510_000, 2_000_000, -1, -1),
        (OP_SNAPSHOT_ASK, 520_000, 1_000_000, -1, -1),
        (OP_SNAPSHOT_END, 0, 0, -1, -1),
        (OP_TICK, 10_000, 0, -1, -1),
    ]


def test_changes_become_rows() -> None:
    """Each level is a row with the venue's own best prices; the last one about a token says so."""
    script = Script().change(
        ("A", "BUY", "0.5", "1"), ("B", "SELL", "0.5", "1"), ("A", "SELL", "0.6", "0"), best=("0.5", "")
    )
    roller, night = rolled(script)
    assert roller.catalogue.tokens == ["A", "B"]
    assert rows(night, "op", "token", "price_u6", "size_u6", "bid_u6", "ask_u6") == [
        (OP_BID, 0, 500_000, 1_000_000, 500_000, -1),
        (OP_ASK + OP_LAST, 1, 500_000, 1_000_000, 500_000, -1),
        (OP_ASK + OP_LAST, 0, 600_000, 0, 500_000, -1),
    ]
    assert set(night.rows.source_ms.tolist()) == {script.now_ns // MS}


def test_a_witness_and_trades_become_rows() -> None:
    """A REST book begins as a witness; a trade says what the taker did."""
    trade = {"event_type": "last_trade_price", "market": "0x1", "asset_id": "T", "timestamp": "1", "price": "0.5"}
    script = (
        Script().witness("T", "0.4x1", "0.6x1").frame(trade | {"side": "BUY", "size": "3"}, trade | {"side": "SELL"})
    )
    _, night = rolled(script)
    assert rows(night, "op", "size_u6")[0] == (OP_WITNESS, 0)
    assert rows(night, "op", "size_u6")[-2:] == [(OP_TRADE_BUY, 3_000_000), (OP_TRADE_SELL, 0)]


# Gaps ------------------------------------------------------------------------------------------------------------


def test_a_lost_connection_forgets_its_own_books() -> None:
    """CLOSED and a silent connection forget the tokens that last came by it, and no others."""
    script = Script().book("A", "0.4x1", "0.6x1", conn=1).book("B", "0.4x1", "0.6x1", conn=2)
    script.change(("C", "BUY", "0.4", "1"), conn=1).closed(conn=1).silent(None, conn=2)
    _, night = rolled(script)
    assert forgotten(night) == [(3, 0), (3, 2), (4, 1)]


@pytest.mark.parametrize(
    ("frame", "is_forgotten"),
    [
        (b'{"event_type":"price_change","market":"m","timestamp":"1","price_changes":[{"asset_', True),
        (b'[{"event_type":"book"', True),
        (b'{"event_type":"price_change","market":"m","timestamp":"1","price_changes":[{"asset_id":"A"}]}', True),
        (b"\xff\xfe", True),
        (b'{"event_type":"of_another_year","asset_id":"A"}', False),
        (b'{"event_type":"best_bid_ask","asset_id":7}', False),
        (b"PONG", False),
    ],
)
def test_what_was_said_about_books_and_not_understood_forgets_them(frame: bytes, is_forgotten: bool) -> None:
    """A change that nobody could read may have moved any book of its connection; news of another kind moved none."""
    script = Script().book("A", "0.4x1", "0.6x1", conn=1).book("B", "0.4x1", "0.6x1", conn=2)
    _, night = rolled(script.add(Kind.FRAME, "polymarket.market", frame, conn=1))
    assert forgotten(night) == ([(2, 0)] if is_forgotten else [])


def test_a_token_belongs_to_the_connection_that_spoke_last() -> None:
    """A book that came anew by a second connection outlives the first one's end; a witness is no connection."""
    script = Script().book("A", "0.4x1", "0.6x1", conn=1).book("A", "0.4x1", "0.6x1", conn=2).closed(conn=1)
    script.witness("A", "0.4x1", "0.6x1").closed(conn=2)
    _, night = rolled(script)
    assert forgotten(night) == [(4, 0)]


def test_a_silent_asset_forgets_itself_alone() -> None:
    """A watchdog's word about one asset is about that asset; about one never heard of it is about nothing."""
    script = Script().book("A", "0.4x1", "0.6x1").book("B", "0.4x1", "0.6x1").silent("B").silent("never heard of")
    roller, night = rolled(script)
    assert forgotten(night) == [(2, 1)]
    assert roller.catalogue.tokens == ["A", "B"]


def test_a_new_session_forgets_every_book() -> None:
    """A killed recorder wrote no CLOSED: where the recording is gone on with, no book is known."""
    script = Script().note("session").book("A", "0.4x1", "0.6x1", conn=1).book("B", "0.4x1", "0.6x1", conn=2)
    script.note("session").note("plan", b'{"games":[]}').closed(conn=1)
    _, night = rolled(script)
    assert forgotten(night) == [(3, 0), (3, 1)]


# The plan and the rules -------------------------------------------------------------------------------------------


def test_links_are_rows_of_their_own_moment() -> None:
    """States before the plan are there without a link; the plan links them; the same plan again says nothing."""
    script = Script().scores(Score(1, 0)).plan().scores(Score(2, 0)).plan()
    roller, night = rolled(script)
    assert column(night.states, STATE_COLUMNS, "game") == [0, 0]
    assert rows(night, "seq", "op", "token", "price_u6", "size_u6") == [(1, OP_LINK, 0, 0, 1), (1, OP_LINK, 1, 0, -1)]
    assert roller.catalogue.tokens == [HOME, AWAY]
    assert [game.game_id for game in roller.catalogue.games] == ["nba:401"]


def test_another_plan_links_anew() -> None:
    """A plan that moves a game to another market links new tokens to it, and the old ones to no side."""
    _, night = rolled(Script().plan().plan(home="H2"))
    assert rows(night, "seq", "token", "price_u6", "size_u6") == [
        (0, 0, 0, 1),
        (0, 1, 0, -1),
        (1, 0, 0, 0),
        (1, 2, 0, 1),
        (1, 1, 0, -1),
    ]


def test_both_sources_are_one_game() -> None:
    """What the plan joins is one game from then on, whichever source shows it."""
    board = b'{"scoreboard":{"games":[{"gameId":"00401","gameStatus":2,"period":1,"gameClock":"PT11M00.00S",%s}]}}'
    teams = b'"homeTeam":{"teamId":1,"teamName":"P","score":2},"awayTeam":{"teamId":2,"teamName":"K","score":3}'
    script = Script().plan().answer(board % teams, feed="nba.scoreboard", url="n").scores(Score())
    roller, night = rolled(script)
    assert column(night.states, STATE_COLUMNS, "game") == [0, 0]
    assert column(night.states, STATE_COLUMNS, "source") == [1, 0]
    assert column(night.states, STATE_COLUMNS, "clock_ms") == [660_000, 720_000]
    assert roller.catalogue.feeds == ["nba.scoreboard", "espn.nba"]


def test_rules_come_when_they_change() -> None:
    """Rules known before the plan come with the link; the same rules again say nothing, changed ones do."""
    rules = {"secondsDelay": 3, "orderMinSize": 5, "orderPriceMinTickSize": 0.01}
    script = Script().market(HOME, AWAY, **rules).plan().market(HOME, AWAY, **rules)
    script.market(HOME, AWAY, **rules | {"secondsDelay": 0})
    _, night = rolled(script)
    assert column(night.rules, RULES_COLUMNS, "seq") == [1, 1, 3, 3]
    assert column(night.rules, RULES_COLUMNS, "venue_delay_ns") == [3_000_000_000, 3_000_000_000, 0, 0]
    assert column(night.rules, RULES_COLUMNS, "size_min_u6") == [5_000_000] * 4
    pointed = [index for op, index in rows(night, "op", "price_u6") if op == OP_RULES]
    assert pointed == [0, 1, 2, 3]
    assert column(night.rules, RULES_COLUMNS, "token") == [0, 1, 0, 1]


# Polls -----------------------------------------------------------------------------------------------------------


def outcomes(night: Night) -> list[tuple[int, int]]:
    return list(
        zip(column(night.polls, POLL_COLUMNS, "outcome"), column(night.polls, POLL_COLUMNS, "states"), strict=True)
    )


def test_not_modified_repeats_the_last_answer_of_its_url() -> None:
    """A 304 says the last answer again as of now: that of its own URL, whatever came in between."""
    other = "https://site.api.espn.com/tomorrow"
    script = Script().scores(Score(10, 9)).scores(Score(id="402"), url=other).failed().wait(2).unchanged()
    roller, night = rolled(script)
    assert outcomes(night) == [(0, 1), (0, 1), (2, 0), (1, 1)]
    assert column(night.states, STATE_COLUMNS, "home") == [10, 0, 10]
    assert column(night.states, STATE_COLUMNS, "game") == [0, 1, 0]
    assert column(night.states, STATE_COLUMNS, "recv_ns")[-1] == script.now_ns
    assert column(night.states, STATE_COLUMNS, "poll") == [0, 1, 3]
    assert column(night.polls, POLL_COLUMNS, "url") == [0, 1, 0, 0]
    assert roller.counts["ScoreSeen"] == 2


def test_an_answer_without_games_is_an_answer() -> None:
    """An empty scoreboard is repeated as an empty one, not as the one before it."""
    _, night = rolled(Script().scores(Score()).scores().unchanged())
    assert outcomes(night) == [(0, 1), (0, 0), (1, 0)]


def test_what_was_not_understood_cannot_be_repeated() -> None:
    """A 304 after an unreadable body, or without any answer on the tape, tells nothing: the poll was missed."""
    _, night = rolled(Script().unchanged().scores(Score()).answer(b"<html>").unchanged())
    assert outcomes(night) == [(2, 0), (0, 1), (2, 0), (2, 0)]


def test_a_refusal_leaves_the_last_answer() -> None:
    """A 503 is a missed poll; the 304 after it still refers to the answer before it."""
    _, night = rolled(Script().scores(Score()).answer(b"", status=503).unchanged())
    assert outcomes(night) == [(0, 1), (2, 0), (1, 1)]


def test_one_unreadable_game_costs_itself_alone() -> None:
    """The other games of the body are seen, and the poll counts as answered."""
    import json

    body = json.dumps({"events": [{"id": "9"}, Score(7, 1).event()]}).encode()
    roller, night = rolled(Script().answer(body))
    assert outcomes(night) == [(0, 1)]
    assert roller.counts == {"Undecodable": 1, "ScoreSeen": 1}


def test_times_of_a_poll() -> None:
    """A poll's row has when it was sent and received; where the meta does not say when it was sent, both are one."""
    script = Script().scores(Score(), trip_ms=80)
    script.add(Kind.BODY, "espn.nba", b"", b'{"url":"u","status":304}').add(Kind.BODY, "espn.nba", b"", b"garbage")
    _, night = rolled(script)
    assert column(night.polls, POLL_COLUMNS, "recv_ns") == [script.now_ns] * 3
    assert column(night.polls, POLL_COLUMNS, "sent_ns") == [script.now_ns - 80 * MS, script.now_ns, script.now_ns]


def test_every_event_but_levels_is_shown() -> None:
    """Whoever collects evidence sees every event once, in order, changes of levels apart; counts are of all."""
    script = Script().plan().book("A", "0.4x1", "0.6x1").change(("A", "BUY", "0.4", "2")).scores(Score()).unchanged()
    script.pulse()
    seen: list[str] = []
    roller = Roller(lambda event: seen.append(type(event).__name__))
    roller.roll(script.envelopes)
    assert seen == ["PlanSeen", "BookSnapshot", "ScoreSeen", "PollUnchanged", "Pulse"]
    assert roller.counts == dict.fromkeys([*seen, LevelChange.__name__], 1)


# Numbers nobody can use -------------------------------------------------------------------------------------------


def test_an_impossible_price_stays_impossible() -> None:
    """A price that would wrap around a narrow column into a plausible one does not."""
    _, night = rolled(Script().change(("A", "BUY", "4295.467296", "1"), ("A", "SELL", "0.6", "4000000000000")))
    assert night.rows.price_u6.tolist() == [(1 << 31) - 1, 600_000]
    assert night.rows.size_u6.tolist()[1] == 4_000_000_000_000_000_000


def test_an_impossible_tick_or_rule_is_not_said() -> None:
    """A tick of nothing and a fee above the whole would break the fold or the ledger."""
    tick = {"event_type": "tick_size_change", "market": "0x1", "asset_id": HOME, "timestamp": "1"}
    script = Script().plan().frame(tick | {"old_tick_size": "0.01", "new_tick_size": "0"})
    script.book(HOME, "0.4x1", "0.6x1", tick="1")
    script.market(HOME, AWAY, orderPriceMinTickSize=0, feeSchedule={"rate": 7}, feesEnabled=True)
    _, night = rolled(script)
    assert OP_TICK not in night.rows.op.tolist()
    assert night.rules[:, RULES_COLUMNS.index("venue_delay_ns") :].tolist() == [[-1, -1, -1, -1]] * 2


def test_more_tokens_than_numbers_are_refused() -> None:
    """The number of a token has sixteen bits: one token more is an error in words, not another token's book."""
    levels = [(f"t{k}", "BUY", "0.4", "1") for k in range((1 << 15) + 1)]
    with pytest.raises(UsageError, match="more than 32,767 tokens"):
        Roller().roll(Script().change(*levels).envelopes)


@pytest.fixture(scope="module")
def evening() -> list[Envelope]:
    """The plan of a night, and ten minutes of it around the loss of the socket."""
    whole = list(night(plan_night(11, 2, "2026-01-15", 1_500)))
    lost = next(one for one in whole if one.kind is Kind.CLOSED)
    near = [one for one in whole[10:] if abs(one.recv_ns - lost.recv_ns) < 300_000_000_000]
    return [*whole[:10], *near]


@given(data=st.data())
@settings(max_examples=60)
def test_any_bytes_are_rolled(data: st.DataObject, evening: list[Envelope]) -> None:
    """Envelopes with parts of their payload or meta replaced are rolled without an exception."""
    start = data.draw(st.integers(0, len(evening) - 40))
    part = evening[start : start + 40]
    spoilt = []
    for one in part:
        payload, meta = one.payload, one.meta
        at = data.draw(st.integers(0, max(len(payload), 1) - 1))
        noise = data.draw(st.sampled_from([b"", b"\xff", b"9" * 30, b"-1", b"null", b"1e400", b'"', b"[", b"{}"]))
        if data.draw(st.booleans()):
            payload = payload[:at] + noise + payload[at + len(noise) :]
        else:
            meta = meta[: at % 40] + noise + meta[at % 40 + len(noise) :]
        spoilt.append(Envelope(one.seq, one.recv_ns, one.feed, one.conn, one.kind, meta, payload))
    Roller().roll(spoilt)


@given(splits=st.lists(st.integers(0, 100_000), max_size=12))
@settings(max_examples=40)
def test_in_pieces_as_at_once(splits: list[int], evening: list[Envelope]) -> None:
    """A night rolled in any pieces and joined is the night rolled at once: every column, name and count."""
    whole = Roller()
    expected = whole.roll(evening)
    edges = [0, *sorted(split % len(evening) for split in splits), len(evening)]
    roller = Roller()
    found = joined([roller.roll(evening[a:b]) for a, b in pairwise(edges)])
    for name in ROW_COLUMNS:
        np.testing.assert_array_equal(getattr(found.rows, name), getattr(expected.rows, name))
        assert getattr(found.rows, name).dtype == getattr(expected.rows, name).dtype
    for table in ("states", "polls", "rules"):
        np.testing.assert_array_equal(getattr(found, table), getattr(expected, table))
    assert (roller.catalogue, roller.counts) == (whole.catalogue, whole.counts)
