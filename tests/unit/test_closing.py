"""Closings of periods: by the dated rule and by the hand of an office, what they pin, and what is late then."""

from datetime import date
from pathlib import Path

import pytest

from aggregates.facts import PeriodPinned, decode_record
from projections.figure import COUNTY
from projections.judging import Judge
from projections.official import Official, official
from projections.pins import PERIOD_BOOK
from projections.views import View
from puhui.policy.periods import date_at
from streams.closing import closed_periods_from, closed_until
from tests import examples
from tests.desk import OTHER_BANK, Desk
from tests.events import OFFICE, Event, Sender, yuan
from tests.examples import BANK
from tests.figures import County, county, instant, level_a, total, value


def closed(period: str, day: str, institution: str = BANK, closed_at: str | None = None) -> Event:
    """An office closes a period by hand."""
    said = Sender(institution, _sent=700).event("period.closed", day, period=period, closed_at=closed_at)
    return said | {"source": OFFICE, "id": f"closed-{period}-{day}"}


def renewing(path: Path, *said: tuple[Event, str]) -> County:
    """A bank whose repayment of 2024-06-25 is known on 2024-07-12, and what an office said, each when it was known."""
    issue, opening, *others, repaid, _ = examples.reversal_across_a_quarter_end()
    it = county(path, [issue, opening, *others], "2024-01-02")
    late = (repaid, "2024-07-12")
    for event, known in sorted([*said, late], key=lambda pair: pair[1]):
        it.take([event], known)
    return it


def at(it: County, moment: str, institution: str = BANK) -> Official:
    return official(it.figures, institution, "2024Q2", instant(moment))


def judged(it: County, until: str) -> dict[tuple[str, str], PeriodPinned]:
    """What was pinned when all was judged up to a moment, by period and day of closing."""
    Judge(it.worker.store, by_record_clock=True).tick(instant(until))
    it.figures.follow()
    records = (decode_record(state) for _, state in it.worker.store.records(PERIOD_BOOK))
    pins = [fact for record in records for fact in record.facts if isinstance(fact, PeriodPinned)]
    assert len({pin.event for pin in pins}) == len(pins)
    return {(pin.period, str(View(0, pin.closed_at).known_at)): pin for pin in pins}


def npr(it: County, found: Official) -> object:
    return (
        value(it.figure("I21", BANK, "2024-06-30"))
        if found.state == "provisional"
        else it.figures.balance(BANK, "NPR", found.view.as_of, found.view).value
    )


def test_the_dated_rule_closes_what_nobody_closes_by_hand(tmp_path: Path) -> None:
    it = renewing(tmp_path)
    assert at(it, "2024-07-17T23:59:59").state == "provisional"
    assert (at(it, "2024-07-18T00:00").state, npr(it, at(it, "2024-07-18T00:00"))) == (
        "pinned",
        yuan(30_000_000),
    )


def test_an_earlier_closing_by_hand_pins_what_was_known_on_its_day(tmp_path: Path) -> None:
    it = renewing(tmp_path, (closed("2024Q2", "2024-07-10"), "2024-07-10T15:00"))
    assert at(it, "2024-07-10T23:59:59").state == "provisional"
    assert at(it, "2024-07-11T00:00").state == "pinned"
    found = at(it, "2024-07-20")
    assert (found.state, found.view.known_at) == ("pinned", instant("2024-07-11T00:00"))
    assert npr(it, found) == yuan(32_000_000)
    assert [row.period for row in found.restatements] == ["2024Q2"]  # the repayment of 07-12 is late now


def test_a_later_closing_by_hand_lets_facts_in_until_then(tmp_path: Path) -> None:
    it = renewing(
        tmp_path, (closed("2024Q2", "2024-07-09", closed_at="2024-07-25T09:00:00+08:00"), "2024-07-09")
    )
    assert at(it, "2024-07-25T23:59:59").state == "provisional"
    found = at(it, "2024-07-26T00:00")
    assert (found.state, npr(it, found)) == ("pinned", yuan(30_000_000))


def test_what_is_closed_stays_closed(tmp_path: Path) -> None:
    again = closed("2024Q2", "2024-07-20", closed_at="2024-08-31T00:00:00+08:00")
    it = renewing(tmp_path, (again, "2024-07-20"))
    assert at(it, "2024-07-19").view == at(it, "2024-08-01").view
    assert at(it, "2024-08-01").view.known_at == instant("2024-07-18T00:00")


