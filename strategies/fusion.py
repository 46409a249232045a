"""
Fusion: game state and book make an edge. The live fuser and the replayed one.

On a score change every token of the game is evaluated; on a change of a book its token is, while the game is on. The
edge is fair value minus ask. What cannot be evaluated is counted by reason, never guessed: no book, a book in a gap or
in doubt, a book that has not moved for 30 s when the score changes, a game not heard of for 30 s, no fair value. `run`
is the only loop there is: live feeds it what a socket has just delivered, a replay what a tape holds, a sweep the same
with a thousand cells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from replay.core.cells import (
    REPEATS,
    SETTLED_ASK_U6,
    SETTLED_NS,
    SETTLED_TRUST,
    SKIP_NAMES,
    Cells,
    Log,
    Sight,
    Timeline,
)
from replay.core.jit import inlined, inner, kernel, wide
from replay.core.orders import NEVER_NS, arrive, next_due_ns
from replay.core.rows import OP_LINK, OP_RULES, Rows
from replay.core.state.book import (
    ASK_ROW,
    BEST_ASK,
    BOOK_NS,
    KNOWN,
    SUSPECT,
    TRUST,
    best_price_u6,
    is_book_fresh,
    size_at_best,
)
from replay.core.state.game import (
    ADVANCED,
    AWAY,
    CORRECTED,
    GAME_NS,
    HOME,
    REPEATED,
    STALE,
    is_game_fresh,
    is_live,
    observe,
)
from replay.core.state.market import Market, apply_row, apply_rules
from strategies.policy import decide
from strategies.score_buffer import PatternWatch

__all__ = ["SignalFuser", "run"]

Ints = NDArray[np.int64]

_EVALUATED, _NOT_LIVE, _NO_FAIR, _NO_GAME, _UNKNOWN, _SUSPECT, _NO_ASK, _BOOK_STALE, _GAME_STALE = range(
    len(SKIP_NAMES)
)
_EVALUATIONS = 0
# Typed, because a literal argument makes numba compile a copy of the callee.
_BY_BOOK = wide(0)
_BY_SCORE = wide(1)
_FIRST_VIEW = wide(0)  # the one whose evaluations are kept
_END = wide(NEVER_NS)
_FULL = -(1 << 62)  # a time before all times
_DOLLAR_U6 = 1_000_000
_TOKEN_BITS = 0x7FFF  # says that a token is not negative: no index counts from the end


@inlined
def _fair_u6(market: Market, sight: Sight, view: int, token: int, game: int) -> int:
    """Return what a view holds a token to be worth; -1 where it cannot say."""
    home = sight.fair_u6[view, game]
    if home < 0 or market.side[token] > 0:
        return int(home)
    return int(_DOLLAR_U6 - home)


@inlined
def _gate(market: Market, sight: Sight, view: int, token: int, now_ns: int, cause: int) -> int:
    """Say whether a token can be evaluated now, or why not: an index into SKIP_NAMES."""
    game = market.game[token]
    if game < 0 or market.side[token] == 0:
        return _NO_GAME
    games = sight.games[view]
    if not is_live(games, game):
        return _NOT_LIVE
    if sight.fair_u6[view, game] < 0:
        return _NO_FAIR
    trust = market.books[token, TRUST]
    if trust != KNOWN:
        return _SUSPECT if trust == SUSPECT else _UNKNOWN
    if market.books[token, BEST_ASK] < 0:
        return _NO_ASK
    if cause == _BY_SCORE:
        if not is_book_fresh(market.books, token, now_ns - sight.delay_ns[view], sight.fresh[0]):
            return _BOOK_STALE
    elif not is_game_fresh(games, game, now_ns, sight.fresh[1]):
        return _GAME_STALE
    return _EVALUATED


@inner
def _evaluate(market: Market, sight: Sight, log: Log, view: int, token: int, seq: int, now_ns: int, cause: int) -> None:
    """Write down what fair value met which ask, and keep it where asked."""
    game = market.game[token]
    fair = _fair_u6(market, sight, view, token, game)
    ask = best_price_u6(market.books, token, ASK_ROW)
    latest = log.latest
    latest[0] = seq
    latest[1] = now_ns
    latest[2] = token
    latest[3] = fair
    latest[4] = ask
    latest[5] = size_at_best(market.books, market.levels, token, ASK_ROW)
    latest[6] = fair - ask
    latest[7] = now_ns - sight.games[view, game, GAME_NS]
    latest[8] = now_ns - sight.delay_ns[view] - market.books[token, BOOK_NS]
    latest[9] = cause
    if view == _FIRST_VIEW and sight.record[0] == 1:
        at = log.counts[_EVALUATIONS]
        for k in range(len(latest)):
            log.evaluations[at, k] = latest[k]
        log.counts[_EVALUATIONS] = at + 1


@inlined
def _look(
    market: Market, sight: Sight, cells: Cells, log: Log, view: int, token: int, seq: int, now_ns: int, cause: int
) -> int:
    """Evaluate a token on a view where that can be done and let the view's cells decide; return what came of it."""
    gate = _gate(market, sight, view, token, now_ns, cause)
    sight.looks[view, gate] += 1
    if gate != _EVALUATED:
        return gate
    fair = _fair_u6(market, sight, view, token, market.game[token])
    edge = fair - best_price_u6(market.books, token, ASK_ROW)
    before = sight.edge_u6[view, token]
    moved = edge != before or sight.busy[view, token] == 1
    if moved or (view == _FIRST_VIEW and sight.record[0] == 1):
        _evaluate(market, sight, log, view, token, seq, now_ns, cause)
    if moved:
        sight.edge_u6[view, token] = edge
        waits = decide(market, sight, cells, log, view, token, before)
        sight.busy[view, token] = 1 if waits else 0
    return _EVALUATED


