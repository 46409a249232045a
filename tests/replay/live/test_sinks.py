"""Ways out."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from random import Random

import pytest
from aiohttp import web

from recorder.errors import UsageError
from replay.live.fanout import Message, Outbox
from replay.live.sinks import Delivery, Ndjson, RefusedError, Webhook, load_sink

SECRET = "s" * 43


def message(k: int) -> Message:
    return Message("signal", None, None, f'{{"seq":{k}}}')


class Receiver:
    """A web server that answers with these statuses, one after the other, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.got: list[tuple[dict[str, str], bytes]] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.got.append((dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status, headers={"location": "http://127.0.0.1:1/"} if status == 302 else {})

    async def deliver(self, *messages: Message) -> Delivery:
        """Deliver messages to it by a webhook, to the end."""
        app = web.Application()
        app.router.add_post("/hook", self.handle)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            hook = Webhook(f"http://127.0.0.1:{runner.addresses[0][1]}/hook", SECRET, lambda: 1_700_000_000_000_000_000)
            return await delivered(hook, *messages)
        finally:
            await runner.cleanup()


async def delivered(sink, *messages: Message, size_max: int = 1_000) -> Delivery:
    outbox = Outbox(size_max)
    for one in messages:
        outbox.put(one)
    outbox.end()
    async with Delivery("test", sink, outbox, Random(1), first_s=0.001) as delivery:
        await delivery.run()
    return delivery


def test_a_webhook_is_signed() -> None:
    """The signature is HMAC-SHA256 over the time and the very bytes of the body."""
    receiver = Receiver(204)
    delivery = asyncio.run(receiver.deliver(message(1)))
    ((headers, body),) = receiver.got
    digest = hmac.new(SECRET.encode(), b"1700000000." + body, hashlib.sha256).hexdigest()
    assert headers["gametape-signature"] == f"t=1700000000,v1={digest}"
    assert (headers["gametape-event"], body, delivery.sent) == ("signal", b'{"seq":1}', 1)
    assert SECRET not in str(headers)


def test_a_webhook_that_fails_is_asked_again_in_order() -> None:
    """503 and 429 are weather: the same message again, then the next one."""
    receiver = Receiver(503, 429, 200)
    delivery = asyncio.run(receiver.deliver(message(1), message(2)))
    assert [body for _, body in receiver.got] == [b'{"seq":1}'] * 3 + [b'{"seq":2}']
    assert (delivery.sent, delivery.retried, delivery.failed) == (2, 2, 0)


@pytest.mark.parametrize("status", [302, 400, 410])
def test_a_webhook_that_refuses_is_not_asked_again(status) -> None:
    """A refusal is counted and the next one tried; a redirect is not followed."""
    receiver = Receiver(status)
    delivery = asyncio.run(receiver.deliver(message(1), message(2)))
    assert len(receiver.got) == 2
    assert (delivery.sent, delivery.failed, delivery.last_why) == (0, 2, f"status {status}")


def test_nobody_at_the_other_end_is_given_up_after_a_while() -> None:
    """Six attempts, then the message is counted as failed."""
    hook = Webhook("http://127.0.0.1:1/hook", SECRET, lambda: 1)
    delivery = asyncio.run(delivered(hook, message(1)))
    assert (delivery.sent, delivery.retried, delivery.failed) == (0, 5, 1)


def test_a_full_queue_drops_the_oldest_and_counts() -> None:
    """Of ten messages the newest three are delivered, seven are counted."""

    class Kept:
        def __init__(self) -> None:
            self.bodies: list[bytes] = []

        async def send(self, kind: str, body: bytes) -> None:
            self.bodies.append(body)

        async def close(self) -> None:
            self.bodies.append(b"closed")

    sink = Kept()
    delivery = asyncio.run(delivered(sink, *map(message, range(10)), size_max=3))
    assert sink.bodies == [b'{"seq":7}', b'{"seq":8}', b'{"seq":9}', b"closed"]
    assert delivery.outbox.dropped == 7


def test_ndjson_is_a_line_a_message() -> None:
    """Each message is one line; a reader that is gone ends it quietly."""
    reading, writing = os.pipe()
    asyncio.run(delivered(Ndjson(writing), message(1), message(2)))
    assert os.read(reading, 1_000) == b'{"seq":1}\n{"seq":2}\n'
    os.close(reading)
    delivery = asyncio.run(delivered(Ndjson(writing), message(3)))
    os.close(writing)
    assert (delivery.failed, delivery.last_why) == (1, "nobody reads")


def test_a_sink_is_found_by_its_name() -> None:
    """An unknown name and an address that is none are told before anything is recorded."""
    with pytest.raises(UsageError, match="no sink 'nothing'"):
        load_sink("nothing=x")
    assert issubclass(RefusedError, Exception)
