"""
Polymarket's sports socket: what the venue itself says of the games, of all leagues and without being asked.

Theory of operation. Nothing is subscribed to. The server sends the text `ping` every five seconds and closes a socket
that does not answer `pong` within ten: the opposite of the market socket. Frames come with events of games, so a quiet
night is no fault, but three missed pings are one: then `Silent`, and a new socket once the old one is closed. A socket
that closes is opened again after one second, doubling up to thirty.
"""

from __future__ import annotations

from random import Random

from recorder.feeds.base import Close, Closed, Command, Input, Message, Open, Opened, Send, Silent, WakeAt
from recorder.feeds.polling import Backoff
from recorder.times import SECOND_NS

__all__ = ["SportsSocketFeed"]

_SILENT_NS = 15 * SECOND_NS
_CLOSING_NS = 5 * SECOND_NS
_REOPEN_NS = (SECOND_NS, 30 * SECOND_NS)


class SportsSocketFeed:
    """The broadcast of all games."""

    name = "polymarket.sports"

    def __init__(self, url: str, *, rng: Random) -> None:
        """Listen at url."""
        self._url = url
        self._backoff = Backoff(*_REOPEN_NS, rng)
        self._conn = 0
        self._last_conn = 0
        self._is_open = False
        self._reopen_ns = 0
        self._heard_ns = 0

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        """Take one thing that happened and say what to do now."""
        match happened:
            case Message(conn, data) if conn == self._conn:
                self._heard_ns = now_ns
                self._backoff.reset()
                # An alarm that rings too early costs one look, so it is left alone.
                return [Send(conn, "pong")] if data == b"ping" else []
            case Opened(conn) if conn == self._conn:
                self._is_open = True
                self._heard_ns = now_ns
            case Closed(conn) if conn == self._conn:
                self._conn, self._is_open = 0, False
                self._reopen_ns = now_ns + self._backoff.next_ns()
            case Closed(conn) if conn == self._last_conn and not self._conn:
                self._reopen_ns = now_ns
            case _:
                pass
        return self._look(now_ns)

    def _look(self, now_ns: int) -> list[Command]:
        commands: list[Command] = []
        if self._is_open and now_ns - self._heard_ns >= _SILENT_NS:
            commands += [Silent(self._conn, self._heard_ns), Close(self._conn, "silent")]
            self._conn, self._is_open = 0, False
            self._reopen_ns = now_ns + _CLOSING_NS
        if not self._conn and self._reopen_ns <= now_ns:
            self._last_conn += 1
            self._conn = self._last_conn
            commands.append(Open(self._conn, self._url))
        alarm_ns = self._heard_ns + _SILENT_NS if self._is_open else now_ns + _SILENT_NS
        if not self._conn:
            alarm_ns = self._reopen_ns
        return [*commands, WakeAt(alarm_ns)]
