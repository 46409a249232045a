"""The files of the dashboard, as a server hands them out: each by its exact name, and the headers that guard them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

__all__ = ["PAGE_HEADERS", "page_files"]

_FOLDER = Path(__file__).parent / "web"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

PAGE_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        # A page must not outlive the version of the program that answers it.
        "Cache-Control": "no-cache",
    }
)


def page_files() -> dict[str, tuple[str, bytes]]:
    """
    Return what is served: the path asked for -> (content type, bytes).

    Only names that are in here are answered, so there is no path to escape by.
    """
    found = {
        f"/static/{path.relative_to(_FOLDER).as_posix()}": (_TYPES[path.suffix], path.read_bytes())
        for path in sorted(_FOLDER.rglob("*"))
        if path.suffix in _TYPES
    }
    found["/"] = found.pop("/static/index.html")
    return found
