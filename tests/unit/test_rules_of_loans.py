"""Rules about loans: V08, V09, V16–V23, V25, V30, V32, V45."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.desk import FARM, PERSON, SHOP, Desk, accepted, ended, parked, refused
from tests.events import yuan


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A bank with loan A of 10,000 yuan, from 2024-06-03 to 2025-06-03."""
    made = Desk(tmp_path)
    made.given(made.bank.issued("A", SHOP, "2024-06-03", yuan(10_000), original_due_on="2025-06-03"))
    return made


def test_v08_a_loan_is_issued_once(desk: Desk) -> None:
    for again in (
        desk.bank.issued("A", SHOP, "2024-06-05", yuan(10_000)),
        desk.bank.opening("A", SHOP, "2024-06-05", yuan(10_000)),
        desk.bank.renewed("A", SHOP, "2024-06-05", {"X": yuan(10_000)}),
    ):
        refused(desk.when(again), "V08", "data.loan_no", "A")
    assert desk.balance("A") == yuan(10_000)


def test_v08_a_bought_loan_is_a_loan_too(desk: Desk) -> None:
    origin = {"institution": "X", "loan_no": "Y"}
    desk.given(desk.bank.opening("B", SHOP, "2024-06-05", 100, predecessor=origin))
    refused(desk.when(desk.bank.issued("B", SHOP, "2024-06-05", 100)), "V08", "data.loan_no", "B")
    accepted(desk.when(desk.bank.drawn("B", "2024-06-06", 5)))


def _of_an_unknown_loan(desk: Desk) -> list[dict[str, Any]]:
    event = desk.bank.event
    day: dict[str, Any] = {"loan_no": "B"}
    return [
        desk.bank.repaid("B", "2024-06-10", 10),
        desk.bank.extended("B", "2024-06-10", "2027-06-03", "2027-08-03"),
        desk.bank.settled("B", "2024-06-10"),
        desk.bank.written_off("B", "2024-06-10", 10),
        event("loan.transferred", "2024-06-10", kind="npl", principal_fen=10, **day),
        event("loan.overdue", "2024-06-10", overdue_since="2024-06-09", **day),
        event("loan.overdue_cleared", "2024-06-10", **day),
        event("loan.classified", "2024-06-10", **day, **{"class": "loss", "classified_on": "2024-06-10"}),
        event("loan.defaulted", "2024-06-10", defaulted_on="2024-06-10", trigger="other", **day),
        event("loan.repayment_deferred", "2024-06-10", executed_as="reschedule", **day),
        event("loan.recovered", "2024-06-10", amount_fen=10, **day),
        desk.bank.reclassified(["A", "B"], "2024-06-10", "new", "other", mode="error", effective_on="2024-06-10"),
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(12))
def test_v09_what_an_unknown_loan_does_waits_for_the_loan(desk: Desk, number: int) -> None:
    event = _of_an_unknown_loan(desk)[number]
    parked(desk, desk.when(event), "V09", "loan:B")
    told = desk.when(desk.bank.issued("B", SHOP, "2024-06-03", 100))
    assert told.counts["released", "V09"] == 1
    assert told.counts["accepted", ""] == 2
    assert not desk.parked()


def test_v09_what_waits_in_vain_is_refused(desk: Desk) -> None:
    desk.when(desk.bank.repaid("B", "2024-06-10", 10))
    ended(desk, "V09", "data.loan_no")


@pytest.mark.parametrize("leg", ["settled", "repaid"])
def test_v09_a_second_leg_waits_for_the_first(desk: Desk, leg: str) -> None:
    first, second = desk.bank.renewed_in_two_legs(
        "B", SHOP, "2024-06-20", {"A": yuan(10_000)}, second_leg=leg
    )
    parked(desk, desk.when(second), "V09", "loan:B")
    told = desk.when(first)
    assert told.counts["accepted", ""] == 2
    assert desk.balance("A") == 0
    assert desk.balance("B") == yuan(10_000)


def test_v09_a_second_leg_that_waits_in_vain_names_both_loans(desk: Desk) -> None:
    _, second = desk.bank.renewed_in_two_legs("B", SHOP, "2024-06-20", {"A": yuan(10_000)})
    desk.when(second)
    told = desk.waits_until("2024-07-05")
    assert "借据A由续贷结清，但新借据B尚未报送" in told.rejection["reason"]["zh"]


