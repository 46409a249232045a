"""
Between the sequencer and the tape: groups envelopes into blocks and waits for the disk where nobody else has to.

One worker thread commits; the event loop never waits for a disk. What is not durable yet is bounded: a disk that
stands still ends the recording loudly, and nothing is ever dropped in silence. A disk that refuses (full, quota) is
asked again every second for as long as that bound allows, and what was held back is then written. Where it still
refuses at the end, the room that was set aside is given back to it first, so that everything that was held back fits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from recorder.envelope import ENVELOPE_HEAD, Envelope
from recorder.errors import DiskError

__all__ = ["BLOCK_BYTES", "BLOCK_EVENTS", "BLOCK_S", "Committer", "DurableLog"]

BLOCK_EVENTS = 256
BLOCK_BYTES = 256 * 1024
BLOCK_S = 0.1
"""A block is written after so many envelopes, bytes or seconds, whichever comes first."""

_RETRY_S = 1.0


class DurableLog(Protocol):
    """A log on a disk; `recorder.tape.writer.TapeWriter` is one. commit may run beside append, in another thread."""

    @property
    def next_seq(self) -> int:
        """The seq that the next envelope must have."""
        ...

    @property
    def last_ns(self) -> int:
        """recv_ns of the last envelope; 0 where there is none."""
        ...

    def append(self, envelope: Envelope) -> None:
        """Buffer an envelope."""
        ...

    def commit(self) -> int:
        """Make durable what was appended; return the last durable seq, -1 for none."""
        ...

    def close(self) -> None:
        """Commit and let go."""
        ...


class Committer:
    """A `Log` for the sequencer that makes what it takes durable in the background."""

    def __init__(
        self,
        log: DurableLog,
        *,
        backlog_bytes: int,
        on_durable: Callable[[int], None] | None = None,
        on_refusal: Callable[[str], None] | None = None,
        make_room: Callable[[], bool] | None = None,
        finish_s: float = 4.0,
    ) -> None:
        """
        Write to this log.

        backlog_bytes: how much may wait for the disk before the recording is halted. on_durable: told the last durable
        seq after every commit, in the event loop's thread. on_refusal: told once why the disk refuses, and "" when it
        took everything again. make_room: gives back to the disk what was set aside for the end, once; False where there
        is nothing more. finish_s: how long `finish` waits for the disk.
        """
        self._log = log
        self._backlog_bytes = backlog_bytes
        self._on_durable = on_durable
        self._finish_s = finish_s
        self._on_refusal = on_refusal
        self._make_room = make_room
        self._worker = ThreadPoolExecutor(1, "commit")
        self._due = asyncio.Event()
        self._taken_bytes = 0
        self._begun_bytes = 0
        self._durable_bytes = 0
        self._begun_seq = log.next_seq
        self._durable_seq = log.next_seq - 1
        self._refusal = ""
        self._is_halted = False

    @property
    def next_seq(self) -> int:
        """The seq that the next envelope must have."""
        return self._log.next_seq

    @property
    def last_ns(self) -> int:
        """recv_ns of the last envelope."""
        return self._log.last_ns

    @property
    def durable_seq(self) -> int:
        """The last seq that survives a power cut, as far as this process knows."""
        return self._durable_seq

    @property
    def refusal(self) -> str:
        """Why the disk refuses now; empty where it does not."""
        return self._refusal

    @property
    def backlog_bytes(self) -> int:
        """Bytes that wait for the disk."""
        return self._taken_bytes - self._durable_bytes

    def append(self, envelope: Envelope) -> None:
        """
        Take an envelope.

        Raises:
            DiskError: too much waits for the disk. Said once and before the envelope is taken; what is appended after
                that, on the way out, is taken.
        """
        if self.backlog_bytes > self._backlog_bytes and not self._is_halted:
            self._is_halted = True
            raise self._halt()
        self._log.append(envelope)
        self._taken_bytes += ENVELOPE_HEAD.size + len(envelope.feed) + len(envelope.meta) + len(envelope.payload)
        if self._taken_bytes - self._begun_bytes >= BLOCK_BYTES or self._log.next_seq - self._begun_seq >= BLOCK_EVENTS:
            self._due.set()

    async def run(self) -> None:
        """Commit for ever."""
        while True:
            try:
                async with asyncio.timeout(BLOCK_S):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            if self._log.next_seq - 1 > self._durable_seq and not await self._commit():
                await asyncio.sleep(_RETRY_S)

    async def finish(self) -> None:
        """
        Commit the rest and close the log.

        Raises:
            DiskError: the disk did not take the rest in time, and what is lost is said; or the recording was halted.
        """
        try:
            async with asyncio.timeout(self._finish_s):
                await self._insist()
        except TimeoutError:
            self._worker.shutdown(wait=False)
            raise self._halt() from None
        await asyncio.get_running_loop().run_in_executor(self._worker, self._log.close)
        self._durable_seq = self._log.next_seq - 1
        self._worker.shutdown(wait=False)
        if self._is_halted:
            raise self._halt()

    async def _insist(self) -> None:
        # From here on a disk that takes things again is no news: the recording is over.
        self._on_refusal = None
        while not await self._commit():
            if self._make_room is None or not self._make_room():
                await asyncio.sleep(_RETRY_S)

    async def _commit(self) -> bool:
        self._begun_bytes, self._begun_seq = self._taken_bytes, self._log.next_seq
        begun_bytes = self._begun_bytes
        try:
            durable_seq = await asyncio.get_running_loop().run_in_executor(self._worker, self._log.commit)
        except DiskError as error:
            self._refuse(error.why or error.what)
            return False
        self._durable_bytes = begun_bytes
        self._durable_seq = durable_seq
        if self._on_durable is not None:
            self._on_durable(durable_seq)
        if self._refusal:
            self._refuse("")
        return True

    def _refuse(self, why: str) -> None:
        is_news = bool(why) != bool(self._refusal)
        self._refusal = why
        if is_news and self._on_refusal is not None:
            self._on_refusal(why)

    def _halt(self) -> DiskError:
        behind = self._log.next_seq - 1 - self._durable_seq
        refusal = self._refusal or "it stood still"
        return DiskError(
            "recording halted: the disk did not keep up",
            why=f"{refusal}; durable up to seq {self._durable_seq}, {behind} envelopes after it are not",
            hint="df -h; then: gametape recover TAPE, and record again under the same name to go on",
        )
