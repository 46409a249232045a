"""
The score sources and the catalogue as a recorder polls them: each shows the courts late, in its own shape.

ESPN is three to nine seconds behind the court, sometimes twenty; the league's own file one and a half to five; the
catalogue half a minute; the files of single games two to six seconds, the venue's sports socket four to ten. The pace
is the recorder's: every two seconds (and up to a twentieth more) from fifteen minutes before a start until all is over,
else every thirty; the files of a game every thirty from its tip-off until ten minutes after its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from recorder.envelope import Kind, encode_meta
from recorder.times import SECOND_NS
from replay.synth.dice import Dice
from replay.synth.maker import resolution_ns
from replay.synth.times import day_before, http_date
from replay.synth.wire.espn import EspnWriter
from replay.synth.wire.gamma import NBA_SERIES, EventView, events_body, sports_body
from replay.synth.wire.nba import NbaWriter
from replay.synth.wire.nbagame import PlaysWriter, boxscore_body
from replay.synth.wire.sports import sports_frame, strangers_frame
from replay.synth.world import Game, Moment, Phase

__all__ = [
    "LIVE_NS",
    "Fact",
    "Span",
    "catalogue_polls",
    "espn_polls",
    "game_polls",
    "nba_polls",
    "other_day_polls",
    "sports_frames",
]

Fact = tuple[int, str, int, Kind, bytes, bytes]
"""An envelope that has no seq yet: recv_ns, feed, conn, kind, meta, payload."""

_ESPN = "https://site.api.espn.com/apis/site/v2/sports/basketball/nba/scoreboard?dates={}&limit=300"
_NBA = "https://cdn.nba.com/static/json/liveData/scoreboard/todaysScoreboard_00.json"
_NBA_FILE = "https://cdn.nba.com/static/json/liveData/{0}/{0}_{1}.json"
_SPORTS = "wss://sports-api.polymarket.com/ws"
_GAMMA = "https://gamma-api.polymarket.com"
_LISTING = (
    f"{_GAMMA}/events?series_id={NBA_SERIES}&tag_id=100639&active=true&closed=false"
    "&order=startTime&ascending=true&limit=200"
)
LIVE_NS = 2 * SECOND_NS
"""How often a scoreboard is asked while a game is on."""
_IDLE_NS, _CATALOGUE_NS = 30 * SECOND_NS, 60 * SECOND_NS
_AFTER_NS = 600 * SECOND_NS
_SOON_NS = 15 * 60 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when the night is recorded."""

    first_ns: int
    last_ns: int


class _View:
    """
    What one source shows of all games, as time goes on.

    A moment becomes visible some seconds after the court, never before the one it follows. `at` must be asked with
    times that do not fall.
    """

    def __init__(self, dice: Dice, games: Sequence[Game], late_s: tuple[float, float, float]) -> None:
        """late_s: from, to, and how much one moment in twenty may come later than that."""
        low_s, high_s, more_s = late_s
        self._seen: list[list[int]] = []
        self._moments = [game.moments for game in games]
        self._places = [0] * len(games)
        for moments in self._moments:
            shown, last_ns = [0], 0
            for moment in moments[1:]:
                late_ns = dice.ns_between(low_s, high_s) + (dice.ns_between(0, more_s) if dice.hit(0.05) else 0)
                last_ns = max(last_ns, moment.at_ns + late_ns)
                shown.append(last_ns)
            self._seen.append(shown)

    def at(self, now_ns: int) -> tuple[Moment, ...]:
        """Return each game's moment as shown at a time."""
        places = self._places
        for game, seen in enumerate(self._seen):
            place, end = places[game], len(seen) - 1
            while place < end and seen[place + 1] <= now_ns:
                place += 1
            places[game] = place
        return tuple(moments[place] for moments, place in zip(self._moments, places, strict=True))


def _is_busy(games: Sequence[Game], shown: Sequence[Moment], now_ns: int) -> bool:
    return any(
        moment.phase is not Phase.FINAL and (moment.phase is not Phase.SCHEDULED or now_ns >= game.start_ns - _SOON_NS)
        for game, moment in zip(games, shown, strict=True)
    )


def _meta(url: str, status: int, sent_ns: int, headers: str) -> bytes:
    return f'{{"url":"{url}","status":{status},"sent_ns":{sent_ns},"headers":{{{headers}}}}}'.encode()


def _failed(url: str, sent_ns: int, why: str) -> bytes:
    return f'{{"url":"{url}","sent_ns":{sent_ns},"why":"{why}"}}'.encode()


