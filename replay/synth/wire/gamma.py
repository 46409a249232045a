"""Bodies of the Gamma catalogue: the sports list, tonight's events and their markets, JSON inside strings included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recorder.times import SECOND_NS, utc
from replay.synth.times import iso_second
from replay.synth.world import Game, Moment, Phase, home_chance

__all__ = ["NBA_SERIES", "EventView", "events_body", "sports_body"]

NBA_SERIES = "10345"
_CREATED_BEFORE_NS = 6 * 24 * 3600 * SECOND_NS
_FEES = (
    '"feesEnabled":true,"feeType":"sports_fees_v3",'
    '"feeSchedule":{"exponent":1,"rate":0.05,"takerOnly":true,"rebateRate":0.15}'
)


@dataclass(frozen=True, slots=True)
class EventView:
    """One game's event as the catalogue shows it: the moment it knows of, and since when it is closed (None: open)."""

    game: Game
    moment: Moment
    now_ns: int
    closed_ns: int | None


def sports_body() -> bytes:
    """Return `/sports`: `tags` is a comma string, `series` a string."""
    rows = (("1", "nba", "home", "1,745,100639", NBA_SERIES), ("2", "nfl", "home", "1,450,100639", "10187"))
    return (
        "["
        + ",".join(
            f'{{"id":{number},"sport":"{sport}","image":"","resolution":"","ordering":"{ordering}","tags":"{tags}",'
            f'"series":"{series}","createdAt":"2025-11-05T19:27:45.399303Z"}}'
            for number, sport, ordering, tags, series in rows
        )
        + "]"
    ).encode()


def events_body(views: Sequence[EventView]) -> bytes:
    """Return the events listing."""
    return ("[" + ",".join(_event(view) for view in views) + "]").encode()


def _event(view: EventView) -> str:
    game, moment = view.game, view.moment
    market, closed, ended = game.market, view.closed_ns is not None, moment.phase is Phase.FINAL
    live = not ended and moment.phase is not Phase.SCHEDULED
    start, created = iso_second(game.start_ns), iso_second(game.start_ns - _CREATED_BEFORE_NS)
    state = ""
    if live or ended:
        period = "FT" if ended else "HT" if moment.phase is Phase.HALFTIME else f"Q{moment.period}"
        state = f'"score":"{moment.home}-{moment.away}","period":"{period}",'
    return (
        f'{{"id":"{market.event_id}","ticker":"{market.slug}","slug":"{market.slug}",'
        f'"title":"{game.away.name} vs. {game.home.name}","description":"","resolutionSource":"",'
        f'"startDate":"{created}",'
        f'"creationDate":"{created}","endDate":"{start}","active":true,"closed":{_word(closed)},"archived":false,'
        '"new":false,'
        f'"featured":false,"restricted":true,"createdAt":"{created}","updatedAt":"{iso_second(view.now_ns)}",'
        f'"enableOrderBook":true,"negRisk":false,"markets":[{_moneyline(view)},{_spread(view)}],'
        f'"series":[{{"id":"{NBA_SERIES}","ticker":"nba","slug":"nba","title":"NBA"}}],'
        '"tags":[{"id":"1","label":"Sports","slug":"sports"},{"id":"745","label":"NBA","slug":"nba"},'
        '{"id":"100639","label":"Games","slug":"games"}],'
        f'"eventDate":"{game.date}","startTime":"{start}","seriesSlug":"nba","gameId":{market.venue_game_id},{state}'
        f'"live":{_word(live)},"ended":{_word(ended)},"automaticallyResolved":true}}'
    )


