"""The stories: each writes the life of one or a few loans of one customer, as the specification names them."""

from collections.abc import Callable
from datetime import date
from typing import Final

from tests.histories.pen import LAST, OPENING, Bank, Loan, Pen, text

Story = Callable[[Pen, Bank, str], None]


def spells(pen: Pen, loan: Loan) -> None:
    """Overdue, cleared, classified, deferred: what is only counted."""
    day, send = pen.later(loan), loan.bank.sender
    what = pen.one_of(("overdue", "classified", "deferred"))
    facts = {"loan_no": loan.number}
    if what == "overdue":
        spell = {"overdue_since": text(day), "overdue_principal_fen": 1_000}
        pen.write(send.event("loan.overdue", text(day), **facts, **spell), loan, kind="overdue")
        loan.last = day
        if pen.maybe():
            loan.last = day = pen.later(loan)
            pen.write(send.event("loan.overdue_cleared", text(day), **facts), loan)
    elif what == "classified":
        terms = {"class": pen.one_of(("special_mention", "substandard")), "classified_on": text(day)}
        pen.write(send.event("loan.classified", text(day), **facts, **terms), loan, kind="classified")
    else:
        terms = {"executed_as": "reschedule"}
        pen.write(send.event("loan.repayment_deferred", text(day), **facts, **terms), loan, kind="deferred")
    loan.last = max(loan.last, day)


def go_on(pen: Pen, loan: Loan, *, growing: bool = True) -> None:
    """A few ordinary facts, and perhaps an end."""
    for _ in range(pen.number(0, 2)):
        if loan.low < 1_000:
            return
        what = pen.one_of(("repay", "repay", "spell", "grow" if growing else "repay"))
        if what == "repay":
            pen.repay(loan)
        elif what == "grow":
            pen.grow(loan, pen.one_of(("draw", "capitalised")))
        else:
            spells(pen, loan)
    if loan.firm and pen.maybe():
        end(pen, loan)


def end(pen: Pen, loan: Loan) -> None:
    """The end of a loan: settled, written off, transferred or taken over by the bank."""
    if loan.low < 1_000:
        return
    send = loan.bank.sender
    how = pen.one_of(("settled", "written_off", "npl", "performing", "foreclosed"))
    if how == "settled":
        pen.repay(loan, all_of_it=True)
        pen.write(send.settled(loan.number, text(loan.last)), loan, kind="settled")
        return
    day, amount = pen.later(loan), loan.low if pen.maybe() else pen.share(loan)
    if how == "written_off":
        pen.write(send.written_off(loan.number, text(day), amount), loan, kind="written_off")
        recovered = {"loan_no": loan.number, "amount_fen": 100}
        pen.write(send.event("loan.recovered", text(day + 5), **recovered), loan)
    elif how == "foreclosed":
        pen.write(send.repaid(loan.number, text(day), amount, kind="foreclosure"), loan, kind="foreclosed")
    else:
        sold = {"loan_no": loan.number, "kind": how, "principal_fen": loan.low, "buyer_kind": "local_amc"}
        pen.write(send.event("loan.transferred", text(day), **sold), loan, kind=f"transferred_{how}")
        amount = loan.low
    pen.moved(loan, day, -amount)


def ordinary(pen: Pen, bank: Bank, customer: str) -> None:
    go_on(pen, pen.open(bank, customer))


def renewal(pen: Pen, bank: Bank, customer: str) -> None:
    old = pen.open(bank, customer)
    new = pen.renew([old], whole=pen.one_of((True, False, False)))
    if old.low > 1_000 and pen.maybe():
        pen.repay(old, all_of_it=True)
    go_on(pen, new)