def test_nothing_closes_before_it_is_over(tmp_path: Path) -> None:
    it = renewing(tmp_path, (closed("2024Q2", "2024-05-01"), "2024-05-01"))
    assert at(it, "2024-06-30T23:59:59").state == "provisional"
    assert at(it, "2024-07-01T00:00").state == "pinned"


def test_a_closing_of_one_bank_leaves_the_others_open_and_the_county_with_them(tmp_path: Path) -> None:
    other = Sender(OTHER_BANK)
    it = renewing(tmp_path, (other.registered(), "2024-01-02"), (other.issued("X", BANK, "2024-02-01", 100), "2024-02-02"),
                  (closed("2024Q2", "2024-07-10"), "2024-07-10"))  # fmt: skip
    states = [at(it, "2024-07-13", who).state for who in (BANK, OTHER_BANK, COUNTY)]
    assert states == ["pinned", "provisional", "provisional"]
    assert at(it, "2024-07-18", COUNTY).state == "pinned"


@pytest.mark.parametrize("by_hand", [None, "2024-07-10"])
def test_the_pinned_versions_are_those_that_the_instant_of_closing_says(
    tmp_path: Path, by_hand: str | None
) -> None:
    said = [] if by_hand is None else [(closed("2024Q2", by_hand), by_hand)]
    it = renewing(tmp_path, *said)
    unjudged = at(it, "2024-08-01").view
    assert unjudged.versions is None
    pins = judged(it, "2024-08-01")
    assert len([period for period, _ in pins if period == "2024Q2"]) == 1
    for pin in pins.values():
        view = View(0, pin.closed_at)
        assert pin.versions == {
            book: version
            for book in it.figures.institutions(view)
            if (version := it.figures.version(book, view))
        }
    found = at(it, "2024-08-01")
    assert found.view.versions == {BANK: it.figures.version(BANK, unjudged)}
    assert npr(it, found) == yuan(30_000_000 if by_hand is None else 32_000_000)


def test_the_official_figure_is_made_from_the_pinned_versions(tmp_path: Path) -> None:
    it = renewing(tmp_path)
    judged(it, "2024-08-01")
    closing = instant("2024-07-18T00:00")
    pinned = it.figures.pins.versions("2024Q2", BANK, closing)
    assert pinned is not None
    pinned_of = it.figures.pins._pinned["2024Q2", closing].versions
    pinned_of[BANK] = 1  # as if the store had been mended: the instant would say otherwise
    assert npr(it, at(it, "2024-08-01")) != yuan(30_000_000)


def test_what_is_late_goes_by_the_closing_of_the_bank(tmp_path: Path) -> None:
    it = renewing(
        tmp_path, (closed("2024-06", "2024-07-02", closed_at="2024-07-15T00:00:00+08:00"), "2024-07-02")
    )
    registry, day = it.worker.intake.registry, date(2024, 7, 12)
    assert closed_until(registry, BANK, day) == (date(2024, 5, 31) - date(1970, 1, 1)).days
    assert closed_periods_from(registry, BANK, date(2024, 5, 3), day) == ["2024-05"]
    assert not it.figures.restatements(BANK)  # June was still open when the repayment of June came


@pytest.mark.parametrize(("by_hand", "confirmed"), [(False, "2023-07-18"), (True, "2023-07-09")])
def test_the_alerts_of_a_quarter_are_confirmed_when_it_closes(
    tmp_path: Path, by_hand: bool, confirmed: str
) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered("2015-01-01", kind="large_state"), level_a(bank)], "2023-01-10")
    it.take([total(bank, "2022-12-31", "PH", "20000.00")], "2023-01-10")
    it.take([total(bank, "2023-06-30", "PH", "22600.00")], "2023-07-05")
    if by_hand:
        it.take([closed("2023Q2", "2023-07-08")], "2023-07-08")
    judge = Judge(it.worker.store, by_record_clock=True)
    judge.tick(instant("2023-07-20"))
    alert = judge.alerts["LargeBankBehindPace", BANK, "2023Q2"]
    assert (str(alert.state), str(date_at(alert.updated_at))) == ("confirmed", confirmed)


@pytest.mark.parametrize(
    ("named", "rule"), [("2024-07-10T00:00:00", "V03"), ("9999-12-31T23:59:00+08:00", "V06")]
)
def test_a_closing_without_an_offset_or_out_of_all_time_is_refused(
    tmp_path: Path, named: str, rule: str
) -> None:
    told = Desk(tmp_path).when(closed("2024Q2", "2024-07-01", closed_at=named))
    assert (told.rejection["rule"], told.rejection["field"]) == (rule, "data.closed_at")
