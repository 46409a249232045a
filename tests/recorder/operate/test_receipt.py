from __future__ import annotations

from recorder.envelope import Kind
from recorder.operate.receipt import Receipt, Receipts, SourceReceipt

S = 1_000_000_000
T0_NS = 1_768_505_400 * S


def receipt_of(script) -> Receipt:
    receipts = Receipts()
    for envelope in script.envelopes:
        receipts(envelope)
    (receipt,) = receipts.all()
    return receipt


def source(receipt: Receipt, feed: str) -> SourceReceipt:
    (found,) = [one for one in receipt.sources if one.feed == feed]
    return found


def whole_game(script, *, until_s: int = 100) -> None:
    """A game that is on from second 0 to until_s, every source there from the beginning."""
    script.plan(-20)
    script.opened(-10, 1)
    script.books(-9, 1)
    books = [{"asset_id": "222"}, {"asset_id": "111"}]
    script.put(-8, "polymarket.book", Kind.BODY, books, url="http://clob/books", status=200)
    for second in range(0, until_s, 2):
        script.espn(second, "in")
        game = {"gameId": "0022", "gameStatus": 2}
        script.put(second, "nba.scoreboard", Kind.BODY, {"scoreboard": {"games": [game]}}, url="http://n", status=200)
    script.espn(until_s, "post")


def test_a_whole_game_is_complete(script) -> None:
    """Where every source was there all the time the verdict is one word."""
    night = script()
    whole_game(night)
    receipt = receipt_of(night)
    assert (receipt.from_ns, receipt.until_ns, receipt.seconds) == (T0_NS, T0_NS + 100 * S, 100.0)
    assert receipt.verdict == "complete"
    covered = {one.feed: (one.coverage, one.gaps) for one in receipt.sources}
    feeds = ("espn.nba", "nba.scoreboard", "polymarket.book", "polymarket.market")
    assert covered == dict.fromkeys(feeds, (1.0, 0))


def test_a_socket_that_broke_is_a_gap_until_both_books_are_back(script) -> None:
    """The market covers a game while both tokens have a book: from close to the later of two first books is a gap."""
    night = script()
    whole_game(night, until_s=30)
    night.envelopes = [one for one in night.envelopes if one.recv_ns < T0_NS + 20 * S]
    night.change(20, 1, number=1)
    night.change(20, 1, number=1)
    night.closed(22, 1)
    night.opened(23, 2)
    night.books(24, 2, ("222",))
    night.books(27, 2, ("111",))
    night.espn(28, "in")
    night.espn(30, "post")
    market = source(receipt_of(night), "polymarket.market")
    assert (market.seconds, market.gaps, market.gap_seconds_max) == (25.0, 1, 5.0)
    assert (market.answers, market.duplicates, market.reconnects) == (4, 1, 1)


def test_a_silent_token_is_a_gap(script) -> None:
    """A token that is found silent covers nothing until its next book, and neither does its game."""
    night = script()
    whole_game(night, until_s=30)
    end = night.envelopes.pop()
    night.put(29, "polymarket.market", Kind.SILENT, conn=1, asset="111", since_ns=0)
    night.envelopes.append(end)
    market = source(receipt_of(night), "polymarket.market")
    assert (market.seconds, market.gaps) == (29.0, 1)


def test_polls_cover_ten_seconds(script) -> None:
    """A scoreboard covers ten seconds after an answer, changed or not; a refusal covers nothing."""
    night = script()
    night.plan(0)
    night.espn(0, "in")
    night.espn(8, "in", status=304)
    night.espn(12, "in", status=429)
    night.put(16, "espn.nba", Kind.FAILED, why="timeout", url="http://espn/a", sent_ns=1)
    night.espn(38, "in")
    night.espn(40, "post")
    receipt = receipt_of(night)
    espn = source(receipt, "espn.nba")
    assert (espn.seconds, espn.answers, espn.gaps, espn.gap_seconds_max) == (20.0, 3, 1, 20.0)
    assert "espn.nba misses 50.0% (longest 20 s)" in receipt.verdict
    assert "nba.scoreboard never told of it" in receipt.verdict


def test_an_end_that_is_not_on_the_tape_is_said(script) -> None:
    """A recording that stops in play says so, and its game lasts to the end of the tape."""
    night = script()
    night.plan(0)
    night.espn(0, "in")
    night.put(7, "recorder", Kind.PULSE)
    receipt = receipt_of(night)
    assert receipt.verdict.startswith("its end is not on the tape; ")
    assert receipt.until_ns == T0_NS + 7 * S


def test_a_new_session_has_no_socket(script) -> None:
    """What a killed process held open is lost from its last envelope on."""
    night = script()
    whole_game(night, until_s=30)
    night.envelopes = [one for one in night.envelopes if one.recv_ns < T0_NS + 10 * S]
    night.put(20, "recorder", Kind.NOTE, note="session")
    night.espn(21, "in")
    night.espn(30, "post")
    market = source(receipt_of(night), "polymarket.market")
    assert (market.seconds, market.gap_seconds_max) == (8.0, 22.0)


def test_a_game_that_was_never_on(script) -> None:
    """A game that nobody saw in play has no sources and says so."""
    night = script()
    night.plan(0)
    night.espn(1, "pre")
    receipt = receipt_of(night)
    assert (receipt.verdict, receipt.sources, receipt.from_ns) == ("was never seen in play", (), None)


def test_a_file_of_a_game_covers_it(script) -> None:
    """A feed whose address names the game is one of its sources."""
    night = script()
    night.plan(0)
    night.espn(0, "in")
    night.put(5, "nba.plays", Kind.BODY, b"{}", url="http://nba/playbyplay_0022.json", status=200)
    night.espn(100, "post")
    assert source(receipt_of(night), "nba.plays").seconds == 75.0
