"""The page in a real browser: it asks for nothing, is silent, draws everything and runs no stranger's script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from chromium import chromium

from replay.report.answers import answer_of, choices_of, panels_of
from replay.report.page import _cell_run, data_block, render, sentence

EVIL = [
    "<script>window.pwned=1</script>",
    "</script><img src=x onerror=window.pwned=1>",
    '"><svg onload=window.pwned=1>',
    "'-alert(1)-'",
    "{{ 7*7 }}{% raw %}",
    "&lt;b&gt; & \u2028\u2029 \u202e \x1b[31m",
    "<!--",
]
SECTIONS = [
    "answer",
    "grid",
    "second",
    "luck",
    "decay",
    "funnel",
    "equity",
    "truth",
    "sources",
    "games",
    "trades",
    "quality",
    "again",
]


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, without a network of its own accord."""
    with chromium() as started:
        yield started


@contextmanager
def shown(browser, path: Path, **options) -> Iterator[object]:
    """Open a page; at the end nothing may have been asked for, said to the console or popped up."""
    context = browser.new_context(**options)
    page = context.new_page()
    heard: list[str] = []
    page.on("request", lambda request: heard.append(f"request {request.url}") if request.url != path.as_uri() else None)
    page.on("console", lambda message: heard.append(f"console {message.text}"))
    page.on("pageerror", lambda error: heard.append(f"error {error}"))
    page.on("dialog", lambda dialog: heard.append(f"dialog {dialog.message}"))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert heard == []


@pytest.fixture(scope="module")
def page_file(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(render(run), encoding="utf-8")
    return path


def test_sections_stand_in_the_order_of_their_importance(run):
    """Warnings first, then the answer, the reproduce command last."""
    text = render(run)
    found = re.findall(r'<section id="(\w+)"', text)
    assert found == SECTIONS
    assert text.index("nothing on it ever happened") < text.index('id="answer"')
    assert "gametape sweep sample --out &#39;a run&#39;" in text
    assert ">SIMULATED<" in text


def test_the_same_run_is_the_same_page(run):
    """Nothing of the machine or the moment is on it."""
    assert render(run) == render(run)


def test_every_chart_has_data(browser, page_file):
    """Each drawing holds marks with a size, and every series of a game is a line."""
    with shown(browser, page_file) as page:
        page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        sizes = page.evaluate(
            """() => [...document.querySelectorAll('svg.chart')].map((svg) => [svg.getAttribute('aria-label'),
            [...svg.querySelectorAll('path:not(.grid):not(.axis):not(.zero):not(.rule), rect, circle')]
              .filter((mark) => { const box = mark.getBBox(); return box.width + box.height > 0; }).length])"""
        )
        assert len(sizes) == 2 + 1 + 4 + 2 + 2 + 1 + 3 + 1 + 3 + 3
        assert [label for label, marks in sizes if marks < 2] == []
        assert page.locator("svg.over .mid").count() == page.locator("svg.over .fair").count() == 3


def test_it_is_readable_in_light_and_dark(browser, page_file):
    """Either way ink and paper differ by more than 7 to 1, and the button turns one into the other."""
    contrast = """() => {
      const light = (css) => css.match(/[\\d.]+/g).slice(0, 3).map((c) => c / 255)
        .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
      const style = getComputedStyle(document.body);
      return [light(style.color), light(style.backgroundColor)];
    }"""
    for scheme in ("light", "dark"):
        with shown(browser, page_file, color_scheme=scheme) as page:
            ink, paper = page.evaluate(contrast)
            assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) > 7
            assert (paper > ink) == (scheme == "light")
            page.click("#theme")
            ink, paper = page.evaluate(contrast)
            assert (paper > ink) == (scheme == "dark")


def test_it_can_be_used_by_keyboard(browser, page_file):
    """Tab reaches the maps, arrows move over cells and along a game's time, and what is there is said."""
    with shown(browser, page_file) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "theme"
        page.keyboard.press("Tab")
        first = page.inner_text("#picked")
        assert "min edge 3 c, poll 5 s" in first
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        assert "min edge 6 c, poll 15 s" in page.inner_text("#picked")
        page.keyboard.press("ArrowDown")
        assert "poll 15 s" in page.inner_text("#picked")
        assert page.inner_text("#cellrun").endswith(" --model brownian --min-edge 6 --poll 15")
        page.focus("details[open] svg.over")
        page.keyboard.press("PageDown")
        words = page.inner_text("details[open] .readout")
        assert re.match(r"\d+:\d\d · market \d+ c · model \d+ c", words), words


def test_a_cell_names_the_command_that_runs_it(run):
    """The sweep's own command with its grid left out, and the delays, policy and model of the map."""
    command = ["gametape", "sweep", "a tape", "--poll", "5,15", "--min-edge=3,6", "--spa", "--cash", "20", "--out", "x"]
    (first, last) = panels_of(choices_of(run))
    ideas = "--book-delay 0ms --policy first-crossing --model brownian"
    assert _cell_run(command, first) == f"gametape replay 'a tape' --cash 20 --order-delay 0ms {ideas}"
    assert _cell_run(command, last) == f"gametape replay 'a tape' --cash 20 --order-delay 1000ms {ideas}"


