"""Data quality: the gap against what was reported (I103), rejections (I104), the lag of reports (I101)."""

from datetime import date
from pathlib import Path

import pytest

from aggregates.codes import day_number
from projections.figure import COUNTY, Reason
from projections.quality import gaps
from projections.reported import latest, stands_until
from projections.views import View
from tests.events import Event, Sender, yuan
from tests.examples import BANK, NPR, SHOP
from tests.figures import county, level_a, total, value
from tests.references import social_credit_code


def book(amount: str) -> list[Event]:
    """One large 无还本续贷 loan of that many yuan at the end of 2023."""
    bank = Sender(BANK)
    return [
        bank.registered("2022-12-31"),
        bank.opening("A", SHOP, "2023-12-31", yuan(amount), issuance_kind=NPR),
    ]


@pytest.mark.parametrize(
    ("system", "gap", "said"),
    [("1950123450.00", "50", "相符"), ("1950123450.01", "50.01", "不符"), ("1950123400.00", "0", "相符")],
)
def test_half_of_the_reporting_unit_ties(tmp_path: Path, system: str, gap: str, said: str) -> None:
    bank = Sender(BANK, _sent=100)
    report = total(bank, "2023-12-31", "NPR", "195012.34", kind="tie_out")
    found = county(tmp_path, [*book(system), report], "2024-01-12").figure("I103", BANK, "2024-01-05")
    assert (value(found), found.notes) == (yuan(gap), (said,))
    assert value(found, "NPR_reported") == yuan("1950123400.00")


def test_households_tie_exactly(tmp_path: Path) -> None:
    bank = Sender(BANK, _sent=100)
    report = total(bank, "2023-12-31", "NPR", "2", unit="户", kind="tie_out")
    it = county(tmp_path, [*book("1000000.00"), report], "2024-01-12")
    found = it.figure("I103", BANK, "2024-01-05")
    assert (value(found, "NPR_customers"), found.parts["NPR_customers"].notes) == (-1, ("不符",))


def test_a_suspected_unit_gives_no_gap_until_it_is_corrected(tmp_path: Path) -> None:
    bank = Sender(BANK, _sent=100)
    events = [*book("1950123450.00"), total(bank, "2023-12-31", "NPR", "1950123400", kind="tie_out")]
    it = county(tmp_path, events, "2024-01-12")
    assert it.figure("I103", BANK, "2023-12-31").reason is Reason.UNIT_SUSPECTED
    it.take([total(bank, "2023-12-31", "NPR", "195012.34", kind="tie_out")], "2024-01-15")
    assert value(it.figure("I103", BANK, "2023-12-31")) == yuan(50)
    assert it.figure("I103", BANK, "2023-12-31", "2024-01-13").reason is Reason.UNIT_SUSPECTED


def test_a_suspected_total_is_not_used_until_the_same_is_reported_again(tmp_path: Path) -> None:
    bank = Sender(BANK)
    events = [bank.registered("2015-01-01"), total(bank, "2024-04-30", "ALL", "100.00")]
    wrong = [total(bank, "2024-05-31", "ALL", "1000000.00") for _ in range(2)]
    it = county(tmp_path, [*events, wrong[0]], "2024-06-06")
    view = View.of(19874)
    assert it.figures.balance(BANK, "ALL", view.as_of, view).value is None
    it.take(wrong[1:], "2024-06-10")
    assert it.figures.balance(BANK, "ALL", view.as_of, view).value == yuan(10_000_000_000)


@pytest.mark.parametrize(
    ("before", "told", "gap", "reason"),
    [
        pytest.param("10000.00", "1.00", None, Reason.UNIT_SUSPECTED, id="beside the report before it alone"),
        pytest.param("0.01", "100.00", yuan(50), None, id="not where it ties: then the one before it is odd"),
        pytest.param("0.01", "99.99", None, Reason.UNIT_SUSPECTED, id="where it nearly ties"),
    ],
)
def test_a_report_ten_thousand_times_the_one_before_it_is_suspected(
    tmp_path: Path, before: str, told: str, gap: int | None, reason: Reason | None
) -> None:
    bank, days = Sender(BANK, _sent=100), {"2023-12-31": before, "2024-01-31": told}
    reports = [total(bank, day, "NPR", amount, kind="tie_out") for day, amount in days.items()]
    it = county(tmp_path, [*book("1000050.00"), *reports], "2024-02-06")
    (found,) = gaps(it.figures, BANK, View.of(date(2024, 1, 31)))
    assert (found.gap, found.reason) == (gap, reason)


