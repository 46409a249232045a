"""Simulated nights without books, and what truly happened on them, for tests of when scores changed."""

from __future__ import annotations

from script import S

from recorder.envelope import Envelope
from replay.core.roll import Roller
from replay.film import Film
from replay.synth.night import Night, night, plan_night

__all__ = ["film_of", "number_of", "simulated", "truth"]


def film_of(envelopes: list[Envelope]) -> Film:
    """Roll envelopes into a film in memory."""
    roller = Roller()
    rolled = roller.roll(envelopes)
    return Film(
        tape="t",
        label="",
        digest="",
        events=len(envelopes),
        first_ns=envelopes[0].recv_ns,
        last_ns=envelopes[-1].recv_ns,
        night=rolled,
        catalogue=roller.catalogue,
        counts={},
        payouts={},
    )


def simulated(seed: int, live_s: int = 2) -> tuple[Night, Film]:
    """A night of two games and its film; live_s is the pace of the recording."""
    plan = plan_night(seed, 2, "2026-01-15", 0, live_ns=live_s * S)
    books = {"polymarket.market", "polymarket.book"}
    return plan, film_of([envelope for envelope in night(plan) if envelope.feed not in books])


def truth(plan: Night, index: int) -> list[tuple[int, int, int]]:
    """When which score stood, as the court knows it."""
    found, before = [], (0, 0)
    for moment in plan.games[index].moments:
        if (moment.home, moment.away) != before:
            before = (moment.home, moment.away)
            found.append((*before, moment.at_ns))
    return found


def number_of(film: Film, plan: Night, index: int) -> int:
    """Under which number the film knows a game of the plan."""
    return [game.game_id for game in film.catalogue.games].index(f"nba:{plan.games[index].espn_id}")
