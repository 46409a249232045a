"""
Real nights as tapes in memory: what the sources would have answered, made from what they said about it afterwards.

No public recording of an NBA night's scoreboards exists, but ESPN's game summary and the NBA's play-by-play give every
play with its UTC time. From those, `espn_bodies` and `nba_bodies` render the scoreboard that each source showed from
each play on, in the exact shapes (FORMATS 3.3 and 4.2); `market_frames` cuts a captured sequence of the market channel
into its frames. `night` lines them up as envelopes, in the recorder's conventions, for the server to play.

The files come from the caller. A play that bears an earlier time than the one before it is shown when that one is: a
scoreboard goes by the order of the plays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.leagues import game_date
from recorder.times import iso_ns, utc
from replay.upstream.player import MemorySource

__all__ = [
    "NBA_URL",
    "Dated",
    "Row",
    "espn_bodies",
    "gamma_bodies",
    "market_frames",
    "nba_bodies",
    "night",
    "polled",
    "scoreboard_url",
    "streamed",
]

Dated = tuple[int, bytes]
"""Bytes and the UTC nanoseconds from which they stood there."""

Row = tuple[int, str, int, Kind, bytes, bytes]
"""recv_ns, feed, conn, kind, meta, payload: an envelope before it has a seq."""

_BEFORE_NS = 900_000_000_000
_ORDINALS = ("", "1st", "2nd", "3rd", "4th")
_REGULATION = 4
_PERIODS_MAX = 40
_END_PERIOD, _END_GAME = "412", "402"
NBA_URL = "https://cdn.nba.com/static/json/liveData/scoreboard/todaysScoreboard_00.json"


# ESPN ----------------------------------------------------------------------------------------------------------


def espn_bodies(summary: bytes) -> list[Dated]:
    """
    Render the scoreboard of one NBA game: once scheduled, 15 minutes before its date, then once for each play.

    Raises:
        KeyError: a play has no wall clock, or the header is none.
    """
    body = msgspec.json.decode(summary)
    header = body["header"]
    competition = header["competitions"][0]
    start_ns = iso_ns(competition["date"])
    bodies = [(start_ns - _BEFORE_NS, _espn_body(header, competition, _espn_scheduled(), {}, None))]
    shown_ns = start_ns
    lines: dict[str, list[int]] = {"home": [], "away": []}
    for play in body["plays"]:
        shown_ns = max(shown_ns, iso_ns(play["wallclock"]))
        _add_lines(lines, play)
        bodies.append((shown_ns, _espn_body(header, competition, _espn_status(play), lines, play)))
    return bodies


def scoreboard_url(path: str, at_ns: int) -> str:
    """Name ESPN's scoreboard of the night that a moment belongs to; path such as `basketball/nba`."""
    day = game_date(at_ns)
    return f"https://site.api.espn.com/apis/site/v2/sports/{path}/scoreboard?dates={day:%Y%m%d}&limit=300"


def _add_lines(lines: dict[str, list[int]], play: dict[str, Any]) -> None:
    for side, periods in lines.items():
        _lengthen(periods, play["period"]["number"])
        periods[-1] = play[f"{side}Score"] - sum(periods[:-1])


def _lengthen(periods: list[int], number: int) -> None:
    if number > _PERIODS_MAX:
        raise ValueError(f"a game of {number} periods")
    periods += [0] * (number - len(periods))


def _espn_scheduled() -> dict[str, Any]:
    kind = {"id": "1", "name": "STATUS_SCHEDULED", "state": "pre", "completed": False, "description": "Scheduled"}
    return {"clock": 0.0, "displayClock": "0.0", "period": 0, "type": kind | {"detail": "", "shortDetail": ""}}


