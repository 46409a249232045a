"""
What the venue's catalogue says about a market, in our words.

The shape of the body decides: lists and pages of events or markets, single ones, and the CLOB's own two market objects.
Every market of a body stands alone: one that cannot be read becomes `Undecodable` with its index (counted through the
whole body), the others keep their meaning. A market with other than two outcomes, or whose tokens are not yet assigned,
is not one that can be traded here and gives no event.

Coverage:

| body                                         | role             | becomes      | evidence                |
|----------------------------------------------|------------------|--------------|-------------------------|
| `[event, ...]`, `{"events": [...]}`          | discovery        | `MarketSeen` | captured bodies         |
| event with `markets`                         | discovery        | `MarketSeen` | captured bodies         |
| `[market, ...]`, `{"markets": [...]}`        | discovery        | `MarketSeen` | documentation           |
| market (`conditionId`)                       | rules, pay-out   | `MarketSeen` | captured bodies         |
| CLOB `/markets/{id}` (`condition_id`)        | rules, pay-out   | `MarketSeen` | captured bodies         |
| CLOB `/clob-markets/{id}` (`c`, `t`)         | rules            | `MarketSeen` | client types            |
| `/sports`, `/tags`, `/teams` lists           | directories      | nothing      | captured tags, fixtures |
| anything else                                |                  | `Undecodable` |                        |

Outcomes, tokens and prices are JSON arrays inside strings and pair by position; position 0 is not always home. The
fee rate is the market's own schedule, 0 where fees are off, None where the body does not say. A pay-out is read only
from a closed market: prices exactly 1/0, 0/1 or 0.5/0.5, or the CLOB's winner flags.
"""

from __future__ import annotations

from typing import Any

import msgspec

from replay.core.events import Event, MarketSeen, Undecodable
from replay.core.exact import exact_u6, optional_u6, parse_iso_ns

__all__ = ["decode_gamma"]

_PAYOUTS = frozenset({(1_000_000, 0), (0, 1_000_000), (500_000, 500_000)})
_OUTCOMES = 2
# a page holds a list of events, each a list of markets
_DEPTH_MAX = 3
_DELAY_S_MAX = 3_600

# a decimal is text or a JSON number, which the decoder hands over as its text (float_hook)
_Decimal = Any


class _Shape(msgspec.Struct, gc=False):
    """The keys that tell the bodies apart."""

    events: list[msgspec.Raw] | None = None
    markets: list[msgspec.Raw] | None = None
    data: list[msgspec.Raw] | None = None
    conditionId: str | None = None  # noqa: N815 - the wire's name
    condition_id: str | None = None
    c: str | None = None
    sport: str | None = None
    label: str | None = None
    abbreviation: str | None = None


class _Fees(msgspec.Struct, gc=False):
    rate: _Decimal = None
    exponent: _Decimal = None


