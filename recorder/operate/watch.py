"""
Watching a recording from outside, as a fold over the envelopes of its tape: what each feed last said, and how it fares.

The fold reads nothing but the tape, so it works beside a recorder, after it and on another machine's copy alike.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from recorder.envelope import Envelope, Kind
from recorder.operate.glance import PlannedGame, glance_frame, planned_games
from recorder.progress import refusal
from recorder.sequencer import RECORDER
from recorder.times import SECOND_NS

__all__ = ["RATE_S", "FeedWatch", "TokenWatch", "Watch"]

RATE_S = 60
"""The present rate of a feed is that of so many seconds."""

_LAGS = 512
_UNSEEN = -1
"""The connection that stands for those which a leap passed over."""
_SOCKET_KINDS = frozenset({Kind.OPENED, Kind.CLOSED, Kind.SENT, Kind.FRAME})


@dataclass(slots=True)
class FeedWatch:
    """
    One feed so far.

    answers counts frames and usable bodies, gaps failures, silences and lost sockets, reconnects every opening but the
    first; is_troubled says that a failure came last; silent holds the assets (None: the feed) that
    were found silent and have not spoken since; lags_ms are those of the last answers: a frame's way from the venue, a
    body's round trip.
    """

    is_socket: bool = False
    answers: int = 0
    bytes: int = 0
    gaps: int = 0
    reconnects: int = 0
    first_ns: int = 0
    heard_ns: int = 0
    last_why: str = ""
    is_troubled: bool = False
    opened: int = 0
    open_conns: set[int] = field(default_factory=set)
    silent: dict[str | None, int] = field(default_factory=dict)
    lags_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_LAGS))
    _seconds: deque[list[int]] = field(default_factory=deque)

    def hear(self, at_ns: int, size: int) -> None:
        """Take note of an answer."""
        self.answers += 1
        self.bytes += size
        self.heard_ns = at_ns
        self.is_troubled = False
        self.silent.pop(None, None)
        second = at_ns // SECOND_NS
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1][1] += 1
            return
        self._seconds.append([second, 1])
        while self._seconds[0][0] <= second - RATE_S:
            self._seconds.popleft()

    def rate(self, now_ns: int) -> float:
        """Return answers a second over the last `RATE_S` seconds."""
        since = now_ns // SECOND_NS - RATE_S
        return sum(count for second, count in self._seconds if second > since) / RATE_S

    def usual_rate(self, now_ns: int) -> float:
        """Return answers a second over the feed's whole time, a minute at least."""
        return self.answers / max(RATE_S, (now_ns - self.first_ns) / SECOND_NS)

    def begun_anew(self, at_ns: int) -> FeedWatch:
        """Return what is known of the feed at a moment when what it said since the last envelope was not seen."""
        return FeedWatch(
            is_socket=self.is_socket,
            first_ns=at_ns,
            heard_ns=at_ns if self.heard_ns else 0,
            opened=min(self.opened, 1),
            open_conns={_UNSEEN} if self.open_conns else set(),
        )

    def lag_ms(self, share: float) -> float | None:
        """Return the lag that this share of the last answers did not exceed; None where none is known."""
        lags = sorted(self.lags_ms)
        return lags[min(len(lags) - 1, int(share * len(lags)))] if lags else None


