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
    CELL_COLUMNS,
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
from replay.core.rows import OP_LINK, OP_RULES, OP_SNAPSHOT, OP_SNAPSHOT_END, OP_WITNESS, TOKEN_BITS, Rows
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
from replay.core.state.market import Market, apply_rare, apply_row, apply_rules
from strategies.policy import decide
from strategies.score_buffer import PatternWatch

__all__ = ["SignalFuser", "run"]

Ints = NDArray[np.int64]

_EVALUATED, _NOT_LIVE, _NO_FAIR, _NO_GAME, _UNKNOWN, _SUSPECT, _NO_ASK, _BOOK_STALE, _GAME_STALE = range(
    len(SKIP_NAMES)
)
_EVALUATIONS = 0
_WAKE = CELL_COLUMNS.index("wake_u6")
# Typed, because a literal argument makes numba compile a copy of the callee.
_BY_BOOK = wide(0)
_BY_SCORE = wide(1)
_FIRST_VIEW = wide(0)  # the one whose evaluations are kept
_FULL = -(1 << 62)  # a time before all times
_DOLLAR_U6 = 1_000_000
_ROW_BITS = (1 << 62) - 1  # says that a row's number is not negative: no index counts from the end


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


@inlined
def _evaluate(
    market: Market, sight: Sight, log: Log, seqs: Ints, view: int, token: int, fact: int, now_ns: int, cause: int
) -> None:
    """
    Write down what fair value met which ask, and keep it where asked.

    fact is the seq of what caused it, or ~row: most looks are not written down, and to read a seq takes longer than all
    the rest of a look.
    """
    game = market.game[token]
    fair = _fair_u6(market, sight, view, token, game)
    ask = best_price_u6(market.books, token, ASK_ROW)
    latest = log.latest
    latest[0] = fact if fact >= 0 else seqs[~fact]
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
    market: Market,
    sight: Sight,
    cells: Cells,
    log: Log,
    seqs: Ints,
    view: int,
    token: int,
    fact: int,
    now_ns: int,
    cause: int,
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
    first, past = sight.cells[view, 0], sight.cells[view, 1]
    wakes = moved and first < past and cells.params[_WAKE, first] <= max(edge, before)
    if wakes or (view == _FIRST_VIEW and sight.record[0] == 1):
        _evaluate(market, sight, log, seqs, view, token, fact, now_ns, cause)
    if moved:
        sight.edge_u6[view, token] = edge
        waits = wakes and decide(market, sight, cells, log, view, token, before)
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
    seqs: Ints,
    first: int,
    past: int,
    token: int,
    fact: int,
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
        found = _look(market, sight, cells, log, seqs, view, token, fact, row_ns + delay_ns, cause)
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
def _is_settled(market: Market, settled: Ints, token: int, row_ns: int) -> bool:
    """Say whether a look after a change of the token's book can find nothing but what the latest one found."""
    return bool(
        row_ns <= settled[token, SETTLED_NS]
        and market.books[token, TRUST] == settled[token, SETTLED_TRUST]
        and best_price_u6(market.books, token, ASK_ROW) == settled[token, SETTLED_ASK_U6]
    )


@inlined
def _skim(rows: Rows, market: Market, settled: Ints, first: int, cleared: int, quiet_ns: int, is_kept: int) -> int:
    """
    Fold rows from first on for as long as they concern nobody.

    Most changes are far from the touch: every view would find what it found before and no cell could act, so such looks
    are only counted. Returns the row that comes next, where that is the end, or something comes before it, or it is no
    level of a book; or ~row, where the row is folded and its token is to be looked at.
    """
    for at in range(first, len(rows.recv_ns)):
        i = at & _ROW_BITS
        row_ns, op = rows.recv_ns[i], rows.op[i]
        if (row_ns > quiet_ns and i != cleared) or op > OP_SNAPSHOT_END or op == OP_SNAPSHOT or op == OP_WITNESS:
            return i
        token = wide(rows.token[i]) & TOKEN_BITS
        if not apply_row(market, rows, i) or market.game[token] < 0:
            continue
        if is_kept == 1 or not _is_settled(market, settled, token, row_ns):
            return ~i
        settled[token, REPEATS] += 1
    return len(rows.recv_ns)


