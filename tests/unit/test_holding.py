"""Holding back: where the switch is on, what would change a closed period waits until an office approves (V07)."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from aggregates.store import open_store
from projections.official import official
from projections.views import Figures
from streams.following import approvals
from tests.desk import BANK, SHOP, Desk, accepted, instant, refused
from tests.events import OFFICE, Event, Sender, yuan
from tests.worker import DirectWorker

NOW: str = "2024-07-20"
Q1: str = "2024Q1"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A bank with one loan of January, repaid in part in March; the first quarter is closed, and the switch is on."""
    it = Desk(tmp_path, today=NOW)
    it.worker.intake.hold_back = True
    it.given(it.bank.issued("A", SHOP, "2024-01-05", yuan(9_000)), today="2024-01-05")
    it.given(repaid(it.bank), today="2024-03-16")
    return it


def repaid(bank: Sender) -> Event:
    return bank.repaid("A", "2024-03-15", yuan(1_000)) | {"id": "repaid-A"}


def approval(day: str, period: str = Q1) -> Event:
    said = Sender(BANK, _sent=900).event("restatement.approved", day, period=period, approved_by="县金融办")
    return said | {"source": OFFICE, "id": f"approved-{day}-{period}"}


def late_repayment(it: Sender) -> Event:
    return it.repaid("A", "2024-02-20", yuan(500))


Late = Callable[[Sender], Event]
LATE: dict[str, tuple[Late, str]] = {
    "a repayment of a closed quarter": (late_repayment, "2024-02"),
    "a reversal of one": (lambda it: it.reversed(repaid(it), day=NOW), "2024-03"),
    "a line valid from a closed quarter": (
        lambda it: it.line(SHOP, yuan(20_000_000), since="2024-02-10", day=NOW),
        "2024-02",
    ),
}


@pytest.mark.parametrize(("late", "month"), LATE.values(), ids=LATE)
def test_what_would_change_a_closed_period_waits_and_changes_nothing(
    desk: Desk, late: Late, month: str
) -> None:
    facts, balance = desk.facts(), desk.balance("A")
    told = desk.when(late(desk.bank))
    assert told.counts == Counter({("parked", "V07"): 1})
    assert [(row.rule, row.wait) for row in desk.parked()] == [("V07", f"period:{month}")]
    assert (desk.facts(), desk.balance("A"), desk.store.restatements(BANK)) == (facts, balance, [])


@pytest.mark.parametrize("period", [Q1, "2024-02"])
def test_an_approval_of_its_month_or_quarter_lets_it_in_flagged_and_the_official_figure_holds_it(
    desk: Desk, period: str
) -> None:
    desk.when(late_repayment(desk.bank))
    before = stands(desk, period)
    told = desk.when(approval("2024-07-21", period), today="2024-07-21")
    assert told.flags == ("V07",)
    assert not desk.parked()
    assert desk.balance("A") == yuan(7_500)
    assert stands(desk, period) == before - yuan(500)
    open_ = {row.period for row in desk.store.restatements(BANK) if row.approved_at is None}
    assert period not in open_
    assert "2024Q2" in open_  # which it changes too, and which nobody has approved


def stands(desk: Desk, period: str) -> int:
    """What officially stands: the balance of all loans at the end of a period, in fen."""
    figures = Figures(desk.store)
    figures.follow()
    view = official(figures, BANK, period, instant("2024-07-25")).view
    found = figures.balance(BANK, "ALL1", view.as_of, view).value
    assert isinstance(found, int)
    return found


def test_an_approval_of_another_period_or_of_before_lets_nothing_in(desk: Desk) -> None:
    desk.when(approval("2024-07-19"), today="2024-07-19")
    desk.when(late_repayment(desk.bank))
    desk.when(approval("2024-07-21", "2024Q2"), today="2024-07-21")
    assert len(desk.parked()) == 1


def test_what_is_not_late_is_taken_in_at_once(desk: Desk) -> None:
    desk.when(late_repayment(desk.bank))
    accepted(desk.when(desk.bank.repaid("A", NOW, yuan(10))))


def test_it_waits_without_an_end_and_what_waits_for_it_waits_as_long(desk: Desk) -> None:
    late = desk.bank.issued("B", SHOP, "2024-02-01", yuan(700))
    desk.when(late)
    desk.when(desk.bank.repaid("B", NOW, yuan(100)))
    desk.when(desk.bank.repaid("ELSEWHERE", NOW, yuan(100)))
    told = desk.waits_until("2024-08-20")
    assert told.counts == Counter({("refused", "V09"): 1})
    assert [row.rule for row in desk.parked()] == ["V07", "V09"]
    told = desk.when(approval("2024-08-21"), today="2024-08-21")
    assert (told.counts["released", "V07"], told.counts["released", "V09"]) == (1, 1)
    assert desk.balance("B") == yuan(600)


