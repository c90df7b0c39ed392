"""Rules about renewals 续贷: V10–V15, in one event and in two legs."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from aggregates.codes import day_number
from projections.views import Figures, View
from tests.desk import BANK, FARM, PERSON, SHOP, Desk, accepted, ended, parked, refused
from tests.events import Event, yuan

WHOLE = {"A": yuan(10_000)}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A bank with loan A of 10,000 yuan, from 2023-06-20 to 2024-06-28."""
    made = Desk(tmp_path)
    made.given(made.bank.issued("A", SHOP, "2023-06-20", yuan(10_000), original_due_on="2024-06-28"))
    return made


def renewed(
    desk: Desk, form: str, settles: dict[str, int] = WHOLE, customer: str = SHOP, **more: Any
) -> Event:
    """A renewal on 2024-06-20, in one event or as the first of two legs."""
    if form == "one":
        return desk.bank.renewed("B", customer, "2024-06-20", settles, **more)
    return desk.bank.renewed_in_two_legs("B", customer, "2024-06-20", settles, **more)[0]


FORMS = pytest.mark.parametrize("form", ["one", "two"])


@FORMS
def test_an_ordinary_renewal_is_accepted_without_a_flag(desk: Desk, form: str) -> None:
    accepted(desk.when(renewed(desk, form)))
    assert (desk.balance("A"), desk.balance("B")) == (0, yuan(10_000))


@FORMS
def test_v10_a_renewal_waits_for_the_old_loan(desk: Desk, form: str) -> None:
    told = desk.when(renewed(desk, form, {"A": yuan(10_000), "Z": 100}))
    parked(desk, told, "V10", "loan:Z")
    told = desk.when(desk.bank.opening("Z", SHOP, "2024-01-01", 100))
    assert told.counts["released", "V10"] == 1
    assert desk.balance("B") == yuan(10_000) + 100


def test_v10_a_renewal_that_waits_in_vain_names_both_loans(desk: Desk) -> None:
    desk.when(renewed(desk, "one", {"Z": 100}))
    ended(desk, "V10", "data.settles.old_loan_no")


def test_v10_a_renewal_says_in_the_end_what_it_waits_for(desk: Desk) -> None:
    desk.when(renewed(desk, "one", {"Z": 100}))
    assert "续贷借据B所结清的原借据Z" in desk.waits_until("2024-07-05").rejection["reason"]["zh"]


def test_v10_a_list_of_old_loans_that_was_cut_is_asked_for(desk: Desk) -> None:
    cut = "|".join(f"JJ2023{n:04d}" for n in range(20))[:100]
    parked(desk, desk.when(renewed(desk, "one", {cut: 100})), "V10", f"loan:{cut}")
    told = desk.waits_until("2024-07-05")
    assert "似被截断（100个字符）" in told.rejection["reason"]["zh"]


@FORMS
def test_v11_a_loan_that_has_ended_is_not_renewed(desk: Desk, form: str) -> None:
    desk.given(desk.bank.repaid("A", "2024-06-10", yuan(10_000)), desk.bank.settled("A", "2024-06-10"))
    refused(desk.when(renewed(desk, form)), "V11", "data.settles", "A", "2024-06-10", "2024-06-20")


def test_v11_bridge_money_may_have_repaid_it_within_30_days(desk: Desk) -> None:
    desk.given(desk.bank.repaid("A", "2024-05-21", yuan(10_000)), desk.bank.settled("A", "2024-05-21"))

    def bridged(loan: str, settled_on: str) -> Event:
        event = desk.bank.renewed(loan, SHOP, "2024-06-20", WHOLE, mode="bridge")
        event["data"]["settles"][0]["old_settled_on"] = settled_on
        return event

    accepted(desk.when(bridged("B", "2024-05-21")))
    refused(desk.when(bridged("C", "2024-05-20")), "V11", "data.settles", "A", "2024-05-20")
    assert desk.balance("B") == yuan(10_000)


@FORMS
def test_v12_another_customer_does_not_renew(desk: Desk, form: str) -> None:
    refused(desk.when(renewed(desk, form, customer=FARM)), "V12", "data.customer_ref", "A", "B")


@pytest.mark.parametrize("field", ["owner_of", "business_usc"])
def test_v12_the_owner_of_the_enterprise_is_flagged(desk: Desk, field: str) -> None:
    desk.given(desk.bank.profile(PERSON, "owner", since="2023-01-01", day="2024-06-01", **{field: SHOP}))
    accepted(desk.when(renewed(desk, "one", customer=PERSON)), "V12")
    assert (desk.balance("A"), desk.balance("B")) == (0, yuan(10_000))


def test_v12_the_enterprise_of_the_owner_is_flagged(desk: Desk) -> None:
    desk.given(
        desk.bank.profile(PERSON, "owner", since="2023-01-01", day="2024-06-01", owner_of=SHOP),
        desk.bank.issued("P", PERSON, "2023-06-20", 100),
    )
    accepted(desk.when(renewed(desk, "one", {"P": 100})), "V12")


