"""
One look at a recording: every feed and game with its state, worst first, and the verdict.

The verdict is *recording is good* or the list of reasons why it is not; each reason has a key that stays the same while
it lasts, so that an alert can be raised once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec

from recorder.config import Config
from recorder.leagues import game_date
from recorder.operate.watch import FeedWatch, Watch
from recorder.plan import Planner, Unmatched
from recorder.progress import is_essential
from recorder.times import SECOND_NS

__all__ = ["FeedLook", "GameLook", "Look", "Machine", "Reason", "leave_out", "look", "patience_ns", "unmatched_soon"]

_NOT_GROWING_NS = 5 * SECOND_NS
_RECENT_NS = 600 * SECOND_NS
_SOON_NS = 30 * 60 * SECOND_NS
_LATE_NS = 3 * 3600 * SECOND_NS
_DISK_HOURS_MIN = 2.0
_GRACE = 1.5


class Reason(msgspec.Struct, frozen=True):
    """
    Why a recording is not good: a key that stays the same while it lasts, and words that may change.

    is_fatal says that nothing is being recorded.
    """

    key: str
    text: str
    is_fatal: bool = False


class FeedLook(msgspec.Struct, frozen=True, kw_only=True):
    """
    One feed.

    Units: age_s since the last answer, None before the first; rate and usual_rate in answers a second, over the last
    minute and over all; lag_p50_ms and lag_p99_ms from the venue's stamp for frames, round trip for bodies.
    """

    feed: str
    state: str
    age_s: float | None
    rate: float
    usual_rate: float
    gaps: int
    reconnects: int
    lag_p50_ms: float | None
    lag_p99_ms: float | None
    why: str


class GameLook(msgspec.Struct, frozen=True, kw_only=True):
    """One game. book_age_s is that of the token that was named less lately; score is text, empty where unknown."""

    game_id: str
    away: str
    home: str
    score: str
    book_age_s: float | None
    bytes: int


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the machine; None where it is not. pid is the recorder's."""

    pid: int | None
    resident_bytes: int | None
    disk_free_bytes: int
    tape_bytes: int


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """
    Everything on the screen.

    Units: behind_s since the newest durable envelope (a pulse comes every second); disk_hours at the recorded rate.
    """

    tape: str
    label: str
    at_ns: int
    is_recording: bool
    events: int
    seconds: float
    behind_s: float
    disk_hours: float | None
    machine: Machine
    feeds: list[FeedLook]
    games: list[GameLook]
    unmatched: list[Unmatched]
    reasons: list[Reason]
    verdict: str
    acknowledged: list[Reason] = []


def patience_ns(feed: str, config: Config) -> int:
    """Return how long a feed may say nothing before that is a silence: what is asked rarely answers rarely."""
    if feed == "polymarket.market":
        return int(config.watchdog_s * SECOND_NS)
    every_s = {"gamma.markets": config.gamma_s, "polymarket.book": config.witness_s}.get(feed, config.poll_idle_s)
    return int((every_s * _GRACE + config.timeout_s) * SECOND_NS)


@dataclass(slots=True)
class _Glass:
    watch: Watch
    config: Config
    machine: Machine
    now_ns: int

    @property
    def behind_ns(self) -> int:
        return max(0, self.now_ns - self.watch.last_ns)

    @property
    def is_recording(self) -> bool:
        return self.machine.pid is not None

    @property
    def is_stale(self) -> bool:
        return not self.is_recording or self.behind_ns > _NOT_GROWING_NS


def look(  # everything that is shown
    tape: str,
    watch: Watch,
    machine: Machine,
    config: Config,
    now_ns: int,
    scores: Mapping[str, str],
    *,
    label: str = "",
) -> Look:
    """Return what there is to see of a tape now. scores are texts by game id, label is the tape's."""
    glass = _Glass(watch, config, machine, now_ns)
    feeds = [_feed(glass, name, feed) for name, feed in watch.feeds.items()]
    feeds.sort(key=lambda one: (one.state == "LIVE", one.state == "WAITING", -(one.age_s or 0.0)))
    unmatched = unmatched_soon(watch, now_ns)
    hours = _disk_hours(glass)
    reasons = _reasons(glass, feeds, unmatched, hours)
    return Look(
        tape=tape,
        label=label,
        at_ns=now_ns,
        is_recording=glass.is_recording,
        events=watch.events,
        seconds=(watch.last_ns - watch.first_ns) / SECOND_NS,
        behind_s=glass.behind_ns / SECOND_NS,
        disk_hours=hours,
        machine=machine,
        feeds=feeds,
        games=_games(glass, scores),
        unmatched=unmatched,
        reasons=reasons,
        verdict=_verdict(reasons),
    )


def leave_out(seen: Look, keys: Collection[str]) -> Look:
    """Return a look in which the reasons with these keys are acknowledged: they stand apart and do not count."""
    left = [reason for reason in seen.reasons if reason.key not in keys]
    known = [reason for reason in seen.reasons if reason.key in keys]
    return msgspec.structs.replace(seen, reasons=left, verdict=_verdict(left), acknowledged=known)


def _verdict(reasons: list[Reason]) -> str:
    return "; ".join(reason.text for reason in reasons) or "recording is good"