def renewed_again(pen: Pen, bank: Bank, customer: str) -> None:
    """续了又续: twice in one quarter."""
    old = pen.open(bank, customer)
    opened = date.fromisoformat(text(old.last))
    quarter = (opened.month - 1) // 3 + 1
    start = date(opened.year + quarter // 4, quarter % 4 * 3 + 1, 1)
    first = old.last + (start - opened).days + pen.number(0, 40)
    new = pen.renew([old], day=first, mode=pen.one_of(("no_principal", "no_principal", "partial")))
    newest = pen.renew([new], day=first + pen.number(1, 40))
    pen.kinds.add("chained_renewal")
    go_on(pen, newest)


def two_into_one(pen: Pen, bank: Bank, customer: str) -> None:
    first, second = pen.open(bank, customer), pen.open(bank, customer)
    new = pen.renew([first, second])
    go_on(pen, new)
    go_on(pen, second, growing=False)


def drawn(pen: Pen, bank: Bank, customer: str) -> None:
    loan = pen.open(bank, customer)
    pen.grow(loan)
    pen.grow(loan, pen.one_of(("draw", "capitalised")))
    go_on(pen, loan)


def extension(pen: Pen, bank: Bank, customer: str) -> None:
    """展期, marked as a renewal or not."""
    _extend(pen, pen.open(bank, customer), pen.one_of(("plain", "marked")))


def same_number(pen: Pen, bank: Bank, customer: str) -> None:
    """续期 under the same number."""
    _extend(pen, pen.open(bank, customer), "same_number")


def mark_taken_back(pen: Pen, bank: Bank, customer: str) -> None:
    """展期 marked as a renewal, and reversed."""
    _extend(pen, pen.open(bank, customer), "mark_reversed")


def _extend(pen: Pen, loan: Loan, how: str) -> None:
    if pen.maybe():
        pen.repay(loan)
    day = pen.later(loan)
    new_due = f"{int(loan.due[:4]) + 1}{loan.due[4:]}"
    send, loan.last = loan.bank.sender, day
    if how == "same_number":
        terms = {"customer_kind": loan.first["data"]["customer_kind"], "original_due_on": new_due}
        event = send.renewed(loan.number, loan.customer, text(day), {loan.number: loan.low}, **terms)
        pen.write(event, loan, kind="renewed_same_number")
        loan.just_grown = True
    else:
        event = send.extended(loan.number, text(day), loan.due, new_due, marked_renewal=how != "plain")
        pen.write(event, loan, kind="extended" if how == "plain" else "marked")
    if how == "mark_reversed":
        pen.write(send.reversed(event), loan, kind="mark_reversed")
        loan.firm = False
    go_on(pen, loan)


def relabelled_by_error(pen: Pen, bank: Bank, customer: str) -> None:
    _relabel(pen, bank, customer, "error")


def relabelled_by_policy(pen: Pen, bank: Bank, customer: str) -> None:
    _relabel(pen, bank, customer, "policy")


def _relabel(pen: Pen, bank: Bank, customer: str, mode: str) -> None:
    """口径调整 of one or two loans, known then or later."""
    old, new = pen.one_of(
        (
            ("refinance", "no_principal_renewal"),
            ("no_principal_renewal", "refinance"),
            ("no_principal_renewal", "partial_renewal"),
            ("other", "no_principal_renewal"),
        )
    )
    loans = [pen.open(bank, customer, issuance_kind=old) for _ in range(pen.number(1, 2))]
    for loan in loans:
        loan.firm = False  # a loan that was settled or sold is relabelled no more (V22)
        go_on(pen, loan)
    start, ended = max(loan.since for loan in loans), max(loan.last for loan in loans)
    effective = start if mode == "error" else pen.one_of((start + pen.number(0, 60), min(ended, LAST)))
    known = min(LAST, max(effective, OPENING) + pen.number(0, 120))
    event = bank.sender.reclassified(
        [loan.number for loan in loans],
        text(known),
        old,
        new,
        mode=mode,
        effective_on=text(max(effective, start)),
    )
    pen.write(event, *loans, kind=f"reclassified_{mode}")
    if pen.maybe():  # and once more: what was told last holds
        then = text(min(LAST, known + pen.one_of((0, 10))))
        since = (
            event["data"]["effective_on"]
            if mode == "policy"
            else text(max(start, effective - pen.number(0, 5)))
        )
        again = bank.sender.reclassified(
            [loan.number for loan in loans],
            then,
            new,
            pen.one_of((old, "refinance")),
            mode=mode,
            effective_on=since,
        )
        again["time"] = f"{then}T{pen.one_of(('09', '10', '11'))}:00:00+08:00"
        pen.write(again, *loans, kind="reclassified_again")


STORIES: Final[tuple[Story, ...]] = (
    ordinary,
    renewal,
    renewed_again,
    two_into_one,
    drawn,
    extension,
    same_number,
    mark_taken_back,
    relabelled_by_error,
    relabelled_by_policy,
)
