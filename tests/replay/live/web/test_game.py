"""A recorded game in a real browser: charts that show something, a moment in the address, steps, two clocks."""

from __future__ import annotations

import re

import pytest
from dashboard import moment, shown, text_of

INK = """(name) => {
  const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
  return [...document.querySelectorAll('.uplot canvas')].map((canvas) => {
    const copy = document.createElement('canvas');
    [copy.width, copy.height] = [canvas.width, canvas.height];
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    const { data } = context.getImageData(0, 0, copy.width, copy.height);
    let count = 0;
    for (let k = 0; k < data.length; k += 4) {
      if (data[k] === r && data[k + 1] === g && data[k + 2] === b && data[k + 3] > 200) count += 1;
    }
    return count;
  });
}"""
CONTRAST_BAD = ("serious", "critical")


@pytest.fixture
def address(view_url, game):
    """The game in the middle of its course."""
    middle = game[1].series.score[len(game[1].series.score) // 2]
    return f"{view_url}/#/game/{game[0]}?at={text_of(int(middle[0]))}"


def test_every_chart_has_data(browser, address):
    """Market and model above, the lead below, each in its colour; one gap and all signals."""
    with shown(browser, address) as page:
        page.wait_for_selector(".uplot:nth-child(2) canvas")
        market, model, lead = (page.evaluate(INK, name) for name in ("--b", "--a", "--c"))
        assert market[0] > 100
        assert model[0] > 100
        assert lead[1] > 100
        assert lead[0] == market[1] == 0
        assert "book" in page.inner_text(".charts ~ .fine")


def test_the_facts_are_those_of_the_moment(browser, address, viewing, game):
    """What the page says of a moment is what the viewing says; another moment in the address, other facts."""
    with shown(browser, address) as page:
        page.wait_for_selector(".uplot canvas")
        for row in game[1].series.score[10:60:20]:
            at_ns = -(-int(row[0]) // 10**9) * 10**9
            page.evaluate("(at) => { location.hash = `#/game/nba:401879700?at=${at}`; }", text_of(at_ns))
            (state,) = [one for one in viewing.moment(at_ns).games if one.game_id == game[0]]
            page.wait_for_selector(f"dd:text-is('{state.away_score} – {state.home_score}')")
            assert moment(page).timestamp() == at_ns / 1e9


def test_steps_go_from_event_to_event(browser, address, viewing, game):
    """The keys s, c, g, and with shift back: the address moves to the event's own moment; buttons do the same."""
    signals = [int(signal.recv_ns) for signal in game[1].signals]
    with shown(browser, address) as page:
        page.wait_for_selector(".uplot canvas")
        page.wait_for_selector("button[aria-label='Next gap']:enabled")
        begun = moment(page).timestamp() * 1e9
        page.keyboard.press("s")
        following = min(at for at in signals if at > begun)
        assert 0 <= moment(page).timestamp() * 1e3 - following / 1e6 <= 1
        page.keyboard.press("Shift+S")
        assert moment(page).timestamp() * 1e9 < begun + 1e6
        page.click("button[aria-label='Next gap']")
        assert 0 <= moment(page).timestamp() * 1e3 - int(game[1].gaps[0][0]) / 1e6 <= 1
        page.wait_for_selector(".one .why:visible")
        page.uncheck(".letters input")
        before = page.url
        page.keyboard.press("c")
        assert page.url == before


def test_the_game_clock_is_a_scrubber_too(browser, address):
    """Moving the game clock moves the wall clock, and the chart can be drawn over it."""
    with shown(browser, address) as page:
        page.wait_for_selector("input[aria-label='Game clock']:visible")
        page.fill("input[aria-label='Game clock']", "720000")
        page.dispatch_event("input[aria-label='Game clock']", "change")
        page.wait_for_selector(".moment:has-text('Q1 0:0'), .moment:has-text('Q2 12:00')")
        before = page.evaluate(INK, "--b")
        page.click("button:text-is('By game clock')")
        assert page.get_attribute("button:text-is('By game clock')", "aria-pressed") == "true"
        assert page.evaluate(INK, "--b") != before
        assert page.evaluate(INK, "--c")[1] > 100


def test_playing_moves_the_moment(browser, address):
    """Space plays at the rate chosen and space stops it, the moment then in the address."""
    with shown(browser, address) as page:
        page.wait_for_selector(".uplot canvas")
        begun = moment(page)
        page.select_option("select[aria-label='Rate']", "300")
        page.locator("h1").click()
        page.keyboard.press("Space")
        page.wait_for_selector(".play.on")
        words = page.inner_text(".moment")
        page.wait_for_selector(f".moment:not(:text-is('{words}'))")
        page.keyboard.press("Space")
        page.wait_for_selector(".play:not(.on)")
        assert moment(page) > begun


def test_a_cursor_by_keyboard_says_what_it_is_at(browser, address):
    """The arrows move along the chart, what is there is its value to a screen reader, Enter goes there."""
    with shown(browser, address) as page:
        page.wait_for_selector(".uplot canvas")
        page.focus(".plots")
        page.keyboard.press("Home")
        first = page.get_attribute(".plots", "aria-valuetext")
        page.keyboard.press("PageDown")
        words = page.get_attribute(".plots", "aria-valuetext")
        assert words != first
        assert re.search(r"\d\d:\d\d:\d\d UTC .* market [\d.]+ c .* model [\d.]+ c", words), words
        assert page.inner_text(".readout") == words
        page.keyboard.press("Enter")
        page.wait_for_selector(f".moment:has-text('{words[:8]}')")


def test_the_course_is_a_table_too(browser, address, game):
    """Every change of the score is a row, for who cannot see the chart."""
    with shown(browser, address) as page:
        page.wait_for_selector(".uplot canvas")
        page.click("summary")
        assert page.locator(".course tbody tr").count() == len(game[1].series.score) - 1
        last = game[1].series.score[-1]
        assert page.locator(".course tbody tr").last.locator("td").nth(3).inner_text() == str(last[1])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(browser, view_url, address, scheme):
    """axe finds nothing serious on the board or on a game, in light and in dark."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    for url, ready in ((f"{view_url}/#/", ".signals li, .signals ~ .empty"), (address, ".uplot canvas")):
        with shown(browser, url, color_scheme=scheme) as page:
            page.wait_for_selector(ready)
            found = axe.run(page).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in CONTRAST_BAD] == []


def test_it_fits_a_phone(browser, view_url, address):
    """Nothing sticks out sideways at 390 pixels."""
    for url, ready in ((f"{view_url}/#/", ".games tbody tr"), (address, ".uplot canvas")):
        with shown(browser, url, viewport={"width": 390, "height": 844}) as page:
            page.wait_for_selector(ready)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_switched_theme_redraws_the_charts(browser, address):
    """The button turns light into dark, lines and all."""
    with shown(browser, address, color_scheme="light") as page:
        page.wait_for_selector(".uplot:nth-child(2) canvas")
        before = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.click("#theme")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
        assert page.evaluate(INK, "--c")[1] > 100
