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


@pytest.fixture
def it(tmp_path: Path, bank: Sender) -> County:
    """A county in which the bank is registered."""
    return county(tmp_path, [bank.registered("2015-01-01")])


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
    it: County, bank: Sender
) -> None:
    lent = [bank.issued(no, SHOP, "2023-03-01", yuan(90_000)) for no in ("A", "B", "C")]
    before = [bank.repaid("A", "2023-12-31", yuan(80_000))]
    since = [
        bank.repaid("B", "2024-01-05", yuan(20_000)), bank.written_off("C", "2024-03-05", yuan(70_000)),
        bank.issued("D", FARM, "2024-02-01", yuan(99_000)), bank.repaid("C", "2024-02-02", yuan(5_000)),
        bank.repaid("B", "2024-04-01", yuan(60_000)),
    ]  # fmt: skip
    at_once(it, [*lent, *before, *since], "2024-04-30")
    assert named(it.figures, "I35", "2024-03-31") == [
        ("written_off", "C", 70_000), ("repaid", "B", 20_000), ("repaid", "C", 5_000),
    ]  # fmt: skip
    year_on_year = named(it.figures, "I36", "2024-03-31", "同比")
    assert year_on_year is not None
    assert year_on_year[0] == ("repaid", "A", 80_000), "the base is a year before, and so is this"


def test_a_missing_household_is_named_by_what_it_paid_back(it: County, bank: Sender) -> None:
    told = [
        bank.issued("GOES", SHOP, "2023-03-01", yuan(9_000)),
        bank.issued("STAYS", FARM, "2023-03-01", yuan(90_000)),
        bank.repaid("STAYS", "2024-02-01", yuan(80_000)), bank.repaid("GOES", "2024-02-01", yuan(9_000)),
    ]  # fmt: skip
    at_once(it, told)
    assert named(it.figures, "I37", "2024-03-31") == [("repaid", "GOES", 9_000)]


def test_a_swing_rests_on_what_moved_renewals_in_either_direction(it: County, bank: Sender) -> None:
    told = [
        bank.issued("OLD", SHOP, "2023-03-01", yuan(50_000)),
        bank.issued("PLAIN", FARM, "2023-03-01", yuan(90_000)),
        bank.renewed("NEW", SHOP, "2024-01-10", {"OLD": yuan(50_000)}, increase=yuan(10_000)),
        bank.repaid("NEW", "2024-02-01", yuan(30_000)), bank.repaid("PLAIN", "2024-02-01", yuan(30_000)),
        bank.repaid("NEW", "2024-04-01", yuan(30_000)),
    ]  # fmt: skip
    at_once(it, told)
    assert named(it.figures, "I22", "2024-03-31") == [
        ("renewed_in", "NEW", 60_000),
        ("repaid", "NEW", 30_000),
    ], "a renewal with more money is one fact; what it settled comes back in it"


def test_of_facts_that_look_the_same_in_a_commit_the_one_that_moved_the_figure_is_named(
    it: County, bank: Sender
) -> None:
    it.take([bank.profile(MILL, "large", since="2023-01-01")], "2024-01-01")
    lent = [bank.issued(no, MILL if no in "BD" else SHOP, "2023-03-01", yuan(90_000)) for no in "ABCDE"]
    at_once(it, [*lent, *(bank.repaid(no, "2024-02-01", yuan(30_000)) for no in "BADEC")])
    found = named(it.figures, "I35", "2024-03-31")
    assert found is not None
    assert sorted(found) == [("repaid", no, 30_000) for no in "ACE"]


def test_a_customer_that_has_outgrown_the_population_has_no_single_loan_to_name(
    it: County, bank: Sender
) -> None:
    it.take([bank.profile(MILL, "micro", since="2023-01-01")], "2024-01-01")
    at_once(
        it,
        [bank.issued("A", MILL, "2023-03-01", yuan(90_000)), bank.issued("B", SHOP, "2023-03-01", yuan(1))],
    )
    it.take([bank.profile(MILL, "small", since="2024-02-01", day="2024-02-01")], "2024-02-02")
    assert named(it.figures, "I35", "2024-03-31") == [], "it stays within"
    it.take([bank.profile(MILL, "large", since="2024-03-01", day="2024-03-01")], "2024-06-30")
    assert named(it.figures, "I35", "2024-03-31") == [("reclassified", None, 90_000)]


def test_what_was_taken_back_is_no_cause(it: County, bank: Sender) -> None:
    lent = [bank.issued(no, FARM if no == "B" else SHOP, "2023-03-01", yuan(90_000)) for no in "ABC"]
    wrong, other = (bank.repaid(no, "2024-02-01", yuan(80_000)) for no in "AB")
    at_once(it, [*lent, wrong, other, bank.repaid("C", "2024-02-02", yuan(1_000))])
    at_once(it, [bank.reversed(wrong), bank.corrected(other, "principal_fen", yuan(8_000), day="2024-03-01")])
    assert named(it.figures, "I35", "2024-03-31") == [("repaid", "B", 8_000), ("repaid", "C", 1_000)]
    at_once(it, [bank.repaid("C", "2024-02-01", yuan(5_000))])
    found = named(it.figures, "I35", "2024-03-31")
    assert found is not None
    assert ("repaid", None, 5_000) in found, (
        "of the day on which A was reversed 5,000 are left, of whichever loan"
    )


