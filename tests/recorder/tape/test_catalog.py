from __future__ import annotations

import shutil

from recorder.tape.catalog import BROKEN_JOINT, OVERLAPS, HotPart, SealedPart, read_catalog
from recorder.tape.seal import seal_tape
from recorder.tape.segment import TORN_TAIL
from recorder.tape.writer import TapeWriter


def test_parts_lie_end_to_end(tape):
    """A hot tape's parts cover every seq once, and end in a clean close."""
    catalog = read_catalog(tape)
    spans = [(part.first_seq, part.last_seq) for part in catalog.parts]
    assert spans == [(0, 20), (21, 40), (41, 59)]
    assert (catalog.next_seq, catalog.damage, catalog.closed) == (60, [], True)


def test_sealed_counts_before_hot(tmp_path, tape):
    """A hot file that is sealed already is a leftover, whether whole or damaged."""
    kept = tmp_path / "kept"
    shutil.copytree(tape / "hot", kept)
    seal_tape(tape)
    shutil.copytree(kept, tape / "hot", dirs_exist_ok=True)
    (tape / "hot" / f"{21:020d}.hot").write_bytes(b"junk")
    catalog = read_catalog(tape)
    assert [type(part) for part in catalog.parts] == [SealedPart] * 3
    assert (len(catalog.leftover), catalog.damage) == (3, [])


def test_the_later_file_takes_over(tmp_path, night):
    """Where a file goes on beyond the beginning of the next, its blocks from there on do not count."""
    envelopes = night(20)
    path, other = tmp_path / "a", tmp_path / "b" / "a"
    writer = TapeWriter.create(path, created_ns=1)
    for at, envelope in enumerate(envelopes[:10]):
        writer.append(envelope)
        if at == 4:
            writer.commit()
    other.parent.mkdir()
    shutil.copytree(path, other)
    with TapeWriter.resume(other) as again:
        for envelope in envelopes[5:]:
            again.append(envelope)
    writer.close()
    shutil.copy(other / "hot" / f"{5:020d}.hot", path / "hot")
    catalog = read_catalog(path)
    assert [(part.first_seq, part.last_seq) for part in catalog.parts] == [(0, 4), (5, 19)]
    assert [one.why for one in catalog.damage] == [TORN_TAIL]


def test_a_hole_is_blamed_on_the_tail_that_held_it(tape):
    """Where a segment is cut short and another follows, the damage names the file, the byte and the missing seqs."""
    hot = tape / "hot" / f"{0:020d}.hot"
    hot.write_bytes(hot.read_bytes()[:-5])
    damage = read_catalog(tape).damage
    assert [(one.file, one.last_seq, one.why) for one in damage] == [(f"hot/{hot.name}", 20, "tail is damaged")]


def test_a_swapped_or_repeated_segment_breaks_the_chain(tmp_path, night, record):
    """A segment of the same tape id but another past does not join, and one that repeats seqs overlaps."""
    (tmp_path / "x").mkdir()
    one = record(tmp_path / "a", night(60), segment_raw_bytes=1500)
    other = record(tmp_path / "x" / "a", night(60), segment_raw_bytes=1500, each=3)
    shutil.copy(other / "hot" / f"{21:020d}.hot", one / "hot")
    assert BROKEN_JOINT in {damage.why for damage in read_catalog(one).damage}
    again = record(tmp_path / "x" / "b", night(60), segment_raw_bytes=2000)
    shutil.copytree(again / "hot", one / "hot", dirs_exist_ok=True)
    catalog = read_catalog(one)
    assert catalog.damage
    assert all(isinstance(part, HotPart) for part in catalog.parts)
    assert OVERLAPS not in {damage.why for damage in read_catalog(again).damage}