def test_v03_a_second_leg_names_the_new_loan(desk: Desk) -> None:
    refused(desk.when(desk.bank.settled("A", "2024-06-20", manner="renewal")), "V03", "data.new_loan_no")


@pytest.mark.parametrize("new", ["2025-06-03", "2025-05-03"])
def test_v16_an_extension_does_not_shorten(desk: Desk, new: str) -> None:
    told = desk.when(desk.bank.extended("A", "2024-06-20", "2025-06-03", new))
    refused(told, "V16", "data.new_due_on", "A", new, "2025-06-03")


def test_v17_an_extension_from_a_later_date_waits_for_the_earlier_one(desk: Desk) -> None:
    second = desk.bank.extended("A", "2024-06-20", "2025-09-03", "2025-10-03")
    parked(desk, desk.when(second), "V17", "loan:A")
    told = desk.when(desk.bank.extended("A", "2024-06-19", "2025-06-03", "2025-09-03"))
    assert told.counts["accepted", ""] == 2
    assert not told.flags


def test_v17_after_the_wait_it_is_accepted_and_flagged(desk: Desk) -> None:
    desk.when(desk.bank.extended("A", "2024-06-20", "2025-09-03", "2025-10-03"))
    told = desk.waits_until("2024-07-05")
    accepted(told, "V17")
    assert not desk.parked()


def test_v17_an_extension_from_an_earlier_date_is_flagged(desk: Desk) -> None:
    desk.given(desk.bank.extended("A", "2024-06-19", "2025-06-03", "2025-09-03"))
    accepted(desk.when(desk.bank.extended("A", "2024-06-20", "2025-06-03", "2025-10-03")), "V17")


def test_v18_a_long_or_late_extension_is_flagged(desk: Desk) -> None:
    accepted(desk.when(desk.bank.extended("A", "2024-06-20", "2025-06-03", "2026-08-03")), "V18")
    desk.given(desk.bank.issued("B", SHOP, "2024-06-03", 100, original_due_on="2024-06-10"))
    accepted(desk.when(desk.bank.extended("B", "2024-06-12", "2024-06-10", "2024-06-20")), "V18")


@pytest.mark.parametrize(
    ("due", "new", "flagged"),
    [
        ("2027-06-03", "2028-11-03", False),
        ("2027-06-03", "2029-02-03", True),
        ("2030-01-03", "2032-12-03", False),
        ("2030-01-03", "2033-04-03", True),
    ],
)
def test_v18_knows_medium_and_long_terms(desk: Desk, due: str, new: str, flagged: bool) -> None:
    desk.given(desk.bank.issued("B", SHOP, "2024-06-03", 100, original_due_on=due))
    accepted(desk.when(desk.bank.extended("B", "2024-06-20", due, new)), *["V18"] * flagged)


def test_v19_more_than_is_outstanding_waits_for_a_draw(desk: Desk) -> None:
    parked(desk, desk.when(desk.bank.repaid("A", "2024-06-20", yuan(12_000))), "V19", "loan:A")
    assert desk.when(desk.bank.drawn("A", "2024-06-10", yuan(2_000))).counts["released", "V19"] == 1
    assert desk.balance("A") == 0


@pytest.mark.parametrize("what", ["repaid", "written_off"])
def test_v19_what_waits_in_vain_is_refused(desk: Desk, what: str) -> None:
    desk.when(getattr(desk.bank, what)("A", "2024-06-20", yuan(12_000)))
    ended(desk, "V19", "data.principal_fen")
    assert desk.balance("A") == yuan(10_000)


@pytest.mark.parametrize("what", ["repaid", "written_off"])
def test_v19_more_than_was_outstanding_on_its_day_waits_whatever_was_drawn_later(
    desk: Desk, what: str
) -> None:
    desk.given(desk.bank.drawn("A", "2024-06-24", yuan(5_000)))
    parked(desk, desk.when(getattr(desk.bank, what)("A", "2024-06-20", yuan(12_000))), "V19", "loan:A")
    assert desk.when(desk.bank.drawn("A", "2024-06-20", yuan(2_000))).counts["released", "V19"] == 1
    assert desk.balance("A") == yuan(5_000)


def test_v19_what_was_repaid_later_is_no_more_to_be_taken_earlier(desk: Desk) -> None:
    desk.given(
        desk.bank.repaid("A", "2024-06-20", yuan(9_000)), desk.bank.drawn("A", "2024-06-24", yuan(9_000))
    )
    parked(desk, desk.when(desk.bank.repaid("A", "2024-06-12", yuan(1_001))), "V19", "loan:A")
    accepted(desk.when(desk.bank.repaid("A", "2024-06-12", yuan(1_000))))