def espn_polls(seed: int, games: Sequence[Game], date: str, span: Span, live_ns: int = LIVE_NS) -> Iterator[Fact]:
    """Yield ESPN's answers for the night's day: a time-out, a 503 and now and then a body older than the last one."""
    dice, feed = Dice(seed, "espn", date), "espn.nba"
    view, writer = _View(dice, games, (3, 9, 14)), EspnWriter(seed, games, date)
    url = _ESPN.format(date.replace("-", ""))
    length_ns = span.last_ns - span.first_ns
    time_out_ns, refused_ns = (
        span.first_ns + int(length_ns * dice.between(*part)) for part in ((0.3, 0.5), (0.55, 0.7))
    )
    sent_ns = span.first_ns + dice.ns_between(0.05, 0.3)
    bodies = [b"", b""]
    while (recv_ns := sent_ns + dice.ns_between(0.06, 0.2)) < span.last_ns:
        if sent_ns >= time_out_ns:
            time_out_ns, recv_ns = span.last_ns, sent_ns + 10 * SECOND_NS
            yield recv_ns, feed, 0, Kind.FAILED, _failed(url, sent_ns, "no answer within 10 s"), b""
            sent_ns = recv_ns + dice.ns_between(0.5, 1)
            continue
        headers = (
            f'"date":"{http_date(recv_ns)}","cache-control":"max-age=2","content-type":"application/json;charset=UTF-8"'
        )
        if sent_ns >= refused_ns:
            refused_ns = span.last_ns
            page = b"<html><body>Service Unavailable</body></html>"
            yield recv_ns, feed, 0, Kind.BODY, _meta(url, 503, sent_ns, f'"date":"{http_date(recv_ns)}"'), page
            sent_ns = recv_ns + dice.ns_between(1, 1.5)
            continue
        shown = view.at(recv_ns - 30_000_000)
        body = writer.body(shown)
        if body != bodies[1]:
            bodies = [bodies[1], body]
        # edges of ESPN's network serve an older copy once in a while
        served = bodies[0] if bodies[0] and dice.hit(1 / 400) else body
        yield recv_ns, feed, 0, Kind.BODY, _meta(url, 200, sent_ns, headers), served
        period_ns = live_ns if _is_busy(games, shown, recv_ns) else _IDLE_NS
        sent_ns += period_ns + int(period_ns * dice.unit() / 20)


def other_day_polls(seed: int, date: str, after: str, midnight_ns: int, span: Span) -> Iterator[Fact]:
    """Yield ESPN's answers for the day before (once: nothing is left of it) and, past midnight, for the day after."""
    dice, feed = Dice(seed, "espn days", date), "espn.nba"
    headers = '"cache-control":"max-age=2","content-type":"application/json;charset=UTF-8"'
    sent_ns = span.first_ns + dice.ns_between(0.05, 0.3)
    day = day_before(date)
    while (recv_ns := sent_ns + dice.ns_between(0.06, 0.2)) < span.last_ns:
        meta = _meta(_ESPN.format(day.replace("-", "")), 200, sent_ns, headers)
        yield recv_ns, feed, 0, Kind.BODY, meta, EspnWriter(seed, (), day).body(())
        day = after
        sent_ns = max(sent_ns + _IDLE_NS + int(_IDLE_NS * dice.unit() / 20), midnight_ns)


def nba_polls(seed: int, games: Sequence[Game], date: str, span: Span, live_ns: int = LIVE_NS) -> Iterator[Fact]:
    """Yield the answers of the league's file: 304 while it has not changed."""
    dice, feed = Dice(seed, "nba", date), "nba.scoreboard"
    view, writer = _View(dice, games, (1.5, 5, 6)), NbaWriter(games, date)
    sent_ns = span.first_ns + dice.ns_between(0.05, 0.3)
    last: tuple[Moment, ...] = ()
    etag = changed = ""
    while (recv_ns := sent_ns + dice.ns_between(0.03, 0.12)) < span.last_ns:
        shown = view.at(recv_ns - 20_000_000)
        unchanged, last = shown == last, shown
        if not unchanged:
            etag, changed = f'\\"{dice.hex(32)}\\"', http_date(recv_ns - SECOND_NS)
        headers = (
            f'"etag":"{etag}","last-modified":"{changed}","date":"{http_date(recv_ns)}","cache-control":"max-age=2"'
        )
        if unchanged:
            yield recv_ns, feed, 0, Kind.BODY, _meta(_NBA, 304, sent_ns, headers), b""
        else:
            meta = _meta(_NBA, 200, sent_ns, headers + ',"content-type":"application/json"')
            yield recv_ns, feed, 0, Kind.BODY, meta, writer.body(shown, recv_ns - SECOND_NS)
        period_ns = live_ns if _is_busy(games, shown, recv_ns) else _IDLE_NS
        sent_ns += period_ns + int(period_ns * dice.unit() / 20)


