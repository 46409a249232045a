"""What the sources list."""

from __future__ import annotations

import json

import pytest

from recorder.listings import read_catalogue, read_espn, read_nba

START_NS = 1_768_525_200_000_000_000


def event(slug: str, **more: object) -> dict[str, object]:
    """An event of the catalogue with one moneyline."""
    market = {
        "conditionId": f"0x{slug}",
        "slug": slug,
        "sportsMarketType": "moneyline",
        "outcomes": '["Suns", "Warriors"]',
        "clobTokenIds": '["1", "2"]',
        "gameStartTime": "2026-01-16 01:00:00+00",
    }
    return {"id": "7", "slug": slug, "markets": [market], **more}


def test_a_scoreboard_lists_its_readable_games() -> None:
    """A game is listed with every name its teams may be meant by; one without two sides, or of another form, is not."""

    def side(place: str, name: str) -> dict[str, object]:
        return {"homeAway": place, "team": {"id": name, "name": name, "displayName": f"City {name}"}}

    whole = {"id": "1", "date": "2026-01-16T01:00Z", "competitions": [{"competitors": [side("home", "Suns")] * 2}]}
    whole["competitions"][0]["competitors"][1] = side("away", "Warriors")
    half = {"id": "2", "competitions": [{"competitors": [side("home", "Suns")]}]}
    (game,) = read_espn("nba", json.dumps({"events": [half, {"id": 3}, whole]}).encode())
    assert (game.id, game.espn_id, game.start_ns) == ("nba:1", "1", START_NS)
    assert (game.home.label, game.home.full, game.away.names) == ("Suns", "city suns", {"warriors", "city warriors"})


def test_the_league_of_a_market_is_told_by_slug_or_series() -> None:
    """A slug's code tells the league, else the series that `/sports` gave one; an event of neither is left out."""
    series, markets = read_catalogue(b'[{"sport":"nba","series":"10345"},{"sport":"chess","series":"1"}]', {})
    assert (series, markets) == ({"10345": "nba"}, [])
    page = {"events": [event("nba-a-b"), event("a-b", series=[{"id": "10345"}]), event("c-d", series=[{"id": "1"}])]}
    again, markets = read_catalogue(json.dumps(page).encode(), series)
    assert again == {}
    assert [(one.id, one.league, one.start_ns) for one in markets] == [
        ("0xnba-a-b", "nba", START_NS),
        ("0xa-b", "nba", START_NS),
    ]
    assert (markets[0].outcomes, markets[0].tokens) == (("suns", "warriors"), ("1", "2"))


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 50_000, b"{}", b'{"events":3}'])
def test_what_cannot_be_read_lists_nothing(body: bytes) -> None:
    """Bytes of another form are weather, not an error."""
    assert read_espn("nba", body) == []
    assert read_nba(body) == []
    assert read_catalogue(body, {"10345": "nba"}) == ({}, [])
