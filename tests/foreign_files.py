"""Files as other people keep them, made up and small enough to read."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

__all__ = ["BEGIN", "actions_file", "frames_file", "quotes_file", "summary_file"]

BEGIN = datetime(2026, 1, 16, 0, 0)  # noqa: DTZ001 - naive on purpose: that is how such tables come


def summary_file(path: Path, plays: int = 60) -> Path:
    """An ESPN summary: the home side scores two every 30 s, the game ends at the last play."""

    def side(number: str, name: str, home_away: str) -> dict[str, Any]:
        team = {"id": number, "uid": number, "location": name, "name": name, "abbreviation": name, "displayName": name}
        won = home_away == "home"
        return {"id": number, "uid": number, "order": 0, "homeAway": home_away, "winner": won, "team": team}

    def play(k: int) -> dict[str, Any]:
        return {
            "id": str(k),
            "type": {"id": "402" if k == plays - 1 else "92", "text": "x"},
            "text": "x",
            "scoreValue": 2,
            "awayScore": 0,
            "homeScore": 2 * k,
            "period": {"number": 4, "displayValue": "4th Quarter"},
            "clock": {"displayValue": f"{11 - k // 6}:{59 - 9 * (k % 6)}" if k < plays - 1 else "0.0"},
            "wallclock": f"{BEGIN + timedelta(seconds=30 * k):%Y-%m-%dT%H:%M:%S}Z",
        }

    sides = [side("1", "Homes", "home"), side("2", "Aways", "away")]
    competition = {"uid": "c", "date": f"{BEGIN:%Y-%m-%dT%H:%M}Z", "neutralSite": False, "competitors": sides}
    header = {"id": "9", "uid": "e", "season": {"year": 2026, "type": 2}, "competitions": [competition]}
    path.write_text(json.dumps({"header": header, "plays": [play(k) for k in range(plays)]}))
    return path


def actions_file(path: Path, actions: int = 20) -> Path:
    """An NBA play-by-play: both sides score in turn, three to two."""

    def action(k: int) -> dict[str, Any]:
        home, away = (k + 1) // 2 * 3, k // 2 * 2
        tricode, team_id = ("HOM", 11) if k % 2 else ("AWY", 22)
        return {
            "actionNumber": k,
            "orderNumber": k * 10_000,
            "clock": f"PT{11 - k // 6:02d}M{59 - 9 * (k % 6):02d}.00S",
            "timeActual": f"{BEGIN + timedelta(seconds=30 * k):%Y-%m-%dT%H:%M:%S}.0Z",
            "period": 1,
            "actionType": "3pt",
            "scoreHome": str(home),
            "scoreAway": str(away),
        } | ({"teamTricode": tricode, "teamId": team_id} if k else {})

    path.write_text(json.dumps({"game": {"gameId": "0022500001", "actions": [action(k) for k in range(actions)]}}))
    return path


def quotes_file(path: Path, rows: int = 60, **columns: object) -> Path:
    """A table of best bids and asks of two markets, one quote of each every 30 s."""
    times = [BEGIN + timedelta(seconds=30 * k + 7) for k in range(rows) for _ in range(2)]
    bids = [0.30 + 0.005 * (k // 2 % 40) for k in range(2 * rows)]
    table = {
        "ts": times,
        "slug": ["aways-homes", "others-strangers"] * rows,
        "bid": [round(bid, 3) for bid in bids],
        "ask": [round(bid + 0.02, 3) for bid in bids],
        "lg": ["nba"] * 2 * rows,
    }
    pl.DataFrame(table | columns).write_parquet(path)
    return path


def frames_file(path: Path, key: str = "recv_ms", frames: int = 60) -> Path:
    """Lines of market-channel messages, each in an envelope with its receive time: a book, then changes."""
    begin_ms = 1_768_521_600_000

    def book(token: str, bid: str, ask: str) -> dict[str, Any]:
        sides = {"bids": [{"price": bid, "size": "500"}], "asks": [{"price": ask, "size": "500"}]}
        return {
            "event_type": "book",
            "market": "0x1",
            "asset_id": token,
            "timestamp": str(begin_ms),
            "hash": "",
        } | sides

    def change(k: int) -> dict[str, Any]:
        level = {"asset_id": "home-token", "side": "BUY", "price": "0.40", "size": str(k + 1)}
        return {"event_type": "price_change", "market": "0x1", "timestamp": str(begin_ms + k), "price_changes": [level]}

    first = [book("home-token", "0.50", "0.52"), book("away-token", "0.48", "0.50")]
    messages = [first, *(change(k) for k in range(1, frames))]
    lines = [json.dumps({key: begin_ms + 20_000 * k, "frame": message}) for k, message in enumerate(messages)]
    path.write_text("\n".join(lines) + "\n")
    return path
