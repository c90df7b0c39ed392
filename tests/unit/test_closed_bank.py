"""A bank that has closed stands in the quarters in which it was there: among the rows as in the total."""

import argparse
from datetime import date
from pathlib import Path

import pytest

from console.question import Question
from console.renewal import quarterly
from projections.commands import figures_json
from projections.figure import COUNTY
from tests.desk import FARM, OTHER_BANK, SHOP
from tests.events import OFFICE, Event, Sender, yuan
from tests.examples import BANK
from tests.figures import County, county

WHOLE, PARTLY = date(2024, 6, 30), date(2024, 11, 10)


def renewing(bank: Sender, customer: str, amount: int) -> list[Event]:
    return [
        bank.issued("A", customer, "2024-03-01", yuan(amount)),
        bank.renewed("N", customer, "2024-05-01", {"A": yuan(amount)}),
    ]


@pytest.fixture
def closed(tmp_path: Path) -> County:
    """Two banks, of which one is closed on 2024-11-15, told in December."""
    one, other = Sender(BANK), Sender(OTHER_BANK)
    it = county(tmp_path, [one.registered("2015-01-01"), other.registered("2015-01-01")], "2024-01-01")
    it.take([*renewing(one, SHOP, 90_000), *renewing(other, FARM, 70_000)], "2024-05-02")
    it.take([one.repaid("N", "2024-12-01", 100)], "2024-12-02")
    closing = other.event("institution.closed", "2024-11-15", closed_on="2024-11-15", reason="机构合并")
    it.take([closing | {"source": OFFICE}], "2024-12-03")
    return it


@pytest.mark.parametrize("day", [WHOLE, PARTLY], ids=["a closed quarter", "the open quarter up to a day"])
def test_a_past_quarter_shows_every_bank_of_its_total(closed: County, day: date) -> None:
    *banks, total = quarterly(closed.figures, Question(day)).changes
    assert [row.id for row in banks] == sorted([BANK, OTHER_BANK])
    shown = {row.id: row.cells[1].text for row in (*banks, total)}
    assert shown == {BANK: "9.00", OTHER_BANK: "7.00", COUNTY: "16.00"}


def test_a_quarter_behind_the_closing_of_a_bank_shows_it_no_more(closed: County) -> None:
    *banks, _ = quarterly(closed.figures, Question(date(2024, 11, 30))).changes
    assert [row.id for row in banks] == [BANK]


def test_a_closed_quarter_keeps_a_bank_whose_earlier_closing_was_told_later(closed: County) -> None:
    early = Sender(BANK, _sent=500).event(
        "institution.closed", "2024-06-15", closed_on="2024-06-15", reason="机构合并"
    )
    closed.take([early | {"source": OFFICE}], "2024-12-04")
    *banks, total = quarterly(closed.figures, Question(WHOLE)).changes
    assert (len(banks), total.cells[1].text) == (2, "16.00"), "rows and total are of one knowledge"


def test_a_bank_that_was_given_another_name_was_there_before(tmp_path: Path) -> None:
    one = Sender(BANK)
    it = county(tmp_path, [one.registered("2015-01-01"), *renewing(one, SHOP, 90_000)], "2024-05-02")
    terms = {"name": "某某农商银行", "kind": "rural_commercial", "known_from": "2015-01-01"}
    renamed = one.event("institution.updated", "2024-06-03", valid_from="2024-06-03", **terms)
    it.take([renamed | {"source": OFFICE}], "2024-06-03")
    it.take([one.repaid("N", "2024-05-31", yuan(10_000))], "2024-06-05")
    found = it.figure("I21", COUNTY, "2024-05-31")
    assert (found.value, found.of) == (yuan(80_000), 1)


def test_a_bank_is_not_missing_from_the_days_before_it_was_founded(tmp_path: Path) -> None:
    one, new = Sender(BANK), Sender(OTHER_BANK)
    founded = new.registered("2024-05-01", valid_from="2024-05-01")
    it = county(tmp_path, [one.registered("2015-01-01"), founded, *renewing(one, SHOP, 90_000)], "2024-05-02")
    before, since = (it.figure("I10", COUNTY, day) for day in ("2024-04-30", "2024-05-01"))
    assert [(found.missing, found.of) for found in (before, since)] == [((), 1), ((), 2)]


@pytest.mark.parametrize(("day", "who"), [(WHOLE, [BANK, OTHER_BANK]), (None, [BANK])])
def test_figures_as_of_a_day_are_those_of_its_banks(closed: County, day: date | None, who: list[str]) -> None:
    asked = argparse.Namespace(
        institution=None, indicator="I21", as_of=day, known_at=None, bridge=False, parts=False
    )
    rows = [row for row in figures_json(closed.figures, asked) if row["number"] == "I21"]
    assert [row["institution"] for row in rows] == [COUNTY, *sorted(who)]
    assert rows[0]["value"] == sum(row["value"] for row in rows[1:])
