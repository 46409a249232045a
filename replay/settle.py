"""
What a token paid, and what a position came to: the mathematics of settlement, in integers.

`Settlement` evidence is collected from a whole tape, so it may know what no decision may know. In order of trust: the
venue's resolution, the catalogue's closing prices, the final score; else the market is open, its tokens are worth the
last mid and every figure built on them says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from replay.core.events import (
    ASK,
    BID,
    Event,
    GameRef,
    GameStatus,
    MarketResolved,
    MarketSeen,
    PlanGame,
    PlanSeen,
    ScoreSeen,
)

__all__ = ["Basis", "Evidence", "Payout", "cash_u6", "profit_u6", "value_u6"]

_ONE_U6 = 1_000_000


class Basis(StrEnum):
    """What a payout rests on."""

    RESOLVED = "resolved"
    CATALOGUE = "catalogue"
    SCORE = "score"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """
    What one share of a token is worth.

    payout_u6 is None where the market is open and no mid is known. warnings say which evidence contradicted it.
    """

    token_id: str
    payout_u6: int | None
    basis: Basis
    warnings: tuple[str, ...] = ()


class Evidence:
    """Everything a tape says about how markets ended."""

    def __init__(self) -> None:
        """Start knowing nothing."""
        self._resolved: dict[str, int] = {}
        self._catalogue: dict[str, int] = {}
        self._finals: dict[GameRef, int] = {}
        self._games: dict[str, PlanGame] = {}

    def see(self, event: Event) -> None:
        """Take one event; a later word of the same kind replaces an earlier one."""
        match event:
            case MarketResolved(token_ids=tokens, winning_token_id=winner) if winner is not None:
                self._resolved.update((token, _ONE_U6 if token == winner else 0) for token in (*tokens, winner))
            case MarketSeen(token_ids=tokens, payout_u6=payouts) if payouts is not None:
                self._catalogue.update(zip(tokens, payouts, strict=True))
            case ScoreSeen(home_score=int(home), away_score=int(away)):
                if event.status is GameStatus.FINAL:
                    self._finals[event.game] = home - away
                else:
                    # A game that goes on after all has no final score.
                    self._finals.pop(event.game, None)
            case PlanSeen(games=games):
                for game in games:
                    self._games[game.home_token_id] = game
                    self._games[game.away_token_id] = game
            case _:
                pass

    def payout(self, token_id: str, mid_u6: int | None = None) -> Payout:
        """Say what a share of the token is worth; mid_u6 is its last mid, for an open market."""
        said: dict[Basis, int] = {}
        for basis, known in ((Basis.RESOLVED, self._resolved), (Basis.CATALOGUE, self._catalogue)):
            if token_id in known:
                said[basis] = known[token_id]
        scored, warnings = self._by_score(token_id)
        if scored is not None:
            said[Basis.SCORE] = scored
        if not said:
            return Payout(token_id=token_id, payout_u6=mid_u6, basis=Basis.OPEN, warnings=warnings)
        basis, payout = next(iter(said.items()))
        against = tuple(f"{other} says {word}" for other, word in said.items() if word != payout)
        return Payout(token_id=token_id, payout_u6=payout, basis=basis, warnings=warnings + against)

    def payouts(self, mids_u6: Mapping[str, int | None]) -> dict[str, Payout]:
        """Say it for many tokens, each with its last mid."""
        return {token: self.payout(token, mid) for token, mid in mids_u6.items()}

    def _by_score(self, token_id: str) -> tuple[int | None, tuple[str, ...]]:
        game = self._games.get(token_id)
        if game is None:
            return None, ()
        leads = [self._finals[ref] for ref in game.refs if ref in self._finals]
        winners = {(lead > 0) - (lead < 0) for lead in leads}
        if len(winners) > 1:
            return None, ("final scores disagree",)
        if winners == {0}:
            # What a draw pays is in the words of the market, which a score does not know.
            return None, ("final score is a draw",)
        if not winners:
            return None, ()
        is_home = token_id == game.home_token_id
        return (_ONE_U6 if winners == {1 if is_home else -1} else 0), ()


def cash_u6(side: int, shares_u6: int, price_u6: int, fee_u6: int) -> int:
    """
    Return the cash that a fill moves: what a buy costs is negative, and the fee always is.

    Units: side is BID for a buy, ASK for a sale. Shares times price is rounded half up to a millionth.

    Raises:
        ValueError: side is neither.
    """
    if side not in (BID, ASK):
        raise ValueError(f"side must be {BID} (buy) or {ASK} (sell), not {side}")
    return -side * _times_u6(shares_u6, price_u6) - fee_u6


def value_u6(shares_u6: int, payout_u6: int) -> int:
    """Return what a holding is worth at a payout (or a mid); shares may be negative."""
    return _times_u6(shares_u6, payout_u6) if shares_u6 >= 0 else -_times_u6(-shares_u6, payout_u6)


def profit_u6(cash_flow_u6: int, shares_u6: int, payout_u6: int) -> int:
    """Return the result of a position: all cash that its fills moved, and what is left of it at the payout."""
    return cash_flow_u6 + value_u6(shares_u6, payout_u6)


def _times_u6(shares_u6: int, price_u6: int) -> int:
    return (shares_u6 * price_u6 + _ONE_U6 // 2) // _ONE_U6
