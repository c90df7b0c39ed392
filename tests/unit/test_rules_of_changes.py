"""Rules about reversals, corrections and reclassifications: V24, V46."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from aggregates.codes import SECURITY, day_number
from aggregates.decide_changes import LISTED
from aggregates.hashing import event_hash
from aggregates.outcomes import wait_event
from projections.rebuilding import rebuild
from projections.views import Figures, View
from tests.desk import BANK, FARM, OTHER_BANK, SHOP, Desk, accepted, ended, parked, refused
from tests.events import Event, yuan


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def issued(desk: Desk) -> Event:
    """Loan A of 10,000 yuan, paid out on 2024-06-03."""
    event = desk.bank.issued("A", SHOP, "2024-06-03", yuan(10_000), original_due_on="2025-06-03")
    desk.given(event)
    return event


def waits_for(event: Event) -> str:
    """What is waited on by what speaks of an event that has not come."""
    return wait_event(event_hash(event["source"], event["id"]))


def test_v24_a_reversal_of_an_unknown_event_waits_for_it(desk: Desk, issued: Event) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", yuan(1_000))
    parked(desk, desk.when(desk.bank.reversed(repaid)), "V24", waits_for(repaid))
    told = desk.when(repaid)
    assert told.counts["released", "V24"] == 1
    assert desk.balance("A") == yuan(10_000)


def test_v24_a_reversal_of_what_never_comes_is_refused(desk: Desk, issued: Event) -> None:
    desk.when(desk.bank.reversed(desk.bank.repaid("A", "2024-06-20", yuan(1_000))))
    ended(desk, "V24", "data.reverses_event_id")


def test_v24_a_fact_on_which_others_stand_waits_for_their_reversal(desk: Desk, issued: Event) -> None:
    repaid, later = desk.bank.repaid("A", "2024-06-20", 100), desk.bank.repaid("A", "2024-06-21", 200)
    desk.given(repaid, later)
    parked(desk, desk.when(desk.bank.reversed(issued)), "V24", "loan:A")
    assert dict(desk.when(desk.bank.reversed(later)).counts) == {("accepted", ""): 1}
    told = desk.when(desk.bank.reversed(repaid))
    assert told.counts["released", "V24"] == 1
    assert desk.balance("A") == 0


def test_v24_the_answer_lists_what_stands_on_the_fact(desk: Desk, issued: Event) -> None:
    desk.given(desk.bank.repaid("A", "2024-06-20", 100), desk.bank.repaid("A", "2024-06-21", 200))
    desk.when(desk.bank.reversed(issued))
    answer = desk.waits_until("2024-07-05").rejection
    assert "repaid 2024-06-20, repaid 2024-06-21" in answer["reason"]["zh"]
    assert issued["id"] in answer["reason"]["en"]


def test_v24_the_answer_lists_no_more_than_the_first_of_many(desk: Desk, issued: Event) -> None:
    desk.given(*(desk.bank.repaid("A", "2024-06-20", 100) for _ in range(LISTED + 3)))
    desk.when(desk.bank.reversed(issued))
    told = desk.waits_until("2024-07-05").rejection["reason"]["en"]
    assert told.count("repaid 2024-06-20") == LISTED
    assert "repaid 2024-06-20, …" in told


def test_v24_a_repayment_before_a_settlement_waits(desk: Desk, issued: Event) -> None:
    repaid, settled = desk.bank.repaid("A", "2024-06-20", yuan(10_000)), desk.bank.settled("A", "2024-06-20")
    desk.given(repaid, settled)
    parked(desk, desk.when(desk.bank.reversed(repaid)), "V24", "loan:A")
    assert desk.when(desk.bank.reversed(settled)).counts["released", "V24"] == 1
    assert desk.balance("A") == yuan(10_000)


def test_v24_a_renewal_whose_new_loan_moved_on_waits(desk: Desk, issued: Event) -> None:
    renewal = desk.bank.renewed("B", SHOP, "2024-06-20", {"A": yuan(10_000)})
    repaid = desk.bank.repaid("B", "2024-06-21", 100)
    desk.given(renewal, repaid)
    parked(desk, desk.when(desk.bank.reversed(renewal)), "V24", "loan:B")
    assert desk.when(desk.bank.reversed(repaid)).counts["released", "V24"] == 1
    assert (desk.balance("A"), desk.balance("B")) == (yuan(10_000), 0)


def test_v24_a_fact_is_reversed_once(desk: Desk, issued: Event) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", 100)
    desk.given(repaid, desk.bank.reversed(repaid))
    assert dict(desk.when(desk.bank.reversed(repaid)).counts) == {("repeated", "V24"): 1}
    assert desk.balance("A") == yuan(10_000)


def test_v24_a_list_that_was_relabelled_is_reversed_loan_by_loan(desk: Desk, issued: Event) -> None:
    desk.given(desk.bank.issued("B", SHOP, "2024-06-03", yuan(500)))
    to = {"mode": "policy", "effective_on": "2024-06-20"}
    relabelled = desk.bank.reclassified(["A", "B"], "2024-06-20", "new", "no_principal_renewal", **to)
    desk.given(relabelled)
    for loan_no, left in (("A", yuan(500)), ("B", 0)):
        desk.given(desk.bank.reversed(relabelled | {"data": relabelled["data"] | {"loan_no": loan_no}}))
        figures = Figures(desk.store)
        assert (
            figures.balance(BANK, "NPR", day_number(date(2024, 6, 30)), View.of(date(2024, 6, 30))).value
            == left
        )


def test_v24_a_reversal_is_not_reversed(desk: Desk, issued: Event) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", 100)
    back = desk.bank.reversed(repaid)
    desk.given(repaid, back)
    told = desk.when(desk.bank.reversed(back))
    refused(told, "V24", "data.reverses_event_id", back["id"])


def test_v24_another_source_reverses_nothing(desk: Desk, issued: Event) -> None:
    stranger = f"urn:puhui:inst:{OTHER_BANK}"
    told = desk.when(desk.bank.reversed(issued) | {"source": stranger})
    refused(told, "V05", "source", stranger)


def test_v24_no_more_is_reversed_than_there_was(desk: Desk, issued: Event) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", yuan(100))
    desk.given(repaid, desk.bank.reversed(repaid, part=yuan(40)))
    told = desk.when(desk.bank.reversed(repaid, part=yuan(61)))
    refused(told, "V24", "data.amount_fen", "61.00元", "60.00元")
    accepted(desk.when(desk.bank.reversed(repaid, part=yuan(60))))
    assert desk.balance("A") == yuan(10_000)


def test_v24_what_moves_several_loans_is_reversed_whole(desk: Desk, issued: Event) -> None:
    renewal = desk.bank.renewed("B", SHOP, "2024-06-20", {"A": yuan(10_000)}, increase=100)
    desk.given(renewal)
    refused(desk.when(desk.bank.reversed(renewal, part=100)), "V24", "data.full", renewal["id"])


@pytest.mark.parametrize(("part", "rule"), [(None, "V03"), (0, "V04")])
def test_v24_a_part_is_an_amount(desk: Desk, issued: Event, part: int | None, rule: str) -> None:
    event = desk.bank.reversed(issued, part=1)
    event["data"] |= {"amount_fen": part}
    refused(desk.when(event), rule, "data.amount_fen")


def test_v24_a_correction_of_an_unknown_event_waits_for_it(desk: Desk, issued: Event) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", 100)
    told = desk.when(desk.bank.corrected(repaid, "principal_fen", 80, day="2024-06-25"))
    parked(desk, told, "V24", waits_for(repaid))
    desk.when(repaid)
    assert desk.balance("A") == yuan(10_000) - 80


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("late", [False, True], ids=["in their order", "the later one first"])
def test_v24_of_two_corrections_of_a_field_the_later_one_holds(
    desk: Desk, issued: Event, number: int, late: bool
) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", yuan(100))
    desk.bank._sent += number  # whatever their ids are
    first = desk.bank.corrected(repaid, "principal_fen", yuan(90), day="2024-06-25")
    later = desk.bank.corrected(repaid, "principal_fen", yuan(95), day="2024-06-26")
    desk.given(repaid, *((later, first) if late else (first, later)))
    assert desk.balance("A") == yuan(10_000) - yuan(95)


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("late", [False, True], ids=["in their order", "the later one first"])
@pytest.mark.parametrize("said", ["booked_at", "time", "id"])
@pytest.mark.parametrize(("field", "values"), [("principal_fen", (90, 95)), ("rate_pct", ("4.1", "4.2"))])
def test_v24_of_two_corrections_of_one_day_the_one_that_was_made_last_holds(
    desk: Desk, issued: Event, field: str, values: tuple[Any, Any], said: str, late: bool, number: int
) -> None:
    """By the source's clock (入账时间, else the event's time), then by the ids; never by a hash of them."""
    repaid = desk.bank.repaid("A", "2024-06-20", 100)
    told = issued | {"data": issued["data"] | {"rate_pct": "4.0"}} if field == "rate_pct" else repaid
    first, later = (desk.bank.corrected(told, field, new, day="2024-06-25") for new in values)
    for hour, event in (("09", first), ("11", later)):
        moment = f"2024-06-25T{hour}:30:00+08:00"
        if said == "booked_at":
            event["data"]["booked_at"] = moment
        event["time"] = moment if said == "time" else "2024-06-25T10:00:00+08:00"
    first["id"], later["id"] = (
        (f"C{number}-1", f"C{number}-2") if said == "id" else (f"{number}-2", f"{number}-1")
    )
    desk.given(repaid, *((later, first) if late else (first, later)))
    loan = desk.worker.intake.book(BANK).loan("A")
    assert loan is not None
    assert (desk.balance("A") if field == "principal_fen" else loan.terms.rate_pct) == (
        yuan(10_000) - 95 if field == "principal_fen" else "4.2"
    )


@pytest.mark.parametrize("late", [False, True], ids=["in their order", "the later one first"])
def test_v24_of_two_corrections_of_the_terms_the_later_one_holds(
    desk: Desk, issued: Event, late: bool
) -> None:
    first = desk.bank.corrected(issued, "main_security", "mortgage", day="2024-06-25")
    later = desk.bank.corrected(issued, "main_security", "pledge", day="2024-06-26")
    desk.given(*((later, first) if late else (first, later)))
    loan = desk.worker.intake.book(BANK).loan("A")
    assert loan is not None
    assert loan.terms.security == SECURITY["pledge"]


def test_v24_a_correction_is_not_reversed_but_corrected_again(desk: Desk, issued: Event) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", yuan(100))
    correction = desk.bank.corrected(repaid, "principal_fen", yuan(90), day="2024-06-25")
    desk.given(repaid, correction)
    told = desk.when(desk.bank.reversed(correction))
    refused(told, "V24", "data.reverses_event_id", correction["id"])
    desk.given(desk.bank.corrected(repaid, "principal_fen", yuan(100), day="2024-06-26"))
    assert desk.balance("A") == yuan(9_900)


def drawn_and_repaid(desk: Desk, drawn: int, now: int, repaid: int) -> Event:
    """A draw that is corrected from one amount to another, and a repayment of the loan of 10,000 yuan behind it."""
    draw = desk.bank.drawn("A", "2024-06-18", yuan(drawn))
    correction = desk.bank.corrected(
        draw | {"data": draw["data"] | {"principal_fen": yuan(drawn)}},
        "principal_fen",
        yuan(now),
        day="2024-06-19",
    )
    desk.given(draw, correction, desk.bank.repaid("A", "2024-06-20", yuan(repaid)))
    return draw


def test_v24_what_was_corrected_is_reversed_as_it_stands(desk: Desk, issued: Event) -> None:
    draw = drawn_and_repaid(desk, 9_000, 1_000, 8_000)
    accepted(desk.when(desk.bank.reversed(draw)))
    assert desk.balance("A") == yuan(2_000)


def test_v24_no_more_is_reversed_than_is_left_of_what_was_corrected(desk: Desk, issued: Event) -> None:
    draw = drawn_and_repaid(desk, 1_000, 9_000, 18_000)
    parked(desk, desk.when(desk.bank.reversed(draw)), "V24", "loan:A")
    assert desk.balance("A") == yuan(1_000)


@pytest.mark.parametrize(
    ("now", "result", "left"),
    [
        pytest.param(5_000, "accepted", 0, id="as much as the loan had"),
        pytest.param(5_001, "parked", 2_000, id="more than it had"),
    ],
)
def test_v24_a_second_correction_is_measured_from_the_first(
    desk: Desk, issued: Event, now: int, result: str, left: int
) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", yuan(100))
    desk.given(repaid, desk.bank.repaid("A", "2024-06-21", yuan(5_000)))
    desk.given(desk.bank.corrected(repaid, "principal_fen", yuan(3_000), day="2024-06-25"))
    told = desk.when(desk.bank.corrected(repaid, "principal_fen", yuan(now), day="2024-06-26"))
    assert (told.result, desk.balance("A")) == (result, yuan(left))


def test_v24_no_less_is_left_of_what_was_corrected_than_was_reversed(desk: Desk, issued: Event) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", yuan(1_000))
    desk.given(repaid, desk.bank.reversed(repaid, part=yuan(600)))
    refused(
        desk.when(desk.bank.corrected(repaid, "principal_fen", yuan(599), day="2024-06-25")),
        "V04",
        "data.new",
    )
    desk.given(desk.bank.corrected(repaid, "principal_fen", yuan(600), day="2024-06-25"))
    assert desk.balance("A") == yuan(10_000)


def corrected(desk: Desk, event: Event, name: str, new: int | str) -> Event:
    """A correction of a field that the event need not have."""
    held = event | {"data": event["data"] | {name: event["data"].get(name)}}
    correction = desk.bank.corrected(held, name, new, day="2024-06-25")
    correction["data"].setdefault("old", None)
    return correction


@pytest.mark.parametrize("name", ["new_due_on", "original_due_on", "main_security", "rate_pct"])
def test_v24_a_correction_changes_only_what_the_event_said(desk: Desk, issued: Event, name: str) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", yuan(100))
    desk.given(repaid)
    told = desk.when(corrected(desk, repaid, name, "2024-06-21"))
    refused(told, "V24", "data.field", repaid["id"], name)
    assert desk.balance("A") == yuan(9_900)


def test_v24_an_extension_has_no_principal(desk: Desk, issued: Event) -> None:
    extended = desk.bank.extended("A", "2024-06-20", "2025-06-03", "2025-08-03")
    desk.given(extended)
    refused(desk.when(corrected(desk, extended, "principal_fen", 5)), "V24", "data.field", "principal_fen")
    accepted(desk.when(corrected(desk, extended, "new_due_on", "2025-09-03")))


def test_v24_a_correction_is_not_corrected(desk: Desk, issued: Event) -> None:
    correction = corrected(desk, issued, "rate_pct", "4.35")
    desk.given(correction)
    refused(desk.when(corrected(desk, correction, "rate_pct", "4.5")), "V24", "data.field", correction["id"])


@pytest.mark.parametrize(
    ("name", "new", "rule"),
    [
        ("rate_pct", "abc", "V03"),
        ("rate_pct", 4, "V03"),
        ("rate_pct", "", "V03"),
        ("main_security", "love", "V03"),
        ("original_due_on", "20250603", "V03"),
        ("original_due_on", 19000, "V03"),
        ("original_due_on", "2025-02-30", "V03"),
        ("original_due_on", "9999-12-31", "V06"),
        ("original_due_on", "2024-06-02", "V22"),
        ("business_date", "2024-08-01", "V06"),
        ("principal_fen", "100", "V04"),
        ("principal_fen", 0, "V04"),
    ],
)
def test_a_correction_gives_a_value_that_the_field_can_have(
    desk: Desk, issued: Event, name: str, new: int | str, rule: str
) -> None:
    refused(desk.when(corrected(desk, issued, name, new)), rule, "data.new")


def test_v22_a_correction_moves_nothing_before_the_issue(desk: Desk, issued: Event) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", 100)
    desk.given(repaid)
    told = desk.when(corrected(desk, repaid, "business_date", "2024-06-02"))
    refused(told, "V22", "data.new", "2024-06-02", "2024-06-03")


def test_v19_a_correction_to_more_than_there_is_waits(desk: Desk, issued: Event) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", 100)
    desk.given(repaid)
    parked(desk, desk.when(corrected(desk, repaid, "principal_fen", yuan(10_001))), "V19", "loan:A")
    ended(desk, "V19", "data.new")


def test_v19_of_two_corrections_of_a_day_the_later_must_leave_enough(desk: Desk, issued: Event) -> None:
    repaid = desk.bank.repaid("A", "2024-06-20", 100)
    desk.given(repaid, corrected(desk, repaid, "principal_fen", 200))
    told = desk.when(corrected(desk, repaid, "principal_fen", yuan(10_001)))
    parked(desk, told, "V19", "loan:A")


@pytest.mark.parametrize(
    ("what", "name", "new"),
    [
        pytest.param("draw", "business_date", "2024-06-24", id="a draw moved behind what was repaid of it"),
        pytest.param("repayment", "business_date", "2024-06-12", id="a repayment moved before the draw"),
        pytest.param("draw", "principal_fen", yuan(1), id="a draw made less"),
    ],
)
def test_v19_a_correction_leaves_no_day_on_which_more_is_repaid_than_there_was(
    desk: Desk, issued: Event, what: str, name: str, new: int | str
) -> None:
    told = {
        "draw": desk.bank.drawn("A", "2024-06-14", yuan(2_000), principal_fen=yuan(2_000)),
        "repayment": desk.bank.repaid("A", "2024-06-20", yuan(12_000)),
    }
    desk.given(*told.values(), desk.bank.drawn("A", "2024-06-22", yuan(7_000)))
    parked(desk, desk.when(corrected(desk, told[what], name, new)), "V19", "loan:A")
    ended(desk, "V19", "data.new")


def test_v22_a_correction_moves_no_draw_before_the_opening_balance(desk: Desk) -> None:
    drawn = desk.bank.drawn("B", "2024-06-14", yuan(1_000))
    desk.given(desk.bank.opening("B", SHOP, "2024-06-10", yuan(8_000), disbursed_on="2024-01-10"), drawn)
    told = desk.when(corrected(desk, drawn, "business_date", "2024-06-09"))
    refused(told, "V22", "data.new", "2024-06-09", "2024-06-10")


def test_v24_a_draw_of_which_was_repaid_is_not_reversed_whatever_was_drawn_later(
    desk: Desk, issued: Event
) -> None:
    draw = desk.bank.drawn("A", "2024-06-14", yuan(2_000))
    desk.given(draw, desk.bank.repaid("A", "2024-06-20", yuan(12_000)))
    desk.given(desk.bank.drawn("A", "2024-06-22", yuan(7_000)))
    parked(desk, desk.when(desk.bank.reversed(draw)), "V24", "loan:A")


def reclassified(desk: Desk, **more: Any) -> Event:
    """Loan A is called a renewal from 2024-06-10 on."""
    terms: dict[str, Any] = {"mode": "policy", "effective_on": "2024-06-10"}
    return desk.bank.reclassified(["A"], "2024-06-20", "new", "no_principal_renewal", **(terms | more))


def inclusive(desk: Desk, population: str = "PH") -> object:
    """What is outstanding at the end of June 2024 in the ledger."""
    day = date(2024, 6, 30)
    return Figures(desk.store).balance(BANK, population, day_number(day), View.of(day)).value


def test_a_loan_that_was_issued_to_the_wrong_customer_follows_the_right_one_alone(desk: Desk) -> None:
    wrong = desk.bank.issued("B", SHOP, "2024-06-03", yuan(10_000))
    desk.given(wrong, desk.bank.reversed(wrong), desk.bank.issued("B", FARM, "2024-06-03", yuan(10_000)))
    desk.given(desk.bank.line(SHOP, yuan(12_000_000), since="2024-06-05"))
    assert inclusive(desk) == yuan(10_000)
    desk.given(desk.bank.line(FARM, yuan(12_000_000), since="2024-06-06"))
    assert inclusive(desk) == 0
    desk.worker.intake.flush_all()
    assert rebuild(f"sqlite:{desk.path}", processes=1).differences == 0


@pytest.mark.parametrize("late", [False, True], ids=["before it was reversed", "after it was sent again"])
def test_a_correction_of_an_issue_that_was_reversed_changes_nothing_of_the_one_sent_again(
    desk: Desk, late: bool
) -> None:
    wrong = desk.bank.issued("B", SHOP, "2024-06-03", yuan(10_000))
    correction = desk.bank.corrected(wrong, "main_security", "mortgage", day="2024-06-04")
    pledged = {"main_security": "pledge", "security": [{"kind": "pledge"}]}
    anew = [desk.bank.reversed(wrong), desk.bank.issued("B", SHOP, "2024-06-03", yuan(10_000), **pledged)]
    desk.given(*([wrong, *anew, correction] if late else [wrong, correction, *anew]))
    loan = desk.worker.intake.book(BANK).loan("B")
    assert loan is not None
    assert loan.terms.security == SECURITY["pledge"]


@pytest.mark.parametrize("mode", ["error", "policy"])
@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("late", [False, True], ids=["in their order", "the later one first"])
def test_of_two_reclassifications_of_a_field_the_one_that_was_told_last_holds(
    desk: Desk, issued: Event, mode: str, number: int, late: bool
) -> None:
    desk.bank._sent += number  # whatever their ids are
    kinds = ("new", "no_principal_renewal")
    since = ("2024-06-10", "2024-06-10" if mode == "policy" else "2024-06-05")
    first = desk.bank.reclassified(["A"], "2024-06-20", *kinds, mode=mode, effective_on=since[0])
    later = desk.bank.reclassified(["A"], "2024-06-21", *kinds[::-1], mode=mode, effective_on=since[1])
    desk.given(*((later, first) if late else (first, later)))
    assert inclusive(desk, "NPR") == 0


def test_v46_another_old_value_is_flagged(desk: Desk, issued: Event) -> None:
    accepted(desk.when(reclassified(desk)))
    accepted(desk.when(reclassified(desk)), "V46")


@pytest.mark.parametrize(
    ("more", "field"), [({"mode": None}, "data.mode"), ({"mode": "policy", "notice": None}, "data.rule")]
)
def test_v46_a_reclassification_says_why(desk: Desk, issued: Event, more: dict[str, Any], field: str) -> None:
    refused(desk.when(reclassified(desk, **more)), "V46", field)


def test_v46_no_reclassification_before_the_issue(desk: Desk, issued: Event) -> None:
    told = desk.when(reclassified(desk, effective_on="2024-06-02"))
    refused(told, "V46", "data.effective_on", "A", "2024-06-02", "2024-06-03")


@pytest.mark.parametrize(
    ("field", "new"), [("issuance_kind", "gift"), ("agri", "yes"), ("issuance_kind", True)]
)
def test_v03_a_reclassification_gives_a_value_that_the_field_can_have(
    desk: Desk, issued: Event, field: str, new: str | bool
) -> None:
    event = reclassified(desk)
    event["data"] |= {"field": field, "old": None, "new": new}
    refused(desk.when(event), "V03", "data.new")
