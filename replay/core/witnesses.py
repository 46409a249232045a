"""
What other sources said of the same games: boxscore, play-by-play, the venue's sports socket.

Nothing is decided on them. Their rows stand beside the states, to say when a score changed: a *sighting* is one look at
the score of one game, a play row one play as it first appeared on the tape.
"""

from __future__ import annotations

from recorder.envelope import Envelope
from replay.core.events import (
    Event,
    GameRef,
    MarketSeen,
    PlanGame,
    PlaysSeen,
    PollUnchanged,
    ScoreSeen,
    Team,
    VenueScoreSeen,
)
from replay.core.plays import PlayChange, PlayFold

__all__ = [
    "BOXSCORE",
    "PLAYS",
    "PLAY_COLUMNS",
    "SIGHTING_COLUMNS",
    "SOURCE_NAMES",
    "VENUE",
    "WITNESS_FEEDS",
    "Witnesses",
]

SOURCE_NAMES = ("espn", "nba", "boxscore", "plays", "venue")
"""By source number; what is decided on comes first."""
BOXSCORE, PLAYS, VENUE = 2, 3, 4
WITNESS_FEEDS = ("nba.boxscore", "nba.playbyplay")
"""The polled ones."""

# Columns of sightings, int64 (n, len): sent_ns is when it was asked for, recv_ns itself for what came unasked.
SIGHTING_COLUMNS = ("seq", "sent_ns", "recv_ns", "game", "source", "home", "away")
# Columns of plays, int64 (n, len). -1 stands for absent; change as in PlayChange. The score is that after the play.
PLAY_COLUMNS = ("seq", "recv_ns", "game", "number", "period", "clock_ms", "home", "away", "source_ns", "change")

_Score = tuple[int, int, int, int]
"""Game, source, home, away."""


class Witnesses:
    """Turns what the other sources say into rows, in seq order."""

    def __init__(self, game_numbers: dict[GameRef, int]) -> None:
        """Begin with nothing seen; game_numbers is the roller's own, and grows with it."""
        self.sightings: list[int] = []
        self.plays: list[int] = []
        self._game_numbers = game_numbers
        self._folds: dict[int, PlayFold] = {}
        self._last: dict[str, _Score] = {}
        self._games: dict[str, int] = {}
        self._venue_games: dict[str, int] = {}
        self._names: dict[int, tuple[set[str], set[str]]] = {}
        self._named: set[tuple[int, GameRef]] = set()

    # Who is who --------------------------------------------------------------------------------------------------

    def name(self, number: int, score: ScoreSeen) -> None:
        """Learn what a score source calls the teams of a game."""
        # A plan may give a game another number than it had.
        if (number, score.game) in self._named:
            return
        self._named.add((number, score.game))
        names = self._names.setdefault(number, (set(), set()))
        for known, team in zip(names, (score.home, score.away), strict=True):
            known.update(_names_of(team))

    def link(self, number: int, game: PlanGame) -> None:
        """Learn which market tokens are a game's."""
        self._games.update(dict.fromkeys((game.home_token_id, game.away_token_id), number))

    def list_market(self, market: MarketSeen) -> None:
        """Learn under which id the venue speaks of a market's game."""
        number = self._games.get(market.token_ids[0]) if market.token_ids else None
        if number is not None and market.venue_game_id is not None:
            self._venue_games[market.venue_game_id] = number

    # What they said ----------------------------------------------------------------------------------------------

    def answer(self, at: Envelope, url: str, sent_ns: int, events: list[Event]) -> None:
        """Take the answer to a poll of one of WITNESS_FEEDS."""
        for event in events:
            match event:
                case ScoreSeen():
                    self._boxscore(at, url, sent_ns, event)
                case PlaysSeen():
                    self._version(at, url, sent_ns, event)
                case PollUnchanged():
                    self._again(at, url, sent_ns)
                case _:
                    pass

    def cut(self) -> None:
        """Begin the rows anew; what was learnt stays."""
        self.sightings, self.plays = [], []

    def venue(self, at: Envelope, score: VenueScoreSeen) -> None:
        """Take a frame of the sports socket; where its teams are not the game's by name, it says nothing."""
        number = self._venue_games.get(score.venue_game_id)
        if number is None or score.home_score is None or score.away_score is None:
            return
        home, away = self._names.get(number, (set(), set()))
        slots = (score.home.casefold(), score.away.casefold())
        if slots[0] in home and slots[1] in away:
            self._sight(at, at.recv_ns, (number, VENUE, score.home_score, score.away_score))
        elif slots[0] in away and slots[1] in home:
            self._sight(at, at.recv_ns, (number, VENUE, score.away_score, score.home_score))

    def _boxscore(self, at: Envelope, url: str, sent_ns: int, score: ScoreSeen) -> None:
        number = self._number(score.game.league, score.game.id)
        if number is not None and score.home_score is not None and score.away_score is not None:
            self._last[url] = (number, BOXSCORE, score.home_score, score.away_score)
            self._again(at, url, sent_ns)

    def _version(self, at: Envelope, url: str, sent_ns: int, version: PlaysSeen) -> None:
        """Take a version of the plays: what is new in it, and the score in which it ends."""
        number = self._number(version.game.league, version.game.id)
        if number is None or not version.plays:
            return
        for change, play in self._folds.setdefault(number, PlayFold()).see(version):
            told_ns = -1 if play.source_ns is None or change is PlayChange.CORRECTED else play.source_ns
            clock_ms = -1 if play.clock_ms is None else play.clock_ms
            row = (play.number, play.period, clock_ms, play.home_score, play.away_score, told_ns, int(change))
            self.plays.extend((at.seq, at.recv_ns, number, *row))
        last = version.plays[-1]
        self._last[url] = (number, PLAYS, last.home_score, last.away_score)
        self._again(at, url, sent_ns)

    def _again(self, at: Envelope, url: str, sent_ns: int) -> None:
        if url in self._last:
            self._sight(at, sent_ns, self._last[url])

    def _number(self, league: str, game_id: str) -> int | None:
        return self._game_numbers.get(GameRef(source="nba", league=league, id=game_id))

    def _sight(self, at: Envelope, sent_ns: int, score: _Score) -> None:
        self.sightings.extend((at.seq, sent_ns, at.recv_ns, *score))


def _names_of(team: Team) -> set[str]:
    return {text.casefold() for text in (team.name, team.abbreviation, team.display_name) if text}