def test_a_pointer_is_told_what_it_points_at(browser, page_file):
    """A bar says its figures in a tooltip."""
    with shown(browser, page_file) as page:
        page.locator("#funnel svg .bar").nth(1).hover()
        assert page.inner_text("#tip").startswith("fresh on both feeds: ")


def test_it_fits_a_narrow_screen_and_paper(browser, page_file):
    """Nothing sticks out sideways at 380 pixels; printing opens every game."""
    with shown(browser, page_file, viewport={"width": 380, "height": 800}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 380
    with shown(browser, page_file) as page:
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0


def test_hostile_names_are_text(browser, run, tmp_path):
    """Team names, tapes, labels, ids and commands that try to be markup, script, template or comment stay words."""
    games = [
        msgspec.structs.replace(game, home=EVIL[k], away=EVIL[k + 1], league=EVIL[k], game_id=EVIL[k + 2])
        for k, game in enumerate(run.evidence.games)
    ]
    trades = [
        msgspec.structs.replace(trade, team=evil, tape=evil)
        for trade, evil in zip(run.evidence.best, EVIL, strict=False)
    ]
    tapes = [msgspec.structs.replace(tape, tape=EVIL[0], label=EVIL[1]) for tape in run.evidence.tapes]
    warnings = [msgspec.structs.replace(run.evidence.warnings[0], text=evil, level=evil) for evil in EVIL]
    evidence = msgspec.structs.replace(
        run.evidence, games=games, best=trades, tapes=tapes, warnings=warnings, config={evil: evil for evil in EVIL}
    )
    cards = [msgspec.structs.replace(tape, tape=EVIL[2], label=EVIL[0]) for tape in run.sweep.tapes]
    sweep = msgspec.structs.replace(
        run.sweep, tapes=cards, command=EVIL, strategy=EVIL[3], model=EVIL[4], control=EVIL[1], digest=EVIL[0]
    )
    path = tmp_path / "report.html"
    path.write_text(render(replace(run, evidence=evidence, sweep=sweep)), encoding="utf-8")
    with shown(browser, path) as page:
        for chart in page.locator("svg.chart").all():
            chart.dispatch_event("pointermove")
        assert page.evaluate("window.pwned") is None
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 2
        assert EVIL[1] in page.inner_text("#games table")
        assert page.locator(".warnings li").count() == len(EVIL)
        assert not set("\x1b\u202e\u2028") & set(page.content())


def test_data_cannot_end_its_own_script():
    """Nothing in a data block can close the element, open a comment or break a line, and it is still the same data."""
    made = data_block(EVIL)
    assert not set("<>&\u2028\u2029") & set(made)
    assert msgspec.json.decode(made.encode()) == EVIL


def test_forty_games_and_a_grid_of_hundreds_stay_small(browser, big_run, tmp_path):
    """40 games whose series never stand still and 380 choices: at most 300 KB, and it opens."""
    text = render(big_run)
    assert len(text.encode()) <= 300_000
    path = tmp_path / "report.html"
    path.write_text(text, encoding="utf-8")
    with shown(browser, path) as page:
        assert page.locator("details.game").count() == 40


def test_a_run_in_which_nothing_happened_is_still_a_page(browser, run, tmp_path):
    """No game, no signal, no fill, no result: the page says so and breaks nowhere."""
    evidence = msgspec.structs.replace(
        run.evidence,
        games=[],
        warnings=[],
        judgement=None,
        delays=[],
        leadlag=[],
        best=[],
        worst=[],
        decay=msgspec.structs.replace(run.evidence.decay, left=[], markout=[], half_life_s=None),
        equity=msgspec.structs.replace(run.evidence.equity, points=[]),
    )
    cells = [msgspec.structs.replace(cell, pnl_u6=0, fills=0, signals=0) for cell in run.sweep.cells]
    sweep = msgspec.structs.replace(run.sweep, games=[], cells=cells)
    path = tmp_path / "report.html"
    path.write_text(render(replace(run, evidence=evidence, sweep=sweep, pnl_u6=run.pnl_u6[:, :0])), encoding="utf-8")
    with shown(browser, path) as page:
        assert "Nothing was filled" in page.inner_text("#equity")


def test_the_answer_is_one_sentence_with_its_interval(run):
    """Edge, polls, money, limits, games, and what is still missing."""
    answer = answer_of(choices_of(run))
    said = sentence(answer)
    assert re.match(
        r"A minimum edge of [\d.]+ c at [\d.]+ s polls.*: "
        r"[+−]\$[\d,.]+ per game \[[+−]\$[\d,.]+, [+−]\$[\d,.]+\], 3 games: ",
        said,
    )
    alone = replace(answer, games=1, featured=replace(answer.featured, low=None, high=None))
    assert sentence(alone).endswith("from 1 game: an interval needs two.")
    clear = replace(answer, featured=replace(answer.featured, low=1.0, high=2.0))
    assert sentence(clear).endswith("leaves out zero.")
