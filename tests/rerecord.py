"""Record a tape again from its served self: the real recorder, the real server, real sockets, one event loop."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from recorder.clock import SystemClock
from recorder.config import load_config
from recorder.envelope import Envelope, Kind
from recorder.feeds.book import BookWitnessFeed
from recorder.feeds.espn import EspnFeed
from recorder.feeds.gamma import GammaFeed
from recorder.feeds.nba import NbaGameFeed, NbaScoreboardFeed
from recorder.feeds.polling import Pace
from recorder.feeds.polymarket import MarketSocketFeed
from recorder.feeds.sports import SportsSocketFeed
from recorder.leagues import LEAGUES
from recorder.plan import Planner
from recorder.session import Session
from recorder.tape.reader import Tape, open_tape
from recorder.tape.writer import TapeWriter
from replay.upstream.player import Source
from replay.upstream.server import PlayOptions, serving

__all__ = ["rerecord"]


def rerecord(source: Source, path: Path, options: PlayOptions, *, league: str = "nba", poll_s: float = 0.005) -> Tape:
    """Serve source, record it at path with the recorder's own feeds until it is over, and return the new tape."""
    asyncio.run(_rerecord(source, path, options, league, poll_s))
    return open_tape(path)


async def _rerecord(source: Source, path: Path, options: PlayOptions, league: str, poll_s: float) -> None:
    clock = SystemClock()
    async with serving(source, clock, options) as upstream:
        config = load_config(upstream=upstream.url, env={}, folder=path.parent).config
        bases, pace, rng = config.upstream(), Pace(live_s=poll_s, idle_s=poll_s), Random(7)
        feeds = [
            EspnFeed(LEAGUES[league], bases.espn, rng=rng, pace=pace),
            NbaScoreboardFeed(bases.nba, rng=rng, pace=pace),
            NbaGameFeed("playbyplay", bases.nba, rng=rng, every_s=poll_s),
            NbaGameFeed("boxscore", bases.nba, rng=rng, every_s=poll_s),
            SportsSocketFeed(bases.sports_ws, rng=rng),
            GammaFeed([LEAGUES[league]], bases.gamma, rng=rng),
            MarketSocketFeed(bases.market_ws, rng=rng),
            BookWitnessFeed(bases.clob, rng=rng, witness_s=1.0),
        ]
        open_sockets: set[tuple[str, int]] = set()
        drained = asyncio.Event()

        def watch(envelope: Envelope) -> None:
            if envelope.kind is Kind.OPENED:
                open_sockets.add((envelope.feed, envelope.conn))
            elif envelope.kind is Kind.CLOSED:
                open_sockets.discard((envelope.feed, envelope.conn))
                if not open_sockets:
                    drained.set()

        writer = TapeWriter.create(path, created_ns=clock.now_ns())
        session = Session(writer, clock, feeds, Planner(), config, taps=[watch])
        async with asyncio.TaskGroup() as group:
            group.create_task(session.run())
            await upstream.ended.wait()
            # What was sent before the close has arrived when the close has.
            if open_sockets:
                drained.clear()
                await upstream.hang_up(1001, "over")
                await drained.wait()
            session.stop()
