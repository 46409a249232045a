"""
Counterfactual polls: what a poller of another rhythm would have seen, from the answers that were recorded.

At simulated poll time t the answer is the newest one recorded at or before t, never a later one; it is seen at t + rtt.
Where the newest recorded poll failed, the simulated one is blind too. The rhythm follows the game: fast from the first
answer that showed it on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from replay.core.jit import kernel

__all__ = ["resample"]

Ints = NDArray[np.int64]


@kernel
def resample(
    recv_ns: Ints,
    state: Ints,
    live: Ints,
    rtt_ns: Ints,
    start_ns: int,
    end_ns: int,
    phase_ns: int,
    live_ns: int,
    idle_ns: int,
    seen_ns: Ints,
    seen: Ints,
) -> int:
    """
    Fill seen_ns and seen with what is seen when, and return how many there are.

    Shape: recv_ns, state (-1: the poll failed), live (1: the game is on): (n,), one game at one source, by time.
    rtts_ns (m,) recorded round trips, drawn in turn. seen_ns and seen as long as there can be polls.
    """
    count = 0
    at = -1
    now = start_ns + phase_ns
    is_live = 0
    last_seen = start_ns
    while now <= end_ns:
        while at + 1 < len(recv_ns) and recv_ns[at + 1] <= now:
            at += 1
        if at >= 0 and state[at] >= 0:
            # A slow answer never overtakes the one before it: the poller waits for each.
            last_seen = max(now + rtt_ns[at], last_seen)
            seen_ns[count] = last_seen
            seen[count] = state[at]
            is_live = live[at]
            count += 1
        now += live_ns if is_live == 1 else idle_ns
    return count
