"""
The simulated market: one maker who quotes both outcome tokens, takers who trade, and the venue's own acts.

Theory of operation. The maker learns of every score late, by a delay drawn for each one (one to twelve seconds,
mostly one to four), and then moves the ladder: quotes that have become wrong are cancelled first, new ones placed
after, a few milliseconds apart. Between scores sizes are replaced, far levels come and go, the maker's view wanders a
little (slow noise), and takers trade. Some takers are quick: after a score they may lift the stale quote before the
maker moves it, so a slow reader finds it gone. The edge that exists comes from the maker's delay alone, and shrinks
with the delay of whoever wants it.

The venue wipes the book at the scheduled start, refines the step near the ends, and resolves some minutes after the
end.

Everything is in terms of the first outcome token and in the order in which a recorder would receive it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from recorder.times import SECOND_NS
from replay.synth.dice import Dice
from replay.synth.wire.polymarket import Quill
from replay.synth.world import Game, Moment, home_chance

__all__ = ["MarketItem", "MarketSpan", "What", "maker_frames", "resolution_ns"]


class What(IntEnum):
    """What an item of a market's stream is."""

    FRAME = 0
    """A frame of the socket."""
    DUMP = 1
    """This market's part of the array that answers a subscription: full books, without brackets."""
    WITNESS = 2
    """This market's part of a REST answer."""


MarketItem = tuple[int, int, What, bytes | tuple[str, ...], int]
"""When received, the market's number, what, the bytes (or parts), and how many level changes they hold."""


@dataclass(frozen=True, slots=True)
class MarketSpan:
    """When a market is watched: from when, when it shows its whole book, and how many level changes to aim for."""

    first_ns: int
    dumps_ns: tuple[int, ...]
    witnesses_ns: tuple[int, ...]
    changes: int


def resolution_ns(seed: int, game: Game) -> int:
    """Return when the game's market is resolved: some minutes after the end."""
    return game.end_ns + Dice(seed, "resolution", game.date, game.index).ns_between(240, 900)


def maker_frames(seed: int, game: Game, span: MarketSpan) -> Iterator[MarketItem]:
    """Return the market's whole night in receive order; after the resolution only empty parts follow."""
    return _Maker(Dice(seed, "maker", game.date, game.index), game, span, resolution_ns(seed, game)).run()


class _Act(IntEnum):
    """What happens at a set time; at the same time the lower number goes first."""

    NEWS = 0
    SNIPE = 1
    WIPE = 2
    RESOLVE = 3
    DUMP = 4
    WITNESS = 5


_WEIGHT_BEFORE, _WEIGHT_AFTER = 0.25, 0.1
"""How busy the market is before and after the game, against 1 in it."""
_COARSE, _FINE = 10, 1
"""The two price steps, in mills."""


