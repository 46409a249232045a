from __future__ import annotations

import pytest

from recorder.errors import Exit
from replay.cli import run


@pytest.mark.parametrize(
    "words",
    [
        ("synth", "--poll-live", "nan", "--out", "a"),
        ("chaos", "--hours", "nan"),
        ("excerpt", "missing", "--around", "1", "--seconds", "NaN", "--out", "b"),
    ],
)
def test_what_is_no_number_is_a_wrong_argument(tmp_path, monkeypatch, capsys, words):
    """Python reads `nan` as a number that lies within every range; here it is refused with 2."""
    monkeypatch.chdir(tmp_path)
    assert run(words) == Exit.USAGE
    assert "is not a number" in capsys.readouterr().err