def _espn_status(play: dict[str, Any]) -> dict[str, Any]:
    period, display = play["period"]["number"], play["clock"]["displayValue"]
    number = _ORDINALS[period] if period <= _REGULATION else "OT"
    name, state, detail = "In Progress", "in", f"{display} - {play['period']['displayValue']}"
    short, kind_id = f"{display} - {number}", "2"
    match play["type"]["id"]:
        case code if code == _END_GAME:
            name, state, kind_id = "Final", "post", "3"
            detail = short = "Final" if period <= _REGULATION else "Final/OT"
        case code if code == _END_PERIOD and period * 2 == _REGULATION:
            name, kind_id, detail, short = "Halftime", "23", "Halftime", "Halftime"
        case code if code == _END_PERIOD:
            name, kind_id = "End of Period", "22"
            detail, short = f"End of {play['period']['displayValue']}", f"End of {number}"
        case _:
            pass
    key = "END_PERIOD" if kind_id == "22" else name.upper().replace(" ", "_")
    kind = {"id": kind_id, "name": f"STATUS_{key}", "state": state, "completed": state == "post", "description": name}
    minutes, _, seconds = display.rpartition(":")
    clock = int(minutes or 0) * 60 + float(seconds)
    return {
        "clock": clock,
        "displayClock": display,
        "period": period,
        "type": kind | {"detail": detail, "shortDetail": short},
    }


def _espn_body(
    header: dict[str, Any],
    competition: dict[str, Any],
    status: dict[str, Any],
    lines: dict[str, list[int]],
    play: dict[str, Any] | None,
) -> bytes:
    event_id, date = header["id"], competition["date"]
    sides = [_espn_competitor(it, lines.get(it["homeAway"], []), status) for it in competition["competitors"]]
    away, home = (next(it["team"] for it in sides if it["homeAway"] == side) for side in ("away", "home"))
    game = {
        "id": event_id,
        "uid": competition["uid"],
        "date": date,
        "attendance": 0,
        "timeValid": True,
        "neutralSite": competition["neutralSite"],
        "recent": True,
        "competitors": sides,
        "status": status,
        "startDate": date,
    }
    if play is not None and status["type"]["state"] == "in":
        game["situation"] = {"lastPlay": {key: play[key] for key in ("id", "type", "text", "scoreValue")}}
    event = {
        "id": event_id,
        "uid": header["uid"],
        "date": date,
        "name": f"{away['displayName']} at {home['displayName']}",
        "shortName": f"{away['abbreviation']} @ {home['abbreviation']}",
        "season": header["season"],
        "competitions": [game],
        "status": status,
    }
    day = game_date(iso_ns(date)).isoformat()
    league = {"id": "46", "name": "National Basketball Association", "abbreviation": "NBA", "slug": "nba"}
    season = {"type": header["season"]["type"], "year": header["season"]["year"]}
    return msgspec.json.encode({"leagues": [league], "season": season, "day": {"date": day}, "events": [event]})


def _espn_competitor(side: dict[str, Any], periods: Sequence[int], status: dict[str, Any]) -> dict[str, Any]:
    team = {key: side["team"][key] for key in ("id", "uid", "location", "name", "abbreviation", "displayName")}
    shown: dict[str, Any] = {
        "id": side["id"],
        "uid": side["uid"],
        "type": "team",
        "order": side["order"],
        "homeAway": side["homeAway"],
        "team": team | {"shortDisplayName": team["name"]},
        "score": str(sum(periods)),
    }
    if periods:
        shown["linescores"] = [
            {"value": float(points), "displayValue": str(points), "period": number}
            for number, points in enumerate(periods, 1)
        ]
    if status["type"]["completed"]:
        shown["winner"] = side["winner"]
    return shown


# NBA -----------------------------------------------------------------------------------------------------------


