"""
Best bids and asks from a Parquet table: the top of the book, one row a quote.

Columns are found by name (`COLUMNS`), or named. A table of markets rather than tokens quotes the first outcome of each:
its tokens are `MARKET/yes` and, mirrored, `MARKET/no`. Sizes that the table does not have must be assumed, and every
row says that they were.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from recorder.envelope import Kind, encode_meta
from recorder.errors import UsageError
from replay.importers.source import Imported, Row, moment_ns

if TYPE_CHECKING:
    import polars as pl

__all__ = ["COLUMNS", "FEED", "import_quotes"]

FEED = "quotes.top"
COLUMNS: dict[str, tuple[str, ...]] = {
    "time": ("recv_ns", "recv_ts", "received_at", "ts", "time", "timestamp"),
    "token": ("token_id", "token", "asset_id", "asset"),
    "market": ("slug", "market", "market_id", "condition_id", "symbol"),
    "bid": ("bid", "best_bid", "bid_price"),
    "ask": ("ask", "best_ask", "ask_price"),
    "bid_size": ("bid_size", "best_bid_size"),
    "ask_size": ("ask_size", "best_ask_size"),
}
_NEEDED = ("time", "bid", "ask")


def import_quotes(
    path: Path,
    *,
    tokens: Collection[str],
    zone: tzinfo,
    size: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Imported:
    """
    Read the quotes of some tokens from a Parquet file.

    tokens are those that are wanted; zone is meant where times name none; size is assumed where the table has no
    sizes, in shares.

    Raises:
        UsageError: the file is no table of quotes, holds none of the tokens, or has no sizes and none is assumed.
    """
    table, of = _table(path, columns or {})
    has_sizes = "bid_size" in of and "ask_size" in of
    if not has_sizes and size is None:
        raise UsageError(
            f"{path} does not say how many shares stood at bid and ask",
            why=f"its columns are {', '.join(table.columns)}",
            hint="--assume-size 100: fills are then made up to that many shares, and the tape says so",
        )
    key = "token" if "token" in of else "market"
    wanted = {token if key == "token" else token.rpartition("/")[0] or token for token in tokens}
    chosen = table.filter(table[of[key]].cast(str).is_in(sorted(wanted))).sort(of["time"], maintain_order=True)
    if chosen.is_empty():
        names = table[of[key]].cast(str).unique().sort().head(3).to_list()
        raise UsageError(
            f"{path} quotes none of {', '.join(sorted(wanted))}" if wanted else f"which markets of {path}?",
            why=f"it quotes {table[of[key]].n_unique():,}, such as {', '.join(names)}",
            hint="--game GAME=MARKET says which market belongs to which game",
        )
    rows = list(_rows(path.name, chosen, of, zone, size))
    cannot = ["depth: an order finds no more than stands at the touch", "gaps: where rows are missing, nothing says so"]
    if not has_sizes:
        cannot.append(f"sizes: {size} shares are assumed at every touch")
    cannot.append("trading rules: those of docs/venue-rules.md stand in")
    names = chosen[of[key]].cast(str).unique(maintain_order=True).to_list()
    return Imported(
        kind="quotes",
        file=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        what="top of the book" + ("" if has_sizes else f", {size} shares assumed"),
        clock=f"column {of['time']}, {zone} where it names no zone",
        cannot=cannot,
        rows=rows,
        tokens=names if key == "token" else [f"{name}/{side}" for name in names for side in ("yes", "no")],
    )


def _table(path: Path, named: Mapping[str, str]) -> tuple[pl.DataFrame, dict[str, str]]:
    """Return the table, and which of its columns is what."""
    import polars as pl

    try:
        table = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"{path} is no Parquet file that can be read", why=str(error)) from error
    # A list or a struct under a name that would do is some other column.
    plain = [name for name, kind in table.schema.items() if not kind.is_nested()]
    unknown = [f"{what}={name}" for what, name in named.items() if what not in COLUMNS or name not in plain]
    of = {
        what: name
        for what, names in COLUMNS.items()
        if (name := named.get(what) or next((one for one in names if one in plain), None)) is not None
    }
    missing = [what for what in _NEEDED if what not in of]
    if not {"token", "market"} & of.keys():
        missing.append("market")
    if missing or unknown:
        what = f"no column for {', '.join(missing)}" if missing else f"no such column: {', '.join(unknown)}"
        raise UsageError(
            f"{path}: {what}", why=f"it has {', '.join(table.columns)}", hint="--columns time=ts,market=slug,bid=bid"
        )
    return table, of


def _rows(file: str, table: pl.DataFrame, of: dict[str, str], zone: tzinfo, size: str | None) -> Iterator[Row]:
    for number, row in enumerate(table.iter_rows(named=True)):
        try:
            at_ns = _time_ns(row[of["time"]], zone)
        except ValueError as error:
            raise UsageError(f"row {number} of {file} has no time", why=str(error)) from error
        key = str(row[of["token"]] if "token" in of else row[of["market"]])
        quote: dict[str, Any] = {
            "market": str(row[of["market"]]) if "market" in of else key,
            "token": key if "token" in of else f"{key}/yes",
            "mirror": None if "token" in of else f"{key}/no",
            "bid": _text(row[of["bid"]]),
            "ask": _text(row[of["ask"]]),
            "bid_size": _text(row[of["bid_size"]]) if "bid_size" in of else size,
            "ask_size": _text(row[of["ask_size"]]) if "ask_size" in of else size,
            "row": {name: _plain(value) for name, value in row.items()},
        }
        meta = encode_meta({"url": f"{file}#{key}", "status": 200, "sent_ns": at_ns})
        yield at_ns, FEED, 0, Kind.BODY, meta, msgspec.json.encode(quote)


def _time_ns(value: object, zone: tzinfo) -> int:
    if isinstance(value, datetime):
        return moment_ns(value.isoformat(), zone)
    return moment_ns(value, zone)


def _text(number: object) -> str | None:
    """Return a number as the shortest text that means it; None where the table has none."""
    return None if number is None or number != number else str(number)  # noqa: PLR0124 - NaN is not itself


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
