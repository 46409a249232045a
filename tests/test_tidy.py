"""House rules that a command can check."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from replay import cli

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("recorder", "replay", "strategies")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LINES_MAX = 500
FUNCTION_LINES_MAX = 50

# A module without a test file of its own, and the test file that is its test instead.
TESTED_ELSEWHERE: dict[str, str] = {
    "recorder/errors.py": "tests/test_cli.py",
    "recorder/feeds/base.py": "tests/recorder/feeds/test_adding_a_source.py",
    "recorder/feeds/peek.py": "tests/recorder/feeds/test_their_time.py",
    "recorder/feeds/polling.py": "tests/recorder/feeds/test_espn.py",
    "recorder/jit.py": "tests/replay/core/test_jit.py",
    "recorder/tape/scan.py": "tests/recorder/tape/test_frames.py",
    "recorder/tape/walk.py": "tests/recorder/tape/test_batch.py",
    "replay/cli.py": "tests/test_cli.py",
    "replay/judgements.py": "tests/replay/test_selection.py",
    "replay/live/apidoc.py": "tests/replay/live/test_api.py",
    "replay/live/contract.py": "tests/replay/live/test_api.py",
    "replay/live/guard.py": "tests/replay/live/test_attacks.py",
    "replay/live/metrics.py": "tests/replay/live/test_api.py",
    "replay/live/orders.py": "tests/replay/live/test_outlet.py",
    "replay/live/server.py": "tests/replay/live/test_outlet.py",
    "replay/live/serving.py": "tests/replay/live/test_attacks.py",
}
ADR_SECTIONS = ("## Context", "## Decision", "## Consequences")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
PACKAGE_INDEX = re.compile(r"--(extra-)?index-url|--find-links \S|pypi\.org|pythonhosted\.org|registry *= *[\"']?http")
REQUIREMENT = re.compile(r"^[a-z0-9][a-z0-9._-]*==[^\s]+( ; [^\\]+)? \\$|^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tracked() -> list[Path]:
    """Every file of the project: those that git knows, or all but the caches where there is no git."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        return [path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts]
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def texts() -> list[tuple[str, str]]:
    """The text of every file but this one, which has to spell what it forbids."""
    found = []
    for path in tracked():
        try:
            found.append((name_of(path), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return [(name, text) for name, text in found if name != name_of(Path(__file__))]


def test_a_module_fits_the_head():
    """No module is longer than 500 lines."""
    long = {name_of(path): lines for path in MODULES if (lines := len(path.read_text().splitlines())) > LINES_MAX}
    assert long == {}


def test_a_function_fits_the_screen():
    """No function is longer than 50 lines, its docstring not counted."""
    long = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if ast.get_docstring(node) is not None:
                    told = node.body[0]
                    lines -= (told.end_lineno or 0) - told.lineno + 1
                if lines > FUNCTION_LINES_MAX:
                    long[f"{name_of(path)}:{node.name}"] = lines
    assert long == {}


def test_every_module_has_its_tests():
    """tests/ mirrors the tree: recorder/tape/blocks.py is tested by tests/recorder/tape/test_blocks.py."""
    missing = []
    for path in MODULES:
        name = name_of(path)
        mirror = path.relative_to(ROOT).with_name(f"test_{path.name}")
        if path.name != "__init__.py" and not (ROOT / TESTED_ELSEWHERE.get(name, Path("tests") / mirror)).exists():
            missing.append(name)
    assert missing == []


def test_no_exception_to_the_mirror_is_out_of_date():
    """Every module that is tested elsewhere exists and has no test file of its own."""
    for name in TESTED_ELSEWHERE:
        path = Path(name)
        assert (ROOT / path).exists(), name
        assert not (ROOT / "tests" / path.with_name(f"test_{path.name}")).exists(), name


@pytest.mark.parametrize("page", ["README.md", "docs/cli.md"])
def test_every_verb_is_documented(page):
    """The README names every verb, and so does the page about the command line."""
    text = (ROOT / page).read_text()
    assert [name for name in cli.VERBS if f"`{name}`" not in text] == []


def test_every_link_of_a_page_leads_somewhere():
    """Relative links in Markdown files point at files that exist."""
    links = [
        (name, target)
        for name, text in texts()
        if name.endswith(".md")
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
        if "://" not in target
    ]
    assert [link for link in links if not (ROOT / link[0]).parent.joinpath(link[1]).exists()] == []


def test_nothing_is_left_for_later():
    """No file says that something is still to be done."""
    # What is vendored stays as it was published.
    own = [(name, text) for name, text in texts() if "/vendor/" not in name]
    found = [f"{name}: {match[0]}" for name, text in own for match in UNFINISHED.finditer(text)]
    assert found == []


def test_no_package_index_is_named():
    """Where packages come from is the business of whoever installs them."""
    found = [f"{name}: {match[0]}" for name, text in texts() for match in PACKAGE_INDEX.finditer(text)]
    assert found == []


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_requirements_are_names_versions_and_hashes(path):
    """Every line pins one version or gives one sha256; every pin has a hash."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    assert [line for line in lines if not REQUIREMENT.match(line)] == []
    pins = [index for index, line in enumerate(lines) if "==" in line]
    assert [lines[index] for index in pins if not lines[index + 1].startswith("    --hash=")] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs/adr").glob("*.md")), ids=lambda path: path.stem)
def test_a_decision_record_has_its_sections(path):
    """A record is numbered, one page long, and says in which context what was decided and what follows."""
    text = path.read_text()
    number = path.name[:4]
    assert text.startswith(f"# {number}: ")
    assert [section for section in ADR_SECTIONS if section not in text] == []
    assert len(text.splitlines()) <= 60


def test_decision_records_are_numbered_without_a_hole():
    """Records count from 0001."""
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs/adr").glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))


def test_files_are_small():
    """No tracked file is larger than 2 MiB."""
    assert [name_of(path) for path in tracked() if path.stat().st_size > 2 << 20] == []


def test_every_verb_stands_in_the_table():
    """A module of replay/verbs that holds a click command is a verb of the program; a keyword ends in `_`."""
    commands = {
        path.stem.removesuffix("_")
        for path in (ROOT / "replay/verbs").glob("*.py")
        if re.search(r"^@click\.(command|group)\(", path.read_text(), re.MULTILINE)
    }
    assert commands - set(cli.VERBS) == set()