def test_v19_what_fits_every_day_is_taken_in_whatever_arrives_first(tmp_path: Path) -> None:
    for nth, order in enumerate(permutations(range(5))):
        (tmp_path / str(nth)).mkdir()
        it = Desk(tmp_path / str(nth))
        it.given(it.bank.issued("A", SHOP, "2024-06-03", yuan(10_000)))
        first, second = (it.bank.drawn("A", f"2024-06-{day}", yuan(5_000)) for day in ("10", "20"))
        repaid = it.bank.repaid("A", "2024-06-14", yuan(14_000))
        moved = it.bank.corrected(repaid, "business_date", "2024-06-12", day="2024-06-25")
        events = [first, second, repaid, moved, it.bank.written_off("A", "2024-06-22", yuan(6_000))]
        it.when(*(events[at] for at in order))
        assert not it.parked()
        assert not it.refused()
        assert it.balance("A") == 0


def test_v19_what_an_opening_balance_has_taken_into_account_is_not_taken_again(desk: Desk) -> None:
    desk.given(desk.bank.opening("B", SHOP, "2024-06-10", yuan(8_000), disbursed_on="2024-01-10"))
    told = desk.when(desk.bank.repaid("B", "2024-05-20", yuan(1_000)))
    parked(desk, told, "V19", "loan:B")


@pytest.mark.parametrize("kind", ["draw", "capitalised"])
def test_v22_what_an_opening_balance_holds_already_is_not_drawn_again(desk: Desk, kind: str) -> None:
    desk.given(desk.bank.opening("B", SHOP, "2024-06-10", yuan(8_000), disbursed_on="2024-01-10"))
    told = desk.when(desk.bank.drawn("B", "2024-06-09", yuan(1_000), kind=kind))
    refused(told, "V22", "data.business_date", "2024-06-09", "2024-06-10", "B")
    accepted(desk.when(desk.bank.drawn("B", "2024-06-10", yuan(1_000), kind=kind)))
    assert desk.balance("B") == yuan(9_000)


def test_v19_interest_alone_takes_nothing_of_the_principal(desk: Desk) -> None:
    desk.given(desk.bank.opening("B", SHOP, "2024-06-10", yuan(8_000), disbursed_on="2024-01-10"))
    accepted(desk.when(desk.bank.repaid("B", "2024-05-20", 0, interest_fen=500)))


def test_v19_names_both_amounts(desk: Desk) -> None:
    desk.when(desk.bank.repaid("A", "2024-06-20", yuan(12_000)))
    reason = desk.waits_until("2024-07-05").rejection["reason"]
    assert reason["zh"] == "还款本金12,000.00元超过借据A的余额10,000.00元，等待期已满。"


def test_v20_another_balance_after_the_repayment_is_flagged(desk: Desk) -> None:
    accepted(desk.when(desk.bank.repaid("A", "2024-06-20", yuan(1), principal_after_fen=yuan(1))), "V20")
    accepted(desk.when(desk.bank.repaid("A", "2024-06-21", yuan(1), principal_after_fen=yuan(9_998))))


def test_v21_settled_with_something_left_is_flagged(desk: Desk) -> None:
    accepted(desk.when(desk.bank.settled("A", "2024-06-20")), "V21")


def test_v22_nothing_happens_before_the_loan_is_paid_out(desk: Desk) -> None:
    refused(desk.when(desk.bank.repaid("A", "2024-06-02", 1)), "V22", "data.business_date", "2024-06-03")
    told = desk.when(desk.bank.extended("A", "2024-06-02", "2025-06-03", "2025-07-03"))
    refused(told, "V22", "data.business_date", "2024-06-02", "2024-06-03")


def test_v22_nothing_happens_after_the_loan_is_settled(desk: Desk) -> None:
    desk.given(desk.bank.repaid("A", "2024-06-20", yuan(10_000)), desk.bank.settled("A", "2024-06-20"))
    told = desk.when(desk.bank.drawn("A", "2024-06-21", 1))
    refused(told, "V22", "data.business_date", "2024-06-21", "2024-06-20")


