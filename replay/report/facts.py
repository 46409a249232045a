"""
Facts: what `evidence.json` holds, the form in which gathering hands over to drawing.

Everything that the page needs beyond the cells. Figures are plain numbers in the unit that their name ends in;
times of an overlay are tenths of a second since its start, prices and probabilities there are in thousandths.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from recorder.errors import CorruptError, UsageError
from replay.calibration import BrierParts

__all__ = [
    "BinFact",
    "Blocker",
    "Closing",
    "CurvePoint",
    "Decay",
    "Delay",
    "Equity",
    "Evidence",
    "FeedFact",
    "Funnel",
    "GameFact",
    "Judgement",
    "LeadLag",
    "Overlay",
    "PhaseFact",
    "ScoreFact",
    "SourceFact",
    "Span",
    "Step",
    "TapeFact",
    "Trade",
    "Warn",
    "read_evidence",
]

_SCHEMA = "gametape.evidence/1"


class Warn(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a reader must know before believing a figure. level: `bad` or `note`."""

    level: str
    text: str


class TapeFact(msgspec.Struct, frozen=True, kw_only=True):
    """One tape. counts: how many events of each name were decoded; coverage: answered share of polls by feed."""

    tape: str
    digest: str
    label: str
    events: int
    first_ns: int
    last_ns: int
    counts: dict[str, int]
    coverage: dict[str, float]
    model_failures: int


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the funnel. edge_c: mean edge of those that got here, cents a share; profit_u6: what they came to."""

    name: str
    count: int
    edge_c: float | None
    profit_u6: int | None = None


class Blocker(msgspec.Struct, frozen=True, kw_only=True):
    """Signals that one reason stopped, and what they would have made, had they traded at the ask they saw."""

    reason: str
    count: int
    edge_c: float
    missed_u6: int


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """
    From looks to settlements.

    accounted: whether fills and blockers sum to the signals. exits: sales, which are no part of the steps.
    """

    looks: dict[str, int]
    steps: list[Step]
    blockers: list[Blocker]
    exits: int
    accounted: bool


class CurvePoint(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over trades a fixed time later, in cents a share, with limits resampled by game (None: too few games)."""

    horizon_ms: int
    trades: int
    mean_c: float
    low_c: float | None
    high_c: float | None


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """Closing line value of fills before tip-off: the last mid before it minus the price paid, cents a share."""

    trades: int
    mean_c: float
    low_c: float | None
    high_c: float | None


class Decay(msgspec.Struct, frozen=True, kw_only=True):
    """
    How an edge fades.

    left: fair value at the signal minus the ask so much later; markout: mid after the fill minus the price paid.
    order_delay_s: the median time from signal to arrival. half_life_s: when half of the edge at the signal has gone;
    None where it never does within the horizons. closing: None where nothing was filled before tip-off.
    """

    left: list[CurvePoint]
    markout: list[CurvePoint]
    closing: Closing | None = None
    half_life_s: float | None
    order_delay_s: float
    poll_s: float | None


class Equity(msgspec.Struct, frozen=True, kw_only=True):
    """
    Profit as it added up: every fill with its final result, by when it was filled.

    points: (time in ns, sum in u6, what is then at stake in u6: paid and neither sold nor settled). Drawdowns and the
    highest stake in u6, positive.
    """

    points: list[tuple[int, int, int]]
    stake_u6: int
    drawdown_u6: int
    game_drawdown_u6: int