@dataclass(slots=True)
class TokenWatch:
    """One token: when a frame last named it, and how many bytes of frames did."""

    heard_ns: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Watch:
    """
    What a tape has told so far; call it with every envelope in seq order.

    bodies holds the last good body of every address that scoreboards and the catalogue were asked at, for whoever knows
    what they mean; steps and stalls hold when they were noted, by recv_ns.
    """

    events: int = 0
    first_ns: int = 0
    last_ns: int = 0
    sessions: int = 0
    disk: str = ""
    feeds: dict[str, FeedWatch] = field(default_factory=dict)
    games: dict[str, PlannedGame] = field(default_factory=dict)
    tokens: dict[str, TokenWatch] = field(default_factory=dict)
    bodies: dict[tuple[str, str], Envelope] = field(default_factory=dict)
    steps: list[tuple[int, int]] = field(default_factory=list)
    stalls: list[int] = field(default_factory=list)

    def leap(self, seq: int, at_ns: int) -> None:
        """
        Go on from a later envelope, whose seq and time are given, without having seen what lies between.

        A feed that was heard before counts as heard just now, so that a silence is never told longer than it was seen
        to be; what is counted of it begins anew.
        """
        self.events = seq
        self.feeds = {name: feed.begun_anew(at_ns) for name, feed in self.feeds.items()}

    def __call__(self, envelope: Envelope) -> None:
        """Take one envelope."""
        self.events += 1
        self.first_ns = self.first_ns or envelope.recv_ns
        self.last_ns = envelope.recv_ns
        if envelope.feed == RECORDER:
            if envelope.kind is Kind.NOTE:
                self._note(envelope)
            return
        if envelope.kind is Kind.DECISION:
            return
        feed = self.feeds.get(envelope.feed)
        if feed is None:
            feed = self.feeds[envelope.feed] = FeedWatch(first_ns=envelope.recv_ns)
        feed.is_socket = feed.is_socket or envelope.kind in _SOCKET_KINDS
        match envelope.kind:
            case Kind.FRAME:
                self._frame(feed, envelope)
            case Kind.BODY:
                self._body(feed, envelope)
            case Kind.OPENED:
                feed.opened += 1
                feed.reconnects += feed.opened > 1
                feed.open_conns.add(envelope.conn)
                feed.open_conns.discard(_UNSEEN)
            case Kind.FAILED | Kind.CLOSED | Kind.SILENT:
                _trouble(feed, envelope)
            case _:
                pass

    def _frame(self, feed: FeedWatch, frame: Envelope) -> None:
        feed.hear(frame.recv_ns, len(frame.payload))
        # Whoever begins to watch in the middle has not seen it open.
        feed.open_conns.add(frame.conn)
        feed.open_conns.discard(_UNSEEN)
        glance = glance_frame(frame.payload)
        for token in glance.tokens:
            watch = self.tokens.setdefault(token, TokenWatch())
            watch.heard_ns = frame.recv_ns
            watch.bytes += len(frame.payload)
            feed.silent.pop(token, None)
        if glance.sent_ns is not None:
            feed.lags_ms.append((frame.recv_ns - glance.sent_ns) / 1e6)

    def _body(self, feed: FeedWatch, body: Envelope) -> None:
        facts = body.facts()
        why = refusal(body, facts)
        if why:
            feed.gaps += 1
            feed.last_why = why
            feed.is_troubled = True
            return
        feed.hear(body.recv_ns, len(body.payload))
        if "sent_ns" in facts:
            feed.lags_ms.append((body.recv_ns - int(facts["sent_ns"])) / 1e6)
        if facts.get("status") == 200 and body.feed.startswith(("espn.", "nba.scoreboard", "gamma.")):
            self.bodies[body.feed, str(facts.get("url", ""))] = body

    def _note(self, note: Envelope) -> None:
        facts = note.facts()
        match facts.get("note"):
            case "session":
                self.sessions += 1
                for feed in self.feeds.values():
                    feed.open_conns.clear()
                    feed.opened = 0
                    feed.silent.clear()
            case "plan":
                self.games = {game.game_id: game for game in planned_games(note)}
            case "disk_refused":
                self.disk = str(facts.get("why", ""))
            case "disk_back":
                self.disk = ""
            case "clock_step":
                self.steps.append((note.recv_ns, int(facts.get("step_ns", 0))))
            case "stalled":
                self.stalls.append(note.recv_ns)
            case _:
                pass


def _trouble(feed: FeedWatch, envelope: Envelope) -> None:
    facts = envelope.facts()
    if envelope.kind is Kind.CLOSED:
        feed.open_conns -= {envelope.conn, _UNSEEN}
        if facts.get("side") == "us" and facts.get("reason") == "session ends":
            return
    if envelope.kind is Kind.SILENT:
        # Of a poll it says only that the recorder stood still.
        feed.silent[facts.get("asset")] = int(facts.get("since_ns", envelope.recv_ns))
    else:
        feed.is_troubled = True
    feed.gaps += 1
    feed.last_why = str(facts.get("why") or facts.get("reason") or envelope.kind.name.lower())