def _feed(glass: _Glass, name: str, feed: FeedWatch) -> FeedLook:
    age_ns = max(0, glass.now_ns - feed.heard_ns) if feed.heard_ns else None
    return FeedLook(
        feed=name,
        state=_state(glass, name, feed),
        age_s=None if age_ns is None else age_ns / SECOND_NS,
        rate=feed.rate(glass.now_ns),
        usual_rate=feed.usual_rate(glass.watch.last_ns),
        gaps=feed.gaps,
        reconnects=feed.reconnects,
        lag_p50_ms=feed.lag_ms(0.5),
        lag_p99_ms=feed.lag_ms(0.99),
        why=feed.last_why,
    )


def _state(glass: _Glass, name: str, feed: FeedWatch) -> str:
    """Say in a word how a feed is; what stands still is never called live."""
    if glass.is_stale:
        return "STALE"
    since_ns = feed.heard_ns or feed.first_ns
    is_quiet = glass.now_ns - since_ns > patience_ns(name, glass.config)
    if feed.is_socket:
        if not feed.open_conns:
            return "RECONNECTING" if feed.is_troubled else "WAITING"
        since_ns = feed.silent.get(None, since_ns)
        is_quiet = is_quiet or None in feed.silent
    elif not feed.is_troubled and not (feed.heard_ns and is_essential(name)):
        # Nothing to ask yet, or nothing more: a file of a game is not asked for after its end.
        return "WAITING" if is_quiet or not feed.heard_ns else "LIVE"
    if is_quiet:
        return f"SILENT {max(0, glass.now_ns - since_ns) // SECOND_NS} s"
    return "LIVE" if feed.heard_ns else "WAITING"


def _games(glass: _Glass, scores: Mapping[str, str]) -> list[GameLook]:
    looks = []
    for game in glass.watch.games.values():
        tokens = [glass.watch.tokens.get(token) for token in game.tokens]
        heard = [token.heard_ns for token in tokens if token is not None]
        looks.append(
            GameLook(
                game_id=game.game_id,
                away=game.away,
                home=game.home,
                score=scores.get(game.game_id, ""),
                book_age_s=max(0, glass.now_ns - min(heard)) / SECOND_NS if len(heard) == 2 else None,
                bytes=sum(token.bytes for token in tokens if token is not None),
            )
        )
    return sorted(looks, key=lambda game: -1e18 if game.book_age_s is None else -game.book_age_s)


def _disk_hours(glass: _Glass) -> float | None:
    seconds = (glass.watch.last_ns - glass.watch.first_ns) / SECOND_NS
    if seconds < 60 or not glass.machine.tape_bytes:
        return None
    return glass.machine.disk_free_bytes / (glass.machine.tape_bytes / seconds) / 3600


def unmatched_soon(watch: Watch, now_ns: int) -> list[Unmatched]:
    """Return the games without a market that begin within half an hour, or began within three."""
    if not any(feed == "gamma.markets" for feed, _ in watch.bodies):
        return []
    planner = Planner()
    for (feed, _), body in sorted(watch.bodies.items(), key=lambda item: item[1].seq):
        planner.see(feed, body.payload)
    return [
        game
        for game in planner.plan.unmatched
        if game.start_ns is not None
        and game.game_id not in watch.games
        and -_LATE_NS < game.start_ns - now_ns < _SOON_NS
        and game_date(game.start_ns) == game_date(now_ns)
    ]


def _reasons(glass: _Glass, feeds: list[FeedLook], unmatched: list[Unmatched], hours: float | None) -> list[Reason]:
    watch = glass.watch
    if not glass.is_recording:
        return [Reason("dead", f"recorder is not running; last event {_ago(glass.behind_ns)} ago", is_fatal=True)]
    reasons = []
    if watch.disk:
        reasons.append(Reason("disk_refused", f"the disk refuses: {watch.disk}", is_fatal=True))
    if glass.behind_ns > _NOT_GROWING_NS:
        reasons.append(Reason("behind", f"nothing was written for {_ago(glass.behind_ns)}", is_fatal=True))
    if hours is not None and hours < _DISK_HOURS_MIN:
        reasons.append(Reason("disk", f"the disk is full in {hours:.1f} h"))
    reasons += [
        Reason(f"feed:{one.feed}", f"{one.feed} {one.state}" + (f" ({one.why})" if one.why else ""))
        for one in feeds
        if one.state not in {"LIVE", "WAITING", "STALE"}
    ]
    reasons += [
        Reason("clock_step", f"the clock stepped by {step_ns / 1e9:+.3f} s, {_ago(glass.now_ns - at_ns)} ago")
        for at_ns, step_ns in watch.steps[-1:]
        if glass.now_ns - at_ns < _RECENT_NS
    ]
    reasons += [
        Reason("stalled", f"the recorder stood still, {_ago(glass.now_ns - at_ns)} ago")
        for at_ns in watch.stalls[-1:]
        if glass.now_ns - at_ns < _RECENT_NS
    ]
    reasons += [
        Reason(f"unmatched:{one.game_id}", f"no market for {one.away} @ {one.home} ({one.reason})") for one in unmatched
    ]
    return reasons


def _ago(ns: int) -> str:
    seconds = max(0, ns) // SECOND_NS
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 48 * 3600 else f"{seconds // 86_400} days"
