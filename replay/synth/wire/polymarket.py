"""
Frames of the market socket and bodies of the CLOB, byte-like the venue's.

A `Quill` writes for one market. It knows the book of the first outcome token only: the second token's book is its
exact mirror (a bid at p here is an ask at 1 - p there), as on the venue.

Units: prices are whole mills (thousandths of a dollar), sizes whole cents of a share, stamps Unix milliseconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from replay.synth.dice import Dice

__all__ = ["PRICES", "Quill", "new_market_frame", "size_text", "subscribe_text"]

PRICES: tuple[str, ...] = tuple(f"{mills / 1000:.3f}".rstrip("0").rstrip(".") for mills in range(1001))
"""Wire text of a price in mills: `0.5`, `0.48`, `0.001`; `0` and `1` are the venue's words for an empty side."""


def size_text(size: int) -> str:
    """Return the wire text of a size: no needless zeros."""
    whole, cents = divmod(size, 100)
    if not cents:
        return str(whole)
    return f"{whole}.{cents:02d}".rstrip("0")


def subscribe_text(token_ids: Sequence[str]) -> str:
    """Return what a client sends first on the market socket."""
    tokens = ",".join(f'"{token_id}"' for token_id in token_ids)
    return f'{{"assets_ids":[{tokens}],"type":"market","initial_dump":true,"level":2,"custom_feature_enabled":true}}'


def new_market_frame(dice: Dice, stamp_ms: int) -> bytes:
    """Return the announcement of a market that has nothing to do with tonight: the venue sends them to everybody."""
    number = dice.whole(100_000, 999_999)
    market_id, tokens = "0x" + dice.hex(64), (str(dice.bits(255)), str(dice.bits(255)))
    pair = f'["{tokens[0]}","{tokens[1]}"]'
    return (
        f'{{"event_type":"new_market","id":"{number}","question":"Will event {number} happen?","market":"{market_id}",'
        f'"slug":"will-event-{number}-happen","description":"","assets_ids":{pair},"outcomes":["Yes","No"],'
        f'"timestamp":"{stamp_ms}","tags":["other"],"condition_id":"{market_id}","active":true,"clob_token_ids":{pair},'
        '"sports_market_type":"","line":"","game_start_time":"","order_price_min_tick_size":"0.01","group_item_title":""}'
    ).encode()