@inner
def _unsettle(sight: Sight, token: int) -> None:
    """Count the looks that were alike; the next one cannot be, for something else than the book has changed."""
    repeats = sight.settled[token, REPEATS]
    if repeats > 0:
        for view in range(len(sight.found)):
            sight.looks[view, sight.found[view, token]] += repeats
    sight.settled[token, REPEATS] = 0
    sight.settled[token, SETTLED_NS] = -1


@inner
def _look_on(
    market: Market,
    sight: Sight,
    cells: Cells,
    log: Log,
    first: int,
    past: int,
    token: int,
    seq: int,
    row_ns: int,
    cause: int,
) -> None:
    """
    Look at a token on the views from first on, before past.

    After the token's book changed, note how long the next look would find the same.
    """
    _unsettle(sight, token)
    game = market.game[token]
    until_ns = NEVER_NS
    for view in range(first, past):
        delay_ns = sight.delay_ns[view]
        found = _look(market, sight, cells, log, view, token, seq, row_ns + delay_ns, cause)
        if cause == _BY_SCORE:
            continue
        sight.found[view, token] = found
        if found == _EVALUATED:
            stale_ns = sight.games[view, game, GAME_NS] + sight.fresh[1] - delay_ns
            until_ns = min(until_ns, -1 if sight.busy[view, token] == 1 else stale_ns)
    if cause == _BY_SCORE:
        return
    sight.settled[token, SETTLED_NS] = until_ns
    sight.settled[token, SETTLED_TRUST] = market.books[token, TRUST]
    sight.settled[token, SETTLED_ASK_U6] = best_price_u6(market.books, token, ASK_ROW)


@inlined
def _look_at_book(market: Market, sight: Sight, cells: Cells, log: Log, token: int, seq: int, row_ns: int) -> None:
    """
    Look at a token after its book changed.

    Most changes are far from the touch: every view would find what it found before and no cell could act, so such looks
    are only counted (and kept as evaluations where asked).
    """
    settled = sight.settled
    if (
        row_ns > settled[token, SETTLED_NS]
        or market.books[token, TRUST] != settled[token, SETTLED_TRUST]
        or best_price_u6(market.books, token, ASK_ROW) != settled[token, SETTLED_ASK_U6]
    ):
        _look_on(market, sight, cells, log, _FIRST_VIEW, len(sight.found), token, seq, row_ns, _BY_BOOK)
        return
    settled[token, REPEATS] += 1
    if sight.record[0] == 1 and sight.found[0, token] == _EVALUATED:
        _evaluate(market, sight, log, _FIRST_VIEW, token, seq, row_ns + sight.delay_ns[0], _BY_BOOK)


@inlined
def _see(
    market: Market, sight: Sight, cells: Cells, log: Log, view: int, states: Ints, fairs: Ints, k: int, at_ns: int
) -> None:
    """Show observation k to a view; a changed score is a reason to look at every token of the game."""
    games = sight.games[view]
    game = states[k, 2]
    now_ns = at_ns + sight.delay_ns[view]
    verdict = observe(
        games,
        game,
        states[k, 3],
        states[k, 4],
        states[k, 5],
        states[k, 6],
        states[k, 7],
        states[k, 8],
        states[k, 9],
        now_ns,
    )
    if verdict == STALE:
        return
    if verdict != REPEATED and states[k, 8] == games[game, HOME] and states[k, 9] == games[game, AWAY]:
        sight.fair_u6[view, game] = fairs[k]
    for side in range(2):
        token = market.tokens_of[game, side]
        if token < 0:
            continue
        if verdict != REPEATED or sight.found[view, token] == _GAME_STALE:
            _unsettle(sight, token)
        if verdict == ADVANCED or verdict == CORRECTED:
            _look_on(market, sight, cells, log, view, view + 1, token, states[k, 0], at_ns, _BY_SCORE)


