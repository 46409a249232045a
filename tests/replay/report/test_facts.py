"""Evidence on disk."""

from __future__ import annotations

import msgspec
import pytest

from recorder.errors import CorruptError, UsageError
from replay.report.facts import read_evidence


def test_evidence_comes_back_as_it_was_written(evidence, tmp_path):
    """Writing and reading change nothing."""
    evidence.write(tmp_path / "evidence.json")
    assert read_evidence(tmp_path / "evidence.json") == evidence


def test_evidence_is_refused_when_missing_damaged_or_of_another_version(evidence, tmp_path):
    """A missing file is the user's, a damaged one the disk's; either says so."""
    path = tmp_path / "evidence.json"
    with pytest.raises(UsageError, match=r"no evidence\.json"):
        read_evidence(path)
    evidence.write(path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(CorruptError):
        read_evidence(path)
    msgspec.structs.replace(evidence, schema="gametape.evidence/0").write(path)
    with pytest.raises(CorruptError, match="evidence/0"):
        read_evidence(path)
