"""The guard around pure code catches what it is there to catch."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from purity_guard import ImpureReadError, guarded, is_pure

PLANTED = {
    "module function": "import time\ndef read():\n    return time.time_ns()",
    "function by name": "from time import perf_counter\ndef read():\n    return perf_counter()",
    "function by another name": "from time import monotonic as now\ndef read():\n    return now()",
    "import inside a function": "def read():\n    import time\n    return time.time()",
    "datetime class": "from datetime import datetime, UTC\ndef read():\n    return datetime.now(UTC)",
    "datetime module": "import datetime as dt\ndef read():\n    return dt.datetime.now(dt.UTC)",
    "datetime inside a function": "def read():\n    from datetime import datetime\n    return datetime.utcnow()",
    "date": "from datetime import date\ndef read():\n    return date.today()",
    "unseeded randomness": "import random\ndef read():\n    return random.random()",
    "unseeded choice by name": "from random import choice\ndef read():\n    return choice([1, 2])",
    "environment": "import os\ndef read():\n    return os.environ['HOME']",
    "environment by getenv": "from os import getenv\ndef read():\n    return getenv('HOME')",
    "random id": "import uuid\ndef read():\n    return uuid.uuid4()",
}

PURE_USES = """
import random
from datetime import UTC, datetime, timedelta

def read():
    moment = datetime.fromtimestamp(1_700_000_000, UTC) + timedelta(seconds=random.Random(7).randrange(60))
    assert isinstance(moment, datetime)
    return moment.date().isoformat()
"""


@pytest.fixture
def plant(monkeypatch):
    def make(name: str, source: str) -> ModuleType:
        module = ModuleType(name)
        exec(source, vars(module))
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return make


@pytest.mark.parametrize("source", PLANTED.values(), ids=PLANTED.keys())
@pytest.mark.parametrize("package", ["replay.core", "recorder.feeds", "strategies"])
def test_a_planted_read_raises(plant, package, source):
    """However a pure module gets at a clock, at the environment or at chance, the read raises."""
    module = plant(f"{package}.planted", source)
    with guarded(), pytest.raises(ImpureReadError):
        module.read()


@pytest.mark.parametrize("source", PLANTED.values(), ids=PLANTED.keys())
def test_others_keep_their_clocks(plant, source):
    """Modules that may read a clock still can while the guard is on."""
    module = plant("recorder.planted", source)
    with guarded():
        assert module.read() is not None


def test_everything_is_put_back(plant):
    """After the guard is off, a module has exactly the names it had."""
    module = plant("replay.core.planted", PLANTED["datetime class"])
    before = dict(vars(module))
    with guarded():
        pass
    assert before == dict(vars(module))
    assert module.read().tzinfo is not None


def test_seeded_randomness_and_date_arithmetic_are_pure(plant):
    """Dates computed from arguments and a seeded generator are allowed."""
    module = plant("replay.core.planted", PURE_USES)
    with guarded():
        assert module.read() == "2023-11-14"


@pytest.mark.pure
def test_the_marker_turns_the_guard_on(plant):
    """A test outside the pure folders can ask for the guard."""
    module = plant("replay.core.planted", PLANTED["import inside a function"])
    with pytest.raises(ImpureReadError):
        module.read()


def test_only_pure_packages_are_guarded():
    """A package is pure by its whole name, not by the letters it begins with; the model verbs talk to a terminal."""
    assert is_pure("replay.core")
    assert is_pure("replay.core.decode.espn")
    assert not is_pure("replay.corelike")
    assert not is_pure("replay.verbs.play")
    assert not is_pure("strategies.models.cli")
