"""The API as a client sees it, over loopback, from the process that serves it."""

from __future__ import annotations

import json
from http.client import HTTPResponse

import pytest
import schemathesis
from board_kit import book, game, levels, signal
from served import Served, served
from watching import wait_for

from replay.live.guard import PROTOCOL

PATHS = ("/v1/games", "/v1/state/nba:1", "/v1/book/nba:1-H", "/v1/pattern/nba:1", "/v1/history/nba:1", "/v1/health")


def event_of(stream: HTTPResponse) -> dict[str, str]:
    """Read the next event of a stream, comments passed over."""
    event: dict[str, str] = {}
    while True:
        line = stream.readline().decode().rstrip("\n")
        assert line or event or not stream.isclosed(), "the stream ended"
        if not line and "event" in event:
            return event
        if ": " in line[1:]:
            name, _, value = line.partition(": ")
            event[name] = value


def test_a_snapshot_carries_its_times_and_ages(site) -> None:
    """Each answer names its schema; a state says when it was seen and how old it is."""
    state = site.json("/v1/state/nba:1")
    assert state["schema"] == "gametape.state/1"
    game_age = (int(state["now_ns"]) - int(state["game"]["recv_ns"])) // 1_000_000
    assert state["game"]["game_age_ms"] == game_age
    assert state["game"]["tokens"]["home"]["ask_u6"] == 560_000
    assert site.json("/v1/games")["games"][0]["game_id"] == "nba:1"
    assert site.json("/v1/pattern/nba:1")["n"] == 2
    assert site.json("/v1/book/nba:1-H")["bids"][0] == [540_000, 10_000_000]
    assert site.json("/v1/history/nba:1")["series"]["score"][0][1:] == [50, 48]


@pytest.mark.parametrize("path", ["/v1/state/nba:0", "/v1/book/x", "/v1/pattern/x", "/v1/history/x", "/nothing"])
def test_what_is_not_there_is_a_problem(site, path) -> None:
    """404 as a JSON problem that says what to ask instead."""
    status, headers, body = site.get(path)
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(body)["status"] == 404


def test_signals_are_paged_by_seq(site) -> None:
    """`since` and `limit` walk through all of them, and `next_since` is what to ask next."""
    first = site.json("/v1/signals?limit=2")
    assert ([one["id"] for one in first["signals"]], first["next_since"]) == (["3.0", "5.0"], 5)
    assert [one["seq"] for one in site.json("/v1/signals?since=5")["signals"]] == [7]
    nothing = site.json("/v1/signals?since=7")
    assert (nothing["signals"], nothing["next_since"]) == ([], 7)


def test_signals_of_one_fact_are_never_parted() -> None:
    """A page may be longer than its limit rather than lose the second half of a fact."""
    with served([signal(3), signal(3, 1), signal(3, 2), signal(4)]) as site:
        wait_for(lambda: site.json("/v1/signals")["signals"])
        assert [one["id"] for one in site.json("/v1/signals?limit=2")["signals"]] == ["3.0", "3.1", "3.2"]


def test_a_stream_goes_on_where_the_client_was() -> None:
    """With Last-Event-ID what came since is told first, then what comes; without it only what comes."""
    with served([signal(seq) for seq in (3, 5, 7)]) as site:
        wait_for(lambda: site.json("/v1/signals")["signals"])
        with site.stream(last_event_id="3.0") as resumed, site.stream() as fresh:
            assert [event_of(resumed)["id"], event_of(resumed)["id"]] == ["5.0", "7.0"]
            assert fresh.status == 200
            site.tell(signal(9))
            event = event_of(fresh)
            assert (event["id"], event["event"], json.loads(event["data"])["seq"]) == ("9.0", "signal", 9)
            assert event_of(resumed)["id"] == "9.0"


def test_a_socket_gets_a_snapshot_and_then_what_it_asked_for() -> None:
    """Snapshot first; then scores, patterns and signals as they come; nothing of a type that was not asked for."""
    with served([game(), book(), book("nba:1-A")]) as site:
        wait_for(lambda: site.json("/v1/games")["games"])
        with site.socket(subprotocols=[PROTOCOL]) as client:
            client.send(json.dumps({"subscribe": {"types": ["state", "pattern", "signal"]}}))
            snapshot = json.loads(client.recv(120))
            assert (snapshot["type"], snapshot["games"][0]["game_id"]) == ("snapshot", "nba:1")
            site.tell(signal(9), game(home_score=53, pattern=(1, 2, 5)))
            told = [json.loads(client.recv(120)) for _ in range(3)]
            assert [one["type"] for one in told] == ["signal", "pattern", "state"]
            assert (told[1]["n"], told[2]["game"]["home_score"]) == (3, 53)
            site.tell(book(bids=levels((55, 1))))
            assert json.loads(client.recv(120))["game"]["tokens"]["home"]["bid_u6"] == 550_000


def test_nonsense_on_a_socket_closes_it_with_the_reason(site) -> None:
    """1008 and what was expected."""
    for text in ("nonsense", "{}", '{"subscribe": {"types": ["money"]}}', "[" * 20_000):
        with site.socket() as client:
            client.send(text)
            with pytest.raises(Exception, match="1008"):
                client.recv(120)
    assert site.get("/v1/health")[0] == 200


def test_health_and_metrics_say_the_same(site) -> None:
    """The feed is live, polls have statistics, and Prometheus is told the same numbers."""
    health = site.json("/v1/health")
    assert health["status"] == "ok"
    assert health["feeds"][0]["polls"] == {"last_ms": 3.0, "mean_ms": 2.5, "min_ms": 1.0, "max_ms": 9.0, "errors": 1}
    status, headers, body = site.get("/metrics")
    assert (status, headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert b"gametape_signals_total 3.0" in body
    assert b'gametape_poll_seconds{feed="espn.nba",of="mean"} 0.0025' in body
    assert b"gametape_recorder_next_seq 10.0" in body


def test_every_answer_is_what_the_openapi_file_says(site) -> None:
    """Schemathesis: any parameters, any order; no 5xx, and every body as its schema."""
    schema = schemathesis.openapi.from_url(f"http://{site.host}/openapi.json")
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.endswith("/stream"):
            continue

        tried += _cases(operation, site)
    assert tried > 100


def _cases(operation, site: Served) -> int:
    from hypothesis import given, settings

    count = 0

    @settings(max_examples=20, database=None)
    @given(case=operation.as_strategy())
    def run(case) -> None:
        nonlocal count
        count += 1
        case.call_and_validate(base_url=f"http://{site.host}")

    run()
    return count


def test_the_pages_need_nothing_from_elsewhere(site) -> None:
    """The page, its files and the description come from here, under a policy that allows nothing else."""
    for path, kind in (("/", "text/html"), ("/docs", "text/html"), ("/openapi.json", "application/json")):
        status, headers, body = site.get(path)
        assert (status, headers["content-type"].partition(";")[0]) == (200, kind)
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert b"https://" not in body.replace(b"https://json-schema.org", b"")
    assert site.get("/static/js/main.js")[1]["content-type"].partition(";")[0] in {
        "text/javascript",
        "application/javascript",
    }
