from __future__ import annotations

import pytest

from recorder.errors import UsageError
from recorder.tape.locate import list_tapes, locate_tape


def test_a_path_or_a_name(tape):
    """A tape is found by its path and by its name in the directory of tapes."""
    assert locate_tape(str(tape), tape.parent / "nowhere") == tape
    assert locate_tape("night", tape.parent) == tape
    assert list_tapes(tape.parent) == [tape]
    assert list_tapes(tape.parent / "nowhere") == []


def test_suggests_the_nearest(tape):
    """A misspelt name gets the nearest one as a hint."""
    with pytest.raises(UsageError) as refused:
        locate_tape("nihgt", tape.parent)
    assert refused.value.hint == "did you mean night?"


@pytest.mark.parametrize("name", ["../night", "", ".", "..", "night/../night", "n\0ight", "/etc/passwd"])
def test_a_name_never_leaves_its_directory(tape, name):
    """A name with a way out of the directory of tapes is no name."""
    with pytest.raises(UsageError):
        locate_tape(name, tape.parent)
