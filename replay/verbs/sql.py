"""`gametape sql`: a tape as tables, for questions that no verb was written for."""

from __future__ import annotations

import base64
import csv
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recorder.errors import UsageError
from recorder.tape.show import echo_json
from replay.verbs.options import films_of

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from recorder.tape.reader import Tape
    from replay.film import Film

__all__ = ["sql"]

_ROWS_SHOWN = 200
_BATCH = 10_000
_WIDTH_MAX = 60
_ENVELOPES = ("seq", "recv_ns", "feed", "conn", "kind", "meta", "payload")
_DECODED = ("rows", "states", "polls", "rules", "tokens", "games", "feeds")
_I64_END = 1 << 63


@click.command(no_args_is_help=True)
@click.argument("query")
@click.argument("tape")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: columns and rows.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a head.")
def sql(query: str, tape: str, as_json: bool, as_csv: bool) -> None:
    """
    Ask a tape in SQL (DuckDB's).

    \b
      gametape sql "select feed, kind, count(*) from envelopes group by all order by 1, 2" tonight
      gametape sql "select recv_ns, home, away from states where game = 0 order by seq" tonight --csv
      gametape sql "select meta->>'$.status' s, count(*) from envelopes where kind = 'body' group by 1" tonight
      gametape sql "show tables" tonight

    \b
    envelopes  what was recorded; text is the payload where it is text
    rows       every level, snapshot, trade and tick size of the books     rules   what each market said of itself
    states     every observation of a game                                 polls   every answer of a score source
    tokens, games, feeds                                                   the names behind the numbers

    Prices, sizes and money are millionths (u6), times UTC nanoseconds; -1 stands for absent. The query sees this tape
    and nothing else: no file, no network.
    """
    import duckdb

    from recorder.config import load_config
    from recorder.tape.locate import locate_tape
    from recorder.tape.reader import corrupt, open_tape

    if as_json and as_csv:
        raise click.UsageError("--json or --csv, not both")
    opened = open_tape(locate_tape(tape, Path(load_config().config.tapes_dir)))
    if opened.damage:
        raise corrupt(opened.path, opened.damage[0])
    with duckdb.connect(":memory:") as db:
        _fill(db, opened, query)
        hint = 'gametape sql "show tables" TAPE'
        try:
            if not duckdb.extract_statements(query):
                raise UsageError("the query asks nothing", hint=hint)
            answer = db.execute(query)
            _print(answer, as_json=as_json, as_csv=as_csv)
        except duckdb.Error as error:
            raise UsageError("the query cannot be answered", why=str(error), hint=hint) from error


def _fill(db: duckdb.DuckDBPyConnection, tape: Tape, query: str) -> None:
    """Make the tables that a query names, all where it names none, and close the doors to everything else."""
    words = set(re.findall(r"\w+", query.lower()))
    wanted = words & {"envelopes", *_DECODED} or {"envelopes", *_DECODED}
    db.execute("set temp_directory = ''")
    if "envelopes" in wanted:
        _fill_envelopes(db, tape, whole=bool(words & {"payload", "text"}) or "*" in query)
    if wanted & set(_DECODED):
        _fill_decoded(db, films_of([tape])[0])
    db.execute("set python_enable_replacements = false")
    db.execute("set enable_external_access = false")
    db.execute("set lock_configuration = true")


def _fill_envelopes(db: duckdb.DuckDBPyConnection, tape: Tape, *, whole: bool) -> None:
    """
    Join sealed segments, read as they are asked for, and hot ones, read now.

    A payload that is sealed as values has to be written again, so where the query is for payloads all are read now.
    """
    import pyarrow.dataset as ds

    from recorder.envelope import Kind
    from recorder.tape.catalog import HotPart, SealedPart, read_catalog

    catalog = read_catalog(tape.path)
    sealed = [str(tape.path / part.entry.file) for part in catalog.parts if isinstance(part, SealedPart)]
    now = [(part.first_seq, part.last_seq) for part in catalog.parts if whole or isinstance(part, HotPart)]
    sources = ["read_envelopes"]
    db.register("read_envelopes", _read_rows(tape, now))
    if sealed and not whole:
        # A dataset and not a path: a path that SQL may read it may also write.
        db.register("sealed_envelopes", ds.dataset(sealed, format="parquet"))
        sources.append("sealed_envelopes")
    names = {int(kind): kind.name.lower() for kind in Kind}
    columns = ", ".join(_ENVELOPES).replace("kind", f"{_named('kind', names)} as kind")
    texts = "try(decode(payload)) as text"
    parts = " union all ".join(f"select {columns}, {texts} from {source}" for source in sources)  # noqa: S608  names of ours
    db.execute(f"create view envelopes as {parts}")


