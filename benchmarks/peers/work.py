"""
The work that every peer is given: one simulated market, made once, as a tape and as plain tables.

Eight games, sixteen tokens, books that never cross, one change a frame, a scoreboard every two seconds. There are no
gaps, no doubts and no corrections in it, because most peers have no words for them: what is left means the same to
everybody.

In the folder: `tape` (sealed), `hot` (the same, not sealed), `frames.jsonl` (receive time and message, a line each),
`events.npy` (the columns of EVENTS), `quotes.npy` (QUOTES: the best ask after every message), `views.npy` (VIEWS: what
each poll plan of the sweep sees when) and `work.json`.

Everything is simulated; the same seed and size give the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from recorder.envelope import Envelope, Kind, encode_meta
from recorder.tape.reader import open_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter
from replay.core.engine import night_values
from replay.core.rows import STATE_COLUMNS
from replay.counterfactual import PollPlan, seen_by
from replay.film import Film, build_film
from replay.find import load_strategy
from replay.models import load_model
from replay.settings import Setting, View

VERSION = 2
FULL = 2_000_000
GAMES, TOKENS = 8, 16
POLL_MS, DELAY_MS, MIN_EDGE_U6, SHARES = 2_000, 250, 30_000, 100
START_NS = 1_768_521_600_000_000_000
POLLS_MS = [2_000 + 500 * k for k in range(20)]
EDGES_U6 = [10_000 + 2_000 * k for k in range(50)]

# op: 0 a change, 1 a snapshot begins, 2 a level of it, 3 it ends, 4 a score state of the game of home token `token`;
# side: 0 bid, 1 ask, for a state 1 where the score moved; price: cents, for a state the home side's fair value in u6;
# size: hundredths of a share.
EVENTS = ("op", "recv_ns", "token", "side", "price", "size")
CHANGE, BEGIN, LEVEL, END, STATE = range(5)
QUOTES = ("recv_ns", "token", "ask_u6")
VIEWS = ("view", "recv_ns", "token", "fair_u6", "moved")

_TOKEN_IDS = [f"{7 + token:02d}" + f"{token:02d}" * 37 + "1" for token in range(TOKENS)]
_MARKET_IDS = ["0x" + f"{game:02x}" * 32 for game in range(GAMES)]
_REACH = 11


class _Market:
    """The makers: sizes in hundredths by token, side and cent, and the mid that no level crosses."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.sizes = [[[0] * 101, [0] * 101] for _ in range(TOKENS)]
        self.mid = [50] * TOKENS
        for token in range(TOKENS):
            for cents in range(1, _REACH + 1):
                for side, price in ((0, 50 - cents), (1, 50 + cents)):
                    self.sizes[token][side][price] = int(rng.integers(2_000, 90_000))

    def best(self, token: int, side: int) -> int:
        """The best price in cents; there is always one."""
        sizes, at, step = self.sizes[token][side], self.mid[token], 1 if side else -1
        while not sizes[at]:
            at += step
        return at

    def is_last(self, token: int, side: int, price: int) -> bool:
        """Whether no other level stands on this side."""
        sizes = self.sizes[token][side]
        return sizes[price] > 0 and sum(size > 0 for size in sizes) == 1

    def move(self, token: int, draw: float, size: int, target: int) -> tuple[int, int, int] | None:
        """Make the next change of a token, side, price and size, or none."""
        mid = self.mid[token]
        if draw < 0.02:
            up = (target > mid) if draw < 0.014 else draw < 0.017
            to = mid + (1 if up else -1)
            side = 1 if up else 0
            if not 12 <= to <= 88 or self.is_last(token, side, to):
                return None
            self.mid[token] = to
            if not self.sizes[token][side][to]:
                return None
            self.sizes[token][side][to] = 0
            return side, to, 0
        side = int(draw * 1_000) & 1
        cents = 1 + int(min(_REACH - 1, (draw * 997 % 1) ** 2 * _REACH))
        price = mid + cents if side else mid - cents
        if size % 4 == 0:
            if not self.sizes[token][side][price] or self.is_last(token, side, price):
                return None
            size = 0
        self.sizes[token][side][price] = size
        return side, price, size