@pytest.mark.parametrize(
    ("kind", "day", "flagged"),
    [
        ("principal", "2024-06-20", True),
        ("interest", "2024-06-20", True),
        ("principal", "2024-09-25", False),
        ("interest", "2024-09-25", True),
    ],
)
def test_v13_an_overdue_loan_is_doubtful_by_the_rule_of_its_day(
    tmp_path: Path, kind: str, day: str, flagged: bool
) -> None:
    desk = Desk(tmp_path, today="2024-09-26")
    desk.given(
        desk.bank.issued("A", SHOP, "2023-06-20", 100, original_due_on="2024-12-20"),
        desk.bank.event("loan.overdue", "2024-06-10", loan_no="A", overdue_since="2024-06-10", kind=kind),
        today="2024-06-21",
    )
    told = desk.when(desk.bank.renewed("B", SHOP, day, {"A": 100}))
    accepted(told, *["V13"] * flagged)


def test_v13_a_worse_class_or_a_late_signature_is_doubtful(desk: Desk) -> None:
    late = renewed(desk, "one", {"A": yuan(10_000)}, contract_signed_on="2024-06-29")
    late["data"]["settles"][0]["old_due_on"] = "2024-06-28"
    accepted(desk.when(late), "V13")


def test_v13_a_worse_class_is_doubtful(desk: Desk) -> None:
    told = desk.bank.event("loan.classified", "2024-06-10", loan_no="A", classified_on="2024-06-10",
                           **{"class": "special_mention"})  # fmt: skip
    desk.given(told)
    accepted(desk.when(renewed(desk, "one")), "V13")


@FORMS
def test_v14_a_renewal_that_does_not_add_up_is_refused(desk: Desk, form: str) -> None:
    told = desk.when(renewed(desk, form, principal_fen=yuan(10_001)))
    refused(told, "V14", "data.principal_fen", "10,001.00元", "10,000.00元", "0.00元", "B")


@FORMS
def test_v14_more_than_is_outstanding_waits_for_a_draw(desk: Desk, form: str) -> None:
    parked(desk, desk.when(renewed(desk, form, {"A": yuan(12_000)})), "V14", "loan:A")
    told = desk.when(desk.bank.drawn("A", "2024-06-10", yuan(2_000)))
    assert told.counts["released", "V14"] == 1
    assert desk.balance("A") == 0


@FORMS
def test_v14_what_is_drawn_after_the_renewal_is_not_settled_by_it(desk: Desk, form: str) -> None:
    desk.given(desk.bank.drawn("A", "2024-06-28", yuan(5_000)))
    parked(desk, desk.when(renewed(desk, form, {"A": yuan(12_000)})), "V14", "loan:A")


def test_v14_what_waits_in_vain_is_refused(desk: Desk) -> None:
    desk.when(renewed(desk, "one", {"A": yuan(12_000)}))
    ended(desk, "V14", "data.settles.settled_principal_fen")


def test_v14_an_old_loan_named_twice_is_not_settled_twice(desk: Desk) -> None:
    event = renewed(desk, "one", {"A": yuan(6_000)}, principal_fen=yuan(12_000))
    event["data"]["settles"] *= 2
    parked(desk, desk.when(event), "V14", "loan:A")
    assert desk.balance("A") == yuan(10_000)


@FORMS
def test_v14_a_part_left_open_is_flagged_where_nothing_was_to_be_repaid(desk: Desk, form: str) -> None:
    accepted(desk.when(renewed(desk, form, {"A": yuan(6_000)})), "V14")
    assert desk.balance("A") == yuan(4_000)


def test_v14_a_partial_renewal_may_leave_a_part_open(desk: Desk) -> None:
    accepted(desk.when(renewed(desk, "one", {"A": yuan(6_000)}, mode="partial")))


def test_v14_an_increase_is_accepted(desk: Desk) -> None:
    accepted(desk.when(renewed(desk, "one", increase=yuan(500))))


def test_v15_no_more_is_renewed_than_the_contract_gave(desk: Desk) -> None:
    desk.given(desk.bank.issued("P", SHOP, "2023-06-20", 100, contract_amount_fen=100))
    refused(desk.when(renewed(desk, "one", {"P": 101})), "V15", "data.settles", "P", "B")


@pytest.mark.parametrize("order", ["BC", "CB"])
def test_v14_a_rest_that_another_renewal_settles_on_the_same_day_puts_nothing_in_doubt(
    desk: Desk, order: str
) -> None:
    settled = {"B": yuan(6_000), "C": yuan(4_000)}
    for loan in order:
        desk.given(desk.bank.renewed(loan, SHOP, "2024-06-20", {"A": settled[loan]}))
    assert (doubtful(desk, "B"), doubtful(desk, "C")) == (False, False)


def test_v14_a_rest_is_in_doubt_until_something_of_the_same_day_ends_it(desk: Desk) -> None:
    desk.given(desk.bank.renewed("B", SHOP, "2024-06-20", {"A": yuan(6_000)}))
    assert doubtful(desk, "B")
    desk.given(desk.bank.written_off("A", "2024-06-20", yuan(4_000)))
    assert not doubtful(desk, "B")


