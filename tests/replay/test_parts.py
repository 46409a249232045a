"""Parts: sent and kept whole or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from replay.backtest import replay_film, sum_settings
from replay.core.tally import FIGURES
from replay.find import load_strategy
from replay.models import load_model
from replay.parts import Part, PartStore, decode_part, encode_part, setting_name, stacked_parts
from replay.settings import Setting, View

IDEAS = (load_strategy("fusion"), load_model("brownian"))
SETTINGS = [Setting(min_edge_u6=edge) for edge in (20_000, 60_000, 900_000)]


@pytest.fixture(scope="module")
def part(sample_film) -> Part:
    return sum_settings(sample_film, *IDEAS, SETTINGS)


def equal(one: Part, two: Part) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ("figures", "pnl_u6", "decisions"))


def test_figures_are_those_of_the_ledger(part, sample_film) -> None:
    """Sums of a cell are the sums over its ledger; a cell that did nothing is all zeros."""
    ledger = replay_film(sample_film, *IDEAS, SETTINGS[0])
    facts = dict(zip(FIGURES, part.figures[0].tolist(), strict=True))
    summary = ledger.summary()
    assert {name: facts[name] for name in ("signals", "orders", "fills", "fees_u6")} == {
        name: summary[name] for name in ("signals", "orders", "fills", "fees_u6")
    }
    assert part.pnl_u6[0].sum() == ledger.pnl_u6
    assert not part.figures[2].any()
    assert not part.pnl_u6[2].any()


def test_other_decisions_have_another_digest(part, sample_film) -> None:
    """Cells that decided differently differ in their digests; the same cell in another batch has the same one."""
    assert len({row.tobytes() for row in part.decisions}) == len(SETTINGS)
    alone = sum_settings(sample_film, *IDEAS, [SETTINGS[1]])
    assert equal(alone, part.row(1))
    assert equal(stacked_parts([part.row(at) for at in range(3)]), part)


@given(data=st.data(), cells=st.integers(0, 4), games=st.integers(0, 3))
def test_a_part_survives_the_way(data, cells, games) -> None:
    """Whatever numbers a part holds, it is decoded as it was encoded, names included."""
    whole = st.integers(-(2**63), 2**63 - 1)
    made = Part(
        data.draw(arrays(np.int64, (cells, len(FIGURES)), elements=whole)),
        data.draw(arrays(np.int64, (cells, games), elements=whole)),
        data.draw(arrays(np.uint8, (cells, 32))),
    )
    names = [bytes([at]) * 16 for at in range(cells)]
    back, told = decode_part(encode_part(made, names))
    assert equal(back, made)
    assert told == names


@given(data=st.data())
def test_a_changed_part_is_refused(part, data) -> None:
    """No flipped bit and no cut goes unseen."""
    good = encode_part(part)
    at = data.draw(st.integers(0, len(good) - 1))
    flipped = bytearray(good)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    for bad in (bytes(flipped), good[:at]):
        with pytest.raises(ValueError, match="damaged"):
            decode_part(bad)


def test_a_store_knows_cells_by_context_and_setting(part, tmp_path) -> None:
    """What was kept in one batch is found cell by cell, under its own context only, until the store is cleared."""
    store = PartStore(tmp_path / "parts")
    store.keep("a" * 64, SETTINGS, part)
    known = store.known("a" * 64)
    assert [equal(known[setting_name(setting)], part.row(at)) for at, setting in enumerate(SETTINGS)] == [True] * 3
    assert store.known("b" * 64) == {}
    store.clear()
    assert store.known("a" * 64) == {}


def test_a_damaged_file_is_not_there(part, tmp_path) -> None:
    """A part that was cut short on disk, or is still being written, is as good as none."""
    store = PartStore(tmp_path)
    store.keep("c" * 64, SETTINGS, part)
    (kept,) = tmp_path.iterdir()
    kept.with_suffix(".making").write_bytes(b"half")
    kept.write_bytes(kept.read_bytes()[:-1])
    assert store.known("c" * 64) == {}


def test_settings_have_different_names() -> None:
    """Whatever differs between two settings changes the name."""
    settings = [
        Setting(),
        Setting(min_edge_u6=1),
        Setting(view=View(poll_ms=2_000)),
        Setting(view=View(poll_ms=2_000, phase=1)),
        replace(Setting(), cap_cash_u6=0),
    ]
    assert len({setting_name(setting) for setting in settings}) == len(settings)
    assert setting_name(Setting()) == setting_name(Setting())
