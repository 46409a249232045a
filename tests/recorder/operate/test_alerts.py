from __future__ import annotations

import pytest

from recorder.errors import UsageError
from recorder.operate.alerts import Alerts, parse_ack
from recorder.operate.look import Reason

S = 1_000_000_000
GONE = Reason("feed:ws", "ws RECONNECTING")


def news(alerts: Alerts, at_s: int, *reasons: Reason) -> list[tuple[str, str]]:
    return [(alert.what, alert.text) for alert in alerts.step(reasons, at_s * S)]


def test_a_reason_is_raised_once_it_has_lasted() -> None:
    """Five seconds make an alert, once, with the words of that moment; less makes none."""
    alerts = Alerts()
    assert news(alerts, 0, GONE) == news(alerts, 4, GONE) == []
    assert news(alerts, 5, Reason(GONE.key, "ws still gone")) == [("raised", "ws still gone")]
    assert news(alerts, 6, GONE) == []


def test_what_comes_and_goes_is_one_alert() -> None:
    """What is back within thirty seconds is the same alert; after that it is cleared and may be raised anew."""
    alerts = Alerts()
    news(alerts, 0, GONE)
    news(alerts, 5, GONE)
    assert news(alerts, 20) == news(alerts, 25, GONE) == news(alerts, 54) == []
    assert news(alerts, 55) == [("cleared", GONE.text)]
    assert news(alerts, 56, GONE) == []
    assert news(alerts, 61, GONE) == [("raised", GONE.text)]


def test_a_blink_is_no_alert() -> None:
    """What is gone before it has lasted is forgotten: two blinks do not add up."""
    alerts = Alerts()
    assert news(alerts, 0, GONE) == news(alerts, 3) == news(alerts, 6, GONE) == news(alerts, 9) == []


@pytest.mark.parametrize(
    ("text", "key", "seconds"),
    [
        ("feed:espn.nba", "feed:espn.nba", 1800),
        ("disk=2h", "disk", 7200),
        ("unmatched:espn:1=250ms", "unmatched:espn:1", 0.25),
    ],
)
def test_an_acknowledgement_has_a_key_and_an_end(text, key, seconds):
    """Half an hour where nothing is said; what is told of it says until when."""
    ack = parse_ack(text, 0)
    assert (ack.key, ack.until_ns) == (key, int(seconds * S))
    assert ack.told(5).what == "acknowledged"


@pytest.mark.parametrize("text", ["dead", "behind", "disk_refused=1h", "", "=5m", "feed:", "feed:a=soon", "feed:a b"])
def test_not_everything_can_be_acknowledged(text):
    """That nothing is being recorded, a key that no reason has, and a time that is none are refused."""
    with pytest.raises(UsageError):
        parse_ack(text, 0)