@pytest.mark.parametrize(
    ("day", "level"),
    [
        pytest.param("2022-12-30", "C", id="before the books are known"),
        pytest.param("2023-12-31", "A", id="where totals alone are sent"),
    ],
)
def test_there_is_no_gap_where_there_is_nothing_to_tie_to(tmp_path: Path, day: str, level: str) -> None:
    bank = Sender(BANK, _sent=100)
    events = [book("1000000.00")[0], *([level_a(bank)] if level == "A" else book("1000000.00")[1:])]
    it = county(tmp_path, [*events, total(bank, day, "NPR", "77.00", kind="tie_out")], "2024-02-06")
    view = View.of(date(2023, 12, 31))
    assert (
        gaps(it.figures, BANK, view)
        == gaps(it.figures, BANK, view, days=[day_number(date.fromisoformat(day))])
        == []
    )
    assert it.figure("I103", BANK, "2023-12-31").reason is Reason.NOT_PROVIDED


def test_a_county_ties_to_nothing(tmp_path: Path) -> None:
    it = county(tmp_path, book("1000000.00"), "2024-02-06")
    assert it.figure("I103", COUNTY, "2023-12-31").reason is Reason.NOT_APPLICABLE


def test_every_tie_out_of_a_span_can_be_asked_for(tmp_path: Path) -> None:
    bank = Sender(BANK, _sent=100)
    reports = [total(bank, day, "NPR", "100.00", kind="tie_out") for day in ("2023-12-31", "2024-01-31")]
    it = county(tmp_path, [*book("1000000.00"), *reports], "2024-02-06")
    found = gaps(it.figures, BANK, View.of(it.figures.live(BANK).as_of + 60), since=0)
    assert [(gap.key, gap.gap, gap.ties) for gap in found] == [("NPR", 0, True)] * 2


def test_a_report_stands_on_its_own_day_and_on_later_ones_until_the_next_quarter_closes() -> None:
    day, reported = day_number(date(2024, 2, 10)), {day_number(date(2024, 2, 10))}

    def standing(asked: date) -> int | None:
        return latest(reported.__contains__, reported, day_number(asked))

    assert standing(date(2024, 2, 9)) is None
    assert standing(date(2024, 2, 10)) == standing(date(2024, 2, 11)) == day
    assert standing(date(2024, 3, 31)) is None, (
        "a quarter's verdict rests on the report of its last day alone"
    )
    until = stands_until(day)
    assert (
        latest(reported.__contains__, reported, until),
        latest(reported.__contains__, reported, until + 1),
    ) == (day, None)


def test_the_share_of_refused_events_by_rule(tmp_path: Path) -> None:
    bank = Sender(BANK)
    events = [bank.registered(), *(bank.issued(f"L{n}", SHOP, "2024-01-10", yuan(1000)) for n in range(3))]
    events.append(bank.issued("X", SHOP, "2025-01-10", yuan(1000)))
    it = county(tmp_path, events, "2024-01-11")
    found = it.figure("I104", BANK, "2024-01-10")
    assert (found.exact, value(found, "refused"), value(found, "rule_V06")) == ("0.25", 1, 1)
    assert value(it.figure("I104", COUNTY, "2024-01-10"), "received") == 5
    assert it.figure("I104", BANK, "2024-01-10", "2024-01-11T11:00:00").reason is Reason.ZERO_DENOMINATOR


def test_the_lag_is_counted_in_days_of_the_business_calendar(tmp_path: Path) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered()], "2024-01-02")
    it.take([bank.issued(f"L{n}", SHOP, "2024-01-10", yuan(1000)) for n in range(9)], "2024-01-11T00:30:00")
    it.take([bank.issued("late", SHOP, "2024-01-02", yuan(1000))], "2024-01-12")
    found = it.figure("I101", BANK, "2024-01-10")
    assert (value(found), value(found, "p95")) == (1, 10)
    assert value(it.figure("I101", BANK, "2024-01-10", "2024-01-11"), "p95") == 1


def test_the_lag_is_of_what_was_recorded_in_the_last_31_days(tmp_path: Path) -> None:
    bank, other = Sender(BANK), Sender(social_credit_code(2))
    it = county(tmp_path, [bank.registered(), other.registered()], "2024-01-02")
    it.take([bank.issued("old", SHOP, "2024-01-03", yuan(1000))], "2024-01-10")
    it.take([other.issued("A", SHOP, "2024-02-09", yuan(1000))], "2024-02-10")
    assert it.figure("I101", BANK, "2024-02-10", "2024-02-10T11:59:59").exact == 7
    assert it.figure("I101", BANK, "2024-02-10", "2024-02-10").reason is Reason.NO_DATA
    assert value(it.figure("I101", COUNTY, "2024-02-10", "2024-02-10")) == 1


def test_the_lag_of_a_bank_of_totals_is_that_of_its_reports(tmp_path: Path) -> None:
    bank = Sender(BANK)
    it = county(tmp_path, [bank.registered("2015-01-01"), level_a(bank)], "2024-01-02")
    it.take([total(bank, "2024-03-31", "PH", "1.00")], "2024-04-12")
    assert value(it.figure("I101", BANK, "2024-04-12")) == 12