def nba_bodies(playbyplay: bytes, boxscore: bytes) -> list[Dated]:
    """
    Render the CDN scoreboard of one game: once scheduled, 15 minutes before its time, then once for each action.

    Actions that leave clock and score as they were give equal bodies but for `meta.time`.
    """
    game = msgspec.json.decode(boxscore)["game"]
    start_ns = iso_ns(game["gameTimeUTC"])
    shown_ns = start_ns
    lines: dict[str, list[int]] = {"Home": [0] * _REGULATION, "Away": [0] * _REGULATION}
    before = {"gameStatus": 1, "gameStatusText": "7:00 pm ET", "period": 0, "gameClock": ""}
    bodies = [(start_ns - _BEFORE_NS, _nba_body(game, before, lines, start_ns - _BEFORE_NS))]
    actions = sorted(msgspec.json.decode(playbyplay)["game"]["actions"], key=lambda action: action["orderNumber"])
    for action in actions:
        shown_ns = max(shown_ns, iso_ns(action["timeActual"]))
        for side, periods in lines.items():
            _lengthen(periods, action["period"])
            at = action["period"] - 1
            periods[at] = int(action[f"score{side}"]) - sum(periods[:at])
        bodies.append((shown_ns, _nba_body(game, _nba_state(action), lines, shown_ns)))
    return bodies


def _nba_state(action: dict[str, Any]) -> dict[str, Any]:
    period, clock = action["period"], action["clock"]
    ended = action["subType"] == "end" if "subType" in action else False
    label = f"Q{period}" if period <= _REGULATION else f"OT{period - _REGULATION}"
    if action["actionType"] == "game" and ended:
        text = "Final" if period <= _REGULATION else "Final/OT"
        return {"gameStatus": 3, "gameStatusText": text, "period": period, "gameClock": ""}
    if action["actionType"] == "period" and ended:
        text = "Half" if period * 2 == _REGULATION else f"End {label}"
    else:
        text = f"{label} {clock[2:4]}:{clock[5:7]}"
    return {"gameStatus": 2, "gameStatusText": text, "period": period, "gameClock": clock}


def _nba_body(game: dict[str, Any], state: dict[str, Any], lines: dict[str, list[int]], at_ns: int) -> bytes:
    shown = {
        "gameId": game["gameId"],
        "gameCode": game["gameCode"],
        **state,
        "gameTimeUTC": game["gameTimeUTC"],
        "gameEt": f"{game['gameEt'][:19]}Z",  # Eastern time under a false Z, as on the wire
        "regulationPeriods": game["regulationPeriods"],
        "ifNecessary": False,
        "seriesGameNumber": "",
        "seriesText": "",
        "homeTeam": _nba_team(game["homeTeam"], lines["Home"]),
        "awayTeam": _nba_team(game["awayTeam"], lines["Away"]),
    }
    code = game["gameCode"]
    board = {
        "gameDate": f"{code[:4]}-{code[4:6]}-{code[6:8]}",
        "leagueId": "00",
        "leagueName": "National Basketball Association",
        "games": [shown],
    }
    # As on the wire: a 12-hour clock of the eastern United States whose fraction repeats minute and second.
    time = f"{utc(at_ns) - timedelta(hours=5):%Y-%m-%d %I:%M:%S.%M%S}"
    meta = {"version": 1, "request": "todaysScoreboard_00.json", "time": time, "code": 200}
    return msgspec.json.encode({"meta": meta, "scoreboard": board})


def _nba_team(team: dict[str, Any], periods: Sequence[int]) -> dict[str, Any]:
    return {
        **{key: team[key] for key in ("teamId", "teamName", "teamCity", "teamTricode")},
        "wins": 0,
        "losses": 0,
        "score": sum(periods),
        "seed": None,
        "inBonus": None,
        "timeoutsRemaining": 0,
        "periods": [
            {"period": number, "periodType": "REGULAR" if number <= _REGULATION else "OVERTIME", "score": points}
            for number, points in enumerate(periods, 1)
        ],
    }


# The market ----------------------------------------------------------------------------------------------------


def market_frames(sequence: bytes, first_ns: int) -> list[Dated]:
    """
    Cut a captured sequence (a JSON array of messages) into frames: the first as the array that a subscription brings.

    Each keeps its distance in venue time; the first comes at first_ns.
    """
    messages = msgspec.json.decode(sequence)
    shift_ns = first_ns - int(messages[0]["timestamp"]) * 1_000_000
    frames = []
    shown_ns = first_ns
    for number, message in enumerate(messages):
        shown_ns = max(shown_ns, int(message["timestamp"]) * 1_000_000 + shift_ns)
        frames.append((shown_ns, msgspec.json.encode(message if number else [message])))
    return frames