class _Maker:
    """One market's state and its acts."""

    def __init__(self, dice: Dice, game: Game, span: MarketSpan, resolved_ns: int) -> None:
        self._dice = dice
        self._unit = dice.unit
        self._game = game
        self._span = span
        self._resolved_ns = resolved_ns
        self._tip_ns, self._end_ns = game.tip_ns, game.end_ns
        self._quill = Quill(dice, game.market.market_id, game.market.token_ids)
        self._bids: dict[int, int] = {}
        self._asks: dict[int, int] = {}
        self._tick = _COARSE
        self._known = game.moments[0]
        self._drift = 0.0
        self._depth = dice.whole(4, 7)
        self._half_spread = dice.between(3.0, 9.0)
        self._best = (0, 1000)
        self._want = (0, 1000)
        self._wrong: tuple[int, int, bool] | None = None
        self._aim()
        self._last_trade = min(max(round(self._fair() / 10) * 10, 10), 990)
        self._quotes_from_ns = span.first_ns
        self._left = max(span.changes // 2, 1)
        self._stamp_ms = 0
        self._latency_ns = 40_000_000

    # The night ------------------------------------------------------------------------------------------------

    def run(self) -> Iterator[MarketItem]:
        """Go through the set acts in order and fill the time between them."""
        self._fill_quietly()
        now_ns = self._span.first_ns + self._dice.ns_between(0.5, 3)
        for act_ns, act, moment in self._acts():
            while now_ns < act_ns:
                yield from self._stir(now_ns)
                now_ns += self._pause_ns(now_ns)
            if act is _Act.NEWS:
                self._known = moment
                self._drift += 1.5 * self._dice.normal()
                self._aim()
                now_ns = max(now_ns if self._wrong is None else act_ns + self._dice.ns_between(0.002, 0.02), act_ns)
            else:
                yield from self._do(act, act_ns, moment)

    def _acts(self) -> list[tuple[int, _Act, Moment]]:
        """List the set acts in order."""
        acts, first = [], self._game.moments[0]
        acts += [(at_ns, _Act.DUMP, first) for at_ns in self._span.dumps_ns]
        acts += [(at_ns, _Act.WITNESS, first) for at_ns in self._span.witnesses_ns]
        acts.append((self._game.start_ns + self._dice.ns_between(0.1, 1.5), _Act.WIPE, first))
        acts.append((self._resolved_ns, _Act.RESOLVE, first))
        seen_ns = 0
        for before, moment in zip(self._game.moments, self._game.moments[1:], strict=False):
            scored = (before.home, before.away) != (moment.home, moment.away)
            seen_ns = max(seen_ns, moment.at_ns + self._delay_ns(scored=scored))
            acts.append((seen_ns, _Act.NEWS, moment))
            if scored and self._dice.hit(0.3):
                snipe_ns = moment.at_ns + self._dice.ns_between(1.5, 9)
                if snipe_ns < seen_ns:
                    acts.append((snipe_ns, _Act.SNIPE, moment))
        acts.sort(key=lambda act: (act[0], act[1], act[2].index))
        return acts

    def _delay_ns(self, *, scored: bool) -> int:
        """Draw how late the maker learns of a moment."""
        if not scored:
            return self._dice.ns_between(0.5, 2)
        return self._dice.ns_between(1, 4) if self._dice.hit(0.55) else self._dice.ns_between(4, 12)

    def _do(self, act: _Act, now_ns: int, moment: Moment) -> Iterator[MarketItem]:
        over = now_ns > self._resolved_ns
        if act is _Act.DUMP:
            yield now_ns, self._game.index, What.DUMP, () if over else self._dump(now_ns, "dump"), 0
        elif act is _Act.WITNESS:
            yield now_ns, self._game.index, What.WITNESS, () if over else self._dump(now_ns, "witness"), 0
        elif act is _Act.SNIPE:
            yield from self._snipe(now_ns, moment)
        elif act is _Act.WIPE:
            yield from self._wipe(now_ns)
        elif act is _Act.RESOLVE:
            winner = self._game.market.home_index if self._game.home_won else 1 - self._game.market.home_index
            home, away = self._game.home.name, self._game.away.name
            outcomes = (home, away) if self._game.market.home_index == 0 else (away, home)
            frame = self._quill.resolved(self._stamp(now_ns), self._game.market.gamma_id, winner, outcomes)
            yield now_ns, self._game.index, What.FRAME, frame, 0

    # Time -----------------------------------------------------------------------------------------------------

    def _pause_ns(self, now_ns: int) -> int:
        """Draw how long until the next stir: milliseconds while the ladder is wrong, else so that the aim is met."""
        if now_ns > self._resolved_ns:
            return 1 << 62
        if self._wrong is not None and now_ns >= self._quotes_from_ns:
            return int(2e6 + 28e6 * self._unit())
        left_ns, weight = self._busy_ns(now_ns)
        if self._left <= 0:
            return int(60 * SECOND_NS * (0.5 + self._unit()))
        mean_ns = left_ns / self._left / weight
        return int(mean_ns * (0.1 + 1.8 * self._unit())) + 1_000

    def _busy_ns(self, now_ns: int) -> tuple[float, float]:
        """Return how much busy time is left, weighted, and the weight of now."""
        live_ns, after_ns = self._end_ns - self._tip_ns, (self._resolved_ns - self._end_ns) * _WEIGHT_AFTER
        if now_ns < self._tip_ns:
            return (self._tip_ns - now_ns) * _WEIGHT_BEFORE + live_ns + after_ns, _WEIGHT_BEFORE
        if now_ns < self._end_ns:
            return self._end_ns - now_ns + after_ns, 1.0
        return (self._resolved_ns - now_ns) * _WEIGHT_AFTER, _WEIGHT_AFTER

    def _stamp(self, now_ns: int) -> int:
        """Return the venue's own stamp of something received now: some 40 ms earlier, never falling."""
        self._stamp_ms = max(self._stamp_ms, (now_ns - self._latency_ns) // 1_000_000)
        return self._stamp_ms

    # The maker's view -----------------------------------------------------------------------------------------

    def _fair(self, moment: Moment | None = None) -> float:
        """Return the fair price of the first token in mills, as the maker knows it or as of another moment."""
        chance = home_chance(moment or self._known, self._game.strength)
        if self._game.market.home_index:
            chance = 1.0 - chance
        return 1000.0 * chance

    def _aim(self) -> None:
        """Set the wanted best prices; 0 and 1000 mean that no quote is wanted on that side."""
        self._drift *= 0.97
        fair = self._fair()
        chance = fair / 1000.0
        calm = max(4.0 * chance * (1.0 - chance), 0.06)
        middle, half, tick = fair + self._drift * calm, max(self._half_spread * calm, 0.6), self._tick
        bid = int((middle - half) // tick * tick)
        ask = -int(-(middle + half) // tick * tick)
        bid = min(bid, 1000 - 2 * tick)
        ask = max(ask, 2 * tick)
        self._want = (bid if bid >= tick else 0, ask if ask <= 1000 - tick else 1000)
        self._wrong = self._find_wrong()

    def _find_wrong(self) -> tuple[int, int, bool] | None:
        """Return the next change that brings the ladder to the wanted prices, cancels first; None when it is right."""
        want_bid, want_ask = self._want
        best_bid, best_ask = self._best
        if best_bid > want_bid:
            return best_bid, 0, True
        if best_ask < want_ask:
            return best_ask, 0, False
        tick, bids, asks = self._tick, self._bids, self._asks
        if want_bid:
            for price in range(want_bid, max(want_bid - self._depth * tick, 0), -tick):
                if price not in bids:
                    return price, self._size(want_bid - price), True
        if want_ask < 1000:
            for price in range(want_ask, min(want_ask + self._depth * tick, 1000), tick):
                if price not in asks:
                    return price, self._size(price - want_ask), False
        return None

    def _size(self, away: int) -> int:
        """Draw a size in cents of a share; away is how far from the best price, in mills."""
        unit = self._unit
        scale = 1 + away // self._tick
        kind = unit()
        if kind < 0.45:
            return (1 + int(unit() * 12 * scale)) * 2500
        if kind < 0.8:
            return (1 + int(unit() * 10 * scale)) * 10_000
        return 500 + int(unit() * 60_000 * scale)

    def _fill_quietly(self) -> None:
        """Put up the ladder that stood before anybody watched."""
        while self._wrong is not None:
            self._apply(self._wrong)
        for _ in range(12):
            self._apply(self._far())

    # What happens ---------------------------------------------------------------------------------------------

    def _apply(self, change: tuple[int, int, bool]) -> bool:
        """Change one level; say whether a best price moved."""
        price, size, is_bid = change
        side = self._bids if is_bid else self._asks
        if size:
            side[price] = size
        else:
            side.pop(price, None)
        bid, ask = self._best
        if is_bid and (price > bid or (price == bid and not size)):
            self._best = (price if size else max(side, default=0), ask)
        elif not is_bid and (price < ask or (price == ask and not size)):
            self._best = (bid, price if size else min(side, default=1000))
        self._wrong = self._find_wrong()
        return self._best != (bid, ask)

    def _stir(self, now_ns: int) -> Iterator[MarketItem]:
        """Let one thing happen."""
        if now_ns < self._quotes_from_ns or now_ns > self._resolved_ns:
            return
        change = self._wrong
        if change is None:
            luck = self._unit()
            if luck < 0.02 and self._bids and self._asks:
                yield from self._trade(now_ns, buys=self._dice.hit(0.5))
                return
            if luck < 0.12:
                self._drift += 1.2 * self._dice.normal()
                self._aim()
                change = self._wrong
            elif luck < 0.32:
                change = self._far()
            change = change or self._replace()
        yield from self._change(now_ns, change)
        if self._tick == _COARSE and (self._best[0] >= 960 or self._best[1] <= 40):
            yield from self._refine(now_ns)

    def _change(self, now_ns: int, change: tuple[int, int, bool]) -> Iterator[MarketItem]:
        moved = self._apply(change)
        self._left -= 1
        stamp_ms, number = self._stamp(now_ns), self._game.index
        yield now_ns, number, What.FRAME, self._quill.price_change(stamp_ms, change, self._best), 2
        if moved:
            for frame in self._quill.best_bid_ask(stamp_ms, self._best):
                yield now_ns, number, What.FRAME, frame, 0

    def _replace(self) -> tuple[int, int, bool]:
        """Draw a new size for a level near the best price."""
        is_bid = self._unit() < 0.5
        want_bid, want_ask = self._want
        away = int(self._unit() * self._depth) * self._tick
        price = want_bid - away if is_bid else want_ask + away
        if (price if is_bid else 1000 - price) < self._tick or not 0 < price < 1000:
            return self._far()
        return price, self._size(away), is_bid

    def _far(self) -> tuple[int, int, bool]:
        """Draw a far level that comes, or goes if it is there."""
        want_bid, want_ask = self._want
        away = (self._depth + 1 + int(self._unit() * 14)) * self._tick
        is_bid = self._unit() < 0.5
        if want_bid < away + self._tick:
            is_bid = False
        elif want_ask + away > 1000 - self._tick:
            is_bid = True
        price = want_bid - away if is_bid else want_ask + away
        if not self._tick <= price <= 1000 - self._tick:
            away = self._depth * self._tick
            price = min(max(price, self._tick), 1000 - self._tick)
        side = self._bids if is_bid else self._asks
        if len(side) > self._depth + 16:
            return (min(side) if is_bid else max(side)), 0, is_bid
        held = price in side
        return price, 0 if held else self._size(away), is_bid

    def _snipe(self, now_ns: int, moment: Moment) -> Iterator[MarketItem]:
        """Let a quick taker lift a quote that the score has made wrong."""
        fair, (bid, ask) = self._fair(moment), self._best
        if ask < 1000 and fair > ask + 25:
            yield from self._trade(now_ns, buys=True)
        elif bid and fair < bid - 25:
            yield from self._trade(now_ns, buys=False)

    def _trade(self, now_ns: int, *, buys: bool) -> Iterator[MarketItem]:
        """Let a taker trade at the best price: the level, the print (in either order) and both books."""
        side = self._asks if buys else self._bids
        price = self._best[1] if buys else self._best[0]
        if price not in side:
            return
        held = side[price]
        size = held if self._unit() < 0.4 else min(held, 500 + int(self._unit() * 300) * 100)
        number, stamp_ms = self._game.index, self._stamp(now_ns)
        index = 0 if self._unit() < 0.5 else 1
        # buying the second token at 1 - p is how a taker sells the first at p
        print_ = self._quill.trade(
            stamp_ms, index, (price, size, buys) if not index else (1000 - price, size, not buys)
        )
        early = self._unit() < 0.2
        if early:
            yield now_ns, number, What.FRAME, print_, 0
        self._last_trade = price
        yield from self._change(now_ns, (price, held - size, not buys))
        if not early:
            yield now_ns, number, What.FRAME, print_, 0
        yield from self._books(now_ns)

    def _wipe(self, now_ns: int) -> Iterator[MarketItem]:
        """Cancel every resting order at the scheduled start; quotes come back some seconds later."""
        changes = [(price, 0, True) for price in sorted(self._bids)] + [
            (price, 0, False) for price in sorted(self._asks)
        ]
        self._bids.clear()
        self._asks.clear()
        self._best = (0, 1000)
        self._wrong = self._find_wrong()
        self._quotes_from_ns = now_ns + self._dice.ns_between(3, 25)
        self._left -= len(changes)
        stamp_ms, number = self._stamp(now_ns), self._game.index
        frame = self._quill.price_changes(stamp_ms, changes, self._best)
        yield now_ns, number, What.FRAME, frame, 2 * len(changes)
        for frame in self._quill.best_bid_ask(stamp_ms, self._best):
            yield now_ns, number, What.FRAME, frame, 0

    def _refine(self, now_ns: int) -> Iterator[MarketItem]:
        """Switch to the fine step, for good."""
        self._tick = _FINE
        self._aim()
        stamp_ms, number = self._stamp(now_ns), self._game.index
        for index in (0, 1):
            yield now_ns, number, What.FRAME, self._quill.tick_size_change(stamp_ms, index), 0
        yield from self._books(now_ns)

    # Whole books ----------------------------------------------------------------------------------------------

    def _books(self, now_ns: int) -> Iterator[MarketItem]:
        """Yield both books without their four summary fields, as the venue sends them after a trade."""
        stamp_ms, number, sides = self._stamp(now_ns), self._game.index, (self._bids, self._asks)
        for index in (0, 1):
            body = self._quill.book(stamp_ms, index, sides, self._facts(index))
            yield now_ns, number, What.FRAME, f'{{"event_type":"book",{body}}}'.encode(), 0

    def _dump(self, now_ns: int, form: str) -> tuple[str, ...]:
        """Return both full books, as array items of the socket (`dump`) or of the REST answer (`witness`)."""
        stamp_ms, sides = self._stamp(now_ns), (self._bids, self._asks)
        head = '{"event_type":"book",' if form == "dump" else "{"
        facts = self._facts(0), self._facts(1)
        return tuple(
            f"{head}{self._quill.book(stamp_ms, index, sides, facts[index])}{facts[index]}}}" for index in (0, 1)
        )

    def _facts(self, index: int) -> str:
        return self._quill.facts(self._tick, self._last_trade if index == 0 else 1000 - self._last_trade)
