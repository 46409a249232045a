"""A socket in the file system, wherever it is."""

from __future__ import annotations

import os
import socket
from pathlib import Path

__all__ = ["make_socket"]


def make_socket(path: Path) -> None:
    """Make a socket that nobody listens at; by way of its folder, because an address has a hundred bytes at most."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
