"""Rows as columns are the rows."""

from __future__ import annotations

import numpy as np
import pytest
from reel import stretch

from recorder.envelope import Envelope, Kind, encode_row
from recorder.tape.batch import batch_of_rows, cut_rows
from recorder.tape.frames import ShapeBook

QUOTE = b'{"asset_id":"7","best_bid":"0.5","best_ask":""}'


def test_the_envelopes_of_a_batch_are_those_of_its_rows(night):
    """Columns say of each envelope what it says, and all of them come back whole, those that are values too."""
    envelopes = [*night(50), *(Envelope(50 + k, 9, "polymarket.market", 3, Kind.FRAME, b"", QUOTE) for k in range(3))]
    batch = batch_of_rows(b"".join(map(encode_row, envelopes)), len(envelopes), ShapeBook())
    assert list(batch.envelopes()) == envelopes
    assert batch.rows() == b"".join(map(encode_row, envelopes))
    assert [(s, ns, batch.feeds[f]) for s, ns, f in zip(batch.seq, batch.recv_ns, batch.feed, strict=True)] == [
        (one.seq, one.recv_ns, one.feed) for one in envelopes
    ]
    assert batch.frames.shape.tolist() == [-1] * 50 + [0] * 3
    some = np.array([0, 7, 51])
    assert list(batch.some(some)) == [envelopes[at] for at in some]
    assert (batch.frames.bid_u6.tolist(), batch.frames.ask_u6.tolist()) == ([500_000] * 3, [-1] * 3)


@pytest.mark.parametrize("each", [1, 2, 3, 17])
def test_some_envelopes_of_a_night_are_themselves(each):
    """Whichever are asked for, of whatever feeds, with however many changes: they are what was recorded."""
    envelopes = stretch().envelopes[:1_500]
    batch = batch_of_rows(b"".join(map(encode_row, envelopes)), len(envelopes), ShapeBook())
    assert {1, 2} <= set(np.diff(batch.frames.first).tolist())
    assert len(batch.feeds) > 3
    assert list(batch.some(np.arange(each // 2, len(envelopes), each))) == envelopes[each // 2 :: each]


@pytest.mark.parametrize("cut", [1, 29, 31, 60])
def test_rows_that_end_too_early_are_refused(envelopes, cut):
    """Bytes that end inside a row are no batch."""
    rows = b"".join(map(encode_row, envelopes))[:-cut]
    with pytest.raises(ValueError, match="cut short"):
        batch_of_rows(rows, len(envelopes), ShapeBook())


def test_an_unknown_kind_is_refused(envelopes):
    """A kind of a later program is no batch of this one."""
    row = bytearray(encode_row(envelopes[0]))
    row[20] = 200
    with pytest.raises(ValueError, match="kind"):
        batch_of_rows(bytes(row), 1, ShapeBook())


def test_many_rows_are_laid_as_few_are(night):
    """Compiled, as for many bytes, rows are laid as they are interpreted."""
    rows = b"".join(map(encode_row, night(4000)))
    assert batch_of_rows(rows, 4000, ShapeBook()).rows() == rows


@pytest.mark.parametrize("each", [1, 2, 3, 7])
def test_rows_are_cut_anew(each):
    """Rows and bytes bound a group, however the rows came; a row larger than the bound stands alone, none is lost."""
    sizes = [1, 1, 1, 6, 20, 3, 3]
    rows = [encode_row(Envelope(seq, seq, "a", 0, Kind.FRAME, b"", bytes(size))) for seq, size in enumerate(sizes)]
    blocks = [(b"".join(rows[at : at + each]), len(rows[at : at + each])) for at in range(0, len(rows), each)]
    groups = list(cut_rows(blocks, rows_max=2, bytes_max=8))
    assert [count for _, count in groups] == [2, 2, 1, 2]
    assert [group for group, _ in groups] == [b"".join(rows[a:b]) for a, b in ((0, 2), (2, 4), (4, 5), (5, 7))]
    assert list(cut_rows([], rows_max=2, bytes_max=8)) == []
