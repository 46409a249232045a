"""The locks and the bill of materials that is made of them."""

from __future__ import annotations

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements"
SHA256 = "0" * 64


@pytest.fixture(scope="module")
def sbom() -> SimpleNamespace:
    """The script, as a module."""
    return SimpleNamespace(**runpy.run_path(str(REQUIREMENTS / "sbom.py")))


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[dict, bytes, str]:
    """What the script writes, in the end as bytes, and what it says."""
    path = tmp_path_factory.mktemp("sbom") / "deep" / "one.json"
    words = [sys.executable, str(REQUIREMENTS / "sbom.py"), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return json.loads(path.read_bytes()), path.read_bytes(), done.stdout


@pytest.mark.parametrize("lock", sorted(REQUIREMENTS.rglob("*.txt")), ids=lambda path: path.stem)
def test_a_lock_holds_names_versions_and_hashes_only(sbom, lock) -> None:
    """No address, no option, no comment: every entry is a pin, and every pin has a sha256."""
    pins = list(sbom.pins_of(lock.read_text()))
    assert len(pins) == sum("==" in line.partition(";")[0] for line in lock.read_text().splitlines())
    assert all(pin.hashes for pin in pins)


@pytest.mark.parametrize(
    "text",
    [
        "-i https://example.org/simple",
        "-r other.txt",
        "# a comment",
        f"a @ https://example.org/a.whl --hash=sha256:{SHA256}",
        "a==1",
        f"a>=1 --hash=sha256:{SHA256}",
        "a==1 --hash=md5:00",
        f"a==1 --hash=sha256:{SHA256} -i https://example.org",
    ],
)
def test_anything_else_in_a_lock_is_refused(sbom, text) -> None:
    """Addresses, options, loose versions and weak hashes are not read past."""
    with pytest.raises(ValueError, match="not a name, a version and hashes"):
        list(sbom.pins_of(text))


def test_the_bill_has_what_cyclonedx_asks_for(made) -> None:
    """Format, version, a serial number, and components with type, name, version, unique reference and hashes."""
    bill, _, _ = made
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bill["serialNumber"])
    assert bill["metadata"]["component"]["name"] == "gametape"
    references = [one["bom-ref"] for one in bill["components"]]
    assert len(set(references)) == len(references)
    for one in bill["components"]:
        assert one["type"] == "library"
        assert one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}"
        assert one["scope"] in {"required", "optional"}
        assert all(hashed["alg"] == "SHA-256" for hashed in one["hashes"])
        assert all(re.fullmatch("[0-9a-f]{64}", hashed["content"]) for hashed in one["hashes"])


def test_the_bill_is_of_all_locks(sbom, made) -> None:
    """Every pin is a component, and every component was pinned."""
    pins = [pin for path in REQUIREMENTS.glob("*.txt") for pin in sbom.pins_of(path.read_text())]
    assert {one["purl"] for one in made[0]["components"]} == {pin.purl for pin in pins}


def test_a_plain_install_is_required_and_counted(made) -> None:
    """What the recorder needs is required, what checks it is not, and the number is said."""
    bill, _, said = made
    required = {one["name"] for one in bill["components"] if one["scope"] == "required"}
    assert {"aiohttp", "click", "yarl", "llvmlite"} <= required
    assert not required & {"pytest", "fastapi", "ruff", "hatchling"}
    assert said.startswith(f"packages in a plain install: {len(required)};")


def test_the_same_locks_give_the_same_bytes(sbom, made) -> None:
    """No time and no chance in it; another version is another serial number."""
    pins = [pin for path in sorted(REQUIREMENTS.glob("*.txt")) for pin in sbom.pins_of(path.read_text())]
    version = made[0]["metadata"]["component"]["version"]
    again = sbom.bill(list(reversed(pins)), sbom.core_names(), version)
    assert json.dumps(again, indent=1).encode() + b"\n" == made[1]
    assert sbom.bill(pins, set(), "0.0.0")["serialNumber"] != again["serialNumber"]