def _moneyline(view: EventView) -> str:
    game, market = view.game, view.game.market
    home, away = game.home.name, game.away.name
    outcomes = (home, away) if market.home_index == 0 else (away, home)
    started = view.now_ns >= game.start_ns
    question = f"{away} vs. {home}"
    return _market(
        view,
        f'"id":"{market.gamma_id}","question":"{question}","conditionId":"{market.market_id}","slug":"{market.slug}",'
        f'"questionID":"{market.question_id}","description":"{_rules(game)}",{_prices(view)}'
        f'"outcomes":"{_inside(outcomes)}","clobTokenIds":"{_inside(market.token_ids)}","sportsMarketType":"moneyline",'
        f'"groupItemTitle":"","secondsDelay":{market.delay_live_s if started else market.delay_s},',
    )


def _spread(view: EventView) -> str:
    """Return a second market of the same event, so that a reader must choose."""
    game, market = view.game, view.game.market
    gamma_id = str(int(market.gamma_id) + 5_000_000)
    return _market(
        view,
        f'"id":"{gamma_id}","question":"Spread: {game.home.name} (-4.5)","conditionId":"{market.spread_market_id}",'
        f'"slug":"{market.slug}-spread-home-4pt5","questionID":"{market.question_id}","description":"",'
        f'"outcomePrices":"{_inside(("0.5", "0.5"))}",'
        f'"closed":false,"acceptingOrders":true,"outcomes":"{_inside((game.home.name, game.away.name))}",'
        f'"clobTokenIds":"{_inside(market.spread_token_ids)}","sportsMarketType":"spreads","line":-4.5,'
        f'"groupItemTitle":"Spread -4.5",'
        f'"secondsDelay":{market.delay_s},',
    )


def _market(view: EventView, own: str) -> str:
    game = view.game
    start = utc(game.start_ns)
    created = iso_second(game.start_ns - _CREATED_BEFORE_NS)
    return (
        f'{{{own}"resolutionSource":"","endDate":"{iso_second(game.start_ns)}","startDate":"{created}","createdAt":"{created}",'
        f'"updatedAt":"{iso_second(view.now_ns)}","active":true,"archived":false,"restricted":true,"enableOrderBook":true,'
        '"orderPriceMinTickSize":0.01,"orderMinSize":5,"volume":"0","volumeNum":0,"negRisk":false,"clearBookOnStart":true,'
        f'"gameId":"{game.market.venue_game_id}","gameStartTime":"{start:%Y-%m-%d %H:%M:%S}+00",'
        f'"eventStartTime":"{iso_second(game.start_ns)}","makerBaseFee":1000,"takerBaseFee":1000,{_FEES},'
        '"automaticallyResolved":true}'
    )


def _prices(view: EventView) -> str:
    game = view.game
    if view.closed_ns is not None:
        first = game.home_won == (game.market.home_index == 0)
        pair = ("1", "0") if first else ("0", "1")
        closed = utc(view.closed_ns)
        return (
            f'"outcomePrices":"{_inside(pair)}","closed":true,"acceptingOrders":false,'
            f'"closedTime":"{closed:%Y-%m-%d %H:%M:%S}+00","umaResolutionStatus":"resolved",'
        )
    mills = min(max(int(1000 * home_chance(view.moment, game.strength)), 1), 999)
    mills = mills if game.market.home_index == 0 else 1000 - mills
    pair = (f"0.{mills:03d}", f"0.{1000 - mills:03d}")
    return f'"outcomePrices":"{_inside(pair)}","closed":false,"acceptingOrders":true,'


def _rules(game: Game) -> str:
    home, away = game.home.name, game.away.name
    return (
        f"In the upcoming NBA game, scheduled for {game.date}: if the {away} win, the market will resolve to {away}. "
        f"If the {home} win, the market will resolve to {home}. If the game is postponed, this market will remain open "
        "until the game has been completed. If the game is canceled entirely, with no make-up game, this market will "
        "resolve 50-50."
    )


def _inside(items: Sequence[str]) -> str:
    """Return a JSON array as it stands inside a JSON string, with the venue's blank after the comma."""
    return "[" + ", ".join(f'\\"{item}\\"' for item in items) + "]"


def _word(value: object) -> str:
    return "true" if value else "false"
