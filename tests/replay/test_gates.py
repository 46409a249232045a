"""Gates: read, held against figures, and nothing evaluated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import UsageError
from replay.backtest import replay_film
from replay.film import open_film
from replay.find import load_strategy
from replay.gates import figures_of, parse_gate, pass_through
from replay.models import load_model
from replay.settings import Setting


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("pnl>0", 0.0, False),
        ("pnl >= 0", 0.0, True),
        ("pnl<=-0.5", -0.5, True),
        ("pnl<1", 1.0, False),
        ("pnl==2", 2.0, True),
        ("pnl!=2", 2.0, False),
        (f"digest=={'a' * 64}", "a" * 64, True),
        (f"digest!={'a' * 64}", "a" * 64, False),
        (f"digest=={'1' * 64}", "2" * 64, False),
    ],
)
def test_a_gate_compares(text, value, holds) -> None:
    """Each comparison means what it says, at the bound too."""
    gate = parse_gate(text)
    (result,) = pass_through([gate], {gate.figure: value})
    assert (result.ok, result.value) == (holds, value)
    assert parse_gate(result.gate) == gate


@pytest.mark.parametrize(
    "text",
    ["", "pnl", "pnl>", "pnl>x", "pnl=0", "pnl>0 and pnl<9", "__import__('os')>0", "digest>1", "pnl>nan", "digest==12"],
)
def test_what_is_no_gate_is_refused(text) -> None:
    """Nothing but figure, comparison and bound is taken."""
    with pytest.raises(UsageError):
        parse_gate(text)


@given(st.text(max_size=80))
def test_any_text_is_a_gate_or_refused(text) -> None:
    """No text raises anything else."""
    try:
        gate = parse_gate(text)
    except UsageError:
        return
    assert parse_gate(str(gate)).figure == gate.figure


def test_an_unknown_figure_is_refused_with_those_that_there_are() -> None:
    """A gate on a figure that nobody computes must not hold silently."""
    with pytest.raises(UsageError, match="there is no figure 'pnll'") as refused:
        pass_through([parse_gate("pnll>0")], {"pnl": 1.0})
    assert "pnl" in refused.value.why


def test_figures_are_those_of_the_ledger(sample, cache_dir) -> None:
    """Profit by game adds up to the ledger's, and its mean lies within its limits."""
    film = open_film(sample, cache_dir)
    ledger = replay_film(film, load_strategy("fusion"), load_model("brownian"), Setting())
    figures = figures_of([ledger])
    assert figures["pnl_u6"] == ledger.pnl_u6
    assert (figures["digest"], figures["fills"], figures["games"]) == (ledger.digest(), ledger.fills, 3)
    low, mean, high = (float(figures[name]) for name in ("pnl_per_game.ci_low", "pnl_per_game", "pnl_per_game.ci_high"))
    assert low <= mean <= high
    assert mean * 3 == pytest.approx(ledger.pnl_u6 / 1e6)
