"""Tapes on object storage, against a server on loopback."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from recorder.errors import CorruptError, UpstreamError, UsageError
from recorder.tape.reader import open_tape
from replay.film import build_film
from replay.find import find_tapes
from replay.store import fetch_tape, is_remote
from replay.synth.night import plan_night, write_night

obstore = pytest.importorskip("obstore")
ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample"


def upload(folder: Path, prefix: str) -> None:
    from obstore.store import S3Store

    bucket = S3Store("tapes", client_options={"allow_http": True})
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            obstore.put(bucket, f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())


@pytest.fixture(scope="module")
def storage():
    """A moto server on loopback with a bucket named tapes, and the environment that leads there."""
    pytest.importorskip("moto")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with server, pytest.MonkeyPatch.context() as patch:
        next(line for line in server.stderr if "Running on" in line)
        for name, value in (
            ("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
        ):
            patch.setenv(name, value)
        urlopen(Request(f"http://127.0.0.1:{port}/tapes", method="PUT")).close()
        upload(SAMPLE, "2026/sample")
        yield
        server.kill()


def test_the_same_film_from_afar(storage, tmp_path, monkeypatch, sample_film) -> None:
    """A tape on object storage has the digest and the film of the one on disk."""
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(tmp_path))
    (tape,) = find_tapes(["s3://tapes/2026/sample"])
    assert tape.digest() == open_tape(SAMPLE).digest()
    film = build_film(tape)
    assert (film.tape, film.events, film.payouts) == (sample_film.tape, sample_film.events, sample_film.payouts)
    assert (film.night.rows.price_u6 == sample_film.night.rows.price_u6).all()


def test_what_is_there_is_not_fetched_again(storage, tmp_path) -> None:
    """The second time nothing but the identity crosses the wire; what is missing or cut short is fetched."""
    told: list[tuple[int, int]] = []
    folder = fetch_tape("s3://tapes/2026/sample", tmp_path, on_progress=lambda *done: told.append(done))
    assert told[-1][0] == told[-1][1]
    first = {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    (cut, *_) = first
    whole = cut.read_bytes()
    fetch_tape("s3://tapes/2026/sample/", tmp_path)
    assert first == {path: path.stat().st_mtime_ns for path in folder.rglob("*.parquet")}
    cut.write_bytes(whole[:100])
    fetch_tape("s3://tapes/2026/sample", tmp_path)
    assert cut.read_bytes() == whole


def test_damage_on_the_way_is_found(storage, tmp_path) -> None:
    """A segment whose bytes changed on the storage is refused when it is read, as on disk."""
    spoiled = Path(shutil.copytree(SAMPLE, tmp_path / "spoiled"))
    segment = next((spoiled / "sealed").iterdir())
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    upload(spoiled, "spoiled")
    with pytest.raises(CorruptError):
        build_film(open_tape(fetch_tape("s3://tapes/spoiled", tmp_path / "cache")))


def test_another_tape_under_the_same_address(storage, tmp_path) -> None:
    """Where an address comes to hold another tape, nothing of the old one is left."""
    from recorder.tape.seal import seal_tape

    upload(SAMPLE, "changing")
    before = open_tape(fetch_tape("s3://tapes/changing", tmp_path / "cache")).digest()
    write_night(tmp_path / "other", plan_night(3, 1, "2026-01-15", 300))
    seal_tape(tmp_path / "other")
    upload(tmp_path / "other", "changing")
    after = open_tape(fetch_tape("s3://tapes/changing", tmp_path / "cache")).digest()
    assert after == open_tape(tmp_path / "other").digest() != before


def test_a_tape_that_still_grows_is_refused(storage, tmp_path) -> None:
    """Only sealed tapes are read from afar; an empty address holds none."""
    write_night(tmp_path / "hot", plan_night(3, 1, "2026-01-15", 300))
    upload(tmp_path / "hot", "hot")
    with pytest.raises(UsageError, match="is not sealed"):
        fetch_tape("s3://tapes/hot", tmp_path / "cache")
    with pytest.raises(UsageError, match="there is no tape at"):
        fetch_tape("s3://tapes/nothing/here", tmp_path / "cache")


def test_a_bucket_that_is_not_there(storage, tmp_path) -> None:
    """What the storage refuses is an upstream error in one line."""
    with pytest.raises(UpstreamError, match="cannot be read") as refused:
        fetch_tape("s3://nobodys-bucket/tape", tmp_path)
    assert "\n" not in refused.value.why


@pytest.mark.parametrize("url", ["s3://", "s3://tapes", "s3://tapes/../x", "s3://Tapes/x", "s3://tapes//x", "s3://t/x"])
def test_a_wrong_address_is_refused(url, tmp_path) -> None:
    """An address that is none, or that would lead out of the cache, is refused before anybody is asked."""
    assert is_remote(url)
    with pytest.raises(UsageError, match="not the address of a tape"):
        fetch_tape(url, tmp_path)