@pytest.mark.parametrize("corrected_first", [True, False])
def test_v13_a_corrected_due_date_is_judged_by_whenever_it_comes(
    tmp_path: Path, corrected_first: bool
) -> None:
    desk = Desk(tmp_path)
    old = desk.bank.issued("A", SHOP, "2023-06-20", yuan(10_000), original_due_on="2024-06-28")
    desk.given(old)
    late = desk.bank.corrected(old, "original_due_on", "2024-06-10", day="2024-06-25")
    renewal = renewed(desk, "one", contract_signed_on="2024-06-20")
    desk.given(*((late, renewal) if corrected_first else (renewal, late)))
    assert doubtful(desk, "B")


def doubtful(desk: Desk, loan_no: str) -> bool:
    loan = desk.worker.intake.book(BANK).loan(loan_no)
    assert loan is not None
    return loan.doubtful


def test_v15_a_cycle_waits_in_vain(desk: Desk) -> None:
    """Neither loan can come first, so both wait for the other, and both are refused in the end."""
    told = desk.when(
        desk.bank.renewed("X", SHOP, "2024-06-20", {"Y": 100}),
        desk.bank.renewed("Y", SHOP, "2024-06-20", {"X": 100}),
    )
    assert dict(told.counts) == {("parked", "V10"): 2}
    assert dict(desk.waits_until("2024-07-05").counts) == {("refused", "V10"): 2}


def test_v15_the_same_number_is_an_extension_with_a_mark(desk: Desk) -> None:
    event = desk.bank.renewed("A", SHOP, "2024-06-20", WHOLE, original_due_on="2025-06-20")
    accepted(desk.when(event), "V15")
    assert desk.balance("A") == yuan(10_000)
    accepted(
        desk.when(desk.bank.extended("A", "2024-06-21", "2025-06-20", "2025-07-20", marked_renewal=True)),
        "V15",
    )


def test_v15_the_same_number_beside_others_is_refused(desk: Desk) -> None:
    desk.given(desk.bank.issued("P", SHOP, "2023-06-20", 100))
    event = desk.bank.renewed("A", SHOP, "2024-06-20", {"A": yuan(10_000), "P": 100})
    refused(desk.when(event), "V15", "data.settles", "A")


@pytest.mark.parametrize(
    ("mode", "marked"), [("no_principal", True), ("partial", False), ("refinance", False), ("bridge", False)]
)
def test_v15_the_same_number_is_marked_where_it_is_declared_so(desk: Desk, mode: str, marked: bool) -> None:
    accepted(desk.when(desk.bank.renewed("A", SHOP, "2024-06-20", WHOLE, mode=mode)), "V15")
    day = date(2024, 6, 30)
    balance = Figures(desk.store).balance(BANK, "NPR", day_number(day), View.of(day))
    assert balance.value == (yuan(10_000) if marked else 0)


def test_v15_what_the_same_number_grows_by_comes_as_a_draw(desk: Desk) -> None:
    refused(
        desk.when(desk.bank.renewed("A", SHOP, "2024-06-20", WHOLE, increase=100)),
        "V15",
        "data.increase_fen",
        "A",
    )
    event = desk.bank.renewed("A", SHOP, "2024-06-20", WHOLE, principal_fen=yuan(10_001))
    refused(desk.when(event), "V14", "data.principal_fen", "10,001.00", "10,000.00")


def test_v22_a_loan_that_has_ended_is_not_renewed_under_its_number(desk: Desk) -> None:
    desk.given(desk.bank.repaid("A", "2024-06-10", yuan(10_000)), desk.bank.settled("A", "2024-06-10"))
    event = desk.bank.renewed("A", SHOP, "2024-06-20", WHOLE)
    refused(desk.when(event), "V22", "data.business_date", "2024-06-10")


def test_v24_a_renewal_of_several_loans_is_not_reversed_in_part(desk: Desk) -> None:
    desk.given(desk.bank.issued("P", SHOP, "2023-06-20", 100))
    event = desk.bank.renewed("C", SHOP, "2024-06-20", {**WHOLE, "P": 100})
    desk.given(event)
    refused(desk.when(desk.bank.reversed(event, part=50)), "V24", "data.full")
    assert [desk.balance(loan) for loan in "APC"] == [0, 0, yuan(10_000) + 100]


def test_v10_the_same_number_of_an_unknown_loan_waits(desk: Desk) -> None:
    parked(desk, desk.when(desk.bank.renewed("N", SHOP, "2024-06-20", {"N": 100})), "V10", "loan:N")


def test_v21_v22_a_second_leg_does_not_end_a_loan_of_which_a_part_is_left(desk: Desk) -> None:
    for leg in desk.bank.renewed_in_two_legs("B", SHOP, "2024-06-20", {"A": yuan(6_000)}, mode="partial"):
        accepted(desk.when(leg))
    accepted(desk.when(desk.bank.repaid("A", "2024-06-21", yuan(4_000))))
    accepted(desk.when(desk.bank.settled("A", "2024-06-21")))
    refused(desk.when(desk.bank.drawn("A", "2024-06-22", 1)), "V22", "data.business_date", "2024-06-21")
