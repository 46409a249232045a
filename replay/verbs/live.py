"""`gametape live`: record, and decide as it comes."""

from __future__ import annotations

from functools import partial

import click

from recorder.cli import record, record_night
from replay.verbs.options import setting_of, setting_options

__all__ = ["live"]


@click.command()
@click.option("--min-edge", default="5", show_default=True, metavar="CENTS", help="Act from this edge on.")
@click.option("--order-delay", default="0", metavar="TIME", help="From decision to venue: 250ms, 1s.")
@click.option("--venue-delay", default=None, metavar="TIME", help="The venue's own delay.  [default: as recorded]")
@setting_options
def live(
    *,
    min_edge: str,
    strategy: str,
    model_name: str,
    leagues: tuple[str, ...],
    all_leagues: bool,
    record_for: str | None,
    tape: str | None,
    upstream: str | None,
    poll_live: str | None,
    poll_idle: str | None,
    dry_run: bool,
    as_json: bool,
    **options: object,
) -> None:
    """
    Record tonight's games and decide as they come: `record --live` with a setting of your own.

    \b
      gametape live --league nba --for 4h
      gametape live --league nba --min-edge 3 --cooldown 30s --tape tonight
      gametape live --upstream http://127.0.0.1:8000 --min-edge 2
      gametape verify tonight --parity

    Recording comes first: an engine that raises or falls behind is cut off, and the tape says so. Every signal is
    printed on stderr and written to the tape with the fact that caused it. No order is ever sent.
    """
    from replay.find import load_strategy
    from replay.live.decisions import LiveConfig
    from replay.live.tap import live_tap
    from replay.models import load_model

    config = LiveConfig(strategy=strategy, model=model_name, setting=setting_of(min_edge, options))
    # Asked for now, so that a wrong name is told before anything is recorded.
    load_strategy(strategy)
    load_model(model_name)
    record_night(
        leagues=leagues,
        all_leagues=all_leagues,
        record_for=record_for,
        tape=tape,
        upstream=upstream,
        poll_live=poll_live,
        poll_idle=poll_idle,
        live_tap=partial(live_tap, config=config),
        dry_run=dry_run,
        as_json=as_json,
    )


live.params = [*(param for param in record.params if param.name != "live"), *live.params]
