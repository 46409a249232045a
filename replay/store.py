"""
Tapes on object storage: the sealed segments of a tape under `s3://bucket/prefix`, read as if they lay here.

Everything of a sealed tape is immutable, so each object is fetched once, into the cache, and checked there against the
tape's own manifest and digests like any tape on disk. Address, region and credentials of the storage are found as all
AWS tools find them (`AWS_ENDPOINT_URL`, `AWS_REGION`, ...); nothing of them is written anywhere.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recorder.errors import UpstreamError, UsageError
from replay.whole import write_whole

if TYPE_CHECKING:
    from obstore.store import S3Store

__all__ = ["fetch_tape", "is_remote"]

_SCHEME = "s3://"
_OURS = re.compile(r"tape\.json|manifest/\d{8}\.json|sealed/\d{20}\.parquet", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9._=-]*", re.ASCII)
_IDENTITY = "tape.json"


def is_remote(name: str) -> bool:
    """Say whether a tape's name is an address on object storage."""
    return name.startswith(_SCHEME)


def fetch_tape(url: str, cache: Path, *, on_progress: Callable[[int, int], None] | None = None) -> Path:
    """
    Bring a sealed tape into the cache, as far as it is not there, and return its folder.

    on_progress is told (bytes there, bytes in all).

    Raises:
        UsageError: not an address of a sealed tape, or obstore is not installed.
        UpstreamError: the storage does not answer or refuses.
    """
    try:
        from obstore.exceptions import BaseError
    except ModuleNotFoundError as error:
        raise UsageError("tapes on object storage need obstore", hint="pip install -e '.[dist]'") from error
    bucket, parts = _parsed(url)
    prefix = "/".join(parts)
    folder = cache.joinpath(bucket, *parts)
    try:
        remote = _connected(bucket)
        sizes = dict(_listed(remote, prefix, url))
        _begin(remote, prefix, folder)
        total, there = sum(sizes.values()), 0
        # The identity is there already; manifests name segments, so those come last of all.
        for name in sorted(sizes, key=lambda name: (not name.startswith("sealed/"), name)):
            place = folder / name
            if not place.is_file() or place.stat().st_size != sizes[name]:
                write_whole(place, _bytes(remote, prefix, name))
            there += sizes[name]
            if on_progress is not None:
                on_progress(there, total)
    except BaseError as error:
        told = str(error).splitlines()[0]
        raise UpstreamError(f"{url} cannot be read", why=told, hint="is AWS_ENDPOINT_URL or AWS_REGION set?") from error
    return folder


def _parsed(url: str) -> tuple[str, list[str]]:
    bucket, *parts = url.removeprefix(_SCHEME).rstrip("/").split("/")
    if not is_remote(url) or not _BUCKET.fullmatch(bucket) or not parts or not all(map(_PART.fullmatch, parts)):
        raise UsageError(f"{url!r} is not the address of a tape", hint="s3://bucket/path/to/tape")
    return bucket, parts


def _connected(bucket: str) -> S3Store:
    from obstore.store import S3Store

    retries: Any = {"max_retries": 3}
    # Plain http is for a storage on this machine or network, which the address then says.
    return S3Store(bucket, client_options={"allow_http": True}, retry_config=retries)


def _listed(remote: S3Store, prefix: str, url: str) -> Iterator[tuple[str, int]]:
    """Yield name within the tape and size of every object that belongs to it."""
    import obstore

    found: dict[str, int] = {}
    for page in obstore.list(remote, prefix=prefix):
        for item in page:
            found[item["path"].removeprefix(f"{prefix}/")] = int(item["size"])
    if _IDENTITY not in found:
        raise UsageError(f"there is no tape at {url}", why=f"no {_IDENTITY} among {len(found)} objects there")
    if any(name.startswith("hot/") and size for name, size in found.items()):
        raise UsageError(f"{url} is not sealed", why="a block log still grows", hint="gametape seal TAPE, then upload")
    yield from ((name, size) for name, size in found.items() if _OURS.fullmatch(name))


def _begin(remote: S3Store, prefix: str, folder: Path) -> None:
    """Make the folder ready; one that holds another tape is emptied."""
    identity = _bytes(remote, prefix, _IDENTITY)
    place = folder / _IDENTITY
    if place.is_file() and place.read_bytes() != identity:
        shutil.rmtree(folder)
    for name in ("hot", "sealed", "manifest", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_whole(place, identity)


def _bytes(remote: S3Store, prefix: str, name: str) -> bytes:
    import obstore

    return bytes(obstore.get(remote, f"{prefix}/{name}").bytes())
