"""
The simulated world: what truly happens on the courts, and when.

A game is played possession by possession. A possession takes 5 to 24 seconds and scores 0 to 3 points, so the lead
moves like a random walk of about 2.5 points per square root of a minute, with a home side that is a little better.
Dead balls, time-outs and breaks stretch 48 minutes of clock to about two and a quarter hours of evening. A tie is
played off. In some games a basket is taken away after a review, so that a score goes down.

Nobody else sees this truth: every source shows it late (`sources`), and so does the market maker (`maker`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from math import sqrt

from recorder.times import SECOND_NS
from replay.synth.dice import Dice, normal_cdf
from replay.synth.teams import NBA_TEAMS, Club

__all__ = ["Game", "Market", "Moment", "Phase", "home_chance", "make_games"]

_MINUTE_NS = 60 * SECOND_NS
_PERIOD_MS = 720_000
_OVERTIME_MS = 300_000
_LEAD_SIGMA = 2.47
"""Points per square root of a minute: what the possessions below add up to."""
_HOME_POINTS = 2.6
"""How much the home side wins by on average."""
_STRENGTH_POINTS = 1.2
"""Deviation of the home side's strength between games."""
_SLOTS_MIN = (0, 0, 30, 60, 60, 90, 120, 150, 180, 180)
"""Scheduled starts, minutes after 19:00 Eastern."""


class Phase(Enum):
    """Where a game is."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    END_PERIOD = "end of period"
    HALFTIME = "half-time"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class Moment:
    """
    What the court shows from at_ns on.

    clock_ms is what is left of the period. The points by period of both sides add up to the score.
    """

    at_ns: int
    index: int
    phase: Phase
    period: int
    clock_ms: int
    home_by_period: tuple[int, ...]
    away_by_period: tuple[int, ...]
    play: str
    play_points: int = 0
    play_home: bool | None = None

    @property
    def home(self) -> int:
        """The home side's points."""
        return sum(self.home_by_period)

    @property
    def away(self) -> int:
        """The away side's points."""
        return sum(self.away_by_period)


@dataclass(frozen=True, slots=True)
class Market:
    """The game's moneyline market; home_index says which of the two tokens (and outcomes) is the home side's."""

    market_id: str
    question_id: str
    gamma_id: str
    event_id: str
    venue_game_id: int
    slug: str
    token_ids: tuple[str, str]
    home_index: int
    delay_s: int
    delay_live_s: int
    spread_market_id: str
    spread_token_ids: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Game:
    """One game with its truth. strength is the points by which the home side is better over 48 minutes."""

    index: int
    league: str
    home: Club
    away: Club
    espn_id: str
    nba_id: str
    date: str
    start_ns: int
    strength: float
    records: tuple[str, str]
    moments: tuple[Moment, ...]
    market: Market

    @property
    def tip_ns(self) -> int:
        """When play begins, some ten minutes after the schedule."""
        return self.moments[1].at_ns

    @property
    def end_ns(self) -> int:
        """When the result stands."""
        return self.moments[-1].at_ns

    @property
    def home_won(self) -> bool:
        """Who won."""
        return self.moments[-1].home > self.moments[-1].away


def home_chance(moment: Moment, strength: float) -> float:
    """Return the true chance of the home side at a moment: a Brownian lead with this simulation's own parameters."""
    lead = moment.home - moment.away
    if moment.phase is Phase.FINAL:
        return 1.0 if lead > 0 else 0.0
    left_ms = moment.clock_ms
    if moment.period <= 4:
        left_ms += (4 - max(moment.period, 1)) * _PERIOD_MS if moment.period else 4 * _PERIOD_MS
    if left_ms == 0 and lead == 0:
        left_ms = _OVERTIME_MS
    left_min = left_ms / 60_000
    return normal_cdf((lead + strength * left_min / 48.0) / (_LEAD_SIGMA * sqrt(left_min + 0.03)))


