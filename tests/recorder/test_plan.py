"""The plan: which tokens belong to which game."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.plan import Plan, Planner, Unmatched

DUSK = datetime(2026, 1, 16, 0, 30, tzinfo=UTC)
NS = int(DUSK.timestamp()) * 1_000_000_000
MINUTE = 60 * 1_000_000_000

TEAMS = {
    "PHX": ("Suns", "Phoenix Suns"),
    "GS": ("Warriors", "Golden State Warriors"),
    "LAL": ("Lakers", "Los Angeles Lakers"),
    "SAC": ("Kings", "Sacramento Kings"),
    "CLEM": ("Tigers", "Clemson Tigers"),
    "GONZ": ("Bulldogs", "Gonzaga Bulldogs"),
    "AUB": ("Tigers", "Auburn Tigers"),
    "UGA": ("Bulldogs", "Georgia Bulldogs"),
}


def espn(*games: tuple[str, str, str, int]) -> bytes:
    """A scoreboard of games: id, home, away, minutes from DUSK."""

    def side(place: str, short: str) -> dict[str, object]:
        name, display = TEAMS[short]
        return {"homeAway": place, "team": {"id": short, "name": name, "abbreviation": short, "displayName": display}}

    events = [
        {
            "id": name,
            "date": f"{DUSK + timedelta(minutes=minutes):%Y-%m-%dT%H:%MZ}",
            "competitions": [
                {
                    "competitors": [side("home", home), side("away", away)],
                    "status": {"type": {"state": "pre", "completed": False}},
                }
            ],
        }
        for name, home, away, minutes in games
    ]
    return json.dumps({"events": events}).encode()


def market(slug: str, outcomes: tuple[str, ...], minutes: int, **more: object) -> dict[str, object]:
    """A moneyline whose tokens are the slug with `-0` and `-1`."""
    return {
        "conditionId": f"0x{slug}",
        "slug": slug,
        "sportsMarketType": "moneyline",
        "outcomes": json.dumps(outcomes),
        "clobTokenIds": json.dumps([f"{slug}-{index}" for index in range(len(outcomes))]),
        "gameStartTime": f"{DUSK + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}+00",
        **more,
    }


def event(slug: str, *markets: dict[str, object], **more: object) -> dict[str, object]:
    return {"id": slug, "slug": slug, "markets": list(markets), **more}


def gamma(*events: dict[str, object]) -> bytes:
    return json.dumps(events).encode()


def moneyline(slug: str, outcomes: tuple[str, ...], minutes: int = 0, **more: object) -> dict[str, object]:
    """An event with a spread and its moneyline."""
    spread = {**market(slug, outcomes, minutes), "slug": f"{slug}-spread-home-3pt5", "sportsMarketType": "spreads"}
    return event(slug, spread, market(slug, outcomes, minutes, **more))


def seen(*bodies: tuple[str, bytes], **config: dict) -> Plan:
    planner = Planner(**config)
    for feed, body in bodies:
        planner.see(feed, body)
    return planner.plan


GAME = ("espn.nba", espn(("1", "PHX", "GS", 0)))
MARKET = ("gamma.markets", gamma(moneyline("nba-gsw-phx-2026-01-15", ("Warriors", "Suns"))))
NBA = (
    "nba.scoreboard",
    json.dumps(
        {
            "scoreboard": {
                "games": [
                    {
                        "gameId": "0022500555",
                        "gameStatus": 1,
                        "gameTimeUTC": "2026-01-16T00:30:00Z",
                        "homeTeam": {"teamName": "Suns", "teamTricode": "PHX"},
                        "awayTeam": {"teamName": "Warriors", "teamTricode": "GSW"},
                    }
                ]
            }
        }
    ).encode(),
)


def test_a_plan_on_the_tape() -> None:
    """The plan is compact JSON with the game, its ids, its market and its tokens by home and away."""
    assert seen(GAME, MARKET, NBA).encode() == (
        b'{"games":[{"game_id":"nba:1","league":"nba","start_ns":1768523400000000000,"home":"Suns","away":"Warriors",'
        b'"refs":[{"source":"espn","league":"nba","id":"1"},{"source":"nba","league":"nba","id":"0022500555"}],'
        b'"market_id":"0xnba-gsw-phx-2026-01-15","home_token_id":"nba-gsw-phx-2026-01-15-1",'
        b'"away_token_id":"nba-gsw-phx-2026-01-15-0","confidence":"exact"}]}'
    )


@pytest.mark.parametrize("bodies", list(permutations((GAME, MARKET, NBA))))
def test_the_order_of_arrival_does_not_matter(bodies: tuple[tuple[str, bytes], ...]) -> None:
    """Whichever source comes first, the plan is the same."""
    assert seen(*bodies) == seen(GAME, MARKET, NBA)


def test_a_new_plan_is_returned_when_it_is_new_and_only_then() -> None:
    """A body that changes no game and no token returns nothing, however often it comes."""
    planner = Planner()
    assert planner.see(*GAME) is None
    first = planner.see(*MARKET)
    assert first is not None
    assert first.tokens == ("nba-gsw-phx-2026-01-15-1", "nba-gsw-phx-2026-01-15-0")
    assert [planner.see(*body) for body in (GAME, MARKET, ("polymarket.market", b"[]"), ("espn.xfl", b"{}"))] == [
        None
    ] * 4
    again = planner.see(*NBA)
    assert again is not None
    assert len(again.games[0].refs) == 2
    assert planner.see(*NBA) is None


@pytest.mark.parametrize(
    ("outcomes", "home_at"), [(("Warriors", "Suns"), 1), (("Suns", "Warriors"), 0), (("Phoenix Suns", "GSW"), 0)]
)
def test_tokens_go_by_name_and_not_by_position(outcomes: tuple[str, str], home_at: int) -> None:
    """The home token is the one whose outcome names the home team, whichever index it has."""
    slug = "nba-gsw-phx-2026-01-15"
    plan = seen(GAME, ("gamma.markets", gamma(moneyline(slug, outcomes))))
    assert plan.games[0].home_token_id == f"{slug}-{home_at}"
    assert plan.games[0].away_token_id == f"{slug}-{1 - home_at}"


@pytest.mark.parametrize(("minutes", "count"), [(-90, 1), (90, 1), (-91, 0), (91, 0)])
def test_a_market_is_a_games_within_ninety_minutes_of_its_start(minutes: int, count: int) -> None:
    """Beyond an hour and a half it is another game of the same teams, and the reason says how far."""
    plan = seen(GAME, ("gamma.markets", gamma(moneyline("nba-gsw-phx-2026-01-15", ("Warriors", "Suns"), minutes))))
    assert len(plan.games) == count
    if not count:
        assert plan.unmatched == (Unmatched("nba:1", "nba", NS, "Suns", "Warriors", "the market starts 91 min apart"),)


def test_a_doubleheader_goes_to_the_nearest_starts() -> None:
    """Two games of the same teams on one day have their own markets, in whatever order they are listed."""
    body = espn(("1", "PHX", "GS", 0), ("2", "PHX", "GS", 80))
    later, sooner = (moneyline(f"nba-gsw-phx-{name}", ("Warriors", "Suns"), at) for name, at in (("b", 85), ("a", 5)))
    plan = seen(("espn.nba", body), ("gamma.markets", gamma(later, sooner)))
    assert [(game.game_id, game.market_id) for game in plan.games] == [
        ("nba:1", "0xnba-gsw-phx-a"),
        ("nba:2", "0xnba-gsw-phx-b"),
    ]


def test_what_fits_equally_well_is_not_guessed() -> None:
    """Two markets at one start, and one market between two starts, leave the games unmatched."""
    two = gamma(*(moneyline(f"nba-gsw-phx-{name}", ("Warriors", "Suns")) for name in "ab"))
    assert seen(GAME, ("gamma.markets", two)).unmatched[0].reason == "several pairs of game and market fit equally well"
    body = espn(("1", "PHX", "GS", 0), ("2", "PHX", "GS", 60))
    between = gamma(moneyline("nba-gsw-phx-a", ("Warriors", "Suns"), 30))
    plan = seen(("espn.nba", body), ("gamma.markets", between))
    assert (plan.games, len(plan.unmatched)) == ((), 2)


def test_nicknames_that_fit_two_games_are_not_guessed_but_full_names_tell_them_apart() -> None:
    """Tigers against Bulldogs is played twice tonight: only the full names say which is which."""
    body = ("espn.ncaamb", espn(("1", "CLEM", "GONZ", 0), ("2", "AUB", "UGA", 0)))
    vague = seen(body, ("gamma.markets", gamma(moneyline("cbb-a-b-2026-01-15", ("Tigers", "Bulldogs")))))
    assert vague.games == ()
    assert {game.reason for game in vague.unmatched} == {"the market's names fit several games"}
    full = moneyline("cbb-uga-aub-2026-01-15", ("Georgia Bulldogs", "Auburn Tigers"))
    plan = seen(body, ("gamma.markets", gamma(full)))
    assert [(game.game_id, game.home_token_id) for game in plan.games] == [("ncaamb:2", "cbb-uga-aub-2026-01-15-1")]


def test_a_market_of_another_league_is_no_match() -> None:
    """Kings and Wild play in one league, Kings and Lakers in another."""
    body = ("espn.nba", espn(("1", "LAL", "SAC", 0)))
    other = gamma(moneyline("nhl-sac-lal-2026-01-15", ("Kings", "Lakers")))
    assert seen(body, ("gamma.markets", other)).games == ()


def test_the_league_may_also_come_from_the_series() -> None:
    """An event whose slug does not begin with a known code belongs to the league of its series."""
    sports = json.dumps([{"sport": "nba", "series": "10345"}]).encode()
    slug = "gsw-phx-2026-01-15"
    listed = gamma({**moneyline(slug, ("Warriors", "Suns")), "series": [{"id": "10345"}]})
    assert len(seen(GAME, ("gamma.markets", sports), ("gamma.markets", listed)).games) == 1
    assert seen(GAME, ("gamma.markets", listed)).games == ()


def test_a_page_of_the_keyset_listing_is_read_as_well() -> None:
    """`{"events": [...]}` holds the same events as a plain list."""
    page = json.dumps({"events": json.loads(MARKET[1]), "next_cursor": "x"}).encode()
    assert seen(GAME, ("gamma.markets", page)) == seen(GAME, MARKET)


def test_the_only_moneyline_serves_where_none_bears_the_events_slug() -> None:
    """Then the plan says that it is likely; where there are three (home, away, draw) there is none."""
    slug = "nba-gsw-phx-2026-01-15"
    one = market(f"{slug}-winner", ("Warriors", "Suns"), 0)
    plan = seen(GAME, ("gamma.markets", gamma(event(slug, one))))
    assert plan.games[0].confidence == "likely"
    three = [market(f"{slug}-{name}", ("Yes", "No"), 0) for name in ("home", "away", "draw")]
    assert seen(GAME, ("gamma.markets", gamma(event(slug, *three)))).games == ()


@pytest.mark.parametrize("tokens", ["", None, "[]", '["",""]', '["1"]', "nonsense"])
def test_a_market_without_tokens_waits_for_them(tokens: str | None) -> None:
    """A new market is listed before its tokens are: the game says so, and is planned when they come."""
    slug = "nba-gsw-phx-2026-01-15"
    planner = Planner()
    planner.see(*GAME)
    planner.see("gamma.markets", gamma(moneyline(slug, ("Warriors", "Suns"), clobTokenIds=tokens)))
    assert planner.plan.unmatched[0].reason == "market has no tokens yet"
    assert planner.see(*MARKET) is not None


def test_a_delayed_game_holds_its_market() -> None:
    """When ESPN moves the start by hours, the pair that was made stays, and says that it is held."""
    planner = Planner()
    planner.see(*GAME)
    planner.see(*MARKET)
    plan = planner.see("espn.nba", espn(("1", "PHX", "GS", 200)))
    assert plan is not None
    assert (plan.games[0].confidence, plan.games[0].start_ns) == ("held", NS + 200 * MINUTE)


def test_a_game_that_is_no_longer_listed_stays_and_leaves_after_two_days() -> None:
    """A market that closes and a slate that turns leave the plan alone until the scoreboards are two days on."""
    planner = Planner()
    planner.see(*GAME)
    planner.see(*MARKET)
    planner.see("gamma.markets", b"[]")
    assert planner.see("espn.nba", espn(("2", "LAL", "SAC", 2 * 1440))) is None
    assert [game.game_id for game in planner.plan.games] == ["nba:1"]
    plan = planner.see("espn.nba", espn(("3", "LAL", "SAC", 2 * 1440 + 1)))
    assert plan is not None
    assert plan.games == ()
    assert planner.see(*GAME) is None
    assert planner.plan.games == ()


def test_a_game_postponed_by_a_week_does_not_age_the_others() -> None:
    """Its new date stands on today's scoreboard; tonight's games stay."""
    planner = Planner()
    planner.see("espn.nba", espn(("1", "PHX", "GS", 0), ("2", "LAL", "SAC", 7 * 1440)))
    assert planner.see(*MARKET) is not None


def test_the_plan_is_in_order_of_start_and_then_of_id() -> None:
    """Tokens come game by game, soonest first, home before away."""
    body = espn(("2", "LAL", "SAC", -30), ("1", "PHX", "GS", 0))
    listed = gamma(
        moneyline("nba-gsw-phx-2026-01-15", ("Warriors", "Suns")),
        moneyline("nba-sac-lal-2026-01-15", ("Kings", "Lakers"), -30),
    )
    assert seen(("espn.nba", body), ("gamma.markets", listed)).tokens == (
        "nba-sac-lal-2026-01-15-1",
        "nba-sac-lal-2026-01-15-0",
        "nba-gsw-phx-2026-01-15-1",
        "nba-gsw-phx-2026-01-15-0",
    )


@given(
    st.sampled_from(["espn.nba", "nba.scoreboard", "gamma.markets"]),
    st.binary(max_size=40) | st.sampled_from([b"[" * 3000, b'{"events":[{}]}', b'{"scoreboard":{"games":[null]}}']),
)
def test_no_body_can_break_the_planner(feed: str, body: bytes) -> None:
    """What cannot be read changes nothing."""
    planner = Planner()
    planner.see(*GAME)
    planner.see(*MARKET)
    before = planner.plan
    assert planner.see(feed, body) is None
    assert planner.plan == before


def test_one_bad_item_does_not_hide_the_others() -> None:
    """An event that cannot be read is left out, and the rest is planned."""
    body = json.loads(GAME[1])
    body["events"].insert(0, {"id": 7, "competitions": None})
    listed = [{"id": None}, *json.loads(MARKET[1])]
    listed[1]["markets"].insert(0, {"conditionId": 5})
    plan = seen(("espn.nba", json.dumps(body).encode()), ("gamma.markets", json.dumps(listed).encode()))
    assert len(plan.games) == 1


def test_every_real_scoreboard_yields_its_games(real_data: Path) -> None:
    """Each event of the recorded ESPN scoreboards is a game with two teams that have a nickname and a start."""
    files = {
        "nba": "nba_scoreboard_20241215.json",
        "mlb": "mlb_scoreboard_raw.json",
        "nhl": "nhl_scoreboard.json",
        "nfl": "nfl_scoreboard_20241215.json",
        "ncaamb": "mens_college_basketball_scoreboard_acc.json",
        "wnba": "generic_basketball_wnba_scoreboard.json",
    }
    for league, name in files.items():
        body = (real_data / "espn" / name).read_bytes()
        planner = Planner()
        planner.see(f"espn.{league}", body)
        assert len(planner.plan.unmatched) == len(json.loads(body)["events"])
        assert all(game.start_ns and game.home != game.away for game in planner.plan.unmatched)


def test_real_catalogue_bodies_are_read_without_harm(real_data: Path) -> None:
    """A recorded event list and market objects hold none of our leagues, and break nothing."""
    for file in sorted((real_data / "gamma_clob").glob("gamma_*.json")):
        assert Planner().see("gamma.markets", file.read_bytes()) is None


def test_a_game_that_may_end_in_a_draw_says_why_it_has_no_market() -> None:
    """Home, draw and away are three yes-or-no markets: none has a token for each side, and nothing is guessed."""
    slug = "nba-gsw-phx-2026-01-15"
    asked = [market(f"{slug}-{side}", ("Yes", "No"), 0) for side in ("gsw", "draw", "phx")]
    start = f"{DUSK:%Y-%m-%dT%H:%M:%SZ}"
    three = event(slug, *asked, homeTeamName="Suns", awayTeamName="Warriors", startTime=start)
    plan = seen(GAME, ("gamma.markets", gamma(three)))
    assert not plan.games
    (left,) = plan.unmatched
    assert "three yes-or-no markets" in left.reason
    # Beside a market of two sides such questions are no matter.
    both = event(slug, *asked, market(slug, ("Warriors", "Suns"), 0), homeTeamName="Suns", awayTeamName="Warriors")
    assert [game.confidence for game in seen(GAME, ("gamma.markets", gamma(both))).games] == ["exact"]
    # Without its teams' names an event cannot be told from another.
    nameless = event(slug, *asked, startTime=start)
    assert [one.reason for one in seen(GAME, ("gamma.markets", gamma(nameless))).unmatched] == [
        "no market names these teams"
    ]


SLUG = "nba-gsw-phx-2026-01-15"


def renamed(first: str, second: str, **more: object) -> tuple[str, bytes]:
    """The game's market with other names of its outcomes, and with tokens as the venue's are: numbers."""
    tokens = json.dumps(["111", "222"])
    return "gamma.markets", gamma(event(SLUG, market(SLUG, (first, second), 0, clobTokenIds=tokens, **more)))


def test_a_market_that_was_said_is_the_game_s_whatever_its_start() -> None:
    """By its slug: the sides are those of the name that is known, and the plan tells that somebody said so."""
    far = renamed("Golden State", "Arizona Suns & Co", gameStartTime="2026-01-20 00:30:00+00")
    assert seen(GAME, far).games == ()
    for first, second, home in (("Golden State Warriors", "X", "222"), ("Suns", "Y", "111"), ("X", "PHX", "222")):
        (game,) = seen(GAME, renamed(first, second), markets={"nba:1": SLUG}).games
        assert (game.home_token_id, game.market_id, game.confidence) == (home, f"0x{SLUG}", "said")
    both = (GAME, MARKET, renamed("Warriors", "Suns", gameStartTime="2026-01-20 00:30:00+00", conditionId="0xother"))
    assert [game.market_id for game in seen(*both).games] == [f"0x{SLUG}"]


def test_a_market_of_unknown_names_is_said_by_its_tokens() -> None:
    """Home first; the catalogue must list the two together."""
    strange = renamed("Us", "Them")
    assert seen(GAME, strange).games == ()
    (game,) = seen(GAME, strange, markets={"nba:1": "222,111"}).games
    assert (game.home_token_id, game.away_token_id, game.confidence) == ("222", "111", "said")
    unlisted = seen(GAME, strange, markets={"nba:1": "222,333"})
    assert [one.reason for one in unlisted.unmatched] == [
        "the catalogue does not list the tokens that are said to be its market's"
    ]


def test_what_was_said_and_is_not_there_leaves_the_game_without_a_market() -> None:
    """No other market is guessed in its place, and the reason is told."""
    reasons = {
        "nba-gsw-phx-2026-01-16": "the catalogue does not list nba-gsw-phx-2026-01-16, which is said to be its market",
        "nba-us-them": "nba-us-them names neither team, or both alike: say HOME_TOKEN,AWAY_TOKEN",
    }
    strange = ("gamma.markets", gamma(moneyline("nba-us-them", ("Us", "Them"))))
    for said, reason in reasons.items():
        plan = seen(GAME, MARKET, strange, markets={"nba:1": said})
        assert (plan.games, [one.reason for one in plan.unmatched]) == ((), [reason])


def test_a_market_that_was_said_is_nobody_else_s() -> None:
    """The market of one game, said to be another's, is taken from the first."""
    two = ("espn.nba", espn(("1", "PHX", "GS", 0), ("2", "PHX", "GS", 24 * 60)))
    assert [game.game_id for game in seen(two, MARKET).games] == ["nba:1"]
    plan = seen(two, MARKET, markets={"nba:2": SLUG})
    assert [game.game_id for game in plan.games] == ["nba:2"]
    assert [one.game_id for one in plan.unmatched] == ["nba:1"]


def test_an_alias_of_one_s_own_brings_a_game_and_its_market_together() -> None:
    """A name that only the venue uses is told once, for all games of the team."""
    renamed_team = ("gamma.markets", gamma(moneyline(SLUG, ("Bay Area Ballers", "Suns"))))
    assert seen(GAME, renamed_team).games == ()
    plan = seen(GAME, renamed_team, aliases={"nba": {"Bay Area Ballers": "Golden State Warriors"}})
    assert [(game.home_token_id, game.confidence) for game in plan.games] == [(f"{SLUG}-1", "exact")]
