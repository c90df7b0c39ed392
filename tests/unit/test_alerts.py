"""An alert's life as a table, and what the outside world is told of it."""

from itertools import product
from typing import Any

import msgspec
import pytest

from aggregates.registry import Registry
from projections.alerts import TRANSITIONS, Alert, Evidence, Finding, Reading, State, after, message
from puhui.policy import Quarter
from puhui.policy.periods import closes_at, microseconds


def finding(reading: Reading, value: str = "-0.42", severity: str = "P2", **evidence: Any) -> Finding:
    return Finding(
        rule="NprSwing",
        version=1,
        subject="bank",
        period="2024Q3",
        reading=reading,
        severity=severity,
        headline="下降42.0%",
        evidence=Evidence(indicator="I22", unit="ratio", value=value, **evidence),
    )


def states(*readings: Reading) -> list[State | None]:
    """The state after each reading."""
    alert: Alert | None = None
    found: list[State | None] = []
    for instant, reading in enumerate(readings):
        alert = after(alert, finding(reading), instant)
        found.append(alert.state if alert else None)
    return found


def test_every_state_meets_every_reading() -> None:
    assert set(TRANSITIONS) == set(product([None, *State], Reading))


@pytest.mark.parametrize(
    ("readings", "last"),
    [
        pytest.param([Reading.CALM], None, id="what is calm raises nothing"),
        pytest.param([Reading.BREACH], State.PROVISIONAL, id="a breach before the closing is provisional"),
        pytest.param([Reading.BREACH, Reading.SETTLED_BREACH], State.CONFIRMED, id="the closing confirms it"),
        pytest.param([Reading.BREACH, Reading.CALM], State.WITHDRAWN, id="late data may withdraw it"),
        pytest.param(
            [Reading.SETTLED_BREACH, Reading.CALM, Reading.SETTLED_BREACH],
            State.CONFIRMED,
            id="a restatement may raise it again",
        ),
        pytest.param([Reading.SEASONAL], State.SEASONAL, id="a season is recorded"),
        pytest.param([Reading.BREACH, Reading.LISTED], State.LISTED, id="few customers are only listed"),
        pytest.param([Reading.POLICY_BREAK], State.POLICY_BREAK, id="a policy break is recorded"),
        pytest.param(
            [Reading.SETTLED_BREACH, Reading.OVER, Reading.OVER], State.CLOSED, id="a verdict takes its place"
        ),
        pytest.param([Reading.OVER], None, id="a verdict raises nothing by itself"),
        pytest.param([Reading.LISTED, Reading.OVER], State.LISTED, id="what is recorded stays recorded"),
        pytest.param([Reading.POLICY_BREAK, Reading.CALM], State.WITHDRAWN, id="and withdrawn as any other"),
    ],
)
def test_what_becomes_of_an_alert(readings: list[Reading], last: State | None) -> None:
    assert states(*readings)[-1] == last


def test_a_reading_of_an_earlier_instant_changes_nothing() -> None:
    late = after(None, finding(Reading.SETTLED_BREACH), 5)
    assert after(late, finding(Reading.CALM), 4) is late


def test_what_is_only_recorded_is_provisional_until_its_quarter_is_closed() -> None:
    alert = after(None, finding(Reading.POLICY_BREAK), 1)
    assert alert is not None
    closing = microseconds(closes_at(Quarter(2024, 3)))
    assert alert.label_at(closing - 1, Registry()) == "口径变动（记录）·暂定"
    assert alert.label_at(closing, Registry()) == "口径变动（记录）"
    confirmed = after(alert, finding(Reading.SETTLED_BREACH), 2)
    assert confirmed is not None
    assert confirmed.label_at(closing - 1, Registry()) == "已确认"


def test_what_is_closed_stands_as_it_was() -> None:
    once = after(None, finding(Reading.SETTLED_BREACH), 1)
    closed = after(once, finding(Reading.OVER, value="0"), 2)
    assert once is not None
    assert closed is not None
    assert (closed.evidence, closed.headline, closed.closed_at) == (once.evidence, once.headline, 2)
    assert not closed.is_open


def test_the_same_reading_twice_changes_nothing() -> None:
    once = after(None, finding(Reading.BREACH), 1)
    assert after(once, finding(Reading.BREACH), 2) is once


def test_another_value_updates_the_one_alert_and_keeps_when_it_was_raised() -> None:
    once = after(None, finding(Reading.BREACH), 1)
    again = after(once, finding(Reading.BREACH, value="-0.45"), 2)
    assert once is not None
    assert again is not None
    assert (again.key, again.raised_at, again.updated_at) == (once.key, 1, 2)


@pytest.mark.parametrize(
    "now", [{"threshold": "≥ 25%"}, {"base": 5}, {"notes": ("差异化考核",)}, {"severity": "P4"}], ids=str
)
def test_the_same_value_against_something_else_is_news(now: dict[str, Any]) -> None:
    once = after(None, finding(Reading.SETTLED_BREACH, threshold="≥ 30%"), 1)
    again = after(once, finding(Reading.SETTLED_BREACH, **{"threshold": "≥ 30%"} | now), 2)
    assert again is not None
    assert again is not once
    assert again.updated_at == 2


def test_what_goes_on_with_every_event_is_no_news_by_itself() -> None:
    once = after(None, finding(Reading.BREACH, versions={"bank": 3}, known_at="1", parts={"yoy": "1"}), 1)
    later = finding(Reading.BREACH, versions={"bank": 4}, known_at="2", parts={"yoy": "2"})
    assert after(once, later, 2) is once


def test_a_message_has_one_id_and_the_same_bytes_on_every_attempt() -> None:
    alert = after(None, finding(Reading.SETTLED_BREACH), 1_729_180_800_000_000)
    assert alert is not None
    first, second = message(alert), message(alert)
    assert (first.id, first.value) == (second.id, second.value)
    event = msgspec.json.decode(first.value)
    assert event["type"] == "cn.puhui.alert.confirmed.v1"
    assert event["data"]["evidence"]["indicator"] == "I22"


AGAIN = {
    "it is raised again": [(Reading.BREACH, "1", "P2"), (Reading.CALM, "1", "P2")] * 2,
    "its value comes back": [(Reading.BREACH, value, "P2") for value in ("1", "2", "1")],
    "its severity alone is another": [(Reading.BREACH, "1", severity) for severity in ("P2", "P1", "P2")],
    "what was confirmed is in doubt again": [
        (reading, "1", "P2") for reading in (Reading.BREACH, Reading.SETTLED_BREACH, Reading.BREACH)
    ],
    "it is closed and judged again": [
        (reading, "1", "P2") for reading in (Reading.BREACH, Reading.OVER, Reading.BREACH, Reading.OVER)
    ],
}


@pytest.mark.parametrize("readings", AGAIN.values(), ids=AGAIN)
def test_each_change_of_an_alert_is_told_under_an_id_of_its_own(
    readings: list[tuple[Reading, str, str]],
) -> None:
    told: list[str] = []
    alert: Alert | None = None
    for instant, (reading, value, severity) in enumerate(readings, 1):
        alert = after(alert, finding(reading, value=value, severity=severity), instant)
        assert alert is not None
        told.append(message(alert).id)
    assert len(set(told)) == len(readings), "the topic's readers know a message by its id"


def test_an_alert_never_carries_p1_to_p4_in_its_words() -> None:
    alert = after(None, finding(Reading.BREACH), 1)
    assert alert is not None
    assert not any(f"P{n}" in alert.headline + alert.state.label for n in range(1, 5))
