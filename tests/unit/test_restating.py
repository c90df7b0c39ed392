"""Restatements: whatever moves a day of a closed period opens one, whatever business date it bears (V07)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk import BANK, OTHER_BANK, SHOP, Desk, accepted, instant
from tests.events import OFFICE, Event, Sender, yuan
from tests.references import social_credit_code

BOOKED, NOW = "2024-03-15", "2024-07-20"
"""A day of the first quarter, which is closed on 2024-04-18; and when something becomes known of it."""
COUNTY_OFFICE = social_credit_code(90)
"""A code under which no institution is registered."""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A bank that has sent events since January, with one loan that began in March, repaid in part then and in July."""
    it = Desk(tmp_path, today=NOW)
    it.given(it.bank.issued("OLD", SHOP, "2024-01-05", yuan(500)), today="2024-01-05")
    it.given(issued(it.bank), today="2024-03-02")
    it.given(repaid(it.bank), today="2024-03-16")
    it.given(it.bank.repaid("A", "2024-07-10", yuan(5)), today="2024-07-11")
    return it


def issued(bank: Sender) -> Event:
    return bank.issued("A", SHOP, "2024-03-01", yuan(9_000)) | {"id": "issued-A"}


def repaid(bank: Sender) -> Event:
    return bank.repaid("A", BOOKED, yuan(1_000)) | {"id": "repaid-A"}


def restated(desk: Desk) -> set[str]:
    rows = desk.store.restatements(BANK)
    assert len({(row.period, row.opened_version) for row in rows}) == len(rows)
    return {row.period for row in rows}


def total(bank: Sender, **more: str) -> Event:
    said = {"as_of": "2024-03-31", "key": "PH", "value": "0.80", "unit": "万元", "kind": "total"}
    return bank.event("position.reported", NOW, **(said | more))


def renewal(bank: Sender, mode: str) -> Event:
    return bank.reclassified(["A"], NOW, "new", "no_principal_renewal", mode=mode, effective_on=NOW)