class _Market(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    condition_id: str
    slug: str | None = None
    question: str | None = None
    outcomes: str | None = None
    outcome_prices: str | None = None
    clob_token_ids: str | None = None
    sports_market_type: str | None = None
    game_id: str | int | None = None
    game_start_time: str | None = None
    order_price_min_tick_size: _Decimal = None
    order_min_size: _Decimal = None
    seconds_delay: int | None = None
    fees_enabled: bool | None = None
    fee_type: str | None = None
    fee_schedule: _Fees | None = None
    clear_book_on_start: bool | None = None
    accepting_orders: bool | None = None
    closed: bool | None = None


class _ClobToken(msgspec.Struct, gc=False):
    token_id: str
    outcome: str
    winner: bool = False


class _ClobMarket(msgspec.Struct, kw_only=True, gc=False):
    condition_id: str
    tokens: list[_ClobToken]
    market_slug: str = ""
    question: str = ""
    game_start_time: str | None = None
    minimum_tick_size: _Decimal = None
    minimum_order_size: _Decimal = None
    seconds_delay: int | None = None
    accepting_orders: bool | None = None
    is_50_50_outcome: bool = False
    closed: bool = False


class _ShortToken(msgspec.Struct, gc=False):
    t: str
    o: str = ""


class _ShortFees(msgspec.Struct, gc=False):
    r: _Decimal = 0
    e: _Decimal = None


class _ShortMarket(msgspec.Struct, kw_only=True, gc=False):
    c: str
    t: list[_ShortToken]
    mts: _Decimal = None
    mos: _Decimal = None
    sd: int = 0
    gst: str | None = None
    cbos: bool = False
    ao: bool = False
    fd: _ShortFees | None = None


_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_SHAPE = msgspec.json.Decoder(_Shape)
_MARKET = msgspec.json.Decoder(_Market, float_hook=str)
_CLOB_MARKET = msgspec.json.Decoder(_ClobMarket, float_hook=str)
_SHORT_MARKET = msgspec.json.Decoder(_ShortMarket, float_hook=str)
_TEXTS = msgspec.json.Decoder(list[str])
_DECIMALS = msgspec.json.Decoder(list[_Decimal], float_hook=str)


def decode_gamma(feed: str, payload: bytes) -> list[Event]:
    """
    Read one body of the catalogue.

    Never raises; what cannot be read becomes `Undecodable`.
    """
    events: list[Event] = []
    pending, index = [(payload, 0)], 0
    while pending:
        raw, depth = pending.pop()
        try:
            inner = _inner(raw, depth)
            seen = _market_seen(raw, index) if inner is None else None
        except (ValueError, RecursionError) as error:
            inner = None
            seen = Undecodable(feed=feed, reason=str(error)[:300], index=index)
        if inner is not None:
            pending += ((bytes(item), depth + 1) for item in reversed(inner))
            continue
        events += [] if seen is None else [seen]
        index += 1
    return events


def _inner(raw: bytes, depth: int) -> list[msgspec.Raw] | None:
    """Return what a list, a page or an event holds; None for an item. A market is one, although it names its events."""
    if raw.lstrip()[:1] == b"[":
        inner: list[msgspec.Raw] | None = _LIST.decode(raw)
    else:
        shape = _SHAPE.decode(raw)
        if shape.conditionId is not None:
            return None
        inner = next((held for held in (shape.markets, shape.events, shape.data) if held is not None), None)
    if inner and depth >= _DEPTH_MAX:
        raise ValueError("markets nested too deeply")
    return inner


def _market_seen(raw: bytes, index: int) -> Event | None:
    """Return the market; None where it cannot be traded here or the item is of a directory; ValueError otherwise."""
    shape = _SHAPE.decode(raw)
    if shape.conditionId is not None:
        return _of_gamma(_MARKET.decode(raw), index)
    if shape.condition_id is not None:
        return _of_clob(_CLOB_MARKET.decode(raw), index)
    if shape.c is not None:
        return _of_short(_SHORT_MARKET.decode(raw), index)
    if shape.sport is None and shape.label is None and shape.abbreviation is None:
        raise ValueError("neither a market nor a page of them")
    return None


def _of_gamma(market: _Market, index: int) -> MarketSeen | None:
    """Return a market of the Gamma API."""
    outcomes, token_ids = _texts(market.outcomes), _texts(market.clob_token_ids)
    if not market.condition_id or not _tradable(outcomes, token_ids):
        return None
    fees = market.fee_schedule
    return MarketSeen(
        market_id=market.condition_id,
        slug=market.slug or "",
        question=market.question or "",
        sports_type=market.sports_market_type or None,
        token_ids=token_ids,
        outcomes=outcomes,
        venue_game_id=_game_id(market.game_id),
        start_ns=_start_ns(market.game_start_time),
        tick_u6=optional_u6(market.order_price_min_tick_size),
        size_min_u6=optional_u6(market.order_min_size),
        venue_delay_ms=_delay_ms(market.seconds_delay),
        fee_rate_u6=_fee_rate_u6(market),
        fee_exponent=None if fees is None else _whole(fees.exponent),
        clear_book_on_start=market.clear_book_on_start,
        accepting_orders=market.accepting_orders,
        closed=bool(market.closed),
        payout_u6=_payout_u6(market.outcome_prices) if market.closed else None,
        index=index,
    )


def _of_clob(market: _ClobMarket, index: int) -> MarketSeen | None:
    """Return a market of the CLOB's long form."""
    outcomes = tuple(token.outcome for token in market.tokens)
    token_ids = tuple(token.token_id for token in market.tokens)
    if not market.condition_id or not _tradable(outcomes, token_ids):
        return None
    return MarketSeen(
        market_id=market.condition_id,
        slug=market.market_slug,
        question=market.question,
        sports_type=None,
        token_ids=token_ids,
        outcomes=outcomes,
        venue_game_id=None,
        start_ns=_start_ns(market.game_start_time),
        tick_u6=optional_u6(market.minimum_tick_size),
        size_min_u6=optional_u6(market.minimum_order_size),
        venue_delay_ms=_delay_ms(market.seconds_delay),
        fee_rate_u6=None,
        fee_exponent=None,
        clear_book_on_start=None,
        accepting_orders=market.accepting_orders,
        closed=market.closed,
        payout_u6=_winner_payout_u6(market) if market.closed else None,
        index=index,
    )


def _of_short(market: _ShortMarket, index: int) -> MarketSeen | None:
    """Return a market of the CLOB's short form, which leaves out false and zero: no `sd` is no delay."""
    outcomes = tuple(token.o for token in market.t)
    token_ids = tuple(token.t for token in market.t)
    if not market.c or not _tradable(outcomes, token_ids):
        return None
    return MarketSeen(
        market_id=market.c,
        slug="",
        question="",
        sports_type=None,
        token_ids=token_ids,
        outcomes=outcomes,
        venue_game_id=None,
        start_ns=_start_ns(market.gst),
        tick_u6=optional_u6(market.mts),
        size_min_u6=optional_u6(market.mos),
        venue_delay_ms=_delay_ms(market.sd),
        fee_rate_u6=None if market.fd is None else exact_u6(market.fd.r),
        fee_exponent=None if market.fd is None else _whole(market.fd.e),
        clear_book_on_start=market.cbos,
        accepting_orders=market.ao,
        closed=False,
        index=index,
    )


def _tradable(outcomes: tuple[str, ...], token_ids: tuple[str, ...]) -> bool:
    """Tell whether there are two outcomes with a token each."""
    return len(outcomes) == len(token_ids) == _OUTCOMES and all(token_ids)


def _texts(array: str | None) -> tuple[str, ...]:
    """Return the texts of a JSON array inside a string; none where absent or empty."""
    return tuple(_TEXTS.decode(array)) if array else ()


def _game_id(game_id: str | int | None) -> str | None:
    """Return the venue's game id; None for its ways to say that there is none."""
    return None if game_id in {None, "", -1, "-1"} else str(game_id)


def _start_ns(time: str | None) -> int | None:
    """Return the scheduled start; the year 1 is how the venue's language writes `never set`."""
    return parse_iso_ns(time) if time and not time.startswith("0001-01-01") else None


def _delay_ms(delay_s: int | None) -> int | None:
    """Return the delay of marketable orders; ValueError where it is none."""
    if delay_s is None:
        return None
    if not 0 <= delay_s <= _DELAY_S_MAX:
        raise ValueError(f"not a delay: {delay_s} s")
    return delay_s * 1000


def _fee_rate_u6(market: _Market) -> int | None:
    """Return the taker rate of the market's own schedule, 0 where fees are off, None where neither is said."""
    if market.fees_enabled is False or market.fee_type == "zero_fees":
        return 0
    return None if market.fee_schedule is None else optional_u6(market.fee_schedule.rate)


def _whole(number: _Decimal) -> int | None:
    """Return a whole number, None where absent; ValueError where it is broken."""
    value_u6 = optional_u6(number)
    if value_u6 is None:
        return None
    whole, rest = divmod(value_u6, 1_000_000)
    if rest:
        raise ValueError(f"not whole: {number}")
    return whole


def _payout_u6(prices: str | None) -> tuple[int, ...] | None:
    """Return what each token paid, where the final prices say so exactly."""
    try:
        payout_u6 = tuple(map(exact_u6, _DECIMALS.decode(prices or "[]")))
    except ValueError:
        # the prices of a market that was closed without a clean result; the market itself is readable
        return None
    return payout_u6 if payout_u6 in _PAYOUTS else None


def _winner_payout_u6(market: _ClobMarket) -> tuple[int, ...] | None:
    """Return what each token paid by the winner flags; None where no winner is named and it is no 50-50."""
    if market.is_50_50_outcome:
        return (500_000, 500_000)
    payout_u6 = tuple(1_000_000 if token.winner else 0 for token in market.tokens)
    return payout_u6 if payout_u6 in _PAYOUTS else None
