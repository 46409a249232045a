"""The board of a live night in a real browser, before the real server: what is worst, what is new, what is too old."""

from __future__ import annotations

import re

from dashboard import EVIL, Outlet, shown

FOCUSED = "[document.activeElement].map((it) => it.id || it.className || it.getAttribute('href'))[0]"
STRUCK = """(row) => [...row.querySelectorAll('.big')].map((it) => getComputedStyle(it.closest('.old') ?? it))
  .every((style) => style.textDecorationLine === 'line-through')"""


def rows(page) -> list[str]:
    return page.eval_on_selector_all(".games tbody tr", "(rows) => rows.map((row) => row.innerText)")


def test_a_game_is_a_line_a_team(browser, outlet):
    """Score, clock, both books, both model prices, both edges, the pattern's ticks and all ages, and the feeds."""
    outlet.tell(outlet.game(), *outlet.books(), outlet.health())
    with shown(browser, outlet.url) as page:
        page.wait_for_selector("#link:text-is('live')")
        cells = page.locator(".games tbody td").all_inner_texts()
        shown_cells = [re.sub(r"\s+", " ", text) for text in cells[:4]]
        assert shown_cells == [
            "48 51",
            "50.0 – 52.0 50.0 – 52.0",
            "45.0 55.0",
            "−7.0 +3.0",
        ]
        assert page.inner_text(".status") == "Q2 4:12"
        assert page.locator(".pattern rect:not(.todo)").count() == 6
        assert page.locator(".pattern rect").count() == 18
        assert page.get_attribute(".pattern", "aria-label") == "6 of 18 minutes, home leads by 3"
        assert re.fullmatch(r"\d s", cells[5])
        assert "espn.nba" in page.inner_text("#health table")
        assert page.locator(".games .stale").count() == 0


def test_the_worst_is_first(browser, outlet):
    """What is on and not to be trusted stands above what is on, that above what is to come and what is over."""
    for number, more in enumerate(({"status": "final"}, {"status": "scheduled"}, {}, {}), start=1):
        outlet.tell(outlet.game(number, **more), *outlet.books(number, trust="unknown" if number == 4 else "known"))
    with shown(browser, outlet.url) as page:
        page.wait_for_selector("#link:text-is('live')")
        assert [re.search(r"Home (\d)", row)[1] for row in rows(page)] == ["4", "3", "2", "1"]
        assert "the home book is unknown" in rows(page)[0]
        outlet.tell(*outlet.books(3, trust="suspect"), *outlet.books(4))
        page.wait_for_selector(".games tbody tr:first-child:has-text('Home 3')")


def test_what_happens_is_shown_at_once(browser, outlet):
    """A score, a pattern and a signal come over the socket; a signal that was told before is not told twice."""
    outlet.tell(outlet.game(), *outlet.books())
    twice = outlet.signal(edge_u6=61_000)
    outlet.tell(twice)
    with shown(browser, outlet.url) as page:
        page.wait_for_selector(".signals li")
        outlet.tell(twice)
        outlet.tell(outlet.game(home_score=77, pattern=tuple(range(18))))
        outlet.tell(outlet.signal(edge_u6=-12_000, refused="too_small"))
        page.wait_for_selector(".signals li:nth-child(2)")
        words = page.locator(".signals li").all_inner_texts()
        assert "−1.2" in words[0]
        assert "no order: too small" in words[0]
        assert "+6.1" in words[1]
        page.wait_for_selector(".games td:has-text('77')")
        page.wait_for_selector(".pattern:not(:has(.todo))")
        assert page.locator(".signals li").count() == 2


def test_a_score_that_nobody_confirms_grows_old_on_the_page(browser, outlet):
    """What was just seen is live; half a minute of the page's clock later, with no word from anybody, it is struck."""
    outlet.tell(outlet.game(), *outlet.books())
    with shown(browser, outlet.url, opens=False) as page:
        page.clock.install()
        page.goto(outlet.url)
        page.wait_for_selector("#link:text-is('live')")
        assert page.locator(".games .stale").count() == 0
        page.clock.fast_forward(31_000)
        page.wait_for_selector(".games .stale")
        assert page.eval_on_selector(".games .stale", STRUCK)
        assert page.inner_text(".games .why")


def test_a_book_in_doubt_takes_its_prices_and_no_score_with_it(browser, outlet):
    """Only the numbers that rest on the book are struck: the score is as good as before."""
    outlet.tell(outlet.game(), *outlet.books(trust="suspect"))
    with shown(browser, outlet.url) as page:
        page.wait_for_selector("#link:text-is('live')")
        page.wait_for_selector(".games .stale")
        assert page.locator("td[data-label='Bid – ask'] .old").count() == 2
        assert page.locator("td[data-label='Score'].old").count() == 0


