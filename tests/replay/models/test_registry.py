"""Finding models by name."""

from __future__ import annotations

import pytest

from recorder.errors import UsageError
from replay.models import load_model, model_names


def test_the_shipped_model_is_found() -> None:
    """The Brownian model is installed under its name and says the same name itself."""
    assert "brownian" in model_names()
    assert load_model("brownian").name == "brownian"


def test_an_unknown_name_gets_a_suggestion() -> None:
    """A misspelt model is a usage error that names the nearest one and the next command."""
    with pytest.raises(UsageError, match="no model 'brownain'") as caught:
        load_model("brownain")
    assert caught.value.why == "did you mean 'brownian'?"
    assert caught.value.hint == "gametape model ls"
