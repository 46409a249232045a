"""The venue's sports socket: no `slug`, and the slots of home and away not always the right way round."""

from __future__ import annotations

from recorder.times import utc
from replay.synth.dice import Dice
from replay.synth.world import Game, Moment, Phase

__all__ = ["sports_frame", "strangers_frame"]

_STRANGERS = (("mlb", "NYM", "LAA", "Top 9th"), ("nhl", "VGK", "WSH", "2/3"), ("epl", "ARS", "CHE", "2H"))


def sports_frame(game: Game, moment: Moment, updated_ns: int) -> bytes:
    """Return the frame about a game at a moment. The second game of a night stands with its sides swapped."""
    sides = [(game.home.tricode, moment.home), (game.away.tricode, moment.away)]
    if game.index == 1:
        sides.reverse()
    (home, home_score), (away, away_score) = sides
    over = moment.phase is Phase.FINAL
    live = not over and moment.phase is not Phase.SCHEDULED
    status = "final" if over else "Break" if moment.phase in {Phase.HALFTIME, Phase.END_PERIOD} else "InProgress"
    period = "FT" if over else "HT" if moment.phase is Phase.HALFTIME else f"Q{moment.period}"
    if moment.period > 4 and not over:
        period = "OT"
    elapsed = f"{moment.clock_ms // 60_000:02d}:{moment.clock_ms // 1000 % 60:02d}"
    flags = f'"live":{str(live).lower()},"ended":{str(over).lower()}'
    updated = f"{utc(updated_ns):%Y-%m-%dT%H:%M:%S}.{updated_ns // 1_000_000 % 1000:03d}Z"
    finished = f',"finishedTimestamp":"{updated}"' if over else ""
    score = f"{home_score}-{away_score}"
    return (
        f'{{"gameId":{game.market.venue_game_id},"leagueAbbreviation":"nba","homeTeam":"{home}","awayTeam":"{away}",'
        f'"status":"{status}","score":"{score}","period":"{period}","elapsed":"{elapsed}",{flags}{finished},'
        f'"eventState":{{"type":"basketball","updatedAt":"{updated}","score":"{score}","elapsed":"{elapsed}",'
        f'"period":"{period}",{flags}}}}}'
    ).encode()


def strangers_frame(dice: Dice) -> bytes:
    """Return a frame about a game of another league: the socket speaks of all."""
    league, home, away, period = dice.pick(_STRANGERS)
    return (
        f'{{"gameId":{dice.whole(10_000_000, 10_099_999)},"leagueAbbreviation":"{league}","homeTeam":"{home}",'
        f'"awayTeam":"{away}","status":"InProgress","score":"{dice.whole(0, 6)}-{dice.whole(0, 6)}",'
        f'"period":"{period}","live":true,"ended":false}}'
    ).encode()
