"""Payouts and results."""

from __future__ import annotations

import pytest
from exact_fees import fee_u6
from hypothesis import given
from hypothesis import strategies as st

from replay.core.events import (
    ASK,
    BID,
    GameRef,
    GameStatus,
    MarketResolved,
    MarketSeen,
    PlanGame,
    PlanSeen,
    Pulse,
    ScoreSeen,
    Team,
)
from replay.settle import Basis, Evidence, Payout, cash_u6, profit_u6, value_u6

ONE = 1_000_000
ESPN = GameRef(source="espn", league="nba", id="1")
NBA = GameRef(source="nba", league="nba", id="2")
TEAM = Team(id="1", name="Hawks", abbreviation="ATL", display_name="Atlanta Hawks")
PLAN = PlanSeen(
    games=(
        PlanGame(
            game_id="nba:1",
            league="nba",
            start_ns=None,
            home="Hawks",
            away="Bulls",
            refs=(ESPN, NBA),
            market_id="0xm",
            home_token_id="H",
            away_token_id="A",
        ),
    )
)


def resolved(winner: str | None) -> MarketResolved:
    return MarketResolved(
        market_id="0xm", token_ids=("A", "H"), winning_token_id=winner, winning_outcome=None, source_ns=None
    )


def catalogue(payout: tuple[int, ...] | None) -> MarketSeen:
    return MarketSeen(
        market_id="0xm",
        slug="s",
        question="q",
        sports_type="moneyline",
        token_ids=("A", "H"),
        outcomes=("Bulls", "Hawks"),
        venue_game_id=None,
        start_ns=None,
        tick_u6=None,
        size_min_u6=None,
        venue_delay_ms=None,
        fee_rate_u6=None,
        fee_exponent=None,
        clear_book_on_start=None,
        accepting_orders=None,
        closed=payout is not None,
        payout_u6=payout,
    )


def score(home: int, away: int, status: GameStatus = GameStatus.FINAL, game: GameRef = ESPN) -> ScoreSeen:
    return ScoreSeen(
        game=game,
        status=status,
        status_name="",
        completed=status is GameStatus.FINAL,
        home=TEAM,
        away=TEAM,
        home_score=home,
        away_score=away,
        period=4,
        clock_ms=0,
        start_ns=None,
    )


def paid(*events: MarketResolved | MarketSeen | PlanSeen | ScoreSeen | Pulse, mid: int | None = None) -> list[Payout]:
    evidence = Evidence()
    for event in events:
        evidence.see(event)
    return [evidence.payout("H", mid), evidence.payout("A", mid)]


def figures(payouts: list[Payout]) -> list[tuple[int | None, str]]:
    return [(payout.payout_u6, payout.basis.value) for payout in payouts]


def test_a_named_winner_takes_all() -> None:
    """A resolution pays the winner a dollar and the other nothing."""
    assert figures(paid(resolved("A"))) == [(0, "resolved"), (ONE, "resolved")]


def test_without_a_named_winner_the_catalogue_decides() -> None:
    """A resolution without a winner says nothing; closing prices do, fifty-fifty too."""
    assert figures(paid(resolved(None), catalogue((ONE // 2, ONE // 2)))) == [(ONE // 2, "catalogue")] * 2
    assert figures(paid(catalogue((0, ONE)), catalogue(None))) == [(ONE, "catalogue"), (0, "catalogue")]


def test_then_the_final_score() -> None:
    """With neither, the planned game's final score pays, whichever source said it."""
    assert figures(paid(PLAN, score(90, 101, game=NBA))) == [(0, "score"), (ONE, "score")]


def test_else_open_marked_to_mid() -> None:
    """A game that is on, called off or unknown leaves the market open, worth its mid, or nothing known."""
    assert figures(paid(PLAN, score(90, 80, GameStatus.LIVE), mid=730_000)) == [(730_000, "open")] * 2
    assert figures(paid(PLAN, score(90, 80, GameStatus.CALLED_OFF))) == [(None, "open")] * 2
    assert figures(paid(Pulse(), score(90, 80))) == [(None, "open")] * 2


def test_a_final_that_is_taken_back_settles_nothing() -> None:
    """When a source goes from final back to live, its final score is gone."""
    assert figures(paid(PLAN, score(90, 80), score(90, 90, GameStatus.LIVE))) == [(None, "open")] * 2


def test_doubt_is_said() -> None:
    """Draws and sources that disagree leave the market open; contradicting evidence is named beside the payout."""
    assert paid(PLAN, score(90, 90))[0].warnings == ("final score is a draw",)
    assert paid(PLAN, score(90, 80), score(80, 90, game=NBA))[0] == Payout(
        token_id="H", payout_u6=None, basis=Basis.OPEN, warnings=("final scores disagree",)
    )
    assert paid(PLAN, resolved("A"), score(90, 80))[0] == Payout(
        token_id="H", payout_u6=0, basis=Basis.RESOLVED, warnings=("score says 1000000",)
    )


def test_many_at_once() -> None:
    """A batch is each token with its own mid."""
    evidence = Evidence()
    evidence.see(resolved("A"))
    payouts = evidence.payouts({"A": 990_000, "X": 400_000, "Y": None})
    assert [payout.payout_u6 for payout in payouts.values()] == [ONE, 400_000, None]


@pytest.mark.parametrize(("payout", "result"), [(ONE, 4_575_450), (0, -5_424_550), (ONE // 2, -424_550)])
def test_buy_and_hold_vector(payout: int, result: int) -> None:
    """Ten at 0.53 with the sports fee cost 5.42455 and win, lose or halve as published."""
    shares, price = 10 * ONE, 530_000
    flow = cash_u6(BID, shares, price, fee_u6(shares, price, 50_000))
    assert flow == -5_424_550
    assert profit_u6(flow, shares, payout) == result


def test_round_trip_vector() -> None:
    """A hundred bought at 0.52 and sold at 0.50 lose 4.498."""
    flow = sum(
        cash_u6(side, 100 * ONE, price, fee_u6(100 * ONE, price, 50_000))
        for side, price in ((BID, 520_000), (ASK, 500_000))
    )
    assert profit_u6(flow, 0, ONE) == -4_498_000


def test_net_edge_vector() -> None:
    """Fair 0.58 against an ask of 0.53 is a net edge of 0.037545 a share: the fee of a thousand is 12.455."""
    assert 1000 * (580_000 - 530_000) - fee_u6(1000 * ONE, 530_000, 50_000) == 1000 * 37_545


@given(st.integers(0, 10**12), st.integers(0, ONE))
def test_both_sides_of_a_trade_balance(shares: int, price: int) -> None:
    """Without fees what one side pays the other gets, and a position is worth the negative of its opposite."""
    assert cash_u6(BID, shares, price, 0) + cash_u6(ASK, shares, price, 0) == 0
    assert value_u6(shares, price) + value_u6(-shares, price) == 0


def test_a_side_is_needed() -> None:
    """A fill is a buy or a sale."""
    with pytest.raises(ValueError, match="side"):
        cash_u6(0, 1, 1, 0)
