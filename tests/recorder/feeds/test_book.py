"""The REST witness of the books."""

from __future__ import annotations

import json
from itertools import pairwise

from transcript import S, Transcript
from weather import Even, asked_at, ok

from recorder.feeds.base import AskBooks, Failed, Get, PlanChanged, Start, Wake, WakeAt
from recorder.feeds.book import BookWitnessFeed

HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}


def feed(**more) -> BookWitnessFeed:
    return BookWitnessFeed("http://clob", rng=Even(), **more)


def post(key: str, *tokens: str) -> Get:
    body = ",".join(f'{{"token_id":"{token}"}}' for token in tokens)
    return Get(key, "http://clob/books", 10 * S, HEADERS, f"[{body}]".encode())


def test_every_token_is_asked_for_when_planned_and_every_minute_after() -> None:
    """The tokens of the plan are asked for together, sorted."""
    assert (
        Transcript(feed())
        >> Start()
        << WakeAt(60 * S)
        >> PlanChanged(("2", "1", "10"))
        << post("books:0", "1", "10", "2")
        << WakeAt(10 * S)
        >> (S, ok("books:0", b"[]"))
        << WakeAt(60 * S)
        >> Wake()
        << post("books:0", "1", "10", "2")
        << ...
    )


def test_batches_of_at_most_five_hundred() -> None:
    """A thousand and one tokens are three questions."""
    tokens = tuple(f"{number:04}" for number in range(1001))
    asked = [command for command in Transcript(feed()).step(PlanChanged(tokens)) if isinstance(command, Get)]
    bodies = [json.loads(get.body or b"") for get in asked]
    assert [len(body) for body in bodies] == [500, 500, 1]
    assert [item["token_id"] for body in bodies for item in body] == list(tokens)


def test_books_asked_for_by_another_feed_come_at_once_and_one_question_at_a_time() -> None:
    """What is asked while a question is out waits, and goes out together a second after it."""
    assert (
        Transcript(feed())
        >> AskBooks(("5", "4"))
        << post("wanted", "4", "5")
        << ...
        >> (S // 10, AskBooks(("6",)))
        << ...
        >> (S // 5, AskBooks(("4",)))
        << ...
        >> (S // 2, ok("wanted", b"[]"))
        << WakeAt(S)
        >> Wake()
        << post("wanted", "4", "6")
        << ...
        >> ok("wanted", b"[]")
        << WakeAt(61 * S)
    )


def test_a_failed_question_is_asked_again_with_what_came_meanwhile() -> None:
    """Books that were wanted stay wanted until they come."""
    assert (
        Transcript(feed())
        >> AskBooks(("5",))
        << post("wanted", "5")
        << ...
        >> Failed("wanted", "timeout")
        << WakeAt(2 * S)
        >> (S, AskBooks(("6",)))
        << WakeAt(2 * S)
        >> Wake()
        << post("wanted", "5", "6")
        << ...
    )


def test_a_new_plan_does_not_cut_a_wait_short_that_was_asked_of_us() -> None:
    """After 429 with Retry-After a changed plan waits like the old one."""
    assert (
        Transcript(feed())
        >> PlanChanged(("1",))
        << post("books:0", "1")
        << ...
        >> ok("books:0", b"", 429, retry_after="40")
        << WakeAt(40 * S)
        >> (S, PlanChanged(("1", "2")))
        << WakeAt(40 * S)
        >> Wake()
        << post("books:0", "1", "2")
        << ...
    )


def test_a_plan_that_shrinks_while_a_batch_is_out_takes_its_answer() -> None:
    """The answer to a batch that is no longer wanted is taken, and the batch not asked again."""
    tokens = tuple(f"{number:03}" for number in range(501))
    transcript = Transcript(feed())
    transcript.step(PlanChanged(tokens))
    transcript.step(PlanChanged(tokens[:3]))
    transcript.step(ok("books:1", b"[]"))
    transcript.step(ok("books:0", b"[]"))
    assert transcript >> Wake() << post("books:0", *tokens[:3]) << ...


def test_a_day_of_outage_stays_within_a_request_budget() -> None:
    """Through 24 hours of refusals a batch is asked at most 31 times an hour."""
    asked = asked_at(
        feed(),
        lambda get, _: ok(get.key, b"", 429),
        from_ns=0,
        to_ns=24 * 3600 * S,
        first=(Start(), PlanChanged(("1",))),
    )
    assert len(asked) <= 24 * 31
    assert all(after - before >= 10 * S for (before, _), (after, _) in pairwise(asked))