def make(folder: Path, changes: int = FULL, say: Callable[[str], None] = lambda _: None) -> dict[str, object]:
    """Make the work, or find it made, and return what it is."""
    card = folder / "work.json"
    wanted = {"version": VERSION, "changes": changes}
    if card.exists():
        known = json.loads(card.read_text())
        if {name: known.get(name) for name in wanted} == wanted:
            return known
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say(f"making {changes:,} level changes (simulated) in {folder}")
    table = _write_tape(folder, changes)
    shutil.copytree(folder / "hot", folder / "tape")
    say("sealing")
    seal_tape(folder / "tape")
    film = build_film(open_tape(folder / "tape"))
    fairs, _ = night_values(load_model("brownian"), film.night, film.catalogue)
    table[table[:, 0] == STATE, 4] = fairs
    np.save(folder / "events.npy", table)
    np.save(folder / "quotes.npy", _quotes(table))
    np.save(folder / "views.npy", _views(film, fairs))
    say("writing JSON lines")
    _write_lines(folder, table)
    told = wanted | {
        "snapshots": int((table[:, 0] == BEGIN).sum()),
        "states": int((table[:, 0] == STATE).sum()),
        "tokens": _TOKEN_IDS,
        "delay_ns": DELAY_MS * 1_000_000,
        "min_edge_u6": MIN_EDGE_U6,
        "shares": SHARES,
        "edges_u6": EDGES_U6,
        "views": len(POLLS_MS),
    }
    card.write_text(json.dumps(told))
    return told


def setting() -> Setting:
    """The one cell that everybody replays."""
    return Setting(min_edge_u6=MIN_EDGE_U6, order_delay_ms=DELAY_MS, size_u6=SHARES * 1_000_000)


def cells() -> list[Setting]:
    """The thousand cells of the sweep. Orders arrive at once, so that a signal can be told from columns alone."""
    return [
        Setting(view=View(poll), min_edge_u6=edge, size_u6=SHARES * 1_000_000) for poll in POLLS_MS for edge in EDGES_U6
    ]


def ideas() -> tuple[object, object]:
    """Strategy and model."""
    return load_strategy("fusion"), load_model("brownian")