def test_a_line_that_is_known_late_moves_the_loan_and_repeats_no_repayment(it: County, bank: Sender) -> None:
    at_once(
        it, [bank.issued("A", MILL, "2023-03-01", yuan(90_000)), bank.repaid("A", "2024-02-01", yuan(30_000))]
    )
    at_once(it, [bank.profile(MILL, "large", since="2024-01-15", day="2024-03-01")])
    assert named(it.figures, "I35", "2024-03-31") == [("reclassified", None, 90_000)]


def test_a_renewal_loan_that_is_refinanced_in_the_plain_way_has_left_the_renewals(
    it: County, bank: Sender
) -> None:
    told = [
        bank.issued("OLD", SHOP, "2023-03-01", yuan(50_000)),
        bank.renewed("NPR", SHOP, "2023-10-10", {"OLD": yuan(50_000)}),
        bank.renewed("PLAIN", SHOP, "2024-02-10", {"NPR": yuan(50_000)}, mode="refinance"),
    ]  # fmt: skip
    at_once(it, told)
    assert named(it.figures, "I22", "2024-03-31") == [("settled_by_renewal", "PLAIN", 50_000)]


def test_what_is_renewed_again_has_changed_nothing(it: County, bank: Sender) -> None:
    told = [
        bank.issued("OLD", SHOP, "2023-03-01", yuan(50_000)), bank.issued("B", FARM, "2023-03-01", yuan(40_000)),
        bank.renewed("N1", SHOP, "2023-10-10", {"OLD": yuan(50_000)}),
        bank.renewed("M1", FARM, "2023-10-10", {"B": yuan(40_000)}),
        bank.renewed("N2", SHOP, "2024-02-10", {"N1": yuan(50_000)}), bank.repaid("M1", "2024-02-11", yuan(29_000)),
    ]  # fmt: skip
    at_once(it, told)
    assert named(it.figures, "I22", "2024-03-31") == [("repaid", "M1", 29_000)]


def test_where_it_cannot_be_said_which_fact_it_was_no_loan_is_named(it: County, bank: Sender) -> None:
    lent = [
        bank.issued(no, who, "2023-03-01", yuan(90_000))
        for no, who in (("A", MILL), ("B", SHOP), ("C", FARM))
    ]
    at_once(it, [*lent, bank.repaid("A", "2024-02-01", yuan(30_000))])
    late = bank.profile(MILL, "small", since="2024-01-15", day="2024-03-01")
    at_once(it, [late, *(bank.repaid(no, "2024-02-01", yuan(30_000)) for no in "BC")])
    found = named(it.figures, "I35", "2024-03-31")
    assert found is not None
    assert found == [("repaid", None, 30_000)] * 3


def test_a_loan_that_is_marked_or_counted_otherwise_is_named(it: County, bank: Sender) -> None:
    told = [
        bank.issued("A", SHOP, "2023-03-01", yuan(50_000)), bank.issued("B", FARM, "2023-03-01", yuan(40_000)),
        bank.extended("A", "2024-02-01", "2024-03-01", "2025-03-01", marked_renewal=True),
        bank.reclassified(["B"], "2024-02-02", "new", "no_principal_renewal", mode="policy", effective_on="2024-02-02"),
    ]  # fmt: skip
    at_once(it, told)
    assert named(it.figures, "I22", "2024-03-31") == [("marked", "A", 50_000), ("reclassified", "B", 40_000)]


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
    assert found[0] == [("repaid", f"L{n}", 1_000 + n) for n in range(3 * SHOWN - 1, 2 * SHOWN - 1, -1)]
    assert found[0] == found[1] == found[2]


def test_what_became_known_later_is_no_evidence(tmp_path: Path, bank: Sender) -> None:
    it = county(tmp_path, [bank.registered("2015-01-01")])
    at_once(it, [bank.issued("A", SHOP, "2023-03-01", yuan(90_000))])
    version = it.figures.ledger.books[BANK].last
    at_once(it, [bank.repaid("A", "2024-02-01", yuan(10_000))])
    span = Span(BANK, "PH", 0, 1 << 15, version)
    found = list(facts_behind(it.worker.store, it.figures.ledger, BANK, largest(it.figures.ledger, span, 5)))
    ((whole, ((row, fact),)),) = found
    assert fact is not None
    assert (whole.net, row.amount, fact.loan_no) == (yuan(90_000), yuan(90_000), "A")
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