def catalogue_polls(seed: int, games: Sequence[Game], date: str, span: Span) -> Iterator[Fact]:
    """Yield the catalogue's answers: the sports once, then the open events each minute, and closed ones once each."""
    dice, feed = Dice(seed, "gamma", date), "gamma.markets"
    view = _View(dice, games, (15, 40, 60))
    closes_ns = [resolution_ns(seed, game) + dice.ns_between(15, 120) for game in games]
    headers = '"content-type":"application/json"'
    sent_ns = span.first_ns + dice.ns_between(0.02, 0.05)
    recv_ns = sent_ns + dice.ns_between(0.05, 0.15)
    yield recv_ns, feed, 0, Kind.BODY, _meta(f"{_GAMMA}/sports", 200, sent_ns, headers), sports_body()
    sent_ns = recv_ns + 1_000_000
    gone: set[int] = set()
    while (recv_ns := sent_ns + dice.ns_between(0.08, 0.3)) < span.last_ns:
        views = [
            EventView(game, moment, recv_ns, closed_ns if closed_ns <= recv_ns else None)
            for game, moment, closed_ns in zip(games, view.at(recv_ns), closes_ns, strict=True)
        ]
        body = events_body([one for one in views if one.closed_ns is None])
        yield recv_ns, feed, 0, Kind.BODY, _meta(_LISTING, 200, sent_ns, headers), body
        fresh = [one for one in views if one.closed_ns is not None and one.game.index not in gone]
        if fresh:
            gone.update(one.game.index for one in fresh)
            ids = "".join(f"&id={event_id}" for event_id in sorted(one.game.market.event_id for one in fresh))
            asked_ns, recv_ns = recv_ns + 1_000_000, recv_ns + dice.ns_between(0.08, 0.3)
            meta = _meta(f"{_GAMMA}/events?closed=true&limit=20{ids}", 200, asked_ns, headers)
            yield recv_ns, feed, 0, Kind.BODY, meta, events_body(fresh)
        sent_ns += _CATALOGUE_NS + int(_CATALOGUE_NS * dice.unit() / 20)


def game_polls(seed: int, game: Game, file: Literal["playbyplay", "boxscore"], span: Span) -> Iterator[Fact]:
    """Yield the answers of one file of one game: 304 while it has not changed, and once in a while an older version."""
    dice, feed = Dice(seed, file, game.date, game.index), f"nba.{file}"
    url = _NBA_FILE.format(file, game.nba_id)
    view = _View(dice, (game,), (2, 6, 5))
    # one clock for the whole table, of all games
    skew_ns = Dice(seed, "table", game.date).ns_between(-0.4, 0.4)
    writer = PlaysWriter(dice, game, skew_ns)
    bodies = [b"", b"", b""]
    last = -1
    etag = changed = ""
    sent_ns = game.tip_ns + dice.ns_between(5, 9)
    while (recv_ns := sent_ns + dice.ns_between(0.03, 0.12)) < min(span.last_ns, game.end_ns + _AFTER_NS):
        (shown,) = view.at(recv_ns - 20_000_000)
        unchanged, last = shown.index == last, shown.index
        if not unchanged:
            etag, changed = f'\\"{dice.hex(32)}\\"', http_date(recv_ns - SECOND_NS)
            made_ns = recv_ns - SECOND_NS
            body = writer.body(shown, made_ns) if file == "playbyplay" else boxscore_body(game, shown, made_ns)
            bodies = [*bodies[1:], body]
        headers = f'"etag":"{etag}","last-modified":"{changed}","date":"{http_date(recv_ns)}"'
        if unchanged:
            yield recv_ns, feed, 0, Kind.BODY, _meta(url, 304, sent_ns, headers), b""
        else:
            meta = _meta(url, 200, sent_ns, headers + ',"content-type":"application/json"')
            served = bodies[0] if bodies[0] and dice.hit(1 / 100) else bodies[2]
            yield recv_ns, feed, 0, Kind.BODY, meta, served
        sent_ns += _IDLE_NS + int(_IDLE_NS * dice.unit() / 20)


def sports_frames(seed: int, games: Sequence[Game], date: str, span: Span) -> Iterator[Fact]:
    """Yield the venue's sports socket: pings, a frame at each change of a score or a period, other leagues' games."""
    dice, feed = Dice(seed, "sports", date), "polymarket.sports"
    view = _View(dice, games, (4, 10, 8))
    opened_ns = span.first_ns + dice.ns_between(0.1, 0.3)
    yield opened_ns, feed, 1, Kind.OPENED, encode_meta({"url": _SPORTS}), b""
    said: list[tuple[object, ...]] = [(0, 0, Phase.SCHEDULED, 0)] * len(games)
    ping_ns = opened_ns + 5 * SECOND_NS
    # a step of the socket: what the venue has learnt since the last one goes out at once
    for step_ns in range(opened_ns + SECOND_NS // 5, span.last_ns, SECOND_NS // 5):
        for number, moment in enumerate(view.at(step_ns)):
            now = (moment.home, moment.away, moment.phase, moment.period)
            if now != said[number]:
                said[number] = now
                yield step_ns, feed, 1, Kind.FRAME, b"", sports_frame(games[number], moment, step_ns - 40_000_000)
        if dice.hit(1 / 3_000):
            yield step_ns, feed, 1, Kind.FRAME, b"", strangers_frame(dice)
        if step_ns >= ping_ns:
            yield step_ns, feed, 1, Kind.FRAME, b"", b"ping"
            yield step_ns + 300_000, feed, 1, Kind.SENT, b"", b"pong"
            ping_ns += 5 * SECOND_NS
