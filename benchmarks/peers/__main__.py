"""
The race against the peers: the same simulated work, each peer's fast path, the same counts, one table of ratios.

    make bench-peers                                   all of it; the first time it installs the peers
    python benchmarks/peers --quick                    a tenth of the work
    python benchmarks/peers --only hftbacktest         one of them, beside ours
    python benchmarks/peers --write docs/peers.md      put the figures into that page too
    CHANGES=200000 python benchmarks/peers --json FILE

Every peer runs in a process and, where it is not among our own dependencies, an environment of its own, pinned in
requirements/peers. See docs/peers.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT)]

from run import machine  # noqa: E402
from tables import OURS, disagreements, markdown, printed, write_figures  # noqa: E402
from work import FULL, make  # noqa: E402

TIMEOUT_S = 1_800


class Peer(NamedTuple):
    """A script beside this one, the environment that it runs in (none: ours), and the Python that it needs."""

    script: str
    environment: str | None = None
    python: tuple[int, int] = (3, 11)


PEERS = {
    OURS: Peer("ours.py"),
    "hftbacktest": Peer("hftbt.py", "hftbacktest"),
    "nautilus": Peer("nautilus.py", "nautilus", (3, 12)),
    "flumine": Peer("flumine_.py", "flumine"),
    "asyncio": Peer("asyncio_bot.py", "stores"),
    "vectorbt": Peer("vectorbt_.py", "vectorbt"),
    "polars": Peer("polars_.py"),
    "duckdb": Peer("duckdb_.py"),
    "stores": Peer("stores.py", "stores"),
}
OURS_BESIDE = {"stores": Peer("ours_stores.py")}
"""What of ours runs beside a peer, because it takes part in no other race."""


def interpreter(least: tuple[int, int]) -> str | None:
    """Return a Python that is new enough: ours if it is, else what PEER_PYTHON names, else one on the path."""
    names = [sys.executable, os.environ.get("PEER_PYTHON"), "python3.12", "python3.13", "python3"]
    asks = f"import sys; sys.exit(sys.version_info[:2] < {least})"
    for name in names:
        found = shutil.which(name) if name else None
        if found and subprocess.run([found, "-c", asks], capture_output=True, check=False).returncode == 0:
            return found
    return None


def environment(name: str, least: tuple[int, int]) -> Path | None:
    """Return the Python of a peer's own environment, made first where it is not; None where it cannot be had."""
    pins = ROOT / "requirements" / "peers" / f"{name}.txt"
    home = ROOT / ".venvs" / name
    stamp, wanted = home / "pinned", hashlib.sha256(pins.read_bytes()).hexdigest()
    python = home / "bin" / "python"
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    base = interpreter(least)
    if base is None:
        say(f"{name} left out: it needs Python {least[0]}.{least[1]} or newer (PEER_PYTHON=/path/to/python)")
        return None
    say(f"installing {name} into {home.relative_to(ROOT)}")
    shutil.rmtree(home, ignore_errors=True)
    for words in (
        [base, "-m", "venv", str(home)],
        [str(python), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(pins)],
    ):
        if subprocess.run(words, check=False).returncode:
            say(f"{name} left out: it could not be installed")
            return None
    stamp.write_text(wanted)
    return python


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def cases(peer: Peer, folder: Path, repeat: int) -> Iterator[dict[str, Any]]:
    """Run a peer and yield its cases as they come; say so where it fails."""
    python = Path(sys.executable) if peer.environment is None else environment(peer.environment, peer.python)
    if python is None:
        return
    words = [str(python), str(HERE / peer.script), str(folder), str(repeat)]
    try:
        done = subprocess.run(
            words,
            env=os.environ | {"PYTHONPATH": str(ROOT) if peer.environment is None else ""},
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        say(f"{peer.script} took more than {TIMEOUT_S} s and is left out")
        return
    yield from (json.loads(line) for line in done.stdout.splitlines())
    if done.returncode:
        say(f"{peer.script} failed with {done.returncode}; what it said before stands")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", action="append", choices=sorted(set(PEERS) - {OURS}), help="this peer; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, once")
    parser.add_argument("--repeat", type=int, default=3, help="how often each case runs; the best is told")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured there too")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="put the tables between the marks of this page")
    given = parser.parse_args()
    changes = int(os.environ.get("CHANGES", FULL)) // (10 if given.quick else 1)
    folder = Path(tempfile.gettempdir()) / "gametape-peers" / str(changes)
    told = make(folder, changes, say)
    wanted = [OURS, *(given.only or [name for name in PEERS if name != OURS])]
    said: list[dict[str, Any]] = []
    began = time.monotonic()
    for name in wanted:
        say(f"{time.monotonic() - began:6.0f} s: {name}")
        for peer in filter(None, (OURS_BESIDE.get(name), PEERS[name])):
            said += cases(peer, folder, 1 if given.quick else given.repeat)
        if given.json:
            told_so_far = {"machine": machine(), "load": os.getloadavg(), "changes": changes, "cases": said}
            given.json.write_text(json.dumps(told_so_far, indent=1))
    took, load = time.monotonic() - began, ", ".join(f"{one:.1f}" for one in os.getloadavg())
    versions = ", ".join(dict.fromkeys(name for one in said for name in one["versions"].split(", ")))
    print(f"{machine()}; load {load}; {took / 60:.0f} minutes")
    print(
        f"simulated: {changes:,} level changes, {told['snapshots']:,} snapshots, {told['states']:,} score states, "
        f"{len(told['tokens'])} tokens"
    )
    print(f"versions: {versions}")
    for line in printed(said):
        print(line)
    if given.write:
        head = f"{machine()}; load {load}; {changes:,} level changes, simulated; {took / 60:.0f} minutes; {versions}."
        write_figures(given.write, markdown(said, head))
    wrong = disagreements(said)
    print("\nsignals: " + ("agree" if not wrong else "DISAGREE\n  " + "\n  ".join(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
