"""The Redis stream, against a server that speaks as much of the protocol as is needed."""

from __future__ import annotations

import asyncio

import pytest

from replay.live.redis_sink import RedisStream


class LittleRedis:
    """Keeps commands; answers XADD with an id and whatever else with OK."""

    def __init__(self) -> None:
        self.commands: list[list[bytes]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            words = []
            for _ in range(int(head[1:])):
                size = int((await reader.readline())[1:])
                words.append((await reader.readexactly(size + 2))[:-2])
            self.commands.append(words)
            match words[0].upper():
                case b"HELLO":
                    writer.write(b"%1\r\n$5\r\nproto\r\n:3\r\n")
                case b"XADD":
                    writer.write(b"$3\r\n1-0\r\n")
                case _:
                    writer.write(b"+OK\r\n")
        writer.close()


def test_a_message_is_an_entry_of_the_stream() -> None:
    """XADD to the stream that the address names, bounded, with type and body."""
    redis = LittleRedis()

    async def talk() -> None:
        server = await asyncio.start_server(redis.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sink = RedisStream(f"redis://127.0.0.1:{port}/0?stream=signals")
        await sink.send("signal", b'{"seq":1}')
        await sink.close()
        server.close()
        await server.wait_closed()

    asyncio.run(talk())
    (added,) = [words for words in redis.commands if words[0] == b"XADD"]
    assert added[1] == b"signals"
    assert added[2:5] == [b"MAXLEN", b"~", b"100000"]
    assert {added[k]: added[k + 1] for k in (6, 8)} == {b"type": b"signal", b"body": b'{"seq":1}'}


def test_what_is_no_address_is_refused() -> None:
    """Another scheme is not taken for Redis."""
    with pytest.raises(ValueError, match="scheme"):
        RedisStream("http://127.0.0.1/")
