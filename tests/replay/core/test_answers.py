"""What is kept of an answer changes no row: one that comes again means what it would mean if it were read anew."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from script import URL, Score, Script

from recorder.envelope import Envelope, Kind
from replay.core import answers
from replay.core.answers import Answers
from replay.core.decode import decode
from replay.core.events import Event
from replay.core.roll import Roller
from replay.core.rows import POLL_COLUMNS, STATE_COLUMNS, Night

NBA = b'{"scoreboard":{"games":[{"gameId":"00401","gameStatus":2,"period":1,"gameClock":"PT11M00.00S",%s}]}}' % (
    b'"homeTeam":{"teamId":1,"teamName":"Pacers","score":2},"awayTeam":{"teamId":2,"teamName":"Knicks","score":3}'
)
ESPN = [Script().scores(*scores).envelopes[0].payload for scores in ([Score(1, 0)], [Score(2, 0), Score(id="402")], [])]
BODIES = [*ESPN, NBA, b'{"events":[{"id":"9"}]}', b"<html>", b"", b"[]"]
METAS = [
    b'{"url":"a","status":200,"sent_ns":5}',
    b'{"url":"b","status":200,"sent_ns":6}',
    b'{"url":"a","status":304,"sent_ns":7}',
    b'{"url":"b","status":304}',
    b'{"url":"a","status":503}',
    *[b'{"url":"a","status":200,"code":"x"}'] * 3,
    b'{"url":7,"status":200}',
    b'{"url":7,"status":304}',
    b'{"url":"a","stat',
    b"",
]
FEEDS = ["espn.nba", "nba.scoreboard", "nba.boxscore", "gamma.markets", "quotes.top"]
PLAN, OTHER_PLAN = (Script().plan(game=game).envelopes[0] for game in ("401", "402"))

some_answers = st.lists(
    st.one_of(
        st.builds(
            lambda kind, feed, meta, body: Envelope(0, 0, feed, 0, kind, meta, body),
            st.sampled_from([Kind.BODY] * 9 + [Kind.FAILED]),
            st.sampled_from(FEEDS[:1] * 9 + FEEDS),
            st.sampled_from([METAS[0]] * 6 + METAS[1:3] * 4 + METAS),
            st.sampled_from(ESPN[:2] * 6 + BODIES),
        ),
        st.sampled_from([PLAN, OTHER_PLAN]),
    ),
    max_size=24,
)


class Forgetful(Answers):
    """Keeps no answer and no number of a game."""

    def take(self, at: Envelope, *, is_read: bool = False) -> None:
        self.renumber()
        super().take(at, is_read=is_read)

    def _keep(self, *_: object) -> None:
        pass


def rolled(envelopes: list[Envelope], kind: type[Answers] = Answers) -> tuple[Roller, Night, set[str]]:
    shown: set[str] = set()
    roller = Roller(lambda event: shown.add(repr(event)))
    roller._answers = kind(roller.catalogue.feeds, roller._witnesses, roller._scored, roller._show)
    numbered = [
        Envelope(seq, 1_000 + seq, one.feed, one.conn, one.kind, one.meta, one.payload)
        for seq, one in enumerate(envelopes)
    ]
    return roller, roller.roll(numbered), shown


def told(night: Night, name: str) -> list[int]:
    table, columns = (night.polls, POLL_COLUMNS) if name in POLL_COLUMNS else (night.states, STATE_COLUMNS)
    column: list[int] = table[:, columns.index(name)].tolist()
    return column


@given(some_answers)
@settings(max_examples=150, deadline=None)
def test_what_is_kept_changes_no_row(envelopes: list[Envelope]) -> None:
    """Whatever came before, an answer gives the tables, names, counts and evidence of one that is read anew."""
    roller, night, shown = rolled(envelopes)
    plain, expected, shown_plainly = rolled(envelopes, Forgetful)
    for table in ("states", "polls", "sightings", "plays"):
        np.testing.assert_array_equal(getattr(night, table), getattr(expected, table))
    assert (roller.catalogue, roller.counts, shown) == (plain.catalogue, plain.counts, shown_plainly)


def test_the_same_body_is_decoded_once_for_each_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies of two URLs that come in turn are read once each, a 304 or a refusal in between notwithstanding."""
    read: list[int] = []

    def counting(envelope: Envelope) -> list[Event]:
        read.append(envelope.seq)
        return decode(envelope)

    monkeypatch.setattr(answers, "decode", counting)
    script = Script()
    for _ in range(3):
        script.scores(Score(1, 0)).scores(Score(id="402"), url="other").unchanged()
    script.answer(b"", status=503).scores(Score(1, 0)).scores(Score(2, 0)).scores(Score(1, 0))
    _, night, _ = rolled(script.envelopes)
    # Two bodies, the refusal, and two that are not what was there before.
    assert read == [0, 1, 9, 11, 12]
    assert told(night, "home") == [1, 0, 1] * 3 + [1, 2, 1]


def test_a_plan_that_joins_two_games_is_heard_by_answers_that_stand() -> None:
    """The body that both sources repeat, and the 304 after it, are of one game once the plan has said so."""
    script = Script()
    for _ in range(2):
        script.answer(NBA, feed="nba.scoreboard", url="n").scores(Score(1, 0))
        script.plan() if script.envelopes[-1].seq < 2 else None
    script.unchanged().unchanged("n", feed="nba.scoreboard")
    _, night, _ = rolled(script.envelopes)
    assert told(night, "game") == [0, 1, 1, 1, 1, 1]


def test_only_so_many_bodies_are_kept() -> None:
    """URLs without end do not fill the memory, and what is no longer kept means the same."""
    script = Script()
    for k in range(100):
        script.scores(Score(k, 0), url=f"{URL}/{k}")
    script.scores(Score(0, 0), url=f"{URL}/0").unchanged(f"{URL}/1")
    roller, night, _ = rolled(script.envelopes)
    assert sum(url.body is not None for url in roller._answers._urls.values()) == 64
    assert told(night, "home") == [*range(100), 0, 1]
    assert told(night, "outcome")[-2:] == [0, 1]


def test_an_answer_that_comes_after_an_unreadable_one_can_be_repeated() -> None:
    """A body that is as it was before something unreadable is the answer again, to a 304 too."""
    script = Script().scores(Score(1, 0))
    script.add(Kind.BODY, "espn.nba", b"", b'{"url":"%s","status":200,"code":"x"}' % URL.encode())
    _, night, _ = rolled(script.unchanged().scores(Score(1, 0)).unchanged().envelopes)
    assert told(night, "outcome") == [0, 2, 2, 0, 1]
    assert told(night, "home") == [1, 1, 1]
