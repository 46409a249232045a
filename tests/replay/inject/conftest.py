"""A short night on disk, into which faults are put."""

from __future__ import annotations

import pytest
from reel import stretch
from script import retaped

from recorder.tape.reader import Tape


@pytest.fixture(scope="session")
def night(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    """Twenty minutes of a simulated game around the loss of its market socket."""
    return retaped(stretch().envelopes, tmp_path_factory.mktemp("inject") / "night")