def gamma_bodies(slug: str, start: str, market_id: str, teams: tuple[str, str], tokens: tuple[str, str]) -> list[Row]:
    """
    Render the catalogue's `/sports` and `/events` for one NBA moneyline, as asked when the tape begins.

    Units: start is ISO with `Z`; teams and tokens pair by index.
    """
    at_ns = iso_ns(start) - _BEFORE_NS
    market = {
        "id": "1",
        "question": f"{teams[0]} vs. {teams[1]}",
        "conditionId": market_id,
        "slug": slug,
        "outcomes": msgspec.json.encode(teams).decode(),
        "outcomePrices": '["0.5", "0.5"]',
        "clobTokenIds": msgspec.json.encode(tokens).decode(),
        "active": True,
        "closed": False,
        "enableOrderBook": True,
        "orderPriceMinTickSize": 0.001,
        "orderMinSize": 5,
        "sportsMarketType": "moneyline",
        "gameStartTime": f"{utc(iso_ns(start)):%Y-%m-%d %H:%M:%S}+00",
        "secondsDelay": 0,
        "acceptingOrders": True,
        "feesEnabled": True,
        "feeType": "sports_fees_v3",
        "feeSchedule": {"exponent": 1, "rate": 0.05, "takerOnly": True, "rebateRate": 0.15},
        "clearBookOnStart": True,
        "negRisk": False,
    }
    event = {"id": "1", "ticker": slug, "slug": slug, "startTime": start, "closed": False, "markets": [market]}
    sport = {"id": 1, "sport": "nba", "ordering": "away", "tags": "1,745,100639", "series": "10345"}
    base = "https://gamma-api.polymarket.com"
    query = {"series_id": "10345", "tag_id": "100639", "active": "true", "closed": "false"}
    query |= {"order": "startTime", "ascending": "true", "limit": "200"}
    return [
        *polled("gamma.markets", f"{base}/sports", [(at_ns, msgspec.json.encode([sport]))]),
        *polled("gamma.markets", f"{base}/events?{urlencode(query)}", [(at_ns, msgspec.json.encode([event]))]),
    ]


# Lining up -----------------------------------------------------------------------------------------------------


def polled(feed: str, url: str, bodies: Iterable[Dated]) -> list[Row]:
    """Record bodies as answers of one URL."""
    headers = {"content-type": "application/json", "cache-control": "max-age=2"}
    return [
        (at_ns, feed, 0, Kind.BODY, _meta(url=url, status=200, sent_ns=at_ns, headers=headers), body)
        for at_ns, body in bodies
    ]


def streamed(frames: Sequence[Dated], tokens: Sequence[str]) -> list[Row]:
    """Record frames as those of one market socket that subscribed to tokens just before the first."""
    feed, at_ns = "polymarket.market", frames[0][0]
    wish = {"assets_ids": list(tokens), "type": "market", "custom_feature_enabled": True}
    return [
        (at_ns, feed, 1, Kind.OPENED, _meta(url="wss://ws-subscriptions-clob.polymarket.com/ws/market"), b""),
        (at_ns, feed, 1, Kind.SENT, b"", msgspec.json.encode(wish)),
        *((frame_ns, feed, 1, Kind.FRAME, b"", frame) for frame_ns, frame in frames),
    ]


def night(name: str, *rows: Iterable[Row]) -> MemorySource:
    """Put rows in the order of their times, each list's own order kept, and number them."""
    ordered = sorted((row for some in rows for row in some), key=lambda row: row[0])
    return MemorySource(name, tuple(Envelope(seq, *row) for seq, row in enumerate(ordered)))


def _meta(**facts: Any) -> bytes:  # noqa: ANN401  -- JSON values
    return encode_meta(facts)
