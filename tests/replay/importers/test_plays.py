"""Plays with wall clocks, polled."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from foreign_files import actions_file, summary_file

from recorder.envelope import Envelope, Kind
from recorder.errors import UsageError
from replay.core.decode import decode
from replay.core.events import GameStatus, PollUnchanged, ScoreSeen
from replay.importers.plays import Polling, import_espn, import_nba
from replay.importers.source import Imported

S = 1_000_000_000
BEGIN_NS = 1_768_521_600 * S


def shown(made: Imported) -> list[tuple[int, ScoreSeen]]:
    events = [(row[0], event) for row in made.rows for event in decode(Envelope(0, *row))]
    return [(at_ns, event) for at_ns, event in events if isinstance(event, ScoreSeen)]


def test_a_poller_sees_each_play(tmp_path: Path) -> None:
    """Asked every two seconds: each scoreboard once, at the first poll after its play, else `not modified`."""
    path = summary_file(tmp_path / "game.json", plays=5)
    made = import_espn(path, Polling())
    times = [row[0] for row in made.rows]
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {2 * S}
    scores = shown(made)
    assert [(at_ns - BEGIN_NS) // S for at_ns, _ in scores] == [-900, 0, 30, 60, 90, 120]
    assert [event.home_score for _, event in scores] == [0, 0, 2, 4, 6, 8]
    assert scores[-1][1].status is GameStatus.FINAL
    rest = [event for row in made.rows for event in decode(Envelope(0, *row)) if not isinstance(event, ScoreSeen)]
    assert {type(event) for event in rest} == {PollUnchanged}
    assert made.original == path.read_bytes()
    game = made.games[0]
    assert (game.source, game.id, game.home, game.away) == ("espn", "9", "Homes", "Aways")


def test_a_late_scoreboard(tmp_path: Path) -> None:
    """Every play is shown so much later, and the tape says so."""
    path = summary_file(tmp_path / "game.json", plays=3)
    made = import_espn(path, Polling(every_ns=S, late_ns=7 * S))
    assert [(at_ns - BEGIN_NS) // S for at_ns, _ in shown(made)] == [-893, 7, 37, 67]
    assert made.clock.endswith("7 s later")


def test_the_nba_s_plays_without_a_boxscore(tmp_path: Path) -> None:
    """Which side is at home follows from whose shots move its score; names are three letters."""
    made = import_nba(actions_file(tmp_path / "pbp.json"), Polling())
    (game,) = made.games
    assert (game.source, game.id, game.home, game.away) == ("nba", "0022500001", "HOM", "AWY")
    last = shown(made)[-1][1]
    assert (last.home_score, last.away_score, last.period) == (30, 18, 1)


def test_the_nba_s_plays_with_a_boxscore(tmp_path: Path) -> None:
    """The boxscore knows the names and the scheduled start."""

    def team(number: int, name: str) -> dict[str, object]:
        return {"teamId": number, "teamName": name, "teamCity": "C", "teamTricode": name[:3].upper()}

    facts = {"gameId": "0022500001", "gameCode": "20260115/AWYHOM", "gameTimeUTC": "2026-01-15T23:50:00Z"}
    facts |= {"gameEt": "2026-01-15T18:50:00-05:00", "regulationPeriods": 4}
    box = tmp_path / "box.json"
    box.write_text(json.dumps({"game": facts | {"homeTeam": team(1, "Homes"), "awayTeam": team(2, "Aways")}}))
    made = import_nba(actions_file(tmp_path / "pbp.json"), Polling(), box)
    (game,) = made.games
    assert (game.home, game.away, game.start_ns) == ("Homes", "Aways", BEGIN_NS - 600 * S)


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", '{"header": {}, "plays": []}', '{"game": {"gameId": "1", "actions": []}}']
)
def test_what_is_no_such_file(tmp_path: Path, text: str) -> None:
    """It is refused by its name, whatever is in it."""
    path = tmp_path / "x.json"
    path.write_text(text)
    for read in (import_espn, import_nba):
        with pytest.raises(UsageError, match=r"x\.json"):
            read(path, Polling())


def test_every_row_is_an_answer(tmp_path: Path) -> None:
    """All rows are BODY envelopes of one URL, asked when they were answered."""
    made = import_espn(summary_file(tmp_path / "game.json", plays=3), Polling())
    facts = [Envelope(0, *row).facts() for row in made.rows]
    assert {row[3] for row in made.rows} == {Kind.BODY}
    assert len({fact["url"] for fact in facts}) == 1
    assert [fact["sent_ns"] for fact in facts] == [row[0] for row in made.rows]


@pytest.mark.parametrize(
    ("key", "value"),
    [("wallclock", "9999-01-02T00:00:00Z"), ("period", {"number": 10**9, "displayValue": "x"})],
)
def test_a_play_that_no_game_has(tmp_path: Path, key: str, value: object) -> None:
    """One play of another age, or of period a thousand million, is refused at once instead of filling the memory."""
    path = summary_file(tmp_path / "game.json", plays=5)
    facts = json.loads(path.read_text())
    facts["plays"][3][key] = value
    path.write_text(json.dumps(facts))
    with pytest.raises(UsageError):
        import_espn(path, Polling())


@pytest.mark.parametrize("polling", [Polling(every_ns=1), Polling(late_ns=1 << 62)])
def test_a_poll_that_never_ends(tmp_path: Path, polling: Polling) -> None:
    """More polls than a tape has room for, or later than its times reach, are refused in words."""
    with pytest.raises(UsageError, match="cannot be polled"):
        import_espn(summary_file(tmp_path / "game.json", plays=5), polling)


@pytest.mark.parametrize("opening", [b"[", b'{"game":', b'{"plays":['])
def test_a_file_that_is_only_depth(tmp_path: Path, opening: bytes) -> None:
    """Brackets without end are a file that is none, not a failure of ours."""
    path = tmp_path / "deep.json"
    path.write_bytes(opening * 100_000)
    with pytest.raises(UsageError):
        import_nba(path, Polling())
    with pytest.raises(UsageError):
        import_espn(path, Polling())
