"""
Fusion: game state and book make an edge. The live fuser and the replayed one.

On a score change every token of the game is evaluated; on a change of a book its token is, while the game is on. The edge is fair
value minus ask. What cannot be evaluated is counted by reason, never guessed: no book, a book in a gap or in doubt, a book that
has not moved for 30 s when the score changes, a game not heard of for 30 s, no fair value. `run` is the only loop there is: live
feeds it what a socket has just delivered, a replay what a tape holds, a sweep the same with a thousand cells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from replay.core.cells import EVALUATION_COLUMNS, SKIP_NAMES, Cells, Log, Sight, Timeline
from replay.core.jit import kernel
from replay.core.orders import NEVER_NS, arrive, next_due_ns
from replay.core.rows import OP_RULES, Night, Rows
from replay.core.state.book import ASK_ROW, BEST_ASK, BOOK_NS, KNOWN, SUSPECT, TRUST, best_price_u6, size_at_best
from replay.core.state.game import ADVANCED, AWAY, CORRECTED, GAME_NS, HOME, REPEATED, STALE, is_live, observe
from replay.core.state.market import Market, apply_row, apply_rules
from strategies.policy import decide

__all__ = ["SignalFuser", "run"]

Ints = NDArray[np.int64]

_EVALUATED, _NOT_LIVE, _NO_FAIR, _NO_GAME, _UNKNOWN, _SUSPECT, _NO_ASK, _BOOK_STALE, _GAME_STALE = range(
    len(SKIP_NAMES)
)
_EVALUATIONS = 0
_BY_BOOK = 0
_BY_SCORE = 1
_DOLLAR_U6 = 1_000_000


@kernel
def _fair_u6(market: Market, sight: Sight, view: int, token: int, game: int) -> int:
    """Return what a view holds a token to be worth; -1 where it cannot say."""
    home = sight.fair_u6[view, game]
    if home < 0 or market.side[token] > 0:
        return int(home)
    return int(_DOLLAR_U6 - home)


@kernel
def _gate(market: Market, sight: Sight, view: int, token: int, now_ns: int, cause: int) -> int:
    """Say whether a token can be evaluated now, or why not: an index into SKIP_NAMES."""
    game = market.game[token]
    if game < 0:
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
        if now_ns - sight.delay_ns[view] - market.books[token, BOOK_NS] > sight.fresh[0]:
            return _BOOK_STALE
    elif now_ns - games[game, GAME_NS] > sight.fresh[1]:
        return _GAME_STALE
    return _EVALUATED


@kernel
def _look(
    market: Market,
    sight: Sight,
    cells: Cells,
    log: Log,
    view: int,
    token: int,
    seq: int,
    now_ns: int,
    cause: int,
    evaluation: Ints,
) -> None:
    """Evaluate a token on a view, log it where asked, and let the view's cells decide."""
    gate = _gate(market, sight, view, token, now_ns, cause)
    sight.looks[view, gate] += 1
    if gate != _EVALUATED:
        return
    game = market.game[token]
    fair = _fair_u6(market, sight, view, token, game)
    ask = best_price_u6(market.books, token, ASK_ROW)
    evaluation[0] = seq
    evaluation[1] = now_ns
    evaluation[2] = token
    evaluation[3] = fair
    evaluation[4] = ask
    evaluation[5] = size_at_best(market.books, market.levels, token, ASK_ROW)
    evaluation[6] = fair - ask
    evaluation[7] = now_ns - sight.games[view, game, GAME_NS]
    evaluation[8] = now_ns - sight.delay_ns[view] - market.books[token, BOOK_NS]
    evaluation[9] = cause
    if view == 0 and sight.record[0] == 1:
        log.evaluations[log.counts[_EVALUATIONS]] = evaluation
        log.counts[_EVALUATIONS] += 1
    before = sight.edge_u6[view, token]
    if fair - ask == before and sight.busy[view, token] == 0:
        return
    sight.edge_u6[view, token] = fair - ask
    waits = decide(market, sight, cells, log, view, token, evaluation, before)
    sight.busy[view, token] = 1 if waits else 0


