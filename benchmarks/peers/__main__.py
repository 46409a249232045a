"""
The race against the peers: the same simulated work, each peer's fast path, the same counts, one table of ratios.

    make bench-peers                                   all of it; the first time it installs the peers
    python benchmarks/peers --quick                    a tenth of the work
    python benchmarks/peers --only hftbacktest         one of them, beside ours
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT)]

from run import machine  # noqa: E402
from work import FULL, make  # noqa: E402

TIMEOUT_S = 1_800


class Peer(NamedTuple):
    """A script beside this one, the environment that it runs in (none: ours), and the Python that it needs."""

    script: str
    environment: str | None = None
    python: tuple[int, int] = (3, 11)


OURS = "gametape"
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
RACES = {
    "replay": "replay with edge strategy and fills",
    "sweep": "1,000 cells, 50 thresholds x 20 poll plans",
    "raw": "from raw frames to signals, decoding included",
    "decode": "decoding alone",
    "record": "recorder append, durable every 256",
    "storage": "bytes kept of the same frames",
    "corruption": "flipped bits",
}


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


def disagreements(said: list[dict[str, Any]]) -> list[str]:
    """Return where a peer did not come to the signals that we came to in the same race."""
    told = []
    for race in RACES:
        rows = [one for one in said if one["race"] == race]
        ours = next((one for one in rows if one["case"].startswith(OURS)), {})
        told += [
            f"{race}: {one['case']} {name} {one[name]:,}, ours {ours[name]:,}"
            for one in rows
            for name in ("signals", "signals_of_view_0")
            if name in one and name in ours and abs(one[name] - ours[name]) > one.get("slack", 0) * ours[name]
        ]
    return told


def table(said: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the lines of the table: a rate is of the best processor time, a ratio says how much more ours does."""
    for race, title in RACES.items():
        rows = [one for one in said if one["race"] == race]
        if not rows:
            continue
        yield f"\n== {title}"
        ours = next((one for one in rows if one["case"].startswith(OURS)), None)
        for one in rows:
            if "figures" in one:
                yield f"{one['case']:34} {one['figures']}  {one['note']}"
                continue
            ratio = ""
            if ours is not None and not one["case"].startswith(OURS):
                cpu, wall = ((ours["count"] / ours[time]) / (one["count"] / one[time]) for time in ("cpu_s", "wall_s"))
                ratio = f"ours {cpu:,.1f} x (wall {wall:,.1f} x)"
            counts = " ".join(f"{name} {one[name]:,}" for name in ("signals", "fills", "shares") if name in one)
            yield (
                f"{one['case']:34} {one['count'] / one['cpu_s']:>14,.0f} {one['unit']}/s  {one['cpu_s']:8.2f} s cpu "
                f"{one['wall_s']:8.2f} s wall  {ratio:30} {counts}  [{one['note']}]"
            )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", action="append", choices=sorted(set(PEERS) - {OURS}), help="this peer; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, once")
    parser.add_argument("--repeat", type=int, default=3, help="how often each case runs; the best is told")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured there too")
    given = parser.parse_args()
    changes = int(os.environ.get("CHANGES", FULL)) // (10 if given.quick else 1)
    folder = Path(tempfile.gettempdir()) / "gametape-peers" / str(changes)
    told = make(folder, changes, say)
    wanted = [OURS, *(given.only or [name for name in PEERS if name != OURS])]
    said: list[dict[str, Any]] = []
    for name in wanted:
        say(f"running {name}")
        for peer in filter(None, (OURS_BESIDE.get(name), PEERS[name])):
            said += cases(peer, folder, 1 if given.quick else given.repeat)
        if given.json:
            told_so_far = {"machine": machine(), "load": os.getloadavg(), "changes": changes, "cases": said}
            given.json.write_text(json.dumps(told_so_far, indent=1))
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{machine()}; load {load}")
    print(
        f"simulated: {changes:,} level changes, {told['snapshots']:,} snapshots, {told['states']:,} score states, "
        f"{len(told['tokens'])} tokens"
    )
    print("versions: " + ", ".join(dict.fromkeys(name for one in said for name in one["versions"].split(", "))))
    for line in table(said):
        print(line)
    wrong = disagreements(said)
    print("\nsignals: " + ("agree" if not wrong else "DISAGREE\n  " + "\n  ".join(wrong)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
