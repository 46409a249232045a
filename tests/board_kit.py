"""A board with one game, made by hand."""

from __future__ import annotations

import struct

from replay.live.facts import Batch, BookFact, Fact, FeedFact, GameFact, HealthFact, RecorderFact, SignalFact

__all__ = ["S", "batch", "book", "game", "health", "levels", "signal"]

S = 1_000_000_000


def levels(*pairs: tuple[int, int]) -> bytes:
    """Pack (cents, shares)."""
    return b"".join(struct.pack("<qq", cents * 10_000, shares * 1_000_000) for cents, shares in pairs)


def game(game_id: str = "nba:1", **more: object) -> GameFact:
    """A live game, 50:48 for the home side."""
    facts = {
        "game_id": game_id,
        "league": game_id.partition(":")[0],
        "home": "Homes",
        "away": "Aways",
        "status": "live",
        "period": 2,
        "clock_ms": 300_000,
        "home_score": 50,
        "away_score": 48,
        "seen_ns": 100 * S,
        "model_home_u6": 600_000,
        "prior_home_u6": 550_000,
        "home_token": f"{game_id}-H",
        "away_token": f"{game_id}-A",
        "pattern": (1, 2),
    }
    return GameFact(**facts | more)


def book(token_id: str = "nba:1-H", **more: object) -> BookFact:
    """A known book, 54 to 56."""
    facts = {"trust": "known", "seen_ns": 100 * S, "bids": levels((54, 10), (53, 5)), "asks": levels((56, 7), (58, 9))}
    return BookFact(**{"token_id": token_id} | facts | more)


def signal(seq: int, n: int = 0, game_id: str = "nba:1", **more: object) -> SignalFact:
    """A signal to buy the home side."""
    facts = dict.fromkeys(SignalFact.__struct_fields__, 0)
    facts |= {"seq": seq, "n": n, "recv_ns": seq * S, "game_id": game_id, "token_id": f"{game_id}-H", "team": "Homes"}
    return SignalFact(**facts | {"side": 1, "refused": None} | more)


def health(*feeds: FeedFact, reasons: tuple[str, ...] = (), engine: str = "running", lag_ms: int = 3) -> HealthFact:
    """How everything goes."""
    return HealthFact(reasons, feeds, {}, RecorderFact(10, 8, lag_ms), engine)


def batch(*facts: Fact, now_s: int = 100, seq: int = 1, lost: int = 0) -> Batch:
    """A batch of facts."""
    return Batch(seq, now_s * S, list(facts), lost)
