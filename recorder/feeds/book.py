"""
The REST witness: whole books of every token, asked on a schedule and whenever another feed lost track.

The socket has no sequence number, so a lost message shows only when a second source disagrees. The scheduled witness
asks `POST /books` for batches of at most 500 sorted tokens, each batch at its own pace. An `AskBooks` is answered by a
question of its own, one at a time and at most once a second; what is asked meanwhile waits and goes out together.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec

from recorder.feeds.base import AskBooks, Command, Failed, Input, PlanChanged, Response
from recorder.feeds.polling import Poll, ask_due
from recorder.times import SECOND_NS

__all__ = ["BookWitnessFeed"]

_BATCH = 500
_HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}


class BookWitnessFeed:
    """`POST /books` for the tokens of the plan."""

    name = "polymarket.book"

    def __init__(self, base_url: str, *, rng: Random, witness_s: float = 60.0, timeout_s: float = 10.0) -> None:
        """Ask below base_url (no slash at its end), every batch every witness_s."""
        self._url = base_url + "/books"
        self._rng = rng
        self._period_ns = int(witness_s * SECOND_NS)
        self._timeout_s = timeout_s
        self._batches: list[Poll] = []
        self._batch_count = 0
        self._extra = self._poll("wanted")
        self._extra_tokens: list[str] = []
        self._wanted: set[str] = set()

    def step(self, happened: Input, now_ns: int) -> list[Command]:
        """Take one thing that happened and say what to do now."""
        if isinstance(happened, PlanChanged):
            self._plan(happened.tokens)
        elif isinstance(happened, AskBooks):
            self._wanted.update(happened.tokens)
        elif isinstance(happened, Response | Failed):
            self._hear(happened, now_ns)
        polls = self._batches[: self._batch_count]
        if self._wanted and not self._extra.is_asked:
            if self._extra.due_ns <= now_ns:
                self._fill_extra()
            polls = [*polls, self._extra]
        return ask_due(polls, now_ns, latest_ns=now_ns + self._period_ns)

    def _plan(self, tokens: Sequence[str]) -> None:
        """Fill the batches anew; those that exist keep their pace, and a wait that was asked of us."""
        ordered = sorted(set(tokens))
        parts = [ordered[at : at + _BATCH] for at in range(0, len(ordered), _BATCH)]
        while len(self._batches) < len(parts):
            self._batches.append(self._poll(f"books:{len(self._batches)}"))
        for poll, part in zip(self._batches, parts, strict=False):
            poll.body = _body(part)
        self._batch_count = len(parts)

    def _fill_extra(self) -> None:
        self._extra_tokens = sorted(self._wanted)[:_BATCH]
        self._extra.body = _body(self._extra_tokens)
        self._wanted.difference_update(self._extra_tokens)

    def _hear(self, happened: Response | Failed, now_ns: int) -> None:
        poll = next(poll for poll in (self._extra, *self._batches) if poll.key == happened.key)
        is_extra = poll is self._extra
        if isinstance(happened, Response) and happened.status == 200:
            poll.succeed(happened, now_ns, SECOND_NS if is_extra else self._period_ns)
            return
        poll.fail(now_ns, happened if isinstance(happened, Response) else None)
        if is_extra:
            self._wanted.update(self._extra_tokens)

    def _poll(self, key: str) -> Poll:
        return Poll(key, self._url, timeout_s=self._timeout_s, rng=self._rng, headers=_HEADERS, body=b"[]")


def _body(tokens: list[str]) -> bytes:
    return msgspec.json.encode([{"token_id": token} for token in tokens])
