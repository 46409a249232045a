"""What the simulated sources answer."""

from __future__ import annotations

import itertools
import json

import pytest

from recorder.envelope import Kind
from recorder.times import SECOND_NS
from replay.core.decode import decode_payload
from replay.core.events import PlaysSeen, ScoreSeen, VenueScoreSeen
from replay.core.plays import PlayChange, PlayFold
from replay.synth.night import plan_night
from replay.synth.sources import (
    Fact,
    catalogue_polls,
    espn_polls,
    game_polls,
    nba_polls,
    other_day_polls,
    sports_frames,
)
from replay.synth.times import evening_ns

PLAN = plan_night(11, 2, "2026-01-15", 0)
GAME = PLAN.games[0]


@pytest.fixture(scope="module")
def espn() -> list[Fact]:
    return list(espn_polls(11, PLAN.games, PLAN.date, PLAN.span))


def scores(facts: list[Fact], game: int) -> list[tuple[int, int, int]]:
    """Receive time, home and away points of each good ESPN answer."""
    found = []
    for recv_ns, _, _, kind, meta, payload in facts:
        if kind is Kind.BODY and json.loads(meta)["status"] == 200:
            sides = json.loads(payload)["events"][game]["competitions"][0]["competitors"]
            found.append((recv_ns, int(sides[0]["score"]), int(sides[1]["score"])))
    return found


def test_espn_is_asked_at_the_recorder_s_pace(espn):
    """Every two seconds in play, every thirty before; asked before it is answered."""
    sent = [json.loads(fact[4])["sent_ns"] for fact in espn]
    assert all(asked < fact[0] for asked, fact in zip(sent, espn, strict=True))
    live = [b - a for a, b in itertools.pairwise(sent) if GAME.tip_ns < a < GAME.end_ns]
    idle = [b - a for a, b in itertools.pairwise(sent) if b < GAME.start_ns - 16 * 60 * SECOND_NS]
    assert sum(2.0 <= gap / SECOND_NS <= 2.1 for gap in live) > 0.99 * len(live)
    assert all(30 <= gap / SECOND_NS <= 31.5 for gap in idle)


def test_espn_never_knows_the_future(espn):
    """A score is shown three seconds after the court at the earliest."""
    for recv_ns, home, away in scores(espn, 0):
        known = [moment for moment in GAME.moments if moment.at_ns <= recv_ns - 2_900_000_000 or moment.index == 0]
        assert (home, away) in {(moment.home, moment.away) for moment in known}


def test_espn_has_bad_weather(espn):
    """One time-out, one refusal with a page that is no JSON, and now and then an older body."""
    assert sum(fact[3] is Kind.FAILED for fact in espn) == 1
    refused = [fact[5] for fact in espn if fact[3] is Kind.BODY and json.loads(fact[4])["status"] == 503]
    assert [page.startswith(b"<html>") for page in refused] == [True]
    bodies = [fact[5] for fact in espn if fact[3] is Kind.BODY]
    stale = sum(one == three != two for one, two, three in zip(bodies, bodies[1:], bodies[2:], strict=False))
    assert stale >= 1


def test_a_correction_is_shown(espn):
    """A basket that is taken away takes the shown score down."""
    shown = scores(espn, 0)
    assert any(b[1] < a[1] or b[2] < a[2] for a, b in itertools.pairwise(shown))


def test_the_league_s_file_answers_304_until_it_changes():
    """A changed file has a new validator and a body; an unchanged one has neither."""
    facts = list(nba_polls(11, PLAN.games, PLAN.date, PLAN.span))
    etag = None
    for _, _, conn, kind, meta, payload in facts:
        assert (conn, kind) == (0, Kind.BODY)
        said = json.loads(meta)
        assert (said["status"] == 200) == (said["headers"]["etag"] != etag) == bool(payload)
        etag = said["headers"]["etag"]
    assert sum(not fact[5] for fact in facts) > 100


def test_the_catalogue_closes_every_game():
    """Each event is listed until it is closed, and then asked for once among the closed ones."""
    facts = list(catalogue_polls(11, PLAN.games, PLAN.date, PLAN.span))
    closed = [json.loads(fact[5]) for fact in facts if "closed=true" in json.loads(fact[4])["url"]]
    assert json.loads(facts[0][4])["url"].endswith("/sports")
    assert sorted(event["slug"] for body in closed for event in body) == sorted(game.market.slug for game in PLAN.games)
    assert all(event["closed"] for body in closed for event in body)
    assert json.loads(facts[-1][5]) == []
    assert sorted(fact[0] for fact in facts) == [fact[0] for fact in facts]


