"""Answers that come late, in another order or not at all: each race is forced by holding an answer back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from dashboard import Outlet, moment, shown, text_of

GAME = "nba:401879700"
OPENING = ("/v1/games", "/v1/moments", "/v1/signals", "/v1/history", "/static/js/game.js", "/static/js/scrub.js")


class Held:
    """The questions to one part of the server: the first ones fail, the others wait until they are let through."""

    def __init__(self, page, part: str, *, failing: int = 0, is_open: bool = False) -> None:
        self.asked = 0
        self._failing = failing
        self._is_open = is_open
        self._waiting = []
        page.route(lambda url: part in url, self._hear)

    def _hear(self, route) -> None:
        self.asked += 1
        if self.asked <= self._failing:
            route.abort("connectionreset")
        elif self._is_open:
            route.continue_()
        else:
            self._waiting.append(route)

    def release(self) -> None:
        self._is_open = True
        for route in self._waiting:
            route.continue_()


@pytest.fixture
def score_at(viewing, game) -> Callable[[int], tuple[int, str]]:
    """A moment of the game by its place in the course, in whole seconds, and the score that the page says of it."""

    def of(place: int) -> tuple[int, str]:
        at_ns = -(-int(game[1].series.score[place][0]) // 10**9) * 10**9
        (state,) = [one for one in viewing.moment(at_ns).games if one.game_id == GAME]
        return at_ns, f"dd:text-is('{state.away_score} – {state.home_score}')"

    return of


def place(at_ns: int) -> str:
    return f"#/game/{GAME}?at={text_of(at_ns)}"


@pytest.mark.parametrize("part", OPENING)
def test_the_newest_address_wins_while_a_tape_opens(browser, view_url, score_at, part) -> None:
    """The address changes while one of the opening questions has no answer: the page shows the newest moment."""
    (first_ns, _), (newest_ns, score) = score_at(10), score_at(50)
    with shown(browser, view_url, opens=False) as page:
        held = Held(page, part)
        with page.expect_request(lambda request: part in request.url):
            page.goto(f"{view_url}/{place(first_ns)}", wait_until="commit")
        page.evaluate("(to) => { location.hash = to; }", place(newest_ns))
        held.release()
        page.wait_for_selector(score)
        assert moment(page).timestamp() == newest_ns / 1e9
        page.wait_for_selector(".uplot canvas")


def test_a_moment_that_is_written_over_at_once_is_heard_all_the_same(browser, view_url, score_at) -> None:
    """What is played writes its moment into the address before the page has heard that somebody changed it."""
    (first_ns, old_score), (newest_ns, score) = score_at(10), score_at(50)
    with shown(browser, f"{view_url}/{place(first_ns)}") as page:
        page.wait_for_selector(old_score)
        both = [place(newest_ns), place(first_ns)]
        page.evaluate("([to, by]) => { location.hash = to; history.replaceState(null, '', by); }", both)
        page.wait_for_selector(score)
        assert moment(page).timestamp() == newest_ns / 1e9


def test_a_moment_that_got_no_answer_is_asked_for_again(browser, view_url, score_at) -> None:
    """The question for a moment fails: the page says that it is lost, asks again, and shows the moment."""
    at_ns, score = score_at(30)
    with shown(browser, view_url, opens=False, may_lose=True) as page:
        held = Held(page, "/v1/moments", failing=1)
        page.goto(f"{view_url}/{place(at_ns)}")
        page.wait_for_selector("#lost:visible")
        held.release()
        page.wait_for_selector(score)
        page.wait_for_selector("#lost", state="hidden")
        assert held.asked == 2


@pytest.mark.parametrize("part", ["/v1/games", "/v1/signals"])
def test_a_tape_opens_though_a_question_failed(browser, view_url, part) -> None:
    """Asked again, it is the tape that it is, with its scrubber, and its signals can be stepped to."""
    with shown(browser, view_url, opens=False, may_lose=True) as page:
        Held(page, part, failing=1, is_open=True)
        page.goto(f"{view_url}/#/")
        page.wait_for_selector("#link:text-is('recorded')")
        page.wait_for_selector("button[aria-label='Next signal']:enabled")
        page.wait_for_selector("#lost", state="hidden")


def test_a_page_that_was_left_while_it_came_is_made_once(browser, view_url, score_at) -> None:
    """Away from a game and back to it before its page is there: one page, one question for its course."""
    at_ns, score = score_at(30)
    with shown(browser, f"{view_url}/#/") as page:
        page.wait_for_selector(".games tbody tr")
        code, course = Held(page, "/static/js/game.js"), Held(page, "/v1/history", is_open=True)
        with page.expect_request("**/static/js/game.js"):
            page.evaluate("(to) => { location.hash = to; }", place(at_ns))
        for to in ("#/", place(at_ns)):
            page.evaluate(
                "(to) => new Promise((heard) => { addEventListener('hashchange', heard); location.hash = to; })", to
            )
        code.release()
        page.wait_for_selector(".uplot canvas")
        page.wait_for_selector(score)
        assert course.asked == 1


def test_a_signal_between_the_answer_and_the_socket_is_shown(browser, outlet) -> None:
    """What is signalled when the page has its answer and not yet its subscription is asked for once it has."""
    outlet.tell(outlet.game(), *outlet.books())
    with shown(browser, outlet.url, opens=False) as page:

        def answer_late(route) -> None:
            answer = route.fetch()
            assert answer.json()["signals"] == []
            outlet.tell(outlet.signal())
            while not route.fetch().json()["signals"]:
                pass
            route.fulfill(response=answer)

        page.route("**/v1/signals*", answer_late, times=1)
        page.goto(outlet.url)
        page.wait_for_selector("#link:text-is('live')")
        page.wait_for_selector(".signals li")


def test_what_happened_while_the_connection_was_lost_is_in_the_course(browser) -> None:
    """The course of a game is read anew when its server is back: its chart and its table have no hole."""
    outlet = Outlet()
    outlet.tell(outlet.game(), *outlet.books())
    with shown(browser, f"{outlet.url}/#/game/nba:1", may_lose=True) as page:
        page.wait_for_selector("#link:text-is('live')")
        page.wait_for_selector(".uplot canvas")
        outlet.close()
        page.wait_for_selector("#lost:visible")
        again = Outlet(outlet.port)
        for points in (60, 70, 80):
            again.tell(again.game(home_score=points), *again.books())
        page.wait_for_selector("#link:text-is('live')")
        page.wait_for_selector(".course tbody tr:nth-child(2) td:text-is('80')", state="attached")
        page.goto("about:blank")
        again.close()
