"""The board as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from replay.live.board import Board
    from replay.live.facts import HealthFact, StageFact
    from replay.live.fanout import Hub

__all__ = ["CONTENT_TYPE", "metrics_of"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Night(Collector):
    def __init__(self, board: Board, hub: Hub, now_ns: int) -> None:
        self._board = board
        self._hub = hub
        self._now_ns = now_ns

    def collect(self) -> Iterator[Metric]:
        board, now_ns = self._board, self._now_ns
        yield GaugeMetricFamily("gametape_up", "1 while nothing is degraded", _is_ok(board, now_ns))
        yield GaugeMetricFamily("gametape_games", "Games with a market", len(board.games))
        stale = sum(board.is_stale(game_id, now_ns) for game_id in board.games)
        yield GaugeMetricFamily("gametape_games_stale", "Games that must not be shown as live", stale)
        yield CounterMetricFamily("gametape_signals", "Signals so far", len(board.signals))
        yield CounterMetricFamily("gametape_signals_lost", "Signals that had to make way", board.lost_signals)
        yield CounterMetricFamily("gametape_client_messages", "Messages queued for clients", self._hub.told)
        yield CounterMetricFamily("gametape_client_messages_dropped", "Lost by slow clients", self._hub.dropped)
        yield from _deliveries(self._hub)
        if board.health_fact is not None:
            yield from _health(board.health_fact, now_ns)


def metrics_of(board: Board, hub: Hub, now_ns: int) -> bytes:
    """Return everything as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Night(board, hub, now_ns))
    return generate_latest(registry)


def _is_ok(board: Board, now_ns: int) -> int:
    return int(board.health(now_ns).status == "ok")


def _deliveries(hub: Hub) -> Iterator[Metric]:
    sent = CounterMetricFamily("gametape_sink_sent", "Messages that a sink took", labels=["sink"])
    dropped = CounterMetricFamily("gametape_sink_dropped", "Messages that made way", labels=["sink"])
    failed = CounterMetricFamily("gametape_sink_failed", "Messages that a sink did not take", labels=["sink"])
    for one in hub.deliveries:
        sent.add_metric([one.name], one.sent)
        dropped.add_metric([one.name], one.outbox.dropped)
        failed.add_metric([one.name], one.failed)
    yield from (sent, dropped, failed)


def _health(fact: HealthFact, now_ns: int) -> Iterator[Metric]:
    age = GaugeMetricFamily("gametape_feed_age_seconds", "Since the last usable answer", labels=["feed"])
    rate = GaugeMetricFamily("gametape_feed_messages_per_second", "Messages a second", labels=["feed"])
    live = GaugeMetricFamily("gametape_feed_live", "1 while the feed is live", labels=["feed", "state"])
    gaps = CounterMetricFamily("gametape_feed_gaps", "Gaps so far", labels=["feed"])
    reconnects = CounterMetricFamily("gametape_feed_reconnects", "Connections after the first", labels=["feed"])
    poll = GaugeMetricFamily("gametape_poll_seconds", "Round trips of the last hundred polls", labels=["feed", "of"])
    errors = GaugeMetricFamily("gametape_poll_errors", "Failures among the last hundred polls", labels=["feed"])
    for feed in fact.feeds:
        if feed.heard_ns:
            age.add_metric([feed.feed], max(0, now_ns - feed.heard_ns) / 1e9)
        rate.add_metric([feed.feed], feed.per_s)
        live.add_metric([feed.feed, feed.state], int(feed.state == "LIVE"))
        gaps.add_metric([feed.feed], feed.gaps)
        reconnects.add_metric([feed.feed], feed.reconnects)
        if feed.polls is not None:
            for name in ("last", "mean", "min", "max"):
                poll.add_metric([feed.feed, name], getattr(feed.polls, f"{name}_ms") / 1e3)
            errors.add_metric([feed.feed], feed.polls.errors)
    yield from (age, rate, live, gaps, reconnects, poll, errors)
    recorder = fact.recorder
    yield GaugeMetricFamily("gametape_recorder_next_seq", "The seq that comes next", recorder.next_seq)
    yield GaugeMetricFamily("gametape_recorder_durable_seq", "The last seq on the disk", recorder.durable_seq)
    yield GaugeMetricFamily("gametape_recorder_lag_seconds", "How long the disk is behind", recorder.lag_ms / 1e3)
    if fact.latency:
        yield _stages(fact.latency)


def _stages(latency: dict[str, StageFact]) -> Metric:
    family = HistogramMetricFamily("gametape_stage_seconds", "From the wire to a stage of a decision", labels=["stage"])
    for stage, fact in latency.items():
        buckets = [(f"{upper_ns / 1e9:g}", float(count)) for upper_ns, count in fact.buckets]
        family.add_metric([stage], [*buckets, ("+Inf", float(fact.count))], sum_value=fact.sum_ns / 1e9)
    return family
