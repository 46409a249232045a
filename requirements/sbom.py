"""
Write the bill of materials: `python requirements/sbom.py FILE`, CycloneDX 1.6, from the locks beside this file alone.

Nothing is asked of anybody, and the same locks give the same bytes: the serial number is drawn from the content, and no
time is in it. What a plain install takes is `required`, what extras and development take beside it is `optional`.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
import uuid
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["Pin", "bill", "core_names", "pins_of"]

HERE = Path(__file__).resolve().parent
_PIN = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)==([0-9][0-9a-z.+!]*)(?: ; ([a-z_]+ .+))?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Pin(NamedTuple):
    """One package of a lock; marker says on which machines, empty for all. hashes are sha256 of its files, hex."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        """Its address as a package URL, which names no host."""
        return f"pkg:pypi/{self.name}@{self.version}"


def pins_of(text: str) -> Iterator[Pin]:
    """
    Yield the packages of a lock.

    Raises:
        ValueError: it holds anything but names, versions, markers and hashes, such as an address.
    """
    for entry in text.replace("\\\n", " ").splitlines():
        head, *hashes = (part.strip() for part in re.split(r"\s(?=--)", entry))
        pin, sums = _PIN.fullmatch(head), [_HASH.fullmatch(one) for one in hashes]
        if pin is None or not sums or None in sums:
            raise ValueError(f"not a name, a version and hashes: {entry.strip()[:120]}")
        yield Pin(pin[1], pin[2], pin[3] or "", tuple(one[1] for one in sums if one is not None))


def core_names(root: str = "gametape") -> set[str]:
    """Return what a plain install takes with it on this machine, as the installed packages say."""
    found: set[str] = set()
    waiting = [Requirement(root)]
    while waiting:
        asked = waiting.pop()
        extras = asked.extras or {""}
        for more in map(Requirement, requires(asked.name) or ()):
            name = canonicalize_name(more.name)
            is_taken = more.marker is None or any(more.marker.evaluate({"extra": extra}) for extra in extras)
            if is_taken and name not in found:
                found.add(name)
                waiting.append(more)
    return found


def bill(pins: list[Pin], core: set[str], version: str) -> dict[str, object]:
    """Return the bill of materials."""
    us = {"type": "application", "bom-ref": "gametape", "name": "gametape", "version": version}
    # A pin of two locks is one component; where one of them takes it on every machine, so does the component.
    united = {pin.purl: pin for pin in sorted(pins, key=lambda pin: pin.marker, reverse=True)}
    components = [_component(pin, is_core=pin.name in core) for _, pin in sorted(united.items())]
    content = json.dumps([us, components], sort_keys=True)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}",
        "version": 1,
        "metadata": {"component": us},
        "components": components,
    }


def _component(pin: Pin, *, is_core: bool) -> dict[str, object]:
    component: dict[str, object] = {
        "type": "library",
        "bom-ref": pin.purl,
        "name": pin.name,
        "version": pin.version,
        "purl": pin.purl,
        "scope": "required" if is_core else "optional",
        "hashes": [{"alg": "SHA-256", "content": one} for one in pin.hashes],
    }
    if pin.marker:
        component["properties"] = [{"name": "gametape:marker", "value": pin.marker}]
    return component


def main(out: Path) -> None:
    """Write the bill of all locks, and say how many packages are in it."""
    pins = [pin for path in sorted(HERE.glob("*.txt")) for pin in pins_of(path.read_text())]
    core = core_names()
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())["project"]
    made = bill(pins, core, project["version"])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(made, indent=1) + "\n")
    locked = {pin.name for pin in pins}
    assert core <= locked, f"installed, but not locked: {core - locked}"
    sys.stdout.write(f"packages in a plain install: {len(core)}; of all that is locked: {len(locked)}; {out}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