def test_v22_a_recovery_comes_after_the_end(desk: Desk) -> None:
    sold = desk.bank.event(
        "loan.transferred", "2024-06-20", loan_no="A", kind="npl", principal_fen=yuan(10_000)
    )
    desk.given(sold)
    refused(desk.when(desk.bank.repaid("A", "2024-06-21", 1)), "V22", "data.business_date", "2024-06-20")
    accepted(desk.when(desk.bank.event("loan.recovered", "2024-06-21", loan_no="A", amount_fen=5)))


def test_v22_a_loan_is_not_due_before_it_is_paid_out(desk: Desk) -> None:
    told = desk.when(desk.bank.issued("B", SHOP, "2024-06-03", 1, original_due_on="2024-06-02"))
    refused(told, "V22", "data.original_due_on", "2024-06-02", "2024-06-03")


def test_v23_a_good_class_long_overdue_is_flagged(desk: Desk) -> None:
    desk.given(
        desk.bank.opening(
            "B", SHOP, "2023-12-31", 100, overdue_since="2023-12-20", original_due_on="2024-03-01"
        )
    )

    def classified(name: str, day: str) -> Any:
        return desk.bank.event("loan.classified", day, loan_no="B", classified_on=day, **{"class": name})

    accepted(desk.when(classified("special_mention", "2024-06-20")), "V23")
    accepted(desk.when(classified("substandard", "2024-06-21")))
    accepted(desk.when(desk.bank.event("loan.overdue_cleared", "2024-06-22", loan_no="B")))
    accepted(desk.when(classified("normal", "2024-06-23")))


@pytest.mark.parametrize(("rate", "flagged"), [("0", True), ("-1.5", True), ("24", False), ("24.01", True)])
def test_v25_an_unusual_rate_is_flagged(desk: Desk, rate: str, flagged: bool) -> None:
    told = desk.when(desk.bank.issued("B", SHOP, "2024-06-03", 100, rate_pct=rate))
    accepted(told, *["V25"] * flagged)


def test_v30_declared_inclusive_but_is_not_is_flagged(desk: Desk) -> None:
    desk.given(desk.bank.line(FARM, yuan("10000000.01"), since="2024-06-01"))
    issued = desk.bank.issued
    declared = {"inclusive_declared": True}
    accepted(desk.when(issued("B", FARM, "2024-06-03", 100, **declared)), "V30")
    accepted(desk.when(issued("C", SHOP, "2024-06-03", 100, enterprise_size="medium", **declared)), "V30")
    accepted(desk.when(issued("D", SHOP, "2024-06-03", 100, customer_kind="cooperative", **declared)), "V30")
    accepted(desk.when(issued("E", SHOP, "2024-06-03", 100, **declared)))
    accepted(desk.when(issued("F", PERSON, "2024-06-03", 100, customer_kind="owner", **declared)))


def test_v30_cooperatives_count_from_2025_on(tmp_path: Path) -> None:
    desk = Desk(tmp_path, today="2025-02-01")
    told = desk.when(
        desk.bank.issued("D", SHOP, "2025-01-30", 1, customer_kind="cooperative", inclusive_declared=True)
    )
    accepted(told)


def test_v32_security_that_contradicts_itself_is_refused(desk: Desk) -> None:
    told = desk.when(desk.bank.issued("B", SHOP, "2024-06-03", 1, main_security="mortgage"))
    refused(told, "V32", "data.security", "B", "mortgage")
    security = [{"kind": "guarantee", "guarantee_no": "BH1"}]
    told = desk.when(desk.bank.issued("B", SHOP, "2024-06-03", 1, security=security))
    refused(told, "V32", "data.security.guarantee_no", "credit", "guarantee BH1")
    told = desk.when(desk.bank.opening("B", SHOP, "2024-06-03", 1, main_security="pledge"))
    refused(told, "V32", "data.security", "pledge")


def test_v45_a_draw_of_an_unknown_loan_waits(desk: Desk) -> None:
    parked(desk, desk.when(desk.bank.drawn("B", "2024-06-20", 10)), "V45", "loan:B")
    desk.when(desk.bank.issued("B", SHOP, "2024-06-03", 100))
    assert desk.balance("B") == 110


def test_v45_draws_beyond_the_contract_are_flagged(desk: Desk) -> None:
    desk.given(desk.bank.issued("B", SHOP, "2024-06-03", 100, contract_amount_fen=150))
    accepted(desk.when(desk.bank.drawn("B", "2024-06-20", 50)))
    accepted(desk.when(desk.bank.drawn("B", "2024-06-21", 1)), "V45")
    accepted(desk.when(desk.bank.drawn("B", "2024-06-21", 1, kind="capitalised")))
