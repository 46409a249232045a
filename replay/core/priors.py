"""
Priors: what was known of a game before it began, frozen when it is first seen to be on.

The market knows more than any rating: injuries, rest, who plays. So the prior of a game is the mid of its home token
as it stood when a source last said `not begun`, if there was a two-sided book then that had moved within ten minutes
and was at most ten cents wide. Otherwise it is what the model's own ratings say of the two teams, if it has any, and
otherwise nothing. A game that was already on when it was first seen has no market prior: its prices know the score.

Observations before that moment are told the ratings' prior. Nothing is read that came later than the observation it is
told to, so a night gives the same priors in one piece, envelope by envelope and cut anywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from replay.core.events import GameStatus
from replay.core.models import NO_MODEL, Rating, WinProbability
from replay.core.roll import Catalogue, Game
from replay.core.rows import OP_ASK, OP_BID, OP_FORGET, OP_LAST, OP_LINK, OP_SNAPSHOT, STATE_COLUMNS, Night, Rows

__all__ = ["MID_FRESH_NS", "SPREAD_U6_MAX", "PriorFold"]

Ints = NDArray[np.int64]

MID_FRESH_NS = 600 * 1_000_000_000
SPREAD_U6_MAX = 100_000

_SEQ, _RECV_NS, _GAME, _STATUS = (STATE_COLUMNS.index(name) for name in ("seq", "recv_ns", "game", "status"))
_BEGUN = (int(GameStatus.LIVE), int(GameStatus.BREAK), int(GameStatus.DELAYED), int(GameStatus.FINAL))
# What says where a book stands: changes that carry the venue's own best prices, snapshots, and the end of a connection.
_TELLING = np.array([OP_BID, OP_ASK, OP_BID + OP_LAST, OP_ASK + OP_LAST, OP_SNAPSHOT, OP_FORGET], np.int8)


class _Quote(NamedTuple):
    """The best prices of a token as last told; -1 where a side has none. Units: u6, ns."""

    bid_u6: int
    ask_u6: int
    recv_ns: int


class PriorFold:
    """What is known before each game of a night, folded over any number of stretches of it."""

    def __init__(self, model: WinProbability) -> None:
        """Begin before the first envelope. A model that rates teams answers where the market is silent."""
        self._rating = model if isinstance(model, Rating) else None
        self._frozen: dict[int, int] = {}
        self._mids: dict[int, int] = {}
        self._quotes: dict[int, _Quote] = {}
        self._home_tokens: dict[int, int] = {}
        self._rated: dict[tuple[str, str, str], int] = {}

    def see(self, night: Night, catalogue: Catalogue) -> Ints:
        """
        Take a stretch of the night and return the prior that each of its observations is told.

        Shape: returns (len(night.states),). Units: prob_u6 of the home side, NO_MODEL for none.
        """
        states = night.states
        priors = np.full(len(states), NO_MODEL, np.int64)
        links = np.flatnonzero(night.rows.op == OP_LINK)
        for game in np.unique(states[:, _GAME]).tolist():
            mine = np.flatnonzero(states[:, _GAME] == game)
            if game not in self._frozen:
                mine = self._begin(night, links, game, mine, catalogue.games[game], priors)
            priors[mine] = self._frozen.get(game, NO_MODEL)
        self._link(night.rows, links)
        self._remember(night.rows)
        return priors

    def of(self, game: int) -> int:
        """Return the frozen prior of a game; NO_MODEL where there is none, or the game has not begun."""
        return self._frozen.get(game, NO_MODEL)

    def _begin(self, night: Night, links: Ints, game: int, mine: Ints, entry: Game, priors: Ints) -> Ints:
        """Tell a game's observations from before it was on, freeze what they led to, and return those that are left."""
        states = night.states[mine]
        begun = np.flatnonzero(np.isin(states[:, _STATUS], _BEGUN))
        first = int(begun[0]) if len(begun) else len(mine)
        rated = self._rate(entry, int(states[0, _RECV_NS]))
        priors[mine[:first]] = rated
        waiting = np.flatnonzero(states[:first, _STATUS] == GameStatus.SCHEDULED)
        if len(waiting):
            seq, at_ns = states[waiting[-1], (_SEQ, _RECV_NS)].tolist()
            self._mids[game] = self._mid(night.rows, self._home_token(night.rows, links, game, seq), seq, at_ns)
        if first < len(mine):
            mid = self._mids.pop(game, NO_MODEL)
            self._frozen[game] = mid if mid != NO_MODEL else rated
        return mine[first:]

    def _rate(self, game: Game, at_ns: int) -> int:
        if self._rating is None:
            return NO_MODEL
        key = (game.league, game.home, game.away)
        if key not in self._rated:
            try:
                self._rated[key] = self._rating.rate(*key, at_ns)
            except (ArithmeticError, LookupError, TypeError, ValueError, RuntimeError):
                # A rating that fails costs a prior, not the night.
                self._rated[key] = NO_MODEL
        return self._rated[key]

    def _mid(self, rows: Rows, token: int, seq: int, at_ns: int) -> int:
        """Return the mid of a token's book as it stood before seq; NO_MODEL where it was not to be trusted."""
        end = int(np.searchsorted(rows.seq, seq))
        start = int(np.searchsorted(rows.recv_ns[:end], at_ns - MID_FRESH_NS))
        told = start + np.flatnonzero((rows.token[start:end] == token) & _is_telling(rows, start, end))
        quote = _quote(rows, int(told[-1])) if len(told) else self._quotes.get(token)
        if quote is None or at_ns - quote.recv_ns > MID_FRESH_NS:
            return NO_MODEL
        is_book = 0 < quote.bid_u6 < quote.ask_u6 and quote.ask_u6 - quote.bid_u6 <= SPREAD_U6_MAX
        return (quote.bid_u6 + quote.ask_u6) // 2 if is_book else NO_MODEL

    def _home_token(self, rows: Rows, links: Ints, game: int, seq: int) -> int:
        """Return the token of a game's home side as linked before seq, -1 for none."""
        said = links[(rows.seq[links] < seq) & (rows.price_u6[links] == game)]
        token = self._home_tokens.get(game, -1)
        for row in said.tolist():
            token = _linked(token, int(rows.token[row]), int(rows.size_u6[row]))
        return token

    def _link(self, rows: Rows, links: Ints) -> None:
        for row in links.tolist():
            game = int(rows.price_u6[row])
            token = self._home_tokens.get(game, -1)
            self._home_tokens[game] = _linked(token, int(rows.token[row]), int(rows.size_u6[row]))

    def _remember(self, rows: Rows) -> None:
        """Keep the last quote of every token of a game that is yet to begin, as long as it may be needed."""
        waiting = [token for game, token in self._home_tokens.items() if game not in self._frozen]
        if not waiting or not len(rows.seq):
            return
        start = int(np.searchsorted(rows.recv_ns, int(rows.recv_ns[-1]) - MID_FRESH_NS))
        told = start + np.flatnonzero(np.isin(rows.token[start:], waiting) & _is_telling(rows, start, len(rows.seq)))
        for row in told[np.unique(rows.token[told][::-1], return_index=True)[1] * -1 - 1].tolist():
            self._quotes[int(rows.token[row])] = _quote(rows, row)


def _linked(token: int, named: int, side: int) -> int:
    """Return a game's home token after a link: the named one, or none where it was taken from it."""
    if side > 0:
        return named
    return -1 if side == 0 and named == token else token


def _is_telling(rows: Rows, start: int, end: int) -> NDArray[np.bool_]:
    """Tell which rows say where a book stands: a change that leaves out the venue's own best prices does not."""
    op = rows.op[start:end]
    is_quoted = (rows.bid_u6[start:end] >= 0) & (rows.ask_u6[start:end] >= 0)
    told: NDArray[np.bool_] = np.isin(op, _TELLING) & (is_quoted | (op == OP_FORGET) | (op == OP_SNAPSHOT))
    return told


def _quote(rows: Rows, row: int) -> _Quote:
    return _Quote(int(rows.bid_u6[row]), int(rows.ask_u6[row]), int(rows.recv_ns[row]))