@inlined
def _turn(timeline: Timeline, cursor: Ints, view: int) -> None:
    """Note time and seq of what a view sees next."""
    at = cursor[view, 0]
    ended = at >= timeline.bounds[view, 1]
    cursor[view, 1] = NEVER_NS if ended else timeline.at_ns[at]
    cursor[view, 2] = 0 if ended else timeline.seq[at]


@inlined
def _first(cursor: Ints) -> int:
    """Return the view that sees something next, the lowest one where several do."""
    best = 0
    for view in range(1, len(cursor)):
        earlier = cursor[view, 1] < cursor[best, 1]
        if earlier or (cursor[view, 1] == cursor[best, 1] and cursor[view, 2] < cursor[best, 2]):
            best = view
    return best


@inlined
def _room(cells: Cells, sight: Sight, log: Log) -> bool:
    """Say whether the log has room for everything that one step can say."""
    orders = len(log.orders) - log.counts[1]
    evaluations = len(log.evaluations) - log.counts[0]
    return bool(orders >= 2 * cells.params.shape[1] and (sight.record[0] == 0 or evaluations >= 2))


@inlined
def _advance(
    market: Market,
    sight: Sight,
    timeline: Timeline,
    states: Ints,
    fairs: Ints,
    cells: Cells,
    log: Log,
    cursor: Ints,
    row_ns: int,
    row_seq: int,
) -> int:
    """
    Let orders arrive and observations be seen that come before a row.

    Returns the time up to which nothing more is due, or _FULL where the log has no room.
    """
    view = _first(cursor)
    while True:
        due = next_due_ns(log)
        seen = cursor[view, 1]
        if due < row_ns and due < seen:
            arrive(market, cells, log)
        elif seen < row_ns or (seen == row_ns and cursor[view, 2] < row_seq):
            if not _room(cells, sight, log):
                return _FULL
            _see(market, sight, cells, log, view, states, fairs, timeline.state[cursor[view, 0]], seen)
            cursor[view, 0] += 1
            _turn(timeline, cursor, view)
            view = _first(cursor)
        else:
            return int(min(due, seen - 1))


@kernel
def run(
    rows: Rows,
    rules: Ints,
    states: Ints,
    fairs: Ints,
    timeline: Timeline,
    market: Market,
    sight: Sight,
    cells: Cells,
    log: Log,
    cursor: Ints,
    start: int,
    until_ns: int,
) -> int:
    """
    Fold rows from start on, and what the views see meanwhile; return -1 when all is done.

    Where the log has no room left, the row that comes next is returned: empty the log and call again. After the last
    row observations up to until_ns are seen and orders due before it arrive.

    Shape: fairs (len(states),) the home side's fair value of each state in u6, -1 for none; cursor (views,
    CURSOR_WIDTH), its first column how far each view has read its timeline, moved on here.
    """
    for view in range(len(cursor)):
        _turn(timeline, cursor, view)
    quiet_ns = _FULL  # nothing arrives or is seen before a row up to this time
    count = len(rows.recv_ns)
    if not _room(cells, sight, log):
        return start
    for i in range(start, count + 1):
        # The end is one more row on which nothing happens, so that there is one place where what is due comes in.
        row_ns = rows.recv_ns[i] if i < count else until_ns
        if row_ns > quiet_ns:
            row_seq = rows.seq[i] if i < count else _END
            quiet_ns = _advance(market, sight, timeline, states, fairs, cells, log, cursor, row_ns, row_seq)
            if quiet_ns == _FULL or not _room(cells, sight, log):
                return i
        if i == count:
            break
        token = wide(rows.token[i]) & _TOKEN_BITS
        op = rows.op[i]
        if op == OP_RULES:
            apply_rules(market, token, rules, wide(rows.price_u6[i]))
        elif op == OP_LINK:
            apply_row(market, rows, i)
            _unsettle(sight, token)
        elif apply_row(market, rows, i) and market.game[token] >= 0:
            _look_at_book(market, sight, cells, log, token, rows.seq[i], row_ns)
            quiet_ns = min(quiet_ns, next_due_ns(log))
            if not _room(cells, sight, log):
                return i + 1
    return -1


class SignalFuser:
    """The strategy of this program: model against market, edge against threshold."""

    name = "fusion"

    run = staticmethod(run)

    def watcher(self) -> PatternWatch:
        """Return the score buffers of one night."""
        return PatternWatch()
