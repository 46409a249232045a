"""
The whole night, in the order in which a recorder would have received it.

Every part of the world has a chance stream of its own, and the parts are merged by receive time, so adding one does
not move another. Nothing is held but one item of each part: a night of millions of events needs no more memory than a
short one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from pathlib import Path

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.errors import UsageError
from recorder.times import SECOND_NS
from replay.newtape import new_tape
from replay.synth.dice import Dice
from replay.synth.maker import MarketItem, MarketSpan, What, maker_frames, resolution_ns
from replay.synth.sources import (
    LIVE_NS,
    Fact,
    Span,
    catalogue_polls,
    espn_polls,
    game_polls,
    nba_polls,
    other_day_polls,
    sports_frames,
)
from replay.synth.teams import NBA_TEAMS
from replay.synth.times import day_after, evening_ns
from replay.synth.wire.polymarket import new_market_frame, subscribe_text
from replay.synth.world import Game, make_games

__all__ = ["GENERATOR_VERSION", "LABEL", "Night", "NightSummary", "night", "plan_night", "write_night"]

GENERATOR_VERSION = 2
"""Counts up whenever the same seed would give other bytes."""
LABEL = "simulated"
CHANGES_PER_GAME = 50_000
"""How many level changes a game has unless it is said."""

_LEAD_IN_NS = 20 * 60 * SECOND_NS
_LEAD_OUT_NS = 150 * SECOND_NS
_MARKET_FEED, _BOOK_FEED, _OWN_FEED = "polymarket.market", "polymarket.book", "recorder"
_SOCKET = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
_BOOKS = "https://clob.polymarket.com/books"
_COMMIT_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Night:
    """What is fixed before the first envelope: the games, their truth, and when the sockets are up."""

    seed: int
    date: str
    games: tuple[Game, ...]
    span: Span
    changes: int
    closes_ns: int
    """When the market socket is lost, in the middle of play."""
    dumps_ns: tuple[int, ...]
    """When the books arrive that answer a subscription: after the first opening and after the second."""
    witnesses_ns: tuple[int, ...]
    live_ns: int = LIVE_NS
    """How often the scoreboards are asked while a game is on."""


@dataclass(slots=True)
class NightSummary:
    """What was written."""

    events: int = 0
    level_changes: int = 0
    payload_bytes: int = 0
    first_ns: int = 0
    last_ns: int = 0


def plan_night(seed: int, games: int, date: str, changes: int | None = None, *, live_ns: int = LIVE_NS) -> Night:
    """
    Draw a night.

    Units: date is a day in New York, `2026-01-15`; changes is how many level changes the market socket shall bring in
    all (each change of a level shows in both tokens' books and counts twice). They come out within a few percent,
    unless so few are wanted that the makers' own moves are more. live_ns is how often the scoreboards are asked while a
    game is on; it moves nothing else.

    Raises:
        UsageError: no such date, too many games, or less than none.
    """
    if not 1 <= games <= len(NBA_TEAMS) // 2:
        raise UsageError(
            f"{games} games", why=f"a night has 1 to {len(NBA_TEAMS) // 2}", hint="gametape synth --games 8"
        )
    try:
        evening = evening_ns(date)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"no date {date!r}", why=str(error), hint="gametape synth --date 2026-01-15") from None
    if not 1970 < int(date[:4]) < 2262:
        raise UsageError(
            f"no night of {date}",
            why="a tape counts nanoseconds since 1970 in 64 bits",
            hint="gametape synth --date 2026-01-15",
        )
    changes = CHANGES_PER_GAME * games if changes is None else changes
    if changes < 0:
        raise UsageError(
            f"{changes} book events", why="there cannot be less than none", hint="gametape synth --book-events 400000"
        )
    played = make_games(seed, games, date, evening)
    dice = Dice(seed, "night", date)
    first_ns = played[0].start_ns - _LEAD_IN_NS - dice.ns_between(0, 60)
    span = Span(first_ns, max(resolution_ns(seed, game) for game in played) + _LEAD_OUT_NS)
    middle = played[len(played) // 2]
    closes_ns = middle.tip_ns + int((middle.end_ns - middle.tip_ns) * dice.between(0.4, 0.6))
    dumps_ns = (first_ns + 1_350_000_000, closes_ns + dice.ns_between(3, 9))
    witnesses = []
    witness_ns = first_ns + 3 * SECOND_NS
    while witness_ns < span.last_ns:
        witnesses.append(witness_ns)
        witness_ns += 60 * SECOND_NS + dice.ns_between(0, 3)
    # a reader that has lost the stream asks for a witness at once
    witnesses.append(dumps_ns[1] + dice.ns_between(0.2, 0.4))
    return Night(seed, date, played, span, changes, closes_ns, dumps_ns, tuple(sorted(witnesses)), live_ns)


def night(plan: Night, summary: NightSummary | None = None) -> Iterator[Envelope]:
    """Yield the night's envelopes, seq from 0, in receive order. summary is filled as they are made."""
    summary = summary if summary is not None else NightSummary()
    streams: list[Iterator[Fact]] = [
        _own(plan),
        espn_polls(plan.seed, plan.games, plan.date, plan.span, plan.live_ns),
        other_day_polls(
            plan.seed, plan.date, day_after(plan.date), evening_ns(plan.date) + 5 * 3600 * SECOND_NS, plan.span
        ),
        nba_polls(plan.seed, plan.games, plan.date, plan.span, plan.live_ns),
        *(game_polls(plan.seed, game, "playbyplay", plan.span) for game in plan.games),
        *(game_polls(plan.seed, game, "boxscore", plan.span) for game in plan.games),
        sports_frames(plan.seed, plan.games, plan.date, plan.span),
        catalogue_polls(plan.seed, plan.games, plan.date, plan.span),
        _markets(plan, summary),
    ]
    for seq, (recv_ns, feed, conn, kind, meta, payload) in enumerate(merge(*streams, key=_recv_ns)):
        yield Envelope(seq, recv_ns, feed, conn, kind, meta, payload)


def _recv_ns(fact: Fact) -> int:
    return fact[0]


def write_night(
    path: Path | str, plan: Night, *, progress: Callable[[NightSummary], None] | None = None
) -> NightSummary:
    """
    Write a night as a tape that is labelled simulated.

    progress is called now and then with what has been written so far. A night that is broken off is taken away.

    Raises:
        UsageError: something is there already.
        DiskError: the disk refused.
    """
    summary = NightSummary(first_ns=plan.span.first_ns)
    with new_tape(Path(path), created_ns=plan.span.first_ns, label=LABEL) as writer:
        pending = 0
        for envelope in night(plan, summary):
            writer.append(envelope)
            size = len(envelope.payload)
            summary.events += 1
            summary.payload_bytes += size
            summary.last_ns = envelope.recv_ns
            pending += size
            if pending >= _COMMIT_BYTES:
                writer.commit()
                pending = 0
                if progress is not None:
                    progress(summary)
    return summary


# The recorder's own -----------------------------------------------------------------------------------------------


def _own(plan: Night) -> Iterator[Fact]:
    """Yield the notes and the pulses."""
    first_ns = plan.span.first_ns
    notes: tuple[tuple[int, dict[str, object], bytes], ...] = (
        (0, {"note": "session", "version": f"synth/{GENERATOR_VERSION}", "upstream": LABEL}, b""),
        (0, _simulated(plan), b""),
        # the plan stands once the first scoreboard and the first listing are in
        (SECOND_NS, {"note": "plan"}, plan_payload(plan.games)),
    )
    for after_ns, facts, payload in notes:
        yield first_ns + after_ns, _OWN_FEED, 0, Kind.NOTE, encode_meta(facts), payload
    for pulse_ns in range(first_ns + SECOND_NS + 1_000_000, plan.span.last_ns, SECOND_NS):
        yield pulse_ns, _OWN_FEED, 0, Kind.PULSE, b"", b""


def _simulated(plan: Night) -> dict[str, object]:
    return {
        "note": "simulated",
        "generator": GENERATOR_VERSION,
        "seed": plan.seed,
        "games": len(plan.games),
        "date": plan.date,
        "book_events": plan.changes,
        "poll_live_s": plan.live_ns / SECOND_NS,
    }


def plan_payload(games: Sequence[Game]) -> bytes:
    """Return the plan that a recorder would have made of these games."""
    rows = []
    for game in sorted(games, key=lambda game: (game.start_ns, f"{game.league}:{game.espn_id}")):
        market, league = game.market, game.league
        refs = [
            {"source": "espn", "league": league, "id": game.espn_id},
            {"source": "nba", "league": league, "id": game.nba_id},
        ]
        rows.append(
            {
                "game_id": f"{league}:{game.espn_id}",
                "league": league,
                "start_ns": game.start_ns,
                "home": game.home.name,
                "away": game.away.name,
                "refs": refs,
                "market_id": market.market_id,
                "home_token_id": market.token_ids[market.home_index],
                "away_token_id": market.token_ids[1 - market.home_index],
                "confidence": "exact",
            }
        )
    return encode_meta({"games": rows})


# The market socket and the REST witness ---------------------------------------------------------------------------


def _markets(plan: Night, summary: NightSummary) -> Iterator[Fact]:
    """Yield what came over the market socket, and the witnesses; while the socket is down its frames are lost."""
    games = plan.games
    each, rest = divmod(plan.changes, len(games))
    makers = [
        maker_frames(
            plan.seed,
            game,
            MarketSpan(plan.span.first_ns, plan.dumps_ns, plan.witnesses_ns, each + (1 if game.index < rest else 0)),
        )
        for game in games
    ]
    return merge(_socket(plan), _venue(plan, merge(*makers), summary), key=_recv_ns)


def _venue(plan: Night, items: Iterator[MarketItem], summary: NightSummary) -> Iterator[Fact]:
    dice = Dice(plan.seed, "venue", plan.date)
    up_from_ns, second_ns = plan.dumps_ns
    conn = 1
    parts: list[tuple[str, ...]] = []
    waiting: list[Fact] = []
    parts_left = len(plan.games)
    for recv_ns, _, what, content, changes in items:
        if what is What.FRAME:
            assert isinstance(content, bytes)
            if recv_ns < up_from_ns or plan.closes_ns <= recv_ns < second_ns:
                continue
            summary.level_changes += changes
            fact = (recv_ns, _MARKET_FEED, conn, Kind.FRAME, b"", content)
            if parts:
                # in the same nanosecond as the books that are being put together: after them
                waiting.append(fact)
            else:
                yield fact
            continue
        assert isinstance(content, tuple)
        parts.append(content)
        parts_left -= 1
        if parts_left:
            continue
        if what is What.DUMP:
            conn = 1 if recv_ns < second_ns else 2
            body = "[" + ",".join(book for part in parts for book in part) + "]"
            yield recv_ns, _MARKET_FEED, conn, Kind.FRAME, b"", body.encode()
        else:
            # the REST answer is in no particular order
            body = "[" + ",".join(dice.shuffled([book for part in parts for book in part])) + "]"
            sent_ns = recv_ns - dice.ns_between(0.03, 0.15)
            meta = {"url": _BOOKS, "status": 200, "sent_ns": sent_ns, "headers": {"content-type": "application/json"}}
            yield recv_ns, _BOOK_FEED, 0, Kind.BODY, encode_meta(meta), body.encode()
        yield from waiting
        parts, waiting, parts_left = [], [], len(plan.games)


def _socket(plan: Night) -> Iterator[Fact]:
    """Yield what the socket's own life brings: openings, subscriptions, heartbeats, the loss, strangers' markets."""
    dice = Dice(plan.seed, "socket", plan.date)
    games = sorted(plan.games, key=lambda game: (game.start_ns, game.espn_id))
    tokens = [
        token
        for game in games
        for token in (game.market.token_ids[game.market.home_index], game.market.token_ids[1 - game.market.home_index])
    ]
    ends_ns = (plan.closes_ns, plan.span.last_ns)
    for conn, (dump_ns, end_ns) in enumerate(zip(plan.dumps_ns, ends_ns, strict=True), 1):
        opened_ns = dump_ns - 150_000_000
        yield opened_ns, _MARKET_FEED, conn, Kind.OPENED, encode_meta({"url": _SOCKET}), b""
        yield opened_ns + 500_000, _MARKET_FEED, conn, Kind.SENT, b"", subscribe_text(tokens).encode()
        ping_ns = opened_ns + 10 * SECOND_NS
        while (pong_ns := ping_ns + dice.ns_between(0.03, 0.06)) < end_ns:
            yield ping_ns, _MARKET_FEED, conn, Kind.SENT, b"", b"PING"
            yield pong_ns, _MARKET_FEED, conn, Kind.FRAME, b"", b"PONG"
            if dice.hit(0.004) and pong_ns + SECOND_NS < end_ns:
                stamp_ms = pong_ns // 1_000_000
                yield pong_ns + SECOND_NS, _MARKET_FEED, conn, Kind.FRAME, b"", new_market_frame(dice, stamp_ms)
            ping_ns += 10 * SECOND_NS
        if conn == 1:
            meta = encode_meta({"code": 1006, "reason": "", "side": "lost"})
            yield end_ns, _MARKET_FEED, conn, Kind.CLOSED, meta, b""