def test_past_midnight_the_next_day_is_asked_too():
    """The day before is asked once, the day after only once it has begun in New York."""
    midnight_ns = evening_ns("2026-01-15") + 5 * 3600 * SECOND_NS
    facts = list(other_day_polls(11, "2026-01-15", "2026-01-16", midnight_ns - 3 * 3600 * SECOND_NS, PLAN.span))
    days = [json.loads(fact[4])["url"].split("dates=")[1][:8] for fact in facts]
    assert (days[0], set(days[1:])) == ("20260114", {"20260116"})
    assert all(json.loads(fact[5])["events"] == [] for fact in facts)


def test_the_plays_are_the_court_s_with_the_table_s_times():
    """Every change of the score is a play once, within two seconds of the truth, in versions that insert and edit."""
    facts = [fact for fact in game_polls(11, GAME, "playbyplay", PLAN.span) if fact[5]]
    versions = [decode_payload(fact[1], fact[5], fact[3])[0] for fact in facts]
    fold, said = PlayFold(), []
    for version in versions:
        assert isinstance(version, PlaysSeen)
        assert version.unread == 0
        said += fold.see(version)
    truth = {moment.index: moment for moment in GAME.moments}
    appended = [play for change, play in said if change is PlayChange.APPENDED and play.number in truth]
    assert [play.number for play in appended] == sorted(truth)[1:]
    for play in appended:
        moment = truth[play.number]
        assert abs(play.source_ns - moment.at_ns) < 2 * SECOND_NS
        assert (play.period, play.clock_ms) == (moment.period, moment.clock_ms // 10 * 10)
    assert any(change is PlayChange.INSERTED for change, _ in said)
    assert any(play.kind == "instantreplay" for play in appended)
    assert fold.score == (GAME.moments[-1].home, GAME.moments[-1].away)


def test_a_version_older_than_the_last_one_is_served_now_and_then():
    """The network's edges keep copies."""
    sizes = [[len(fact[5]) for fact in game_polls(11, game, "playbyplay", PLAN.span) if fact[5]] for game in PLAN.games]
    assert any(after < before for game in sizes for before, after in itertools.pairwise(game))


def test_boxscore_and_sports_socket_end_with_the_result():
    """Both tell the final score; the socket swaps the sides of the second game and speaks of other leagues too."""
    facts = list(sports_frames(11, PLAN.games, PLAN.date, PLAN.span))
    frames = [decode_payload(fact[1], fact[5], fact[3])[0] for fact in facts if fact[3] is Kind.FRAME]
    seen = [frame for frame in frames if isinstance(frame, VenueScoreSeen)]
    for game in PLAN.games:
        (last,) = [one for one in seen if one.venue_game_id == str(game.market.venue_game_id)][-1:]
        sides = [(last.home, last.home_score), (last.away, last.away_score)]
        end = game.moments[-1]
        assert sorted(sides) == sorted([(game.home.tricode, end.home), (game.away.tricode, end.away)])
        assert (sides[0][0] == game.home.tricode) == (game.index == 0)
        assert last.ended
        body = [fact for fact in game_polls(11, game, "boxscore", PLAN.span) if fact[5]][-1]
        score = decode_payload(body[1], body[5], body[3])[0]
        assert isinstance(score, ScoreSeen)
        assert (score.home_score, score.away_score) == (end.home, end.away)
    assert {one.league for one in seen} > {"nba"}


def test_the_pace_of_the_polls_moves_nothing_else():
    """A slow recording of the same night sees the same courts through the same sources, only more seldom."""
    fast, slow = (
        list(espn_polls(11, PLAN.games, PLAN.date, PLAN.span, step)) for step in (2 * SECOND_NS, 10 * SECOND_NS)
    )
    assert len(fast) > 4 * len(slow)
    shown = {pair[1:] for pair in scores(slow, 0)}
    assert shown <= {pair[1:] for pair in scores(fast, 0)}
