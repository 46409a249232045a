from __future__ import annotations

import pytest

from recorder.errors import UsageError
from replay.plugins import find_plugin, plugin_names


def test_names_are_sorted() -> None:
    """All that is installed under a group is named in one order."""
    names = plugin_names("gametape.models")
    assert names == sorted(names)
    assert "brownian" in names


def test_entry_point_of_the_name_is_found() -> None:
    """What is found is the entry point itself, not yet loaded."""
    entry = find_plugin("gametape.models", "brownian", kind="model", hint="")
    assert (entry.group, entry.name) == ("gametape.models", "brownian")


@pytest.mark.parametrize(
    ("group", "name", "why"),
    [
        ("gametape.models", "browian", "did you mean 'brownian'?"),
        ("gametape.models", "zzz", "installed: brownian, "),
        ("gametape.nobody", "zzz", "installed: none"),
    ],
)
def test_unknown_name_is_told_with_the_way_out(group: str, name: str, why: str) -> None:
    """An unknown name is a usage error: what it is of, the nearest name or all of them, and what to type next."""
    with pytest.raises(UsageError) as caught:
        find_plugin(group, name, kind="model", hint="gametape model ls")
    assert f"there is no model {name!r}" in str(caught.value)
    assert (caught.value.why or "").startswith(why)
    assert caught.value.hint == "gametape model ls"
