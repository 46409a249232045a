"""The dashboard's files: vendored ones as they were published, own ones without anything that the policy forbids."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from pathlib import Path

from replay.live.pages import page_files

FORBIDDEN = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|https?://"
WEB = Path(__file__).resolve().parents[3] / "replay" / "live" / "web"


def test_vendored_files_are_those_that_were_published():
    """Every file in the folder is listed with version, licence and sha256, and has that sha256."""
    (entry,) = json.loads((WEB / "vendor" / "VENDORED.json").read_text())["vendored"]
    there = {path.name for path in (WEB / "vendor").iterdir()} - {"VENDORED.json"}
    assert set(entry["sha256"]) == there
    assert entry["version"]
    assert entry["licence"] == "MIT"
    for name, digest in entry["sha256"].items():
        assert hashlib.sha256((WEB / "vendor" / name).read_bytes()).hexdigest() == digest, name


def test_the_page_needs_nothing_inline_and_nothing_from_elsewhere():
    """No style or handler attribute, no inline script, no other address; and no markup made from words."""
    page = (WEB / "index.html").read_text()
    assert not re.search(r"\sstyle=|\son\w+=|<style|https?://", page)
    assert all("src=" in script for script in re.findall(r"<script[^>]*>", page))
    for path in sorted((WEB / "js").glob("*.js")):
        source = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://", source), (
            path.name
        )


def test_every_file_that_the_page_names_is_served():
    """Links, scripts and imports lead to files that are there."""
    files = page_files()
    named = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', files["/"][1].decode()))
    for name, (_, body) in files.items():
        found = re.findall(r'(?:from |import\()"(\.[^"]+)"', body.decode()) if name.startswith("/static/js/") else []
        named |= {posixpath.normpath(posixpath.join(posixpath.dirname(name), one)) for one in found}
    assert len(named) > 10
    assert named <= set(files)
