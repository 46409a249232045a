"""The files with which the recorder is run as a service or in a container."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from replay.verbs.top import top

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "docs/deploy"
PROGRAM = "/opt/gametape/.venv/bin/gametape"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_takes_the_units(tmp_path) -> None:
    """Every unit is one that systemd loads without a word; only the program stands elsewhere here."""
    units = [path for path in sorted(DEPLOY.iterdir()) if path.suffix in {".service", ".timer"}]
    assert len(units) == 3
    for unit in units:
        (tmp_path / unit.name).write_text(unit.read_text().replace(PROGRAM, sys.executable))
    words = ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / unit.name) for unit in units)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_service_calls_verbs_that_exist() -> None:
    """The commands of the units are this program's, with options that it has; Ctrl-C is how it is told to end."""
    unit = (DEPLOY / "gametape-record.service").read_text()
    verbs = re.findall(rf"^Exec\w+=-?{PROGRAM} (\w+)", unit, re.MULTILINE)
    assert verbs == ["doctor", "record"]
    assert "KillSignal=SIGINT" in unit
    assert "RestartPreventExitStatus=2 7" in unit


def test_the_container_file_fits_the_tree() -> None:
    """What is copied is there, the program runs as nobody, and its check of health is a verb that works."""
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        *sources, _ = line.split()
        assert all((ROOT / source).exists() for source in sources), line
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["10001:10001"]
    (words,) = re.findall(r"gametape top ([^>]+) >/dev/null; test \$\? -ne 1", text)
    assert CliRunner().invoke(top, [str(ROOT / "data/sample"), *words.split()]).exit_code == 1