def test_a_reversal_waits_as_long_as_what_it_reverses_or_what_that_waits_for(desk: Desk) -> None:
    behind = desk.bank.repaid("B", NOW, yuan(100))
    desk.when(desk.bank.issued("B", SHOP, "2024-02-01", yuan(700)))
    desk.when(behind)
    desk.when(desk.bank.reversed(behind, day=NOW))
    desk.when(desk.bank.reversed(desk.bank.repaid("A", NOW, yuan(1)), day=NOW))
    assert desk.waits_until("2024-08-20").counts == Counter({("refused", "V24"): 1})
    told = desk.when(approval("2024-08-21"), today="2024-08-21")
    assert (told.counts["released", "V09"], told.counts["released", "V24"]) == (1, 1)
    assert desk.balance("B") == yuan(700)


@pytest.fixture
def told(desk: Desk) -> Event:
    """An extension of a closed quarter, from a due date that never was the loan's: it waits for that one first."""
    event = desk.bank.extended("A", "2024-02-20", "2030-09-05", "2030-12-05")
    assert desk.when(event).counts == Counter({("parked", "V17"): 1})
    return event


def test_an_extension_that_has_waited_for_its_due_date_is_held_back_too(desk: Desk, told: Event) -> None:
    facts = desk.facts()
    assert desk.waits_until("2024-07-24").counts == Counter({("parked", "V07"): 1})
    assert [(row.rule, row.wait) for row in desk.parked()] == [("V07", "period:2024-02")]
    assert (desk.facts(), desk.store.restatements(BANK)) == (facts, [])
    assert not desk.waits_until("2024-08-20").counts
    answer = desk.when(approval("2024-08-21"), today="2024-08-21")
    assert (answer.flags, answer.counts["released", "V07"]) == (("V07", "V17"), 1)
    assert not desk.parked()


def test_an_approval_of_before_it_was_held_back_does_not_let_it_in(desk: Desk, told: Event) -> None:
    desk.when(approval("2024-07-21"), today="2024-07-21")
    desk.waits_until("2024-07-24")
    book = desk.worker.intake.book(BANK)
    assert not approvals(book, desk.worker.intake.registry, desk.store)
    assert len(desk.parked()) == 1


def test_what_ends_with_such_an_extension_waits_for_it(desk: Desk, told: Event) -> None:
    desk.when(desk.bank.reversed(told, day=NOW))
    assert desk.waits_until("2024-07-24").counts == Counter({("parked", "V07"): 1})
    assert [row.rule for row in desk.parked()] == ["V24", "V07"]
    answer = desk.when(approval("2024-08-21"), today="2024-08-21")
    assert (answer.counts["released", "V07"], answer.counts["released", "V24"]) == (1, 1)


def test_an_extension_of_an_open_period_is_taken_in_when_it_has_waited(desk: Desk) -> None:
    desk.when(desk.bank.extended("A", NOW, "2030-09-05", "2030-12-05"))
    accepted(desk.waits_until("2024-07-24"), "V17")


def test_that_it_waits_longer_is_stored_where_nothing_else_ends(desk: Desk) -> None:
    desk.when(desk.bank.issued("B", SHOP, "2024-02-01", yuan(700)))
    desk.when(desk.bank.repaid("B", NOW, yuan(100)))
    desk.waits_until("2024-08-20")
    book = desk.worker.intake.book(BANK)
    assert min(row.until for row in desk.parked()) == book.deadline, "who starts anew waits as long"


def test_sent_again_it_waits_once_and_another_content_is_refused(desk: Desk) -> None:
    late = late_repayment(desk.bank)
    desk.when(late)
    assert desk.when(late).counts == Counter({("repeated", "V01"): 1})
    refused(desk.when(late | {"data": late["data"] | {"principal_fen": 7}}), "V02", "id")
    assert len(desk.parked()) == 1


def test_after_a_restart_it_is_still_held_and_let_in_by_the_approval(desk: Desk) -> None:
    desk.when(late_repayment(desk.bank))
    offsets = desk.worker.offsets
    desk.store.close()
    desk.worker = DirectWorker(open_store(f"sqlite:{desk.path}"))
    desk.worker.intake.hold_back, desk.worker.offsets = True, offsets
    assert desk.when(late_repayment(desk.bank)).result == "parked"
    assert desk.when(approval("2024-07-21"), today="2024-07-21").counts["released", "V07"] == 2


def test_another_worker_s_approval_concerns_the_books_where_something_is_held(desk: Desk) -> None:
    intake = desk.worker.intake
    desk.when(approval("2024-07-19"), today="2024-07-19")
    desk.when(late_repayment(desk.bank))
    assert not approvals(intake.book(BANK), intake.registry, desk.store)
    held = intake.book(BANK)
    intake.books.pop(BANK)  # as if it were another worker's
    desk.when(approval("2024-07-21"), today="2024-07-21")
    assert approvals(held, intake.registry, desk.store) == {Q1: instant("2024-07-21")}


def test_switched_off_nothing_is_held(desk: Desk) -> None:
    desk.worker.intake.hold_back = False
    accepted(desk.when(late_repayment(desk.bank)), "V07")
