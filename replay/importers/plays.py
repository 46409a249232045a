"""
Plays with wall clocks, as the scoreboard that a poller would have seen: ESPN summaries and the NBA's play-by-play.

The files say what happened when; no scoreboard of those nights was recorded. So the scoreboard of each play is rendered
in the source's own shape (`replay.upstream.real`), and polled: every so often the one that stood then, `not modified`
where nothing had changed. The file itself is kept on the tape.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from recorder.envelope import Kind, encode_meta
from recorder.errors import UsageError
from recorder.times import utc
from replay.core.decode import decode_payload
from replay.core.events import ScoreSeen
from replay.importers.source import NS_MAX, FoundGame, Imported, Row, read_file
from replay.upstream.real import NBA_URL, Dated, espn_bodies, nba_bodies, scoreboard_url

__all__ = ["Polling", "import_espn", "import_nba"]

_OK, _UNCHANGED = 200, 304
_AFTER_NS = 60_000_000_000
_MALFORMED = (msgspec.MsgspecError, RecursionError, LookupError, TypeError, ValueError)
_POLLS_MAX = 5_000_000


@dataclass(frozen=True, slots=True)
class Polling:
    """How the scoreboards are polled: how often, and how much later than a play they show it. Units: ns."""

    every_ns: int = 2_000_000_000
    late_ns: int = 0


def import_espn(path: Path, polling: Polling) -> Imported:
    """
    Read an ESPN game summary whose plays have wall clocks.

    Raises:
        UsageError: it is none, or of a league whose scoreboard cannot be rendered.
    """
    data = read_file(path)
    bodies = _rendered(
        path, "an ESPN summary of an NBA game whose plays have wall clocks", lambda: espn_bodies(data), polling
    )
    url = scoreboard_url("basketball/nba", bodies[-1][0])
    return _imported("espn", path, data, "espn.nba", url, bodies, polling)


def import_nba(path: Path, polling: Polling, boxscore: Path | None = None) -> Imported:
    """
    Read the NBA's play-by-play of one game, with its boxscore where there is one: it knows the teams' full names.

    Raises:
        UsageError: it is none.
    """
    data = read_file(path)
    box = None if boxscore is None else read_file(boxscore)
    bodies = _rendered(
        path,
        "an NBA play-by-play whose actions have timeActual" + ("" if box is None else f" with {boxscore} its boxscore"),
        lambda: nba_bodies(data, box or _boxscore_of(data)),
        polling,
    )
    return _imported("nba", path, data, "nba.scoreboard", NBA_URL, bodies, polling)


def _rendered(path: Path, what: str, render: Callable[[], list[Dated]], polling: Polling) -> list[Dated]:
    try:
        bodies = render()
    except _MALFORMED as error:
        why = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise UsageError(f"{path} is not {what}", why=why) from error
    # Before the first play stands what was scheduled; and nothing but that is no game.
    if len(bodies) < 2:
        raise UsageError(f"{path} holds no play")
    first_ns, last_ns = bodies[0][0], bodies[-1][0]
    if not 0 < first_ns < last_ns + polling.late_ns < NS_MAX or last_ns - first_ns > _POLLS_MAX * polling.every_ns:
        raise UsageError(
            f"{path} cannot be polled every {polling.every_ns / 1e9:g} s, {polling.late_ns / 1e9:g} s late",
            why=f"its plays are from {utc(first_ns):%Y-%m-%d %H:%M} to {utc(last_ns):%Y-%m-%d %H:%M}",
            hint="plays of one night, and --poll 2s",
        )
    return bodies


def _imported(
    kind: str, path: Path, data: bytes, feed: str, url: str, bodies: Sequence[Dated], polling: Polling
) -> Imported:
    first = decode_payload(feed, bodies[0][1], Kind.BODY)
    return Imported(
        kind=kind,
        file=path.name,
        sha256=hashlib.sha256(data).hexdigest(),
        what=f"scoreboards rendered from plays, polled every {polling.every_ns / 1e9:g} s",
        clock="when a play happened, by the source" + (f", {polling.late_ns / 1e9:g} s later" * bool(polling.late_ns)),
        cannot=[
            "how late the scoreboard was: each play is shown when it happened, plus --score-delay",
            "scores that were shown and taken back: only the last word on each play is in the file",
        ],
        rows=list(_polled(feed, url, bodies, polling)),
        games=[
            FoundGame(
                source=event.game.source,
                league=event.game.league,
                id=event.game.id,
                home=event.home.name,
                away=event.away.name,
                start_ns=event.start_ns,
            )
            for event in first
            if isinstance(event, ScoreSeen)
        ],
        original=data,
    )


def _polled(feed: str, url: str, bodies: Sequence[Dated], polling: Polling) -> list[Row]:
    """Ask every so often, from the first scoreboard to a minute after the last, for the one that stands there."""
    rows: list[Row] = []
    shown, at = -1, -1
    for asked_ns in range(
        bodies[0][0] + polling.late_ns, bodies[-1][0] + polling.late_ns + _AFTER_NS, polling.every_ns
    ):
        while at + 1 < len(bodies) and bodies[at + 1][0] + polling.late_ns <= asked_ns:
            at += 1
        status = _UNCHANGED if at == shown else _OK
        meta = encode_meta({"url": url, "status": status, "sent_ns": asked_ns})
        rows.append((asked_ns, feed, 0, Kind.BODY, meta, bodies[at][1] if status == _OK else b""))
        shown = at
    return rows


def _boxscore_of(playbyplay: bytes) -> bytes:
    """Say of a game what its plays tell: teams by their three letters, the start by the first play."""
    game = msgspec.json.decode(playbyplay)["game"]
    actions = sorted(game["actions"], key=lambda action: action["orderNumber"])
    teams: dict[str, dict[str, Any]] = {}
    before = {"Home": 0, "Away": 0}
    for action in actions:
        for side, score in before.items():
            if int(action[f"score{side}"]) > score and "teamTricode" in action:
                teams.setdefault(side, {"teamId": action["teamId"], "teamTricode": action["teamTricode"]})
            before[side] = int(action[f"score{side}"])
    start = actions[0]["timeActual"]
    home, away = (
        {**teams[side], "teamName": teams[side]["teamTricode"], "teamCity": teams[side]["teamTricode"]}
        for side in ("Home", "Away")
    )
    day = start[:10].replace("-", "")
    facts = {
        "gameId": game["gameId"],
        "gameCode": f"{day}/{away['teamTricode']}{home['teamTricode']}",
        "gameTimeUTC": start,
        "gameEt": start,
        "regulationPeriods": 4,
        "homeTeam": home,
        "awayTeam": away,
    }
    return msgspec.json.encode({"game": facts})
