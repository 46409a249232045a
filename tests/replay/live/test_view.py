"""The view's server: the page and nothing but the page's files, answers to our own name, on this machine only."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from recorder.errors import UsageError
from replay.film import build_film
from replay.live.decisions import LiveConfig
from replay.live.view import viewing_on
from replay.live.viewing import Viewing


@pytest.fixture(scope="module")
def viewing(night):
    return Viewing(build_film(night), LiveConfig())


def ask(viewing: Viewing, *asked: tuple[str, dict[str, str]]) -> list[tuple[int, dict[str, str], bytes]]:
    """Ask for paths with headers; return status, headers and body of each answer."""

    async def run() -> list[tuple[int, dict[str, str], bytes]]:
        answers = []
        async with viewing_on(viewing, "127.0.0.1", 0) as url, aiohttp.ClientSession() as session:
            for path, headers in asked:
                target = aiohttp.client.URL(url + path, encoded=True)
                async with session.get(target, headers=headers) as answer:
                    answers.append((answer.status, dict(answer.headers), await answer.read()))
        return answers

    return asyncio.run(run())


def test_every_answer_comes_under_the_policy(viewing):
    """The page, a file, an answer and a refusal all carry it, and none lets another origin read."""
    for status, headers, _ in ask(viewing, ("/", {}), ("/static/app.css", {}), ("/v1/games", {}), ("/nothing", {})):
        assert status in {200, 404}
        assert headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


def test_no_way_leads_out_of_the_folder(viewing):
    """Whatever a path looks like, only the listed files are answered."""
    paths = (
        "/static/../view.py",
        "/static/%2e%2e/view.py",
        "/static//etc/passwd",
        "/static/vendor/VENDORED.json",
        "/x",
    )
    assert {status for status, _, _ in ask(viewing, *((path, {}) for path in paths))} == {404}


def test_only_our_own_name_is_answered(viewing):
    """A rebound name, another port, another site's page: refused before anything is looked up."""
    foreign = ("evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:80", "")
    asked = [("/v1/games", {"Host": host}) for host in foreign]
    assert {status for status, _, _ in ask(viewing, *asked)} == {400}
    sites = [("/v1/games", {"Sec-Fetch-Site": site}) for site in ("cross-site", "same-site")]
    assert {status for status, _, _ in ask(viewing, *sites)} == {403}
    assert [status for status, _, _ in ask(viewing, ("/v1/games", {"Sec-Fetch-Site": "same-origin"}))] == [200]


def test_what_is_asked_must_be_a_number(viewing):
    """A moment that is none is 400 with a reason, one beyond the tape is its end, an unknown game is 404."""
    bad = (
        "/v1/moments",
        "/v1/moments?at_ns=x",
        "/v1/moments?at_ns=-1",
        "/v1/moments?at_ns=%D9%A1",
        "/v1/signals?limit=1e3",
    )
    for status, headers, body in ask(viewing, *((path, {}) for path in bad)):
        assert status == 400
        assert headers["Content-Type"] == "application/problem+json"
        assert "whole number" in json.loads(body)["detail"]
    (late, unknown) = ask(viewing, ("/v1/moments?at_ns=9999999999999999999", {}), ("/v1/history/nba:404", {}))
    assert json.loads(late[2])["now_ns"] == viewing.tape.last_ns
    assert unknown[0] == 404


def test_the_tape_is_told_with_the_games(viewing):
    """The page learns from the first answer that this is no live night, and where it begins."""
    ((_, _, body),) = ask(viewing, ("/v1/games", {}))
    answer = json.loads(body)
    assert answer["schema"] == "gametape.games/1"
    assert answer["tape"]["label"] == "simulated"
    assert int(answer["tape"]["first_ns"]) < int(answer["tape"]["begin_ns"]) < int(answer["tape"]["last_ns"])


def test_it_stays_on_this_machine(viewing):
    """Any other address is refused with a reason, before a port is opened."""

    async def run() -> None:
        async with viewing_on(viewing, "0.0.0.0", 0):
            raise AssertionError

    with pytest.raises(UsageError, match="this machine only"):
        asyncio.run(run())
