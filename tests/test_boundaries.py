"""Imports point one way, and what is found by name is there."""

from __future__ import annotations

import ast
import importlib
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OFFERED = [
    (group, name, target)
    for group, entries in PYPROJECT["project"]["entry-points"].items()
    for name, target in entries.items()
]
# The first name on the right may not be imported by any module on the left.
PLANTED = [
    ("recorder/errors.py", "replay.core.events"),
    ("recorder/feeds/base.py", "asyncio"),
    ("replay/core/events.py", "time"),
    ("replay/core/events.py", "pathlib"),
    ("replay/core/events.py", "strategies"),
    ("strategies/score_buffer.py", "recorder.tape.reader"),
    ("strategies/score_buffer.py", "replay.cli"),
]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture
def copy(tmp_path):
    """A copy of the packages that a test may spoil."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in ("recorder", "replay", "strategies"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_contracts_hold(copy):
    """Every import contract of pyproject.toml holds."""
    done = lint_imports(copy)
    assert done.returncode == 0, done.stdout + done.stderr


def test_planted_imports_are_caught(copy):
    """The contracts are not vacuous: every one of these wrong imports is named."""
    for path, forbidden in PLANTED:
        module = copy / path
        module.write_text(f"{module.read_text()}\nimport {forbidden}\n")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    importers = [(path.removesuffix(".py").replace("/", "."), forbidden) for path, forbidden in PLANTED]
    assert [pair for pair in importers if f"{pair[0]} -> {pair[1]}" not in done.stdout] == []


@pytest.mark.parametrize(("group", "name", "target"), OFFERED, ids=[f"{group} {name}" for group, name, _ in OFFERED])
def test_what_an_entry_point_names_is_there(group, name, target):
    """Imports by name are invisible to the contracts, so each one is loaded here."""
    module, _, attribute = target.partition(":")
    found = importlib.import_module(module)
    assert not attribute or hasattr(found, attribute), f"{group} {name}: {target}"


@pytest.mark.parametrize("package", ["recorder", "replay", "strategies"])
def test_no_import_depends_on_where_the_module_stands(package):
    """All imports are absolute, and names are imported one by one."""
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}:{node.lineno}: relative import"
                assert node.names[0].name != "*", f"{path}:{node.lineno}: star import"


def test_strategies_know_nothing_of_replay_but_its_core():
    """`replay.core` is the only door; fitting and judging a model at a terminal is the one exception."""
    for path in sorted((ROOT / "strategies").rglob("*.py")):
        if path.name == "cli.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                inside = name == "replay.core" or name.startswith("replay.core.")
                assert inside or name.split(".")[0] != "replay", f"{path}: imports {name}"