def _read_rows(tape: Tape, spans: list[tuple[int, int]]) -> pa.Table:
    import pyarrow as pa

    from recorder.tape.columns import SCHEMA

    schema = pa.schema([SCHEMA.field(name) for name in _ENVELOPES])
    rows = [
        (one.seq, one.recv_ns, one.feed, one.conn, int(one.kind), one.meta.decode(), one.payload)
        for first_seq, last_seq in spans
        for one in tape.read(first_seq, last_seq)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _fill_decoded(db: duckdb.DuckDBPyConnection, film: Film) -> None:
    """Make the tables of a film, with names beside the numbers."""
    import pyarrow as pa

    from replay.core.events import GameStatus
    from replay.core.rows import POLL_COLUMNS, ROW_COLUMNS, RULES_COLUMNS, STATE_COLUMNS

    night = film.night
    tables: dict[str, dict[str, Any]] = {"rows": {name: getattr(night.rows, name) for name in ROW_COLUMNS}}
    for name, names in (("states", STATE_COLUMNS), ("polls", POLL_COLUMNS), ("rules", RULES_COLUMNS)):
        tables[name] = {column: getattr(night, name)[:, k].copy() for k, column in enumerate(names)}
    for name, columns in tables.items():
        db.register(f"film_{name}", pa.table(columns))
    for name, records in _names(film).items():
        db.execute(f"create table {name} ({_NAMED_TABLES[name]})")
        if records:
            places = ", ".join("?" * len(records[0]))
            db.executemany(f"insert into {name} values ({places})", records)  # noqa: S608  names of ours
    statuses = {int(status): status.name.lower() for status in GameStatus}
    outcomes = {0: "answered", 1: "unchanged", 2: "missed"}
    for name, named in (
        ("rows", {"op": _OPS}),
        ("states", {"status": statuses, "source": {0: "espn", 1: "nba"}}),
        ("polls", {"outcome": outcomes}),
    ):
        words = ", ".join(f"{_named(column, names)} as {column}" for column, names in named.items())
        db.execute(f"create view {name} as select * replace ({words}) from film_{name}")  # noqa: S608  names of ours
    db.execute("create view rules as select * from film_rules")


# Row operations as replay.core.rows numbers them.
_OPS = {
    0: "bid",
    1: "ask",
    2: "bid_last",
    3: "ask_last",
    4: "snapshot",
    5: "witness",
    6: "snapshot_bid",
    7: "snapshot_ask",
    8: "snapshot_end",
    9: "forget",
    10: "tick",
    11: "rules",
    12: "trade_buy",
    13: "trade_sell",
    14: "link",
}
_NAMED_TABLES = {
    "tokens": "token bigint, token_id varchar, game bigint, team varchar, is_home boolean",
    "games": "game bigint, game_id varchar, league varchar, home varchar, away varchar, market_id varchar",
    "feeds": "feed bigint, name varchar",
}


def _names(film: Film) -> dict[str, list[tuple[object, ...]]]:
    stands_for: dict[str, tuple[object, ...]] = {}
    for number, game in enumerate(film.catalogue.games):
        if game.plan is not None:
            stands_for[game.plan.home_token_id] = (number, game.home, True)
            stands_for[game.plan.away_token_id] = (number, game.away, False)
    nothing = (None, None, None)
    return {
        "tokens": [(k, token, *stands_for.get(token, nothing)) for k, token in enumerate(film.catalogue.tokens)],
        "games": [
            (k, game.game_id, game.league, game.home, game.away, None if game.plan is None else game.plan.market_id)
            for k, game in enumerate(film.catalogue.games)
        ],
        "feeds": list(enumerate(film.catalogue.feeds)),
    }


def _named(column: str, names: Mapping[int, str]) -> str:
    """Return an expression that names the numbers of a column."""
    cases = " ".join(f"when {number} then '{name}'" for number, name in names.items())
    return f"case {column} {cases} else {column}::varchar end"


# Answers -----------------------------------------------------------------------------------------------------


def _print(answer: duckdb.DuckDBPyConnection, *, as_json: bool, as_csv: bool) -> None:
    columns = [str(column[0]) for column in answer.description or []]
    rows = _rows(answer)
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    elif as_json:
        facts = {"schema": "gametape.sql/1", "columns": columns, "rows": list(rows)}
        echo_json(facts)
    else:
        _print_table(columns, rows)


def _rows(answer: duckdb.DuckDBPyConnection) -> Iterator[list[object]]:
    while batch := answer.fetchmany(_BATCH):
        for row in batch:
            yield [_plain(value) for value in row]


def _plain(value: object) -> object:
    """Return a value that JSON, CSV and a table can hold: bytes as text or base64, numbers beyond 64 bits as text."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, int) and not -_I64_END <= value < _I64_END:
        return str(value)
    return value


def _print_table(columns: list[str], rows: Iterator[list[object]]) -> None:
    from recorder.tape.show import print_table

    shown: list[list[str]] = []
    for row in rows:
        if len(shown) == _ROWS_SHOWN:
            click.echo(f"the first {_ROWS_SHOWN} rows; --csv or --json for all of them", err=True)
            break
        shown.append(["" if value is None else _short(str(value)) for value in row])
    print_table(columns, shown)
    if not shown:
        click.echo("no rows", err=True)


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH_MAX else f"{text[: _WIDTH_MAX - 1]}…"