def _write_tape(folder: Path, changes: int) -> np.ndarray:
    """Write the hot tape and return its events, fair values not yet known."""
    rng = np.random.default_rng(7)
    polls = max(20, changes * 1_800 // FULL)
    span_ms = polls * POLL_MS
    snapshots = max(TOKENS, changes // 500)
    free = np.setdiff1d(np.arange(1_000, span_ms), np.arange(0, span_ms, POLL_MS))
    messages = np.sort(rng.choice(free, changes + snapshots, replace=False)) * 1_000_000
    messages += rng.integers(0, 1_000_000, len(messages)) + START_NS
    states = _states(rng, polls)
    market, rows, seq = _Market(rng), [], 0
    with TapeWriter.create(folder / "hot", created_ns=START_NS, label="simulated") as writer:

        def append(recv_ns: int, feed: str, kind: Kind, meta: bytes, payload: bytes) -> None:
            nonlocal seq
            writer.append(Envelope(seq, recv_ns, feed, int(feed == _MARKET_FEED), kind, meta, payload))
            seq += 1
            if seq % 4_096 == 0:
                writer.commit()

        append(START_NS, "recorder", Kind.NOTE, encode_meta({"note": "plan"}), _plan())
        append(START_NS + 1_000, _MARKET_FEED, Kind.OPENED, encode_meta({"url": "ws://simulated"}), b"")
        poll, snapshot_left, targets = 0, snapshots, [50] * TOKENS
        for at, recv_ns in enumerate(messages.tolist()):
            while poll < polls and START_NS + poll * POLL_MS * 1_000_000 < recv_ns:
                poll_ns = START_NS + poll * POLL_MS * 1_000_000 + 2_000
                append(poll_ns, "espn.nba", Kind.BODY, _poll_meta(poll_ns), _body(states[poll]))
                for game in range(GAMES):
                    moved = poll == 0 or states[poll][game][2:4] != states[poll - 1][game][2:4]
                    rows.append((STATE, poll_ns, 2 * game, int(moved), -1, 0))
                    targets[2 * game] = states[poll][game][4]
                    targets[2 * game + 1] = 100 - states[poll][game][4]
                poll += 1
            # The first sixteen messages are the books, then one now and then.
            due = at < TOKENS or at * snapshots >= (snapshots - snapshot_left + 1) * len(messages)
            if snapshot_left and (due or len(messages) - at <= snapshot_left):
                token = at if at < TOKENS else int(rng.integers(TOKENS))
                snapshot_left -= 1
                rows.extend(_snapshot_rows(market, token, recv_ns))
                append(recv_ns, _MARKET_FEED, Kind.FRAME, b"", _snapshot(market, token, recv_ns))
                continue
            change = None
            while change is None:
                token = int(rng.integers(TOKENS))
                change = market.move(token, float(rng.random()), int(rng.integers(2_000, 90_000)), targets[token])
            rows.append((CHANGE, recv_ns, token, *change))
            append(recv_ns, _MARKET_FEED, Kind.FRAME, b"", _change(market, token, change, recv_ns, rng.bytes(20).hex()))
    return np.array(rows, np.int64)


_MARKET_FEED = "polymarket.market"


def _states(rng: np.random.Generator, polls: int) -> list[list[tuple[int, int, int, int, int]]]:
    """Period, clock in tenths, both scores and a price near fair, of every game at every poll."""
    told, scores = [], np.zeros((GAMES, 2), np.int64)
    for poll in range(polls):
        scores += (rng.random((GAMES, 2)) < min(0.4, 90 / polls)) * rng.integers(1, 4, (GAMES, 2))
        left_ds = 28_790 - poll * 28_000 // polls
        period, clock_ds = 4 - left_ds // 7_200, left_ds % 7_200
        spread = 1 + left_ds / 3_000
        told.append(
            [
                (period, clock_ds, int(home), int(away), int(np.clip(50 + 25 * (home - away) / spread, 14, 86)))
                for home, away in scores
            ]
        )
    return told


def _plan() -> bytes:
    games = [
        {
            "game_id": f"nba:{game}",
            "league": "nba",
            "start_ns": START_NS,
            "home": f"Home {game}",
            "away": f"Away {game}",
            "refs": [{"source": "espn", "league": "nba", "id": str(game)}],
            "market_id": _MARKET_IDS[game],
            "home_token_id": _TOKEN_IDS[2 * game],
            "away_token_id": _TOKEN_IDS[2 * game + 1],
            "confidence": "exact",
        }
        for game in range(GAMES)
    ]
    return encode_meta({"games": games})


def _poll_meta(recv_ns: int) -> bytes:
    return b'{"url":"http://simulated/scoreboard","status":200,"sent_ns":%d,"headers":{}}' % (recv_ns - 1_000)


def _body(states: list[tuple[int, int, int, int, int]]) -> bytes:
    """A scoreboard of all games, as ESPN lays it out, without its padding."""
    events = []
    for game, (period, clock_ds, home, away, _) in enumerate(states):
        kind = {"id": "2", "name": "STATUS_IN_PROGRESS", "state": "in", "completed": False, "detail": ""}
        status = {"clock": clock_ds / 10, "displayClock": "", "period": period, "type": kind}
        sides = [
            {"homeAway": side, "score": str(score), "team": {"id": str(team), "displayName": f"{side} {game}"}}
            for side, score, team in (("home", home, 2 * game), ("away", away, 2 * game + 1))
        ]
        events.append({"id": str(game), "competitions": [{"competitors": sides, "status": status}]})
    return json.dumps({"events": events}, separators=(",", ":")).encode()


def _shares(size: int) -> str:
    return f"{size // 100}.{size % 100:02d}"


def _change(market: _Market, token: int, change: tuple[int, int, int], recv_ns: int, digest: str) -> bytes:
    side, price, size = change
    return (
        f'{{"market":"{_MARKET_IDS[token // 2]}","price_changes":[{{"asset_id":"{_TOKEN_IDS[token]}",'
        f'"price":"0.{price:02d}","size":"{_shares(size) if size else "0"}","side":"{"SELL" if side else "BUY"}",'
        f'"hash":"{digest}","best_bid":"0.{market.best(token, 0):02d}",'
        f'"best_ask":"0.{market.best(token, 1):02d}"}}],"timestamp":"{recv_ns // 1_000_000}",'
        '"event_type":"price_change"}'
    ).encode()


def _levels(market: _Market, token: int, side: int) -> list[tuple[int, int]]:
    return [(price, size) for price, size in enumerate(market.sizes[token][side]) if size]


def _snapshot_rows(market: _Market, token: int, recv_ns: int) -> list[tuple[int, ...]]:
    rows: list[tuple[int, ...]] = [(BEGIN, recv_ns, token, 0, 0, 0)]
    for side in (0, 1):
        rows += [(LEVEL, recv_ns, token, side, price, size) for price, size in _levels(market, token, side)]
    return [*rows, (END, recv_ns, token, 0, 0, 0)]


def _snapshot(market: _Market, token: int, recv_ns: int) -> bytes:
    sides = [
        ",".join(
            f'{{"price":"0.{price:02d}","size":"{_shares(size)}"}}' for price, size in _levels(market, token, side)
        )
        for side in (0, 1)
    ]
    return (
        f'[{{"market":"{_MARKET_IDS[token // 2]}","asset_id":"{_TOKEN_IDS[token]}",'
        f'"timestamp":"{recv_ns // 1_000_000}","hash":"{recv_ns:040x}","bids":[{sides[0]}],"asks":[{sides[1]}],'
        '"tick_size":"0.01","event_type":"book","last_trade_price":"0.50"}]'
    ).encode()


def _quotes(table: np.ndarray) -> np.ndarray:
    """The best ask of the token after every message about its book."""
    asks: list[dict[int, int]] = [{} for _ in range(TOKENS)]
    told = []
    for op, recv_ns, token, side, price, size in table.tolist():
        if op == BEGIN:
            asks[token] = {}
        elif op in (CHANGE, LEVEL) and side == 1:
            if size:
                asks[token][price] = size
            else:
                asks[token].pop(price, None)
        if op in (CHANGE, END):
            told.append((recv_ns, token, min(asks[token]) * 10_000))
    return np.array(told, np.int64)


def _views(film: Film, fairs: np.ndarray) -> np.ndarray:
    """What every view of the sweep sees when: fair value of either token, and whether the score moved."""
    timeline, states = seen_by(film, [View(poll) for poll in POLLS_MS], PollPlan())
    game, home, away = (states[:, STATE_COLUMNS.index(name)] for name in ("game", "home", "away"))
    told = []
    for view, (first, past) in enumerate(timeline.bounds.tolist()):
        known: dict[int, tuple[int, int]] = {}
        for at in range(first, past):
            state = int(timeline.state[at])
            score = int(home[state]), int(away[state])
            moved = int(known.get(int(game[state])) != score)
            known[int(game[state])] = score
            fair, number = int(fairs[state]), int(game[state])
            told.append((view, int(timeline.at_ns[at]), 2 * number, fair, moved))
            told.append((view, int(timeline.at_ns[at]), 2 * number + 1, 1_000_000 - fair, moved))
    return np.array(told, np.int64)


def _write_lines(folder: Path, table: np.ndarray) -> None:
    """Write the messages as JSON lines, scores with the fair value in place of the body: a bot has no model to ask."""
    states = iter(table[table[:, 0] == STATE].tolist())
    with (folder / "frames.jsonl").open("wb") as file:
        for one in open_tape(folder / "tape").read():
            if one.kind is Kind.FRAME:
                file.write(
                    b'{"recv_ns":%d,"message":%s}\n' % (one.recv_ns, one.payload.removeprefix(b"[").removesuffix(b"]"))
                )
            elif one.kind is Kind.BODY:
                for _ in range(GAMES):
                    _, recv_ns, token, moved, fair, _ = next(states)
                    file.write(
                        b'{"recv_ns":%d,"message":{"event_type":"score","asset_id":"%s","moved":%d,"home_u6":%d}}\n'
                        % (recv_ns, _TOKEN_IDS[token].encode(), moved, fair)
                    )