Late = Callable[[Sender], Event]
LATE: dict[str, Late] = {
    "a line valid from a closed quarter": lambda it: it.line(SHOP, yuan(20_000_000), since=BOOKED, day=NOW),
    "a size valid from a closed quarter": lambda it: it.profile(SHOP, "medium", since=BOOKED, day=NOW),
    "a reversal of a repayment": lambda it: it.reversed(repaid(it), day=NOW),
    "a correction of its terms": lambda it: it.corrected(issued(it), "main_security", "mortgage", day=NOW),
    "a reclassification by error": lambda it: renewal(it, "error"),
    "a total reported for a closed quarter": total,
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_what_changes_a_closed_quarter_is_flagged_and_opens_its_restatement(desk: Desk, late: Late) -> None:
    told = desk.when(late(desk.bank))
    assert (told.result, "V07" in told.flags) == ("accepted", True)
    assert {"2024Q1", "2024Q2", "2024-03", "2024-06"} <= restated(desk)
    assert not {"2024-02", "2024-07", "2023Q4"} & restated(desk)


NOT_LATE: dict[str, Late] = {
    "a line valid from today": lambda it: it.line(SHOP, yuan(20_000_000), since=NOW),
    "a customer who has no loan": lambda it: it.profile(BANK, "medium", since=BOOKED, day=NOW),
    "a reclassification by policy": lambda it: renewal(it, "policy"),
    "a figure to tie out with": lambda it: total(it, kind="tie_out"),
    "a repayment of today": lambda it: it.repaid("A", NOW, yuan(10)),
}


@pytest.mark.parametrize("plain", NOT_LATE.values(), ids=NOT_LATE)
def test_what_changes_no_closed_period_opens_nothing(desk: Desk, plain: Late) -> None:
    told = desk.when(plain(desk.bank))
    assert (told.result, "V07" in told.flags, restated(desk)) == ("accepted", False, set())


HISTORY: dict[str, Late] = {
    "a reversal": lambda it: it.reversed(it.issued("B", SHOP, "2023-12-01", yuan(700)) | {"id": "issued-B"}),
    "a reclassification by error": lambda it: it.reclassified(
        ["B"], NOW, "new", "no_principal_renewal", mode="error", effective_on=NOW
    ),
}


@pytest.mark.parametrize("change", HISTORY.values(), ids=HISTORY)
def test_a_change_of_history_restates_from_the_live_date_on(desk: Desk, change: Late) -> None:
    accepted(desk.when(desk.bank.issued("B", SHOP, "2023-12-01", yuan(700)) | {"id": "issued-B"}))
    assert not restated(desk)  # history of before the live date is exempt
    accepted(desk.when(change(desk.bank)), "V07")
    assert {"2024-01", "2024Q1", "2024Q2"} <= restated(desk)
    assert not {"2023-12", "2023Q4"} & restated(desk)


def test_another_base_of_before_the_live_date_restates_from_then_on(desk: Desk) -> None:
    def base(value: str) -> Event:
        return total(desk.bank, as_of="2023-12-31", value=value, kind="base")

    accepted(desk.when(base("9.00")))
    accepted(desk.when(base("9.00")))
    assert not restated(desk)  # the first one is history, and the second changes nothing
    accepted(desk.when(base("8.00")), "V07")
    assert {"2024-01", "2024Q1", "2024Q2"} <= restated(desk)
    assert not {"2023-12", "2023Q4"} & restated(desk)


@pytest.mark.parametrize(
    ("day", "periods"),
    [
        pytest.param("2024-01-04", set[str](), id="the day before the first data came is history"),
        pytest.param("2024-01-05", {"2024-01", "2024-02"}, id="the day on which they came is not"),
        pytest.param("2024-02-29", {"2024-02"}, id="the last day of a closed month is closed"),
        pytest.param("2024-03-01", set[str](), id="the day after it is open"),
    ],
)
def test_what_is_late_lies_between_the_first_data_and_the_last_closing(
    tmp_path: Path, day: str, periods: set[str]
) -> None:
    it = Desk(tmp_path, today="2024-03-06")
    it.given(it.bank.issued("OLD", SHOP, "2024-01-02", yuan(500)), today="2024-01-05")
    told = it.when(it.bank.issued("B", SHOP, day, yuan(700)))
    assert (restated(it), "V07" in told.flags) == (periods, bool(periods))


def test_a_change_of_history_is_not_late_before_anything_has_closed(tmp_path: Path) -> None:
    it = Desk(tmp_path, today="2024-01-06")
    old = it.bank.issued("OLD", SHOP, "2023-12-01", yuan(500))
    it.given(old, today="2024-01-05")
    accepted(it.when(it.bank.reversed(old, day="2024-01-05")))
    assert not restated(it)


def approved(day: str, period: str = "2024Q1", institution: str = BANK) -> Event:
    said = Sender(institution, _sent=900).event(
        "restatement.approved", day, period=period, approved_by="县金融办"
    )
    return said | {"source": OFFICE, "id": f"approved-{day}"}


def test_one_restatement_is_open_at_a_time_also_where_its_approval_was_read_first(desk: Desk) -> None:
    desk.given(approved("2024-08-09"), today="2024-08-09")
    for day, amount in (("2024-08-02", 1), ("2024-08-03", 2), ("2024-08-12", 3)):
        desk.given(desk.bank.repaid("A", "2024-03-20", yuan(amount)), today=day)
    rows = [row for row in desk.store.restatements(BANK) if row.period == "2024Q1"]
    assert [row.approved_at is not None for row in rows] == [
        True,
        False,
    ]  # the fact of 08-12 came after the approval


def test_an_approval_settles_what_is_open_and_only_that(desk: Desk) -> None:
    desk.given(desk.bank.repaid("A", "2024-03-20", yuan(1)))
    desk.given(approved("2024-07-21"), today="2024-07-21")
    before = desk.store.restatements(BANK)
    desk.given(approved("2024-07-22"), today="2024-07-22")
    assert desk.store.restatements(BANK) == before
    assert {row.period for row in before if row.approved_at} == {"2024Q1"}


def test_a_fact_of_the_instant_of_an_approval_that_was_read_first_is_approved_with_it(desk: Desk) -> None:
    desk.given(approved("2024-08-09"), today="2024-08-09")
    desk.given(desk.bank.repaid("A", "2024-03-20", yuan(1)), today="2024-08-09")
    desk.given(desk.bank.repaid("A", "2024-03-20", yuan(2)), today="2024-08-09")
    (row,) = [row for row in desk.store.restatements(BANK) if row.period == "2024Q1"]
    assert row.approved_at == instant("2024-08-09")


@pytest.mark.parametrize(
    ("whose", "settled"),
    [
        pytest.param(BANK, {BANK}, id="one bank's"),
        pytest.param(OTHER_BANK, {OTHER_BANK}, id="the other's"),
        pytest.param(COUNTY_OFFICE, {BANK, OTHER_BANK}, id="that of all, by whom no bank is named"),
    ],
)
@pytest.mark.parametrize("read_first", [False, True], ids=["read last", "read first"])
def test_an_approval_settles_the_restatement_of_whom_it_names(
    desk: Desk, whose: str, settled: set[str], read_first: bool
) -> None:
    other = Sender(OTHER_BANK)
    desk.given(other.registered(), today="2024-01-02")
    desk.given(other.issued("A", SHOP, "2024-03-01", yuan(9_000)), today="2024-03-02")
    late = [desk.bank.repaid("A", "2024-03-20", yuan(1)), other.repaid("A", "2024-03-20", yuan(1))]
    if read_first:
        desk.given(approved("2024-07-21", institution=whose), today="2024-07-21")
    desk.given(*late)
    if not read_first:
        desk.given(approved("2024-07-21", institution=whose), today="2024-07-21")
    rows = desk.store.restatements(BANK) + desk.store.restatements(OTHER_BANK)
    assert {(row.book, row.period) for row in rows if row.approved_at} == {(who, "2024Q1") for who in settled}