class Span(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of an overlay in which a source told nothing that could be used. what: `score` or `book`."""

    begin_ds: int
    end_ds: int
    what: str


class Overlay(msgspec.Struct, frozen=True, kw_only=True):
    """
    The series of one game, home's side of everything.

    score: (ds, home, away); mid and fair: (ds, thousandths, -1 where unknown); band: (ds, bid, ask); signals and fills:
    (ds, side: +1 home -1 away, thousandths of home's price), exits likewise, for sales that traded.
    """

    begin_ns: int
    length_ds: int
    score: list[tuple[int, int, int]]
    mid: list[tuple[int, int]]
    band: list[tuple[int, int, int]]
    fair: list[tuple[int, int]]
    signals: list[tuple[int, int, int]]
    fills: list[tuple[int, int, int]]
    exits: list[tuple[int, int, int]]
    gaps: list[Span]


class GameFact(msgspec.Struct, frozen=True, kw_only=True):
    """One game. Coverage: the share of its live time in which the source could be used; basis: what settled it."""

    game_id: str
    tape: str
    league: str
    home: str
    away: str
    start_ns: int | None
    home_score: int | None
    away_score: int | None
    status: str
    signals: int
    fills: int
    pnl_u6: int
    fees_u6: int
    basis: str
    score_coverage: float | None
    book_coverage: float | None
    overlay: Overlay | None


class BinFact(msgspec.Struct, frozen=True, kw_only=True):
    """One bin of a reliability diagram; probabilities 0..1, limits resampled by game (None: too few games)."""

    forecast: float
    frequency: float
    low: float | None
    high: float | None
    states: int


class PhaseFact(msgspec.Struct, frozen=True, kw_only=True):
    """Brier scores of one period of play."""

    period: int
    states: int
    model: float
    market: float


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """
    Model and market mid at the same moments against how the games ended. difference: model minus market Brier.

    parts are those of a Brier score; absent in reports that were written before there were any.
    """

    games: int
    states: int
    model: list[BinFact]
    market: list[BinFact]
    model_brier: float
    market_brier: float
    model_log_loss: float
    market_log_loss: float
    difference: float
    difference_low: float | None
    difference_high: float | None
    phases: list[PhaseFact]
    model_parts: BrierParts | None = None
    market_parts: BrierParts | None = None


class Delay(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the way from an event to a fill, in ms."""

    name: str
    p50_ms: float
    p95_ms: float
    p99_ms: float
    samples: int


class LeadLag(msgspec.Struct, frozen=True, kw_only=True):
    """How much later nba showed a score than espn, one element a score seen by both, in ms; negative: earlier."""

    game_id: str
    lags_ms: list[int]


class ScoreFact(msgspec.Struct, frozen=True, kw_only=True):
    """
    One change of a score: when it happened and when each source showed it.

    Units: upper_ns is the latest time at which it can have happened, width_ms how much earlier it may have been (None:
    not bounded). shown has an entry for each source of `SourceFact`: after and by when it was shown, in ms from
    upper_ns, the first None where the source was never seen without it.
    """

    game_id: str
    home: int
    away: int
    upper_ns: int
    width_ms: int | None
    shown: list[tuple[int | None, int] | None]


class SourceFact(msgspec.Struct, frozen=True, kw_only=True):
    """
    How late a source shows scores whose time is known.

    after_ms and by_ms: medians of the least and of the most that the delay can be. first: how often no other source
    had shown it by the time that this one had.
    """

    source: str
    scores: int
    after_ms: int | None
    by_ms: int | None
    first: int


class FeedFact(msgspec.Struct, frozen=True, kw_only=True):
    """The polls of one feed on one tape."""

    tape: str
    feed: str
    polls: int
    unchanged: int
    missed: int
    rtt_p50_ms: float
    rtt_p95_ms: float


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One fill. side: `buy` or `sell` of the team's token; times ns; price in u6 a share."""

    tape: str
    game_id: str
    team: str
    side: str
    seq: int
    signal_ns: int
    fill_ns: int
    fair_u6: int
    price_u6: int
    shares_u6: int
    fee_u6: int
    edge_u6: int
    pnl_u6: int
    basis: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page needs beyond the cells, about one featured cell."""

    schema: str = _SCHEMA
    featured: int
    config: dict[str, int | str | None]
    seed: int
    warnings: list[Warn]
    tapes: list[TapeFact]
    funnel: Funnel
    decay: Decay
    equity: Equity
    games: list[GameFact]
    judgement: Judgement | None
    delays: list[Delay]
    leadlag: list[LeadLag]
    scores: list[ScoreFact] = msgspec.field(default_factory=list)
    sources: list[SourceFact] = msgspec.field(default_factory=list)
    reaction: list[CurvePoint] = msgspec.field(default_factory=list)
    """The mid after a score, towards the team that scored; trades counts scores."""
    feeds: list[FeedFact]
    best: list[Trade]
    worst: list[Trade]

    def write(self, path: Path) -> None:
        """Write it as one JSON object."""
        path.write_bytes(msgspec.json.encode(self) + b"\n")


def read_evidence(path: Path) -> Evidence:
    """
    Read what `Evidence.write` wrote.

    Raises:
        UsageError: there is no such file.
        CorruptError: it is not evidence, or of another version.
    """
    try:
        evidence = msgspec.json.decode(path.read_bytes(), type=Evidence)
    except FileNotFoundError:
        raise UsageError(f"there is no {path.name} in {path.parent}", hint="gametape sweep TAPE... --out DIR") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptError(f"{path} is not evidence of a sweep", why=str(error), hint="run the sweep again") from error
    if evidence.schema != _SCHEMA:
        raise CorruptError(f"{path} is {evidence.schema}, not {_SCHEMA}", hint="run the sweep again")
    return evidence