@inlined
def _look_at_book(
    market: Market, sight: Sight, cells: Cells, log: Log, seqs: Ints, token: int, fact: int, row_ns: int
) -> None:
    """Look at a token after its book changed; where that can find nothing new, keep what it finds."""
    if sight.record[0] == 0 or not _is_settled(market, sight.settled, token, row_ns):
        _look_on(market, sight, cells, log, seqs, _FIRST_VIEW, len(sight.found), token, fact, row_ns, _BY_BOOK)
        return
    sight.settled[token, REPEATS] += 1
    if sight.found[0, token] == _EVALUATED:
        _evaluate(market, sight, log, seqs, _FIRST_VIEW, token, fact, row_ns + sight.delay_ns[0], _BY_BOOK)


@inlined
def _see(
    market: Market,
    sight: Sight,
    cells: Cells,
    log: Log,
    seqs: Ints,
    view: int,
    states: Ints,
    fairs: Ints,
    k: int,
    at_ns: int,
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
            _look_on(market, sight, cells, log, seqs, view, view + 1, token, states[k, 0], at_ns, _BY_SCORE)


@inlined
def _turn(timeline: Timeline, cursor: Ints, view: int) -> None:
    """Note when a view sees something next."""
    at = cursor[view, 0]
    cursor[view, 1] = timeline.at_ns[at] if at < timeline.bounds[view, 1] else NEVER_NS


@inlined
def _first(timeline: Timeline, cursor: Ints) -> int:
    """Return the view that sees something next, the lowest one where several do."""
    best = 0
    for view in range(1, len(cursor)):
        if cursor[view, 1] < cursor[best, 1] or (
            cursor[view, 1] == cursor[best, 1]
            and cursor[view, 1] != NEVER_NS
            and timeline.seq[cursor[view, 0]] < timeline.seq[cursor[best, 0]]
        ):
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
    seqs: Ints,
    at: int,
    row_ns: int,
) -> int:
    """
    Let orders arrive and observations be seen that come before a row.

    Returns the time up to which nothing more is due, or _FULL where the log has no room.
    """
    view = _first(timeline, cursor)
    while True:
        due = next_due_ns(log)
        seen = cursor[view, 1]
        if due < row_ns and due < seen:
            arrive(market, cells, log)
        elif seen < row_ns or (seen == row_ns and (at == len(seqs) or timeline.seq[cursor[view, 0]] < seqs[at])):
            if not _room(cells, sight, log):
                return _FULL
            _see(market, sight, cells, log, seqs, view, states, fairs, timeline.state[cursor[view, 0]], seen)
            cursor[view, 0] += 1
            _turn(timeline, cursor, view)
            view = _first(timeline, cursor)
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
    at = start
    cleared = wide(-1)  # before this row all has come in, though something may be seen at its very time
    while True:
        at = _skim(rows, market, sight.settled, at, cleared, quiet_ns, sight.record[0])
        if at < 0:
            i = ~at
            token = wide(rows.token[i]) & TOKEN_BITS
            _look_at_book(market, sight, cells, log, rows.seq, token, at, rows.recv_ns[i])
            quiet_ns = min(quiet_ns, next_due_ns(log))
            at = i + 1
        elif at == count or (rows.recv_ns[at] > quiet_ns and at != cleared):
            cleared = at
            row_ns = rows.recv_ns[at] if at < count else until_ns
            quiet_ns = _advance(market, sight, timeline, states, fairs, cells, log, cursor, rows.seq, at, row_ns)
            if quiet_ns == _FULL:
                return at
            if at == count:
                return -1
        else:
            token = wide(rows.token[at]) & TOKEN_BITS
            op = wide(rows.op[at])
            if op == OP_RULES:
                apply_rules(market, token, rules, wide(rows.price_u6[at]))
            else:
                apply_rare(market, rows, at, op, token)
                if op == OP_LINK:
                    _unsettle(sight, token)
            at += 1
        if not _room(cells, sight, log):
            return at


class SignalFuser:
    """The strategy of this program: model against market, edge against threshold."""

    name = "fusion"

    run = staticmethod(run)

    def watcher(self) -> PatternWatch:
        """Return the score buffers of one night."""
        return PatternWatch()
