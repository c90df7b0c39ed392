"""Figures out of raw events: a worker without Kafka takes them in at given moments, a reader answers."""

from collections.abc import Iterable
from datetime import date, datetime, time
from fractions import Fraction
from pathlib import Path
from typing import Any

from projections.figure import Figure
from projections.indicators import INDICATORS
from projections.views import Figures, View
from puhui.policy.periods import BEIJING, microseconds
from tests.events import OFFICE, Event, Sender, message
from tests.worker import DirectWorker, direct_worker


def instant(text: str) -> int:
    """Microseconds of `2024-07-20` at noon, or of a moment, +08:00."""
    moment = (
        datetime.fromisoformat(text) if "T" in text else datetime.combine(date.fromisoformat(text), time(12))
    )
    return microseconds(moment.replace(tzinfo=BEIJING))


class County:
    """A worker and its reader; `known` says when events come in."""

    def __init__(self, path: Path) -> None:
        self.worker: DirectWorker = direct_worker(path / "county.db")
        self.figures = Figures(self.worker.store)

    def take(self, events: Iterable[Event], known: str) -> None:
        """Take in events, one fetch each, at a moment."""
        for event in events:
            sent = message(event)
            self.worker.send([(sent.topic, sent.key.decode(), sent.value)], at=instant(known) // 1000)
        self.figures.follow()

    def figure(self, number: str, institution: str, day: str, known: str | None = None) -> Figure:
        """One indicator as of a day, known at a moment or now."""
        view = View.of(date.fromisoformat(day), None if known is None else instant(known))
        return INDICATORS[number].of(self.figures, institution, view)


def county(path: Path, events: Iterable[Event] = (), known: str = "2026-12-31") -> County:
    """A county in which these events are known."""
    made = County(path)
    made.take(events, known)
    return made


def value(figure: Figure, *parts: str) -> int | Fraction | None:
    """The value of a figure, or of one of its parts."""
    for part in parts:
        figure = figure.parts[part]
    return figure.value


def per_cent(figure: Figure, *parts: str, places: int = 1) -> float:
    """A ratio in per cent, or a difference in percentage points, rounded."""
    found = value(figure, *parts)
    assert found is not None, figure
    return round(float(found) * 100, places)


def total(
    bank: Sender, day: str, key: str, amount: str, *, unit: str = "万元", kind: str = "total", **more: Any
) -> Event:
    """余额报送: money in 万元 unless said otherwise, 户 for customers."""
    terms: dict[str, Any] = {"as_of": day, "key": key, "value": amount, "unit": unit, "kind": kind}
    if unit == "户":
        terms |= {"measure": "customers", "decimals": 0}
    return bank.event("position.reported", day, **(terms | more))


def level_a(bank: Sender, since: str = "2015-01-01") -> Event:
    """The office lets this bank deliver totals only."""
    terms = {
        "what": ["position.reported"],
        "cadence": "quarterly",
        "due_rule": "季后18日",
        "valid_from": since,
    }
    return bank.event("reporting.duty_set", since, delivery_level="A", **terms) | {"source": OFFICE}
