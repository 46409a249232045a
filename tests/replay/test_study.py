"""A study: trials, sealed nights, parts and bounds around a sweep."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest

from recorder.errors import UsageError
from replay.controls import Control
from replay.find import load_strategy
from replay.holdout import HoldOuts
from replay.models import load_model
from replay.runs import featured_cell
from replay.settings import Setting, View
from replay.study import Question, _source_of, conduct, remember, trials_folder
from replay.trials import TrialLedger

SETTINGS = [Setting(min_edge_u6=edge) for edge in (20_000, 40_000, 60_000)]
ASKED = Question(settings=SETTINGS, executor="serial")


@pytest.fixture(autouse=True)
def _own_memory(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GAMETAPE_TRIALS_DIR", str(tmp_path / "trials"))


def test_every_setting_is_a_trial_of_every_tape(nights) -> None:
    """Trials add up over studies and count once; the choice is judged by all of them."""
    assert conduct(nights[:1], ASKED, now_ns=1).choice.trials == 3
    wider = replace(ASKED, settings=[*SETTINGS, Setting(min_edge_u6=70_000)])
    assert conduct(nights, wider, now_ns=2).choice.trials == 4
    assert remember([nights[0].digest], ("fusion", "other"), SETTINGS) == 7
    counts = [TrialLedger(trials_folder()).count(film.digest) for film in nights]
    assert counts == [7, 4]


def test_broken_nights_are_no_trials(nights) -> None:
    """A control judges the setting, it does not choose it: nothing is remembered and nothing chosen."""
    study = conduct(nights, replace(ASKED, control=Control.TIME_SHIFT), now_ns=1)
    assert (study.choice, study.walk, study.controls) == (None, [], [])
    assert study.facts() == {"control": "time-shift", "trials": None, "selection": None}
    assert TrialLedger(trials_folder()).count(nights[0].digest) == 0


def test_a_refused_question_is_no_trial(nights) -> None:
    """What could not be answered was not tried."""
    with pytest.raises(UsageError, match="cannot be answered"):
        conduct(nights, replace(ASKED, settings=[Setting(view=View(poll_ms=100))]), now_ns=1)
    assert TrialLedger(trials_folder()).count(nights[0].digest) == 0


def test_a_sealed_night_opens_for_one_question(nights) -> None:
    """A study over a sealed night is refused, then answered once; the same question again is the same look."""
    HoldOuts(trials_folder()).seal(nights[1].digest, nights[1].tape, 1, trials=0)
    with pytest.raises(UsageError, match="is a hold-out night"):
        conduct(nights, ASKED, now_ns=2)
    opened = conduct(nights, replace(ASKED, opens_holdout=True), now_ns=3)
    assert conduct(nights, ASKED, now_ns=4).sweep.digest() == opened.sweep.digest()
    with pytest.raises(UsageError, match="has been opened"):
        conduct(nights, replace(ASKED, settings=SETTINGS[:1], opens_holdout=True), now_ns=5)
    assert conduct(nights[:1], replace(ASKED, settings=SETTINGS[:1]), now_ns=6).choice is not None


def test_what_is_done_is_not_done_again(nights, tmp_path) -> None:
    """Resuming folds only what is missing, in a wider grid as well; without it all is folded anew."""
    kept = replace(ASKED, parts=tmp_path / "parts", recheck=0)
    told: list[int] = []
    first = conduct(nights, kept, now_ns=1, on_progress=lambda done, _: told.append(done))
    assert told == [3, 6]
    told.clear()
    again = conduct(nights, replace(kept, resumes=True), now_ns=1, on_progress=lambda done, _: told.append(done))
    assert told == []
    assert again.sweep.digest() == first.sweep.digest()
    wider = replace(kept, resumes=True, settings=[*SETTINGS, Setting(min_edge_u6=50_000)])
    grown = conduct(nights, wider, now_ns=1, on_progress=lambda done, _: told.append(done))
    assert told == [7, 8]
    fresh = conduct(nights, replace(wider, resumes=False), now_ns=1, on_progress=lambda done, _: told.append(done))
    assert told == [7, 8, 4, 8]
    assert grown.sweep.digest() == fresh.sweep.digest()


def test_other_polls_and_broken_nights_have_parts_of_their_own(nights, tmp_path) -> None:
    """A part is found only by a sweep that would have made the same one."""
    kept = replace(ASKED, parts=tmp_path / "parts", recheck=0, resumes=True)
    told: list[int] = []
    for asked in (
        kept,
        replace(kept, polls=replace(kept.polls, seed=1)),
        replace(kept, control=Control.TIME_SHIFT),
        replace(kept, control=Control.SHUFFLE_GAMES),
    ):
        conduct(nights[:1], asked, now_ns=1, on_progress=lambda done, _: told.append(done))
    assert told == [3, 3, 3, 3]


def test_resuming_needs_a_place(nights) -> None:
    """Without a folder there is nothing to go on with, and it is said how there would be."""
    with pytest.raises(UsageError, match="nothing to resume") as refused:
        conduct(nights, replace(ASKED, resumes=True), now_ns=1)
    assert refused.value.hint == "--out DIR --resume"


def test_facts_tell_what_the_choice_is_worth(nights) -> None:
    """Bounds, walk, grid and controls are there where they were asked for, as plain values."""
    fast = Setting(view=View(poll_ms=500))
    asked = replace(ASKED, settings=[*SETTINGS, fast], has_bounds=True, has_controls=True, tests_grid=True)
    study = conduct(nights, asked, now_ns=1)
    facts = study.facts()
    assert len(study.sweep.cells) == facts["trials"] == 5
    selection = facts["selection"]
    assert selection["cell"] == featured_cell(study.sweep)
    assert [step["tape"] for step in selection["walk_forward"]] == ["second"]
    assert selection["grid"] is None  # five games test no grid
    assert [broken["control"] for broken in selection["controls"]] == list(Control)


def test_a_folder_that_cannot_be_written(nights, tmp_path, monkeypatch) -> None:
    """Trials that cannot be remembered stop the study with the setting to change, not with a traceback."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GAMETAPE_TRIALS_DIR", str(tmp_path / "file" / "trials"))
    with pytest.raises(UsageError, match="cannot be remembered") as refused:
        conduct(nights[:1], ASKED, now_ns=1)
    assert "GAMETAPE_TRIALS_DIR" in refused.value.hint


def test_a_model_fitted_anew_is_another(tmp_path, monkeypatch):
    """Kept parts are told apart by the card beside a model's source, not by its source alone."""
    (tmp_path / "fitted_here.py").write_text("class Model:\n    name = 'mine'\n")
    monkeypatch.syspath_prepend(tmp_path)
    model = importlib.import_module("fitted_here").Model()
    card = tmp_path / "mine.card.json"
    sources = set()
    for text in ("{}", '{"sha256": "1"}', '{"sha256": "2"}'):
        card.write_text(text)
        sources.add(_source_of("fusion", load_strategy("fusion"), [load_model("brownian"), model]))
    assert len(sources) == 3