def test_a_lost_connection_is_loud_and_greys_everything(browser):
    """The server stops: a banner, no number that looks live; it comes back on its port: all is as it was."""
    outlet = Outlet(label="simulated")
    outlet.tell(outlet.game(), *outlet.books(), outlet.signal())
    with shown(browser, outlet.url, may_lose=True) as page:
        page.wait_for_selector("#link:text-is('live')")
        assert page.inner_text("#label") == "SIMULATED"
        outlet.close()
        page.wait_for_selector("#lost:visible")
        assert page.inner_text("#lost").startswith("Connection lost")
        assert page.get_attribute("#lost", "role") == "alert"
        assert page.eval_on_selector(".games tbody tr", STRUCK)
        colours = "(found) => [...new Set(found.map((it) => getComputedStyle(it).color))]"
        grey = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--old')")
        assert grey
        assert len(page.eval_on_selector_all(".games tbody td span", colours)) == 1
        again = Outlet(outlet.port)
        again.tell(again.game(), *again.books())
        page.wait_for_selector("#link:text-is('live')", timeout=15_000)
        page.wait_for_selector("#lost", state="hidden")
        assert page.locator("#label").is_hidden()
        assert not page.eval_on_selector(".games tbody tr", STRUCK)
        # The page leaves before its server does: what it kept open would be waited for.
        page.goto("about:blank")
        again.close()


def test_without_its_engine_nothing_is_live(browser, outlet):
    """The server answers, but the engine was cut: every number is struck, and the page says so."""
    outlet.tell(outlet.game(), *outlet.books(), outlet.health(engine="cut", reasons=("the strategy raised",)))
    with shown(browser, outlet.url) as page:
        page.wait_for_selector("#link:text-is('live')")
        page.wait_for_selector(".games .stale")
        assert page.eval_on_selector(".games .stale", STRUCK)
        assert page.locator("td[data-label='Bid – ask'] .old").count() == 2
        assert "the strategy raised" in page.inner_text("#health")


def test_hostile_names_are_text(browser, outlet):
    """Teams, games, tokens, feeds and reasons that try to be markup, script or address stay words everywhere."""
    for number, evil in enumerate(EVIL, start=1):
        name = evil.replace("/", "")  # the one character that a game's id cannot have in an address
        outlet.tell(
            outlet.game(number, game_id=name, home=evil, away=evil, league=evil),
            outlet.signal(number, game_id=name, team=evil, token_id=evil, refused=evil),
        )
    outlet.tell(outlet.health(reasons=tuple(EVIL), feed="STALE"))
    with shown(browser, outlet.url) as page:
        page.wait_for_selector(f".signals li:nth-child({len(EVIL)})")
        page.wait_for_selector(".reasons li")
        names = page.eval_on_selector_all(".team", "(found) => found.map((it) => it.textContent)")
        assert {name for name in names if not name.startswith("at ")} == set(EVIL)
        for number in range(len(EVIL)):
            page.locator(".games tbody a").nth(number).click()
            page.wait_for_selector("h1:has-text(' at ')")
            assert page.inner_text("h1").replace("\u2028", "").strip()
            page.go_back()
            page.wait_for_selector(".games tbody tr")
        assert page.evaluate("window.pwned") is None
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 1


def test_the_token_of_an_exposed_server_goes_into_a_header(browser):
    """Without it nothing is shown; typed in, everything is, and no address ever held it."""
    token = "t" * 43
    outlet = Outlet(token=token)
    outlet.tell(outlet.game(), *outlet.books())
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda it: asked.append(it.url))
    page.goto(outlet.url)
    page.fill("#token", token)
    page.keyboard.press("Enter")
    page.wait_for_selector("#link:text-is('live')")
    assert "Home 1" in rows(page)[0]
    assert not [url for url in asked if token in url]
    context.close()
    outlet.close()


def test_the_keyboard_reaches_everything(browser, outlet):
    """Tab goes from the skip link over the games to the signals; Enter opens a game, and its way back."""
    outlet.tell(outlet.game(), *outlet.books(), outlet.signal())
    with shown(browser, outlet.url) as page:
        page.wait_for_selector(".signals li")
        reached = []
        for _ in range(6):
            page.keyboard.press("Tab")
            reached.append(page.evaluate(FOCUSED))
        assert reached == ["skip", "brand", "theme", "#/game/nba%3A1", "signals", "#/game/nba%3A1"]
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:text-is('Away 1 at Home 1')")


def test_a_game_grows_while_it_is_watched(browser, outlet):
    """What comes in is added to the chart, and the facts above it follow."""
    outlet.tell(outlet.game(), *outlet.books())
    with shown(browser, f"{outlet.url}/#/game/nba:1") as page:
        page.wait_for_selector(".uplot canvas")
        before = page.get_attribute(".plots", "aria-valuemax")
        outlet.tell(outlet.game(home_score=90))
        page.wait_for_selector("dd:text-is('48 – 90')")
        page.wait_for_selector(f".plots:not([aria-valuemax='{before}'])")


def test_an_unknown_game_is_said_to_be_unknown(browser, outlet):
    """An address of a game that is not on tonight is no blank page."""
    outlet.tell(outlet.game())
    with shown(browser, f"{outlet.url}/#/game/nba:404") as page:
        page.wait_for_selector("h1:text-is('No such game tonight')")
