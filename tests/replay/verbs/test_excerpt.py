"""`gametape excerpt`: what it refuses."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from replay.verbs.excerpt import excerpt

SAMPLE = str(Path(__file__).resolve().parents[3] / "data" / "sample")


def test_a_stretch_of_no_length_is_wrong_usage(tmp_path) -> None:
    """Seconds that are not a number pass every range check, and are refused all the same; nothing is written."""
    out = tmp_path / "cut"
    result = CliRunner().invoke(excerpt, [SAMPLE, "--around", "100", "--seconds", "nan", "--out", str(out)])
    assert result.exit_code == 2
    assert "not a number" in result.output
    assert not out.exists()
