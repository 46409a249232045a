"""
A process that has imported everything and forks a child for each job, so that a thousand kills cost no thousand starts.

Spoken to in lines: `JOB PATH` forks a child and answers its pid; the next line lets it begin, and the answer is JSON:
its wait status and every seq that it acknowledged on its pipe before it died.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from recorder.envelope import Envelope, Kind
from recorder.tape.recover import recover_tape
from recorder.tape.seal import seal_tape
from recorder.tape.writer import TapeWriter

EACH = 3
SEGMENT_RAW_BYTES = 700
WRITTEN = 30
RESUMED = 42


def envelope(seq: int) -> Envelope:
    """Make the envelope that belongs at a seq; nothing else may ever be read there."""
    return Envelope(seq, 1_000_000 * (seq // 2), "espn.nba", 0, Kind.BODY, b'{"n":%d}' % seq, b"body %d;" % seq * 4)


def fill(writer: TapeWriter, until: int, ack_fd: int) -> None:
    """Append up to a seq, a commit for every few, and acknowledge what is durable."""
    while writer.next_seq < until:
        for _ in range(min(EACH, until - writer.next_seq)):
            writer.append(envelope(writer.next_seq))
        os.write(ack_fd, b"%d\n" % writer.commit())
    writer.close()


def work(job: str, path: Path, ack_fd: int) -> None:
    match job:
        case "write":
            fill(TapeWriter.create(path, created_ns=1, segment_raw_bytes=SEGMENT_RAW_BYTES), WRITTEN, ack_fd)
        case "resume":
            fill(TapeWriter.resume(path, segment_raw_bytes=SEGMENT_RAW_BYTES), RESUMED, ack_fd)
        case "seal":
            seal_tape(path)
        case "recover":
            recover_tape(path, write=True)
        case _:
            raise ValueError(job)


def run_child(job: str, path: Path, go_fd: int, ack_fd: int) -> int:
    os.read(go_fd, 1)
    try:
        work(job, path, ack_fd)
    except Exception as error:  # noqa: BLE001  the parent says it
        os.write(2, repr(error).encode() + b"\n")
        return 1
    return 0


def warm_up() -> None:
    """Load before the first fork whatever is loaded late, so that a child's system calls are the tape's own."""
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("wb") as nowhere:
        path = Path(folder) / "night"
        for job in ("write", "resume", "seal", "recover"):
            work(job, path, nowhere.fileno())


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    warm_up()
    for line in sys.stdin:
        job, path = line.split()
        go_read, go_write = os.pipe()
        ack_read, ack_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os._exit(run_child(job, Path(path), go_read, ack_write))
        os.close(ack_write)
        say(str(pid))
        sys.stdin.readline()
        os.write(go_write, b"!")
        with os.fdopen(ack_read) as acks:
            acked = [int(text) for text in acks.read().split("\n")[:-1]]
        _, status = os.waitpid(pid, 0)
        os.close(go_read)
        os.close(go_write)
        say(json.dumps({"status": status, "acked": acked}))


if __name__ == "__main__":
    main()
