"""Gathering evidence: everything the page needs beyond the cells, computed while the films are at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from replay.backtest import replay_film
from replay.core.engine import night_values
from replay.core.events import GameStatus
from replay.core.models import WinProbability
from replay.core.strategy import Strategy
from replay.counterfactual import PollPlan
from replay.film import Film
from replay.ledger import Ledger
from replay.models.drift import drift_of_night
from replay.report.facts import Evidence, GameFact, TapeFact, Trade, Warn, read_evidence
from replay.report.overlay import Course, courses, coverage, overlay_of
from replay.report.quotes import Quotes, quotes_of
from replay.report.reaction import reaction_of
from replay.report.sources import (
    delays_of,
    feed_facts,
    judgement_of,
    leadlag_of,
    moments_of,
    score_facts,
    source_facts,
)
from replay.report.trades import curves, equity_of, funnel_of, trades_frame
from replay.settle import Basis
from replay.stats import GameBootstrap
from replay.sweep import Sweep

__all__ = ["Evidence", "gather", "read_evidence"]

Ints = NDArray[np.int64]

_SHOWN = 10
_FEW_GAMES = 20
_COVERED = 0.98


@dataclass(frozen=True, slots=True)
class _Night:
    """One film with all that is derived from it. numbers: its planned games, by their numbers over all tapes."""

    film: Film
    ledger: Ledger
    quotes: Quotes
    fairs: Ints
    courses: dict[int, Course]
    numbers: dict[int, int]

    def fact(self) -> TapeFact:
        """Return what is to be said of the tape."""
        film = self.film
        return TapeFact(
            tape=film.tape,
            digest=film.digest,
            label=film.label,
            events=film.events,
            first_ns=film.first_ns,
            last_ns=film.last_ns,
            counts=film.counts,
            coverage={name: share for name, share in self.ledger.coverage.items() if name != "seconds"},
            model_failures=self.ledger.model_failures,
        )


def gather(
    films: Sequence[Film],
    strategy: Strategy,
    model: WinProbability,
    sweep: Sweep,
    featured_number: int,
    *,
    polls: PollPlan | None = None,
) -> Evidence:
    """
    Replay the featured cell of a sweep on every film and return what the report says about it.

    films are those that were folded: under a negative control the broken ones. featured_number is the cell's place in
    sweep.cells; games are numbered as in sweep.game_ids. polls are the plans it was swept with, without them those of
    its seed.
    """
    setting = sweep.cells[featured_number].setting
    nights = _nights(films, strategy, model, sweep, featured_number, polls or PollPlan(sweep.seed))
    ledgers = [night.ledger for night in nights]
    frame = trades_frame(ledgers, [[film.catalogue.games[k].game_id for k in _planned(film)] for film in films])
    bootstrap = GameBootstrap(max(len(sweep.game_ids), 1), seed=sweep.seed)
    games = [fact for night in nights for fact in _game_facts(night, frame)]
    moments = [moments_of(night.film, night.quotes, night.fairs, night.courses, night.numbers) for night in nights]
    by_start = sorted(games, key=lambda game: game.start_ns or 0)
    scores = [fact for night in nights for number in night.numbers for fact in score_facts(night.film, number)]
    leads = [leadlag_of(night.film, number) for night in nights for number in night.numbers]
    fills = frame.filter((pl.col("filled_u6") > 0) & (pl.col("game") >= 0)).sort("pnl_u6", maintain_order=True)
    tapes = [night.fact() for night in nights]
    ends = {night.numbers[game]: course.end_ns for night in nights for game, course in night.courses.items()}
    return Evidence(
        featured=featured_number,
        config=setting.describe(),
        seed=sweep.seed,
        warnings=[*_warnings(tapes, ledgers, games, films), *_drift(films, model)],
        tapes=tapes,
        funnel=funnel_of(ledgers, frame, setting.min_edge_u6),
        decay=curves(
            frame,
            [night.quotes for night in nights],
            [film.last_ns for film in films],
            setting,
            bootstrap,
            _starts_ns(nights),
        ),
        equity=equity_of(frame, [game.pnl_u6 for game in by_start], ends),
        games=games,
        judgement=judgement_of(np.concatenate(moments), sweep.seed) if moments else None,
        delays=delays_of(films, frame, setting),
        leadlag=[lead for lead in leads if lead is not None],
        scores=scores,
        sources=source_facts(scores),
        reaction=reaction_of(films, [night.numbers for night in nights], bootstrap),
        feeds=[fact for film in films for fact in feed_facts(film)],
        best=[_trade(row, nights) for row in fills.reverse().head(_SHOWN).iter_rows(named=True) if row["pnl_u6"] > 0],
        worst=[_trade(row, nights) for row in fills.head(_SHOWN).iter_rows(named=True) if row["pnl_u6"] < 0],
    )


def _starts_ns(nights: Sequence[_Night]) -> dict[str, int]:
    """Return when each token's game was first seen to be on, by the token's id over all tapes."""
    return {
        f"{tape}/{token}": night.courses[game].begin_ns
        for tape, night in enumerate(nights)
        for token, game in enumerate(night.quotes.game.tolist())
        if game in night.courses
    }


def _planned(film: Film) -> list[int]:
    return [number for number, game in enumerate(film.catalogue.games) if game.plan is not None]


def _nights(
    films: Sequence[Film],
    strategy: Strategy,
    model: WinProbability,
    sweep: Sweep,
    featured: int,
    polls: PollPlan,
) -> list[_Night]:
    nights = []
    offset = 0
    for film in films:
        planned = _planned(film)
        nights.append(
            _Night(
                film=film,
                ledger=replay_film(film, strategy, model, sweep.cells[featured].setting, polls=polls),
                quotes=quotes_of(film),
                fairs=night_values(model, film.night, film.catalogue)[0],
                courses=courses(film),
                numbers={number: offset + k for k, number in enumerate(planned)},
            )
        )
        offset += len(planned)
    return nights


def _game_facts(night: _Night, frame: pl.DataFrame) -> list[GameFact]:
    """Return the games of one tape, each with its drawing."""
    facts = []
    for number, overall in night.numbers.items():
        game = night.film.catalogue.games[number]
        trades = frame.filter(pl.col("game") == overall)
        course = night.courses.get(number)
        token = int(night.quotes.tokens_of[number, 0])
        shares: tuple[float | None, float | None] = (None, None)
        overlay = None
        if course is not None and course.end_ns > course.begin_ns and token >= 0:
            quotes = night.quotes.of(token)
            *shares_found, spans = coverage(course, quotes)
            shares = (shares_found[0], shares_found[1])
            overlay = overlay_of(course, quotes, night.fairs, trades, token, spans)
        last = course.table[-1] if course is not None and len(course.table) else None
        settled = [item for item in night.ledger.settlements if item.game_id == game.game_id]
        facts.append(
            GameFact(
                game_id=game.game_id,
                tape=night.film.tape,
                league=game.league,
                home=game.home,
                away=game.away,
                start_ns=game.plan.start_ns if game.plan is not None else None,
                home_score=None if last is None else int(last[1]),
                away_score=None if last is None else int(last[2]),
                status=GameStatus(int(last[4])).name.lower() if last is not None else "unseen",
                signals=len(trades),
                fills=int((trades["filled_u6"] > 0).sum()),
                pnl_u6=sum(item.pnl_u6 for item in settled),
                fees_u6=int(trades["fee_u6"].sum()),
                basis=settled[0].basis if settled else Basis.OPEN.value,
                score_coverage=shares[0],
                book_coverage=shares[1],
                overlay=overlay,
            )
        )
    return facts


def _trade(row: dict[str, int], nights: Sequence[_Night]) -> Trade:
    night = nights[row["tape"]]
    game = night.film.catalogue.games[int(night.quotes.game[row["token"]])]
    return Trade(
        tape=night.film.tape,
        game_id=game.game_id,
        team=game.home if night.quotes.side[row["token"]] > 0 else game.away,
        side="buy" if row["side"] > 0 else "sell",
        seq=row["seq"],
        signal_ns=row["signal_ns"],
        fill_ns=row["due_ns"],
        fair_u6=row["fair_u6"],
        price_u6=row["cash_u6"] * 1_000_000 // row["filled_u6"],
        shares_u6=row["filled_u6"],
        fee_u6=row["fee_u6"],
        edge_u6=row["edge_u6"],
        pnl_u6=row["pnl_u6"],
        basis=str(row["basis"]),
    )


def _drift(films: Sequence[Film], model: WinProbability) -> list[Warn]:
    said = [(film, drift_of_night(model.name, film.night, film.catalogue)) for film in films]
    return [Warn(level="note", text=f"{film.tape}: {text}") for film, texts in said for text in texts]


def _warnings(
    tapes: Sequence[TapeFact], ledgers: Sequence[Ledger], games: Sequence[GameFact], films: Sequence[Film]
) -> list[Warn]:
    """Return what must be known before any figure is believed, the worst first."""
    bad: list[str] = []
    note: list[str] = []
    # An excerpt of a simulated tape is as simulated.
    made_up = [tape for tape in tapes if tape.label.startswith("simulated")]
    bad += [f"{tape.tape} is {tape.label}: nothing on it ever happened." for tape in made_up]
    faulty = [tape for tape in tapes if "injected: " in tape.label and tape not in made_up]
    bad += [f"{tape.tape} is {tape.label}: faults were put into what was recorded." for tape in faulty]
    named = [tape for tape in tapes if tape.label and tape not in made_up and tape not in faulty]
    note += [f"{tape.tape} is labelled {tape.label}." for tape in named]
    unsettled = [game for game in games if game.basis == Basis.OPEN.value and game.signals]
    if unsettled:
        bad.append(f"{len(unsettled)} games with signals are not settled: what is held counts at the last mid.")
    for film in films:
        bad += [
            f"{film.tape}: token {token[:12]}… settled as {payout.basis.value}, but {'; '.join(payout.warnings)}."
            for token, payout in film.payouts.items()
            if payout.warnings
        ]
    bad += [
        f"{tape.tape}: the model failed on {tape.model_failures:,} states." for tape in tapes if tape.model_failures
    ]
    if len(games) < _FEW_GAMES:
        note.append(f"{len(games)} games: a bootstrap over so few knows little about its own error.")
    for tape in tapes:
        note += [
            f"{tape.tape}: {1 - share:.1%} of the polls of {feed} brought no answer."
            for feed, share in tape.coverage.items()
            if share < _COVERED
        ]
        undecodable = tape.counts.get("Undecodable", 0)
        if undecodable:
            note.append(f"{tape.tape}: {undecodable:,} messages could not be decoded; they are kept on the tape.")
    poor = [game for game in games if min(game.score_coverage or 0, game.book_coverage or 0) < _COVERED]
    if poor:
        note.append(f"{len(poor)} of {len(games)} games were seen for less than {_COVERED:.0%} of their live time.")
    suspect = sum(ledger.looks.get("book_suspect", 0) for ledger in ledgers)
    looks = sum(sum(ledger.looks.values()) for ledger in ledgers)
    if looks and suspect / looks > 1 - _COVERED:
        note.append(f"{suspect / looks:.1%} of all looks met a book that contradicted itself; none decided anything.")
    if not any(ledger.fills for ledger in ledgers):
        note.append("The featured setting traded nothing.")
    return [Warn(level="bad", text=text) for text in bad] + [Warn(level="note", text=text) for text in note]
