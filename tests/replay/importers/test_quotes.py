"""Best bids and asks from a Parquet table."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import msgspec
import pytest
from foreign_files import quotes_file

from recorder.envelope import Envelope
from recorder.errors import UsageError
from replay.core.decode import decode
from replay.importers.quotes import FEED, import_quotes
from replay.importers.source import zone_of

TOKENS = ("aways-homes/yes", "aways-homes/no")


def test_the_quotes_of_one_market(tmp_path: Path) -> None:
    """Only the market that is wanted; every column is kept; both outcomes get a book, one the mirror of the other."""
    made = import_quotes(quotes_file(tmp_path / "q.parquet", rows=3), tokens=TOKENS, zone=UTC, size="100")
    assert (len(made.rows), made.tokens) == (3, list(TOKENS))
    assert {row[1] for row in made.rows} == {FEED}
    kept = msgspec.json.decode(made.rows[0][5])["row"]
    assert kept == {"ts": "2026-01-16 00:00:07", "slug": "aways-homes", "bid": 0.3, "ask": 0.32, "lg": "nba"}
    yes, no = decode(Envelope(0, *made.rows[0]))
    assert (yes.token_id, yes.bids, yes.asks) == (TOKENS[0], ((300_000, 10**8),), ((320_000, 10**8),))
    assert (no.token_id, no.bids, no.asks) == (TOKENS[1], ((680_000, 10**8),), ((700_000, 10**8),))
    assert any("100 shares are assumed" in cannot for cannot in made.cannot)
    assert any(cannot.startswith("depth") for cannot in made.cannot)


def test_times_without_a_zone(tmp_path: Path) -> None:
    """They are in the zone that is meant."""
    path = quotes_file(tmp_path / "q.parquet", rows=1)
    utc, eastern = (
        import_quotes(path, tokens=TOKENS, zone=zone, size="1").rows[0][0]
        for zone in (UTC, zone_of("America/New_York"))
    )
    assert eastern - utc == 5 * 3_600 * 10**9


def test_sizes_are_never_made_up_silently(tmp_path: Path) -> None:
    """A table without sizes is refused unless some are assumed; one that has them needs none."""
    with pytest.raises(UsageError) as refused:
        import_quotes(quotes_file(tmp_path / "q.parquet"), tokens=TOKENS, zone=UTC)
    assert refused.value.hint.startswith("--assume-size")
    sizes = {"bid_size": [5.5] * 120, "ask_size": [7] * 120}
    made = import_quotes(quotes_file(tmp_path / "s.parquet", **sizes), tokens=TOKENS, zone=UTC)
    yes = decode(Envelope(0, *made.rows[0]))[0]
    assert (yes.bids[0][1], yes.asks[0][1]) == (5_500_000, 7_000_000)
    assert not any("assumed" in cannot for cannot in made.cannot)


def test_a_table_of_tokens_has_no_mirrors(tmp_path: Path) -> None:
    """Where a row names its token, that is the one that is quoted."""
    path = quotes_file(tmp_path / "q.parquet", rows=1, token_id=["T1", "T2"])
    made = import_quotes(path, tokens=["T1"], zone=UTC, size="1")
    (book,) = decode(Envelope(0, *made.rows[0]))
    assert (book.token_id, book.market_id, made.tokens) == ("T1", "aways-homes", ["T1"])


def test_columns_by_another_name(tmp_path: Path) -> None:
    """--columns says which is which; one that is not there, or not known, is refused."""
    path = quotes_file(tmp_path / "q.parquet", rows=1, buy=[0.4, 0.4])
    made = import_quotes(path, tokens=TOKENS, zone=UTC, size="1", columns={"ask": "buy"})
    assert decode(Envelope(0, *made.rows[0]))[0].asks[0][0] == 400_000
    for columns in ({"ask": "nowhere"}, {"price": "buy"}):
        with pytest.raises(UsageError, match="no such column"):
            import_quotes(path, tokens=TOKENS, zone=UTC, size="1", columns=columns)


def test_what_is_no_table_of_quotes(tmp_path: Path) -> None:
    """No Parquet, no bid, or none of the markets: each says what there is."""
    (tmp_path / "x.parquet").write_bytes(b"PAR1 it is not")
    with pytest.raises(UsageError, match="no Parquet file"):
        import_quotes(tmp_path / "x.parquet", tokens=TOKENS, zone=UTC, size="1")
    path = quotes_file(tmp_path / "q.parquet")
    with pytest.raises(UsageError, match="quotes none of unheard-of"):
        import_quotes(path, tokens=["unheard-of/yes"], zone=UTC, size="1")
    with pytest.raises(UsageError, match="which markets of"):
        import_quotes(path, tokens=[], zone=UTC, size="1")
    nested = quotes_file(tmp_path / "nested.parquet", rows=1, slug=[["aways-homes"], ["x"]])
    with pytest.raises(UsageError, match="no column for market"):
        import_quotes(nested, tokens=TOKENS, zone=UTC, size="1")