def make_games(seed: int, games: int, date: str, evening_ns: int) -> tuple[Game, ...]:
    """
    Play a night's games.

    Units: evening_ns is 19:00 Eastern of the date, UTC nanoseconds. games is at most 15, as there are thirty teams.
    """
    dice = Dice(seed, "slate", date)
    clubs = dice.shuffled(NBA_TEAMS)
    slots = [_SLOTS_MIN[number * len(_SLOTS_MIN) // games] for number in range(games)]
    espn_first, nba_first = 401_800_000 + dice.whole(0, 90_000), dice.whole(100, 1100)
    made = []
    for index in range(games):
        start_ns = evening_ns + slots[index] * _MINUTE_NS
        own = Dice(seed, "court", date, index)
        strength = _HOME_POINTS + _STRENGTH_POINTS * own.normal()
        home, away = clubs[2 * index], clubs[2 * index + 1]
        wins = own.whole(8, 30), own.whole(8, 30)
        made.append(
            Game(
                index=index,
                league="nba",
                home=home,
                away=away,
                espn_id=str(espn_first + index),
                nba_id=f"00225{nba_first + index:05d}",
                date=date,
                start_ns=start_ns,
                strength=strength,
                records=(f"{wins[0]}-{39 - wins[0]}", f"{wins[1]}-{40 - wins[1]}"),
                moments=tuple(_Court(own, start_ns, strength, must_review=index == 0).play()),
                market=_market(Dice(seed, "market", date, index), home, away, date, index),
            )
        )
    return tuple(made)


def _market(dice: Dice, home: Club, away: Club, date: str, index: int) -> Market:
    delay_s = 1 if dice.hit(0.25) else 0
    gamma_id = 1_900_000 + dice.whole(0, 80_000) * 10
    return Market(
        market_id="0x" + dice.hex(64),
        question_id="0x" + dice.hex(64),
        gamma_id=str(gamma_id + index),
        event_id=str(350_000 + dice.whole(0, 9_000) * 16 + index),
        venue_game_id=20_020_000 + dice.whole(0, 900) * 16 + index,
        slug=f"nba-{away.tricode.lower()}-{home.tricode.lower()}-{date}",
        token_ids=(_token(dice), _token(dice)),
        home_index=0 if dice.hit(0.25) else 1,
        delay_s=delay_s,
        # the venue may change the delay when play begins: one market of the night does
        delay_live_s=1 if index == 1 else delay_s,
        spread_market_id="0x" + dice.hex(64),
        spread_token_ids=(_token(dice), _token(dice)),
    )


def _token(dice: Dice) -> str:
    return str(dice.bits(255) | 1 << 255)


# kind of score: weight, points, how it reads
_SCORES = (
    (0.55, 2, "makes two point jumper"),
    (0.30, 3, "makes three point jumper"),
    (0.04, 3, "makes two point layup and the free throw"),
    (0.07, 2, "makes both free throws"),
    (0.04, 1, "makes one of two free throws"),
)
_MISSES = ("misses two point jumper", "misses three point jumper", "turnover", "offensive foul")


class _Court:
    """One game being played."""

    def __init__(self, dice: Dice, start_ns: int, strength: float, *, must_review: bool) -> None:
        self._dice = dice
        self._now_ns = start_ns
        # both sides' chance to score, moved apart so that about 99 possessions each differ by the strength
        self._chances = (0.515 + strength / 455.0, 0.515 - strength / 455.0)
        self._points: tuple[list[int], list[int]] = ([], [])
        self._index = 0
        self._reviews = self._draw_reviews(must_review=must_review)
        self._possession = 0

    def _draw_reviews(self, *, must_review: bool) -> list[int]:
        """Draw after which possessions a basket is looked at again, latest first."""
        luck = self._dice.unit()
        count = 2 if luck < 0.15 else 1 if luck < 0.5 or must_review else 0
        return sorted((self._dice.whole(20, 175) for _ in range(count)), reverse=True)

    def play(self) -> Iterator[Moment]:
        """Play from the scheduled start to the end."""
        dice = self._dice
        yield self._moment(Phase.SCHEDULED, 0, 0, "")
        self._now_ns += dice.ns_between(570, 690)
        side = 0 if dice.hit(0.5) else 1
        period = 0
        while period < 4 or sum(self._points[0]) == sum(self._points[1]):
            period += 1
            for points in self._points:
                points.append(0)
            yield from self._play_period(period, side)
            side = 1 - side
            yield from self._take_break(period)
        self._now_ns += dice.ns_between(4, 40)
        yield self._moment(Phase.FINAL, period, 0, "End of Game")

    def _play_period(self, period: int, side: int) -> Iterator[Moment]:
        dice = self._dice
        clock_ms = _PERIOD_MS if period <= 4 else _OVERTIME_MS
        yield self._moment(Phase.LIVE, period, clock_ms, "Jumpball" if period == 1 else f"Start of period {period}")
        while clock_ms > 0:
            took_ms = int(5_000 + 9_500 * (dice.unit() + dice.unit()))
            hurried = took_ms >= clock_ms
            took_ms = min(took_ms, clock_ms)
            clock_ms -= took_ms
            self._now_ns += took_ms * 1_000_000
            yield from self._end_possession(period, clock_ms, side, hurried=hurried)
            side = 1 - side
            self._possession += 1

    def _end_possession(self, period: int, clock_ms: int, side: int, *, hurried: bool) -> Iterator[Moment]:
        dice = self._dice
        chance = self._chances[side] * (0.5 if hurried else 1.0)
        points = 0
        if dice.hit(chance):
            points, text = self._score()
            self._points[side][-1] += points
        else:
            text = dice.pick(_MISSES)
        yield self._moment(Phase.LIVE, period, clock_ms, text, points, home=side == 0)
        if points and self._reviews and self._possession >= self._reviews[-1]:
            self._reviews.pop()
            self._now_ns += dice.ns_between(25, 70)
            lost = 1 if points == 3 and dice.hit(0.5) else points
            self._points[side][-1] -= lost
            yield self._moment(Phase.LIVE, period, clock_ms, "Replay review: overturned", -lost, home=side == 0)
        luck = dice.unit()
        if clock_ms and luck < 0.075:
            self._now_ns += dice.ns_between(100, 205)
        elif clock_ms and luck < 0.53:
            self._now_ns += dice.ns_between(5, 30)

    def _score(self) -> tuple[int, str]:
        luck = self._dice.unit()
        for weight, points, text in _SCORES:
            luck -= weight
            if luck < 0.0:
                return points, text
        return 2, _SCORES[0][2]

    def _take_break(self, period: int) -> Iterator[Moment]:
        dice = self._dice
        self._now_ns += dice.ns_between(1, 3)
        home, away = self._points
        if period == 2:
            yield self._moment(Phase.HALFTIME, period, 0, "End of the 2nd Quarter")
            self._now_ns += dice.ns_between(880, 930)
        else:
            yield self._moment(Phase.END_PERIOD, period, 0, f"End of period {period}")
            if period < 4 or sum(home) == sum(away):
                self._now_ns += dice.ns_between(130, 160)

    def _moment(
        self, phase: Phase, period: int, clock_ms: int, play: str, points: int = 0, *, home: bool | None = None
    ) -> Moment:
        own, other = tuple(self._points[0]), tuple(self._points[1])
        moment = Moment(self._now_ns, self._index, phase, period, clock_ms, own, other, play, points, home)
        self._index += 1
        return moment
