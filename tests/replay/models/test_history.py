"""Reading a history and sampling its states."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from recorder.errors import CorruptError, UsageError
from replay.models.history import read_history, states_on_grid

GAMES = {
    "game_id": ["1", "2"],
    "season_year": [2021, 2022],
    "date": [20210101, 20220101],
    "home_final": [3, 2],
    "away_final": [2, 4],
}
TIMELINE = {
    "game_id": ["1", "1", "1", "2", "1", "2"],
    "period": [1, 1, 1, 1, 5, 4],
    "clock_s": [720.0, 690.0, 689.9, 600.5, 10.0, 0.0],
    "scoreHome": [1, 1, 2, 0, 3, 2],
    "scoreAway": [0, 2, 2, 4, 2, 4],
}


def write(folder: Path, games: dict[str, list[object]] | None = None, timeline: dict[str, list[object]] | None = None):
    pl.DataFrame(games or GAMES).write_parquet(folder / "games.parquet")
    pl.DataFrame(timeline or TIMELINE).write_parquet(folder / "timeline.parquet")
    return folder / "games.parquet", folder / "timeline.parquet"


def test_a_state_is_the_last_change_at_or_before_its_moment(tmp_path: Path) -> None:
    """At 0:30 the change at 11:30 counts and the one at 11:29.9 does not; before the first change it is 0-0."""
    states, game, won = states_on_grid(read_history(*write(tmp_path)))
    assert len(states) == 96
    assert states.home_score[:2].tolist() == [1, 2]
    assert states.away_score[:2].tolist() == [2, 2]
    assert states.clock_ms[:2].tolist() == [690_000, 630_000]
    assert (states.home_score[48], states.away_score[48]) == (0, 0)
    assert (states.home_score[50], states.away_score[50]) == (0, 4)
    assert (states.elapsed_ms[47], states.period[47]) == (47 * 60_000 + 30_000, 4)
    assert won.tolist() == [True] * 48 + [False] * 48
    assert game.tolist() == [0] * 48 + [1] * 48


def test_overtime_is_not_on_the_grid_but_after_regulation(tmp_path: Path) -> None:
    """A change in overtime lies after the whole of regulation and reaches no state of it."""
    history = read_history(*write(tmp_path))
    assert history.timeline.filter(pl.col("game_id") == "1")["elapsed_ms"].to_list()[-1] == 48 * 60_000 + 290_000
    assert states_on_grid(history)[0].home_score[:48].max() == 2


def test_rows_out_of_order_are_taken_by_their_clock(tmp_path: Path) -> None:
    """A change listed too late still counts at its own time; among equal clocks the source's order holds."""
    rows = {name: [*values[:3][::-1], *values[3:]] for name, values in TIMELINE.items()}
    states, _, _ = states_on_grid(read_history(*write(tmp_path, timeline=rows)))
    assert states.home_score[:2].tolist() == [1, 2]


def test_seasons_are_chosen(tmp_path: Path) -> None:
    """Only the games of the seasons asked for remain; none left is a usage error."""
    paths = write(tmp_path)
    assert read_history(*paths, seasons=(2022, 2022)).games["game_id"].to_list() == ["2"]
    history = read_history(*paths)
    assert history.between(2021, 2021).games["game_id"].to_list() == ["1"]
    assert history.between(2021, 2021).timeline.height == 4
    with pytest.raises(UsageError, match="no game is left"):
        read_history(*paths, seasons=(1999, 2000))


def test_draws_and_games_without_changes_are_left_out(tmp_path: Path) -> None:
    """What has no winner or no state is not judged."""
    games = {**GAMES, "game_id": ["1", "3"], "home_final": [3, 9]}
    assert read_history(*write(tmp_path, games=games)).games["game_id"].to_list() == ["1"]
    games = {**GAMES, "home_final": [2, 2]}
    assert read_history(*write(tmp_path, games=games)).games["game_id"].to_list() == ["2"]


def test_season_and_date_may_be_missing(tmp_path: Path) -> None:
    """A history without seasons can be judged as a whole, and not by season."""
    paths = write(tmp_path, games={name: GAMES[name] for name in ("game_id", "home_final", "away_final")})
    assert read_history(*paths).games.height == 2
    with pytest.raises(UsageError, match="has no column date, season_year"):
        read_history(*paths, seasons=(2021, 2021))


def test_bad_files(tmp_path: Path) -> None:
    """Missing, foreign and wrong files are told apart, and so are leagues without a clock."""
    games, timeline = write(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        read_history(tmp_path / "none", timeline)
    (tmp_path / "text").write_text("not parquet")
    with pytest.raises(CorruptError, match="no Parquet file"):
        read_history(games, tmp_path / "text")
    with pytest.raises(UsageError, match="has no column clock_s"):
        read_history(games, games)
    pl.DataFrame({**TIMELINE, "period": ["x"] * 6}).write_parquet(tmp_path / "typed")
    with pytest.raises(UsageError, match="another type"):
        read_history(games, tmp_path / "typed")
    with pytest.raises(UsageError, match="no period rules"):
        read_history(games, timeline, "mlb")


@pytest.mark.parametrize(
    ("column", "value"),
    [("clock_s", float("nan")), ("clock_s", -1e300), ("scoreHome", 1 << 62), ("scoreAway", None), ("period", 10**9)],
)
def test_a_score_change_that_no_game_has(tmp_path: Path, column: str, value: float | None) -> None:
    """One such row is refused by name, instead of being judged, or failing in a library's words."""
    strange = {**TIMELINE, column: [*TIMELINE[column][:-1], value]}
    with pytest.raises(UsageError, match=f"1 rows with a {column} that no game has"):
        read_history(*write(tmp_path, timeline=strange))


def test_a_game_counts_once(tmp_path: Path) -> None:
    """A game that is listed twice would narrow every interval; it is named."""
    doubled = {name: [*values, values[0]] for name, values in GAMES.items()}
    with pytest.raises(UsageError, match="a game twice: 1"):
        read_history(*write(tmp_path, games=doubled))
