"""`gametape sql`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from recorder.envelope import Envelope, Kind
from recorder.errors import UsageError
from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter
from replay.verbs.sql import sql

SAMPLE = str(Path(__file__).resolve().parents[3] / "data" / "sample")


@pytest.fixture(autouse=True)
def _our_cache(cache_dir, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GAMETAPE_CACHE_DIR", str(cache_dir))
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> Result:
    return CliRunner().invoke(sql, words, catch_exceptions=False)


def ask(query: str, tape: str = SAMPLE) -> list[list[object]]:
    return json.loads(run(query, tape, "--json").stdout)["rows"]


def test_envelopes_are_the_tape(sample) -> None:
    """Every envelope of a sealed tape is a row, with the name of its kind."""
    rows = ask("select seq, recv_ns, feed, conn, kind, meta from envelopes where seq % 1000 = 0 order by seq")
    wanted = [one for one in sample.read() if one.seq % 1000 == 0]
    assert rows == [
        [one.seq, one.recv_ns, one.feed, one.conn, one.kind.name.lower(), one.meta.decode()] for one in wanted
    ]
    assert ask("select count(*) from envelopes") == [[len(sample)]]


def test_hot_and_sealed_are_one_table(tmp_path) -> None:
    """A tape that is half sealed and half hot is one table; payloads are bytes, and text where they are text."""
    path = tmp_path / "half"
    for first in (0, 2):
        writer = TapeWriter.create(path, created_ns=1) if first == 0 else TapeWriter.resume(path)
        with writer:
            for seq, payload in ((first, b"\xff"), (first + 1, b'{"a":1}')):
                writer.append(Envelope(seq, seq, "f", 0, Kind.FRAME, b"", payload))
        if first == 0:
            seal_tape(path)
    assert len(list((path / "hot").glob("*.hot"))) == 1
    rows = ask("select seq, payload, text from envelopes order by seq", str(path))
    assert rows == [[0, "/w==", None], [1, '{"a":1}', '{"a":1}'], [2, "/w==", None], [3, '{"a":1}', '{"a":1}']]


def test_decoded_tables_have_names(sample_film) -> None:
    """Rows, states, polls and rules are those of the film; numbers join to tokens, games and feeds."""
    night = sample_film.night
    counts = "select (select count(*) from rows), (select count(*) from states), (select count(*) from polls)"
    assert ask(counts) == [[len(night.rows.seq), len(night.states), len(night.polls)]]
    final = ask(
        "select g.game_id, max(s.home), max(s.away) from states s join games g using (game) "
        "where status = 'final' group by 1 order by 1"
    )
    assert [row[0] for row in final] == sorted(game.game_id for game in sample_film.catalogue.games if game.plan)
    assert ask("select count(*) from rules join tokens using (token) where team is null") == [[0]]
    assert {"espn.nba", "nba.scoreboard"} <= {row[0] for row in ask("select name from feeds")}
    assert {"bid_last", "ask_last", "snapshot", "link"} <= {row[0] for row in ask("select distinct op from rows")}


def test_formats() -> None:
    """A table for people, CSV with a head, JSON with its schema; a table ends after 200 rows and says so."""
    query = "select 1 as a, 'x,y' as b, null as c, 170141183460469231731687303715884105727 as d"
    assert list(csv.reader(io.StringIO(run(query, SAMPLE, "--csv").stdout))) == [
        ["a", "b", "c", "d"],
        ["1", "x,y", "", str(2**127 - 1)],
    ]
    told = json.loads(run(query, SAMPLE, "--json").stdout)
    assert told == {
        "schema": "gametape.sql/1",
        "columns": ["a", "b", "c", "d"],
        "rows": [[1, "x,y", None, str(2**127 - 1)]],
    }
    long = run("select seq from envelopes", SAMPLE)
    assert len(long.stdout.splitlines()) == 201
    assert "the first 200 rows" in long.stderr
    assert "no rows" in run("select 1 where false", SAMPLE).stderr
    assert run("select 1", SAMPLE, "--csv", "--json").exit_code == 2


def test_the_tables_can_be_listed() -> None:
    """`show tables` names all of them."""
    names = {row[0] for row in ask("show tables")}
    assert {"envelopes", "rows", "states", "polls", "rules", "tokens", "games", "feeds"} <= names


@pytest.mark.parametrize(
    "query",
    [
        "selec 1",
        "select nothing from envelopes",
        "select * from tape",
        "select * from read_csv('/etc/passwd')",
        "select * from '/etc/passwd'",
        "copy (select 1) to 'out.csv'",
        "attach 'other.db'",
        "select * from glob('*')",
        "install httpfs",
        "select * from 'http://127.0.0.1:1/x.csv'",
        "set enable_external_access = true",
        "reset lock_configuration",
        "select * from query",
        "select 1 / 0 :: integer, error('no')",
    ],
)
def test_what_cannot_be_answered_is_a_usage_error(query) -> None:
    """A wrong query, and one that reaches for files, the network or our own variables, exits with 2 and says why."""
    with pytest.raises(UsageError) as failed:
        run(query, SAMPLE)
    assert failed.value.why
    assert not list(Path().iterdir())


@pytest.mark.parametrize("query", ["", " ; ", "/* nothing */"])
def test_a_query_that_asks_nothing_is_a_usage_error(query) -> None:
    """An empty query, or a comment alone, is refused and a query that would be answered is named."""
    with pytest.raises(UsageError, match="asks nothing") as failed:
        run(query, SAMPLE)
    assert "show tables" in failed.value.hint


def test_the_tape_is_never_changed() -> None:
    """A query cannot write into a sealed segment, by whatever name."""
    (sealed,) = [str(path) for path in Path(SAMPLE, "sealed").glob("*.parquet")][:1]
    before = open_tape(SAMPLE).digest()
    for query in (f"copy (select 1) to '{sealed}'", "delete from envelopes", "update sealed_envelopes set seq = 1"):
        with pytest.raises(UsageError):
            run(query, SAMPLE)
    assert open_tape(SAMPLE).digest() == before


def test_a_tape_that_is_not_there() -> None:
    """A missing tape is a usage error."""
    with pytest.raises(UsageError):
        run("select 1", "nowhere")