class Quill:
    """Writes one market's frames."""

    def __init__(self, dice: Dice, market_id: str, token_ids: tuple[str, str]) -> None:
        """Prepare the parts of every frame that never change."""
        self._bits = dice.bits
        self._dice = dice
        self.market_id = market_id
        self.token_ids = token_ids
        first, second = token_ids
        self._change_head = f'{{"event_type":"price_change","market":"{market_id}","timestamp":"'
        self._change_first = f'{{"asset_id":"{first}","price":"'
        self._change_second = f'"}},{{"asset_id":"{second}","price":"'

    def price_change(self, stamp_ms: int, change: tuple[int, int, bool], best: tuple[int, int]) -> bytes:
        """
        Return one level's new size, as seen from both tokens.

        change is price, size, is it a bid; best is the best bid (0: none) and the best ask (1000: none) after it.
        """
        return f'{self._change_head}{stamp_ms}","price_changes":[{self._pair(change, best)}]}}'.encode()

    def price_changes(self, stamp_ms: int, changes: Sequence[tuple[int, int, bool]], best: tuple[int, int]) -> bytes:
        """Return many levels' new sizes in one frame."""
        pairs = ",".join(self._pair(change, best) for change in changes)
        return f'{self._change_head}{stamp_ms}","price_changes":[{pairs}]}}'.encode()

    def _pair(self, change: tuple[int, int, bool], best: tuple[int, int]) -> str:
        price, size, is_bid = change
        bid, ask = best
        amount = f'{size // 100}","side":"' if not size % 100 else f'{size_text(size)}","side":"'
        own, mirror = ("BUY", "SELL") if is_bid else ("SELL", "BUY")
        bits, prices = self._bits, PRICES
        return (
            f'{self._change_first}{prices[price]}","size":"{amount}{own}","hash":"{bits(160):040x}"'
            f',"best_bid":"{prices[bid]}","best_ask":"{prices[ask]}'
            f'{self._change_second}{prices[1000 - price]}","size":"{amount}{mirror}","hash":"{bits(160):040x}"'
            f',"best_bid":"{prices[1000 - ask]}","best_ask":"{prices[1000 - bid]}"}}'
        )

    def best_bid_ask(self, stamp_ms: int, best: tuple[int, int]) -> tuple[bytes, bytes]:
        """Return the venue's word on the best prices, one frame a token; empty text where a side is empty."""
        bid, ask = best
        return self._best(0, stamp_ms, bid, ask), self._best(1, stamp_ms, 1000 - ask, 1000 - bid)

    def _best(self, index: int, stamp_ms: int, bid: int, ask: int) -> bytes:
        bid_text = PRICES[bid] if bid else ""
        ask_text = PRICES[ask] if ask < 1000 else ""
        spread = PRICES[ask - bid] if bid_text and ask_text else ""
        return (
            f'{{"event_type":"best_bid_ask","market":"{self.market_id}","asset_id":"{self.token_ids[index]}",'
            f'"best_bid":"{bid_text}","best_ask":"{ask_text}","spread":"{spread}","timestamp":"{stamp_ms}"}}'
        ).encode()

    def trade(self, stamp_ms: int, index: int, trade: tuple[int, int, bool]) -> bytes:
        """Return a trade of the token with this index; trade is price, size, did the taker buy."""
        price, size, buys = trade
        return (
            f'{{"event_type":"last_trade_price","market":"{self.market_id}","asset_id":"{self.token_ids[index]}",'
            f'"price":"{PRICES[price]}","size":"{size_text(size)}","fee_rate_bps":"0",'
            f'"side":"{"BUY" if buys else "SELL"}",'
            f'"timestamp":"{stamp_ms}","transaction_hash":"0x{self._bits(256):064x}"}}'
        ).encode()

    def tick_size_change(self, stamp_ms: int, index: int) -> bytes:
        """Return the switch to the fine step, which a token takes near the ends and keeps."""
        return (
            f'{{"event_type":"tick_size_change","market":"{self.market_id}","asset_id":"{self.token_ids[index]}",'
            f'"old_tick_size":"0.01","new_tick_size":"0.001","timestamp":"{stamp_ms}"}}'
        ).encode()

    def resolved(self, stamp_ms: int, gamma_id: str, winner: int, outcomes: tuple[str, str]) -> bytes:
        """Return the end of the market."""
        first, second = self.token_ids
        return (
            f'{{"event_type":"market_resolved","id":"{gamma_id}","market":"{self.market_id}",'
            f'"assets_ids":["{first}","{second}"],"winning_asset_id":"{self.token_ids[winner]}",'
            f'"winning_outcome":"{outcomes[winner]}","timestamp":"{stamp_ms}","tags":["sports","nba"]}}'
        ).encode()

    def book(self, stamp_ms: int, index: int, sides: tuple[Mapping[int, int], Mapping[int, int]], facts: str) -> str:
        """
        Return a book without its opening brace and event type: what the socket and the REST answer share.

        facts is the tail with minimum size, tick, neg_risk and last trade, from `facts`: the hash is taken over it too.
        """
        bids, asks = sides
        if index == 0:
            lows = [(price, bids[price]) for price in sorted(bids)]
            highs = [(price, asks[price]) for price in sorted(asks, reverse=True)]
        else:
            lows = [(1000 - price, asks[price]) for price in sorted(asks, reverse=True)]
            highs = [(1000 - price, bids[price]) for price in sorted(bids)]
        levels = f'"bids":[{_levels(lows)}],"asks":[{_levels(highs)}]'
        head = f'"market":"{self.market_id}","asset_id":"{self.token_ids[index]}","timestamp":"{stamp_ms}","hash":"'
        digest = hashlib.sha1(f'{{{head}",{levels}{facts}}}'.encode(), usedforsecurity=False).hexdigest()
        return f'{head}{digest}",{levels}'

    @staticmethod
    def facts(tick: int, last_trade: int) -> str:
        """Return the four summary fields of a full book; tick and last_trade in mills."""
        return (
            f',"min_order_size":"5","tick_size":"{PRICES[tick]}","neg_risk":false,'
            f'"last_trade_price":"{PRICES[last_trade]}"'
        )


def _levels(levels: Sequence[tuple[int, int]]) -> str:
    return ",".join([f'{{"price":"{PRICES[price]}","size":"{size_text(size)}"}}' for price, size in levels])
