"""
The completeness receipt of a game: for how much of its time each source told us what it should have.

Theory of operation, as a fold over envelopes. A game is on from the first scoreboard that says so until one says that
it is over. A scoreboard covers the ten seconds after each answer that lists the game, a file of its own 75 (it is asked
for every 30, and holds all that was before); the witness covers two and a half minutes after a book. The market covers
a game while both of its tokens have a book and a socket: from their `book` until that socket closes or is found silent.
What is left of the game's time is a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from recorder.envelope import Envelope, Kind
from recorder.operate.glance import PlannedGame, games_in, glance_frame, planned_games
from recorder.progress import refusal
from recorder.sequencer import RECORDER
from recorder.times import SECOND_NS

__all__ = ["Receipt", "Receipts", "SourceReceipt"]

_LONGEST_NS = 8 * 3600 * SECOND_NS
_SCOREBOARD_FRESH_NS = 10 * SECOND_NS
_GAME_FILE_FRESH_NS = 75 * SECOND_NS
_WITNESS_FRESH_NS = 150 * SECOND_NS
_MARKET, _WITNESS = "polymarket.market", "polymarket.book"
_COMPLETE = 0.99
_REMEMBERED = 256

Span = tuple[int, int]


class SourceReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """
    One source of one game.

    Units: seconds of the game's time that it covered, coverage the share of them; answers, duplicates and reconnects
    while the game was on; gaps are stretches without it, gap_seconds_max the longest; first_ns and last_ns are recv_ns
    of its first and last answer about the game, at any time.
    """

    feed: str
    seconds: float
    coverage: float
    answers: int
    gaps: int
    gap_seconds_max: float
    duplicates: int
    reconnects: int
    first_ns: int
    last_ns: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """One game: when it was on, what each source saw of it, and in words whether that is all."""

    game_id: str
    league: str
    home: str
    away: str
    from_ns: int | None
    until_ns: int | None
    seconds: float
    sources: tuple[SourceReceipt, ...]
    verdict: str


@dataclass(slots=True)
class _Source:
    """What one feed told of one game. spans are stretches that it covers, by part: a token, or the whole."""

    spans: dict[str, list[Span]] = field(default_factory=dict)
    open_ns: dict[str, int] = field(default_factory=dict)
    answers: int = 0
    duplicates: int = 0
    reconnects: int = 0
    first_ns: int = 0
    last_ns: int = 0

    def hear(self, at_ns: int, *, is_on: bool) -> None:
        self.first_ns = self.first_ns or at_ns
        self.last_ns = at_ns
        self.answers += is_on

    def cover(self, part: str, from_ns: int, until_ns: int) -> None:
        spans = self.spans.setdefault(part, [])
        if spans and from_ns <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(until_ns, spans[-1][1]))
        else:
            spans.append((from_ns, until_ns))

    def end(self, part: str, at_ns: int) -> None:
        from_ns = self.open_ns.pop(part, None)
        if from_ns is not None:
            self.cover(part, from_ns, at_ns)


@dataclass(slots=True)
class _Game:
    planned: PlannedGame
    sources: dict[str, _Source] = field(default_factory=dict)
    from_ns: int | None = None
    until_ns: int = 0
    is_over: bool = False

    @property
    def is_on(self) -> bool:
        return self.from_ns is not None and not self.is_over

    def source(self, feed: str) -> _Source:
        return self.sources.setdefault(feed, _Source())


class Receipts:
    """Folds a tape into receipts: call it with every envelope in seq order, then ask for `all`."""

    def __init__(self) -> None:
        """Begin with no game."""
        self._games: dict[str, _Game] = {}
        self._by_ref: dict[tuple[str, str, str], _Game] = {}
        self._by_token: dict[str, _Game] = {}
        self._listed: dict[str, list[_Game]] = {}
        self._holder: dict[str, int] = {}
        self._recent: deque[int] = deque(maxlen=_REMEMBERED)
        self._last_ns = 0

    def __call__(self, envelope: Envelope) -> None:
        """Take one envelope."""
        match envelope.kind:
            case Kind.BODY:
                self._see_body(envelope)
            case Kind.FRAME if envelope.feed == _MARKET:
                self._see_frame(envelope)
            case Kind.CLOSED if envelope.feed == _MARKET:
                self._lose([token for token, conn in self._holder.items() if conn == envelope.conn], envelope.recv_ns)
            case Kind.SILENT if envelope.feed == _MARKET:
                asset = envelope.facts().get("asset")
                self._lose([asset] if asset else list(self._holder), envelope.recv_ns)
            case Kind.NOTE if envelope.feed == RECORDER:
                self._see_note(envelope)
            case _:
                pass
        self._last_ns = envelope.recv_ns

    def all(self) -> list[Receipt]:
        """Return the receipts of all games of the plan, in its order."""
        return [self._receipt(game) for game in self._games.values()]

    # Taking in ---------------------------------------------------------------------------------------------------

    def _see_note(self, note: Envelope) -> None:
        match note.facts().get("note"):
            case "plan":
                for planned in planned_games(note):
                    self._plan(planned)
            case "session":
                # A process that died left its sockets without an end.
                self._lose(list(self._holder), self._last_ns)
            case _:
                pass

    def _plan(self, planned: PlannedGame) -> None:
        game = self._games.setdefault(planned.game_id, _Game(planned))
        game.planned = planned
        for ref in planned.refs:
            self._by_ref[ref.source, ref.league, ref.id] = game
        for token in planned.tokens:
            self._by_token[token] = game

    def _see_body(self, body: Envelope) -> None:
        facts = body.facts()
        if refusal(body, facts):
            return
        url, is_new = str(facts.get("url", "")), facts.get("status") == 200
        if body.feed == _WITNESS:
            self._see_witness(body)
        elif body.feed == "nba.scoreboard" or body.feed.startswith("espn."):
            if is_new:
                self._listed[url] = self._see_scoreboard(body)
            for game in self._listed.get(url, ()):
                self._answered(game, body, _SCOREBOARD_FRESH_NS)
        else:
            for (_, _, ref_id), game in self._by_ref.items():
                if ref_id in url:
                    self._answered(game, body, _GAME_FILE_FRESH_NS)

    def _see_scoreboard(self, body: Envelope) -> list[_Game]:
        source, _, rest = body.feed.partition(".")
        league = "nba" if source == "nba" else rest
        listed = []
        for glance in games_in(body.feed, body.payload):
            game = self._by_ref.get((source, league, glance.id))
            if game is None:
                continue
            listed.append(game)
            if glance.is_on:
                game.from_ns = body.recv_ns if game.from_ns is None else game.from_ns
                game.until_ns, game.is_over = body.recv_ns, False
            elif glance.is_over and not game.is_over:
                game.until_ns, game.is_over = max(game.until_ns, body.recv_ns), True
        return listed

    def _see_witness(self, body: Envelope) -> None:
        tokens = glance_frame(body.payload).tokens & self._by_token.keys()
        for token in tokens:
            source = self._by_token[token].source(_WITNESS)
            source.cover(token, body.recv_ns, body.recv_ns + _WITNESS_FRESH_NS)
        for game in self._games_of(tokens):
            game.source(_WITNESS).hear(body.recv_ns, is_on=game.is_on)

    def _answered(self, game: _Game, body: Envelope, fresh_ns: int) -> None:
        source = game.source(body.feed)
        source.hear(body.recv_ns, is_on=game.is_on)
        source.cover("", body.recv_ns, body.recv_ns + fresh_ns)

    def _games_of(self, tokens: Iterable[str]) -> list[_Game]:
        games = {game.planned.game_id: game for token in tokens if (game := self._by_token.get(token)) is not None}
        return list(games.values())

    def _see_frame(self, frame: Envelope) -> None:
        fingerprint = hash(frame.payload)
        is_duplicate = fingerprint in self._recent
        self._recent.append(fingerprint)
        glance = glance_frame(frame.payload)
        for token in glance.books & self._by_token.keys():
            self._hold(token, frame)
        for game in self._games_of(glance.tokens):
            source = game.source(_MARKET)
            source.hear(frame.recv_ns, is_on=game.is_on)
            source.duplicates += is_duplicate and game.is_on

    def _hold(self, token: str, frame: Envelope) -> None:
        """Take note that a token has a book by this socket."""
        game = self._by_token[token]
        source = game.source(_MARKET)
        if token not in source.open_ns:
            source.open_ns[token] = frame.recv_ns
            if token in source.spans and token == game.planned.home_token_id:
                source.reconnects += game.is_on
        self._holder[token] = frame.conn

    def _lose(self, tokens: Iterable[str], at_ns: int) -> None:
        for token in tokens:
            self._holder.pop(token, None)
            game = self._by_token.get(token)
            if game is not None:
                game.source(_MARKET).end(token, at_ns)

    # Giving out --------------------------------------------------------------------------------------------------

    def _receipt(self, game: _Game) -> Receipt:
        planned = game.planned
        until_ns = game.until_ns
        if game.from_ns is not None and not game.is_over:
            until_ns = min(self._last_ns, game.from_ns + _LONGEST_NS)
        span = (game.from_ns or 0, until_ns)
        for feed in self._expected(game):
            game.source(feed)
        sources = tuple(self._source(game, feed, span) for feed in sorted(game.sources)) if game.from_ns else ()
        return Receipt(
            game_id=planned.game_id,
            league=planned.league,
            home=planned.home,
            away=planned.away,
            from_ns=game.from_ns,
            until_ns=until_ns if game.from_ns is not None else None,
            seconds=(span[1] - span[0]) / SECOND_NS if game.from_ns is not None else 0.0,
            sources=sources,
            verdict=_verdict(sources, is_over=game.is_over),
        )

    def _expected(self, game: _Game) -> list[str]:
        """Name the feeds that should have told of a game, so that one that never did has a line of its own."""
        espn = [f"espn.{ref.league}" for ref in game.planned.refs if ref.source == "espn"]
        nba = ["nba.scoreboard"] if any(ref.source == "nba" for ref in game.planned.refs) else []
        return [*espn, *nba, _MARKET, _WITNESS]

    def _source(self, game: _Game, feed: str, on: Span) -> SourceReceipt:
        source = game.sources[feed]
        parts = game.planned.tokens if feed in {_MARKET, _WITNESS} else ("",)
        covered = [on]
        for part in parts:
            still_open = [(source.open_ns[part], on[1])] if part in source.open_ns else []
            covered = _common(covered, [*source.spans.get(part, ()), *still_open])
        gaps = _between(covered, on)
        seconds, all_seconds = _length(covered) / SECOND_NS, max(on[1] - on[0], 1) / SECOND_NS
        return SourceReceipt(
            feed=feed,
            seconds=seconds,
            coverage=round(seconds / all_seconds, 6),
            answers=source.answers,
            gaps=len(gaps),
            gap_seconds_max=max((end - begin for begin, end in gaps), default=0) / SECOND_NS,
            duplicates=source.duplicates,
            reconnects=source.reconnects,
            first_ns=source.first_ns,
            last_ns=source.last_ns,
        )


def _verdict(sources: tuple[SourceReceipt, ...], *, is_over: bool) -> str:
    if not sources:
        return "was never seen in play"
    missing = [
        f"{one.feed} misses {(1 - one.coverage):.1%} (longest {one.gap_seconds_max:.0f} s)"
        if one.answers
        else f"{one.feed} never told of it"
        for one in sources
        if one.coverage < _COMPLETE
    ]
    if not is_over:
        missing.insert(0, "its end is not on the tape")
    return "; ".join(missing) or "complete"


def _common(left: list[Span], right: list[Span]) -> list[Span]:
    """Return the stretches that lie in both lists; each list in order and without overlap."""
    common: list[Span] = []
    at = 0
    for begin, end in left:
        while at < len(right) and right[at][1] <= begin:
            at += 1
        for other_begin, other_end in right[at:]:
            if other_begin >= end:
                break
            common.append((max(begin, other_begin), min(end, other_end)))
    return common


def _between(spans: list[Span], within: Span) -> list[Span]:
    """Return the stretches of a span that no other covers."""
    gaps, reached = [], within[0]
    for begin, end in spans:
        if begin > reached:
            gaps.append((reached, begin))
        reached = max(reached, end)
    return [*gaps, (reached, within[1])] if reached < within[1] else gaps


def _length(spans: list[Span]) -> int:
    return sum(end - begin for begin, end in spans)
