from __future__ import annotations

import json

from recorder.tape import show


def test_a_terminal_obeys_nothing():
    """Escape sequences in names and payloads never reach a terminal, and JSON stays exact."""
    hostile = "\x1b[2J\x9b31m\x7f\u2028\r\nend"
    line = show.json_line({"payload": hostile})
    assert line.isprintable()
    assert json.loads(line) == {"payload": hostile}
    assert show.safe(hostile).isprintable()


def test_numbers_in_words():
    """Sizes, counts, times and ranges read as people write them."""
    assert [show.size(count) for count in (0, 1023, 1536, 5 << 20, 3 << 30)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "5.0 MiB",
        "3.0 GiB",
    ]
    assert [show.thousands(count) for count in (None, 0, 1234567)] == ["?", "0", "1,234,567"]
    assert show.moment(1_700_000_000_000_000_000) == "2023-11-14 22:13:20"
    assert show.moment(None) == "-"
    assert show.span({"first_ns": 0, "last_ns": 3_725_000_000_000}) == "1:02:05"
    assert [show.seqs(None, None), show.seqs(3, 3), show.seqs(3, 5)] == ["-", "3", "3 to 5"]


def test_columns_line_up(capsys):
    """Columns are as wide as their widest cell; numbers stand right."""
    show.print_table(["a", "n"], [["x", "1"], ["long", "100"]], right={1})
    assert capsys.readouterr().out == "a       n\nx       1\nlong  100\n"
