"""Alertmanager is told of every opening and every closing, whatever stops in between; time is what the test says."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from projections.alerts import Reading
from streams.notifying import AGAIN, CLOSINGS, Delivery, Standing
from tests.alerts import BREACH, CALM, HOUR, MINUTE, Alerted


class Told:
    """One Alertmanager that is told what is due, once a second or when a test says so."""

    def __init__(self, it: Alerted, mark: int | None = None) -> None:
        self._it = it
        self._standing = Standing(it.store, mark)
        self.delivery = Delivery(self._standing, self._standing.version if mark is None else mark)
        self.heard: list[tuple[str, str, str]] = []

    def now(self) -> list[tuple[str, str, str]]:
        """What is taken now: bank, severity, and whether it fires."""
        self._standing.follow()
        due = list(self.delivery.due(self._it.now))
        self.delivery.told(due, self._it.now)
        self.delivery.advance(self._it.now)
        found = [(t.name[1], t.name[3], "resolved" if t.closing else "firing") for t in due]
        self.heard += found
        return found

    def over(self, seconds: float) -> list[tuple[str, str, str]]:
        """What is taken while time passes."""
        before = len(self.heard)
        for _ in range(int(seconds)):
            self._it.now += 1
            self.now()
        return self.heard[before:]


@pytest.fixture
def it(tmp_path: Path) -> Alerted:
    return Alerted(tmp_path / "alerts.db")


def of(bank: str, state: str, severity: str = "P2") -> tuple[str, str, str]:
    return (bank, severity, state)


def counts(heard: Iterable[tuple[str, str, str]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for *_, state in heard:
        found[state] = found.get(state, 0) + 1
    return found


def test_an_open_alert_is_told_at_once_and_again_every_minute(it: Alerted) -> None:
    told = Told(it)
    it.read(BREACH)
    assert told.now() == [of("bank", "firing")]
    assert told.now() == []
    assert counts(told.over(10 * AGAIN)) == {"firing": 10}


def test_a_changed_value_is_told_at_once(it: Alerted) -> None:
    told = Told(it)
    it.read(BREACH)
    told.now()
    it.read(BREACH, value="-9/20")
    assert told.now() == [of("bank", "firing")]


def test_a_closed_alert_is_told_for_five_minutes_and_then_never_again(it: Alerted) -> None:
    told = Told(it)
    it.read(BREACH)
    told.now()
    it.read(CALM)
    assert told.now() == [of("bank", "resolved")]
    assert counts(told.over(CLOSINGS)) == {"resolved": CLOSINGS / AGAIN}
    assert told.over(HOUR) == []


def test_what_is_raised_again_within_the_five_minutes_fires(it: Alerted) -> None:
    told = Told(it)
    it.read(BREACH)
    told.now()
    it.read(CALM)
    told.now()
    it.now += 30
    it.read(BREACH)
    assert told.now() == [of("bank", "firing")]
    assert counts(told.over(10 * MINUTE)) == {"firing": 10}


def test_an_alert_of_another_severity_ends_the_one_before(it: Alerted) -> None:
    told = Told(it)
    it.read(BREACH)
    told.now()
    it.read(BREACH, value="-3/5", severity="P1")
    assert told.now() == [of("bank", "firing", "P1"), of("bank", "resolved")]


def test_what_is_only_recorded_is_told_to_nobody(it: Alerted) -> None:
    told = Told(it)
    it.read(Reading.SEASONAL)
    it.read(CALM)
    assert told.over(MINUTE) == []


def test_a_new_alertmanager_hears_what_is_open_and_nothing_of_the_past(it: Alerted) -> None:
    it.read(BREACH)
    it.read(CALM)
    it.read(BREACH, "other")
    assert set(Told(it).over(MINUTE)) == {of("other", "firing")}


def test_an_alertmanager_that_was_away_for_an_hour_hears_everything_once_it_is_back(it: Alerted) -> None:
    told = Told(it)
    it.read(BREACH)
    told.now()
    it.now += HOUR / 2
    it.read(CALM)
    it.read(BREACH, "other")
    it.now += HOUR / 2
    assert sorted(told.now()) == [of("bank", "resolved"), of("other", "firing")]
    assert counts(told.over(CLOSINGS)) == {"resolved": 5, "firing": 5}
    assert counts(told.over(HOUR)) == {"firing": 60}


@pytest.mark.parametrize("seconds", [1, 30, CLOSINGS - 1, HOUR])
def test_a_sender_that_was_killed_tells_a_closing_for_five_minutes_more(it: Alerted, seconds: float) -> None:
    told = Told(it)
    it.read(BREACH)
    told.now()
    it.read(CALM)
    killed = Told(it, told.delivery.mark)
    it.now += seconds
    again = Told(it, killed.delivery.mark)
    assert of("bank", "resolved") in again.now()
    again.over(CLOSINGS)
    assert Told(it, again.delivery.mark).over(CLOSINGS) == []


def test_a_sender_that_was_away_when_the_severity_fell_and_the_alert_closed_ends_what_it_had_told(
    it: Alerted,
) -> None:
    told = Told(it)
    it.read(BREACH, value="-3/5", severity="P1")
    assert told.now() == [of("bank", "firing", "P1")]
    it.read(BREACH)
    it.read(CALM)
    again = Told(it, told.delivery.mark)
    assert of("bank", "resolved", "P1") in again.now()
    assert "firing" not in counts(again.over(HOUR))


def test_the_mark_waits_for_the_closing_that_was_told_last(it: Alerted) -> None:
    told = Told(it)
    for bank in ("bank", "other"):
        it.read(BREACH, bank)
        told.now()
    start = told.delivery.mark
    it.read(CALM)
    told.over(CLOSINGS - 10)
    it.read(CALM, "other")
    assert told.delivery.mark == start
    told.over(CLOSINGS - 20)
    assert told.delivery.mark == start + 1
    told.over(30)
    assert told.delivery.mark == start + 2


def test_a_clock_that_is_set_back_silences_nothing(it: Alerted) -> None:
    told = Told(it)
    it.read(BREACH)
    told.now()
    it.now -= HOUR
    assert told.now() == [of("bank", "firing")]
    assert counts(told.over(5 * MINUTE)) == {"firing": 5}
