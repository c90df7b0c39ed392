"""What a change of a balance comes from is named down to the fact: the right facts, the largest first."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from projections.alerts import Evidence, Finding, Reading
from projections.contributing import Span, facts_behind, largest
from projections.evidence import SHOWN, facts_of
from projections.views import Figures
from tests.desk import FARM, SHOP
from tests.events import Event, Sender, message, yuan
from tests.examples import BANK
from tests.figures import County, county, instant, level_a, total

MILL = "914403001234567895"


@pytest.fixture
def bank() -> Sender:
    return Sender(BANK)


def at_once(it: County, events: Iterable[Event], known: str = "2024-06-30") -> None:
    """Take these in as one commit."""
    sent = [message(event) for event in events]
    it.worker.send([(m.topic, m.key.decode(), m.value) for m in sent], at=instant(known) // 1000)
    it.figures.follow()


def named(figures: Figures, indicator: str, as_of: str, *notes: str) -> list[tuple[Any, ...]] | None:
    """Name, 借据 and amount in yuan of the facts of an alert about this indicator, now."""
    version = figures.ledger.books[BANK].last if BANK in figures.ledger.books else 0
    evidence = Evidence(
        indicator=indicator, unit="ratio", value="-1", as_of=as_of, versions={BANK: version}, notes=notes
    )
    found = facts_of(
        figures.store,
        figures,
        Finding(rule="", version=1, subject=BANK, period="", reading=Reading.BREACH, severity="P2", headline="",
                evidence=evidence),
    )  # fmt: skip
    if found is None:
        return None
    return [(fact["fact"], fact.get("loan_no"), fact["amount"] / yuan(1)) for fact in found]


def test_a_growth_that_was_missed_rests_on_what_took_from_the_balance_since_its_base(
    tmp_path: Path, bank: Sender
) -> None:
    it = county(tmp_path, [bank.registered("2015-01-01")])
    lent = [bank.issued(no, SHOP, "2023-03-01", yuan(90_000)) for no in ("A", "B", "C")]
    before = [bank.repaid("A", "2023-12-31", yuan(80_000))]
    since = [
        bank.repaid("B", "2024-01-05", yuan(20_000)), bank.written_off("C", "2024-03-05", yuan(70_000)),
        bank.issued("D", FARM, "2024-02-01", yuan(99_000)), bank.repaid("C", "2024-02-02", yuan(5_000)),
        bank.repaid("B", "2024-04-01", yuan(60_000)),
    ]  # fmt: skip
    at_once(it, [*lent, *before, *since], "2024-04-30")
    assert named(it.figures, "I35", "2024-03-31") == [
        ("loan_written_off", "C", 70_000), ("loan_repaid", "B", 20_000), ("loan_repaid", "C", 5_000),
    ]  # fmt: skip
    year_on_year = named(it.figures, "I36", "2024-03-31", "同比")
    assert year_on_year is not None
    assert year_on_year[0] == ("loan_repaid", "A", 80_000), "the base is a year before, and so is this"


def test_a_missing_household_is_named_by_what_it_paid_back(tmp_path: Path, bank: Sender) -> None:
    it = county(tmp_path, [bank.registered("2015-01-01")])
    told = [
        bank.issued("GOES", SHOP, "2023-03-01", yuan(9_000)),
        bank.issued("STAYS", FARM, "2023-03-01", yuan(90_000)),
        bank.repaid("STAYS", "2024-02-01", yuan(80_000)), bank.repaid("GOES", "2024-02-01", yuan(9_000)),
    ]  # fmt: skip
    at_once(it, told)
    assert named(it.figures, "I37", "2024-03-31") == [("loan_repaid", "GOES", 9_000)]


def test_a_swing_rests_on_what_moved_renewals_in_either_direction(tmp_path: Path, bank: Sender) -> None:
    it = county(tmp_path, [bank.registered("2015-01-01")])
    told = [
        bank.issued("OLD", SHOP, "2023-03-01", yuan(50_000)),
        bank.issued("PLAIN", FARM, "2023-03-01", yuan(90_000)),
        bank.renewed("NEW", SHOP, "2024-01-10", {"OLD": yuan(50_000)}, increase=yuan(10_000)),
        bank.repaid("NEW", "2024-02-01", yuan(30_000)), bank.repaid("PLAIN", "2024-02-01", yuan(30_000)),
        bank.repaid("NEW", "2024-04-01", yuan(30_000)),
    ]  # fmt: skip
    at_once(it, told)
    assert named(it.figures, "I22", "2024-03-31") == [
        ("loan_issued", "NEW", 60_000),
        ("loan_repaid", "NEW", 30_000),
    ], "a renewal with more money is one fact; what it settled comes back in it"


def test_of_facts_that_look_the_same_in_a_commit_the_one_that_moved_the_figure_is_named(
    tmp_path: Path, bank: Sender
) -> None:
    it = county(tmp_path, [bank.registered("2015-01-01")])
    it.take([bank.profile(MILL, "large", since="2023-01-01")], "2024-01-01")
    lent = [bank.issued(no, MILL if no in "BD" else SHOP, "2023-03-01", yuan(90_000)) for no in "ABCDE"]
    at_once(it, [*lent, *(bank.repaid(no, "2024-02-01", yuan(30_000)) for no in "BADEC")])
    found = named(it.figures, "I35", "2024-03-31")
    assert found is not None
    assert sorted(found) == [("loan_repaid", no, 30_000) for no in "ACE"]


def test_a_customer_that_is_counted_otherwise_has_no_single_loan_to_name(
    tmp_path: Path, bank: Sender
) -> None:
    it = county(tmp_path, [bank.registered("2015-01-01")])
    it.take([bank.profile(MILL, "small", since="2023-01-01")], "2024-01-01")
    at_once(it, [bank.issued("A", MILL, "2023-03-01", yuan(90_000))])
    it.take([bank.profile(MILL, "large", since="2024-02-01", day="2024-02-01")], "2024-06-30")
    assert named(it.figures, "I35", "2024-03-31") == [("reclassified", None, 90_000)]


def test_an_alert_carries_the_largest_dozen_in_whatever_commits_they_came(
    tmp_path: Path, bank: Sender
) -> None:
    numbers = range(3 * SHOWN)
    lent = [bank.issued(f"L{n}", SHOP, "2023-03-01", yuan(90_000)) for n in numbers]
    paid = [bank.repaid(f"L{n}", "2024-02-01", yuan(1_000 + n)) for n in numbers]
    found = []
    for folder, portion in (("one", 1), ("seven", 7), ("all", len(paid))):
        it = county(tmp_path / folder, [bank.registered("2015-01-01")])
        at_once(it, lent)
        for first in range(0, len(paid), portion):
            at_once(it, paid[first : first + portion])
        found.append(named(it.figures, "I35", "2024-03-31"))
    assert found[0] == [("loan_repaid", f"L{n}", 1_000 + n) for n in range(3 * SHOWN - 1, 2 * SHOWN - 1, -1)]
    assert found[0] == found[1] == found[2]


def test_what_became_known_later_is_no_evidence(tmp_path: Path, bank: Sender) -> None:
    it = county(tmp_path, [bank.registered("2015-01-01")])
    at_once(it, [bank.issued("A", SHOP, "2023-03-01", yuan(90_000))])
    version = it.figures.ledger.books[BANK].last
    at_once(it, [bank.repaid("A", "2024-02-01", yuan(10_000))])
    span = Span(BANK, "PH", 0, 1 << 15, version)
    rows = largest(it.figures.ledger, span, 5)
    assert [(row.amount, fact.loan_no if fact else "") for row, fact in facts_behind(it.worker.store, BANK, rows)] == [
        (yuan(90_000), "A")
    ]  # fmt: skip
    assert largest(it.figures.ledger, span._replace(book="914403009999999999"), 5) == []


@pytest.mark.parametrize("indicator", ["I22", "I35", "I36", "I37"])
def test_of_a_bank_that_sends_totals_there_is_no_single_fact(
    tmp_path: Path, bank: Sender, indicator: str
) -> None:
    it = county(tmp_path, [bank.registered("2015-01-01"), level_a(bank)])
    it.take(
        [total(bank, "2023-12-31", "PH", "2000.00"), total(bank, "2024-03-31", "PH", "1000.00")], "2024-04-02"
    )
    assert named(it.figures, indicator, "2024-03-31") is None