@kernel
def _see(
    market: Market,
    sight: Sight,
    cells: Cells,
    log: Log,
    view: int,
    states: Ints,
    fairs: Ints,
    k: int,
    at_ns: int,
    evaluation: Ints,
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
    if verdict in (STALE, REPEATED):
        return
    if states[k, 8] == games[game, HOME] and states[k, 9] == games[game, AWAY]:
        sight.fair_u6[view, game] = fairs[k]
    if verdict in (ADVANCED, CORRECTED):
        for side in range(2):
            token = market.tokens_of[game, side]
            if token >= 0:
                _look(market, sight, cells, log, view, token, states[k, 0], now_ns, _BY_SCORE, evaluation)


@kernel
def _first(timeline: Timeline, cursor: Ints) -> int:
    """Return the view that sees something next, the lowest one where several do; -1 where none does."""
    best = -1
    for view in range(len(cursor)):
        at = cursor[view]
        if at >= timeline.bounds[view, 1]:
            continue
        if best < 0:
            best = view
            continue
        other = cursor[best]
        earlier = timeline.at_ns[at] < timeline.at_ns[other]
        same = timeline.at_ns[at] == timeline.at_ns[other] and timeline.seq[at] < timeline.seq[other]
        if earlier or same:
            best = view
    return best


@kernel
def _room(cells: Cells, sight: Sight, log: Log) -> bool:
    """Say whether the log has room for everything that one step can say."""
    orders = len(log.orders) - log.counts[1]
    evaluations = len(log.evaluations) - log.counts[0]
    return orders >= 2 * len(cells.params) and (sight.record[0] == 0 or evaluations >= 2)


@kernel
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
    evaluation: Ints,
) -> bool:
    """Let orders arrive and observations be seen that come before a row; False where the log is full."""
    view = _first(timeline, cursor)
    while True:
        due = next_due_ns(log)
        seen = timeline.at_ns[cursor[view]] if view >= 0 else NEVER_NS
        if due < row_ns and due < seen:
            arrive(market, cells, log)
        elif view >= 0 and (seen < row_ns or (seen == row_ns and timeline.seq[cursor[view]] < row_seq)):
            if not _room(cells, sight, log):
                return False
            k = timeline.state[cursor[view]]
            _see(market, sight, cells, log, view, states, fairs, k, seen, evaluation)
            cursor[view] += 1
            view = _first(timeline, cursor)
        else:
            return True


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

    Where the log has no room left, the row that comes next is returned: empty the log and call again. After the last row
    observations up to until_ns are seen and orders due before it arrive.

    Shape: fairs (len(states),) the home side's fair value of each state in u6, -1 for none; cursor (views,) how far each view has
    read its timeline, moved on here.
    """
    evaluation = np.zeros(len(EVALUATION_COLUMNS), np.int64)
    count = len(rows.recv_ns)
    quiet_ns = -1  # nothing arrives or is seen before a row up to this time
    for i in range(start, count):
        row_ns = rows.recv_ns[i]
        if row_ns > quiet_ns:
            seq = rows.seq[i]
            if not _advance(market, sight, timeline, states, fairs, cells, log, cursor, row_ns, seq, evaluation):
                return i
            view = _first(timeline, cursor)
            quiet_ns = min(next_due_ns(log), timeline.at_ns[cursor[view]] - 1 if view >= 0 else NEVER_NS)
        if not _room(cells, sight, log):
            return i
        token = int(rows.token[i])
        if rows.op[i] == OP_RULES:
            apply_rules(market, token, rules, int(rows.price_u6[i]))
        elif apply_row(market, rows, i) and market.game[token] >= 0:
            for view in range(len(cursor)):
                now_ns = row_ns + sight.delay_ns[view]
                _look(market, sight, cells, log, view, token, rows.seq[i], now_ns, _BY_BOOK, evaluation)
            quiet_ns = min(quiet_ns, next_due_ns(log))
    done = _advance(market, sight, timeline, states, fairs, cells, log, cursor, until_ns, NEVER_NS, evaluation)
    return -1 if done else count


class SignalFuser:
    """The strategy of this program: model against market, edge against threshold."""

    name = "fusion"

    run = staticmethod(run)
