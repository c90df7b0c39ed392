"""Stories of mistakes: reversed whole or in part, sent again under the same number, corrected."""

from typing import Final

from tests.events import Event
from tests.histories.pen import CUSTOMERS, LAST, Bank, Loan, Pen, text
from tests.histories.stories import Story, go_on


def _reverse(pen: Pen, loan: Loan, event: Event, amount: int, what: str) -> None:
    """Reverse the event, whole or in part; the loan stays open, for what is reversed may be known late."""
    part = None if pen.maybe() else max(1, amount * pen.number(1, 9) // 10)
    pen.write(loan.bank.sender.reversed(event, part=part), loan, kind=f"reversed_{what}")
    pen.kinds.add("reversed_whole" if part is None else "reversed_in_part")
    loan.firm = False


def repayment_reversed(pen: Pen, bank: Bank, customer: str) -> None:
    loan = pen.open(bank, customer)
    event = pen.repay(loan)
    _reverse(pen, loan, event, event["data"]["principal_fen"], "repayment")
    go_on(pen, loan)


def draw_reversed(pen: Pen, bank: Bank, customer: str) -> None:
    loan = pen.open(bank, customer)
    event = pen.grow(loan)
    amount = event["data"]["amount_fen"]
    loan.low -= amount
    _reverse(pen, loan, event, amount, "draw")
    go_on(pen, loan)


def write_off_reversed(pen: Pen, bank: Bank, customer: str) -> None:
    """A part is written off and given back, or all of it by mistake: then life goes on after the reversal."""
    loan = pen.open(bank, customer)
    day, send = pen.later(loan), bank.sender
    if pen.maybe():
        event = pen.write(send.written_off(loan.number, text(day), loan.low), loan, kind="written_off")
        reversal = pen.write(send.reversed(event), loan, kind="reversed_write_off")
        pen.kinds.add("reversed_whole")
        loan.needs = (*loan.needs, event["id"], reversal["id"])
        pen.moved(loan, day, 0, grown=True)
    else:
        amount = pen.share(loan)
        event = pen.write(send.written_off(loan.number, text(day), amount), loan, kind="written_off")
        pen.moved(loan, day, -amount)
        _reverse(pen, loan, event, amount, "write_off")
    go_on(pen, loan)


def renewal_reversed(pen: Pen, bank: Bank, customer: str) -> None:
    """A renewal booked by mistake: the new 借据 never lived, the old one goes on."""
    old = pen.open(bank, customer)
    before = old.low
    new = pen.renew([old], one_event=True)
    reversal = pen.write(bank.sender.reversed(new.first), new, kind="reversed_renewal")
    old.low, old.just_grown = before, True
    old.needs = (*old.needs, new.first["id"], reversal["id"])
    go_on(pen, old)


def sent_again(pen: Pen, bank: Bank, customer: str) -> None:
    _send_again(pen, bank, customer, customer)


def sent_again_to_another(pen: Pen, bank: Bank, customer: str) -> None:
    _send_again(pen, bank, customer, pen.one_of([other for other in CUSTOMERS if other != customer]))


def _send_again(pen: Pen, bank: Bank, customer: str, right: str) -> None:
    """An issue reversed and sent again under its number: all that follows comes after the reversal."""
    loan = pen.open(bank, customer, singly=True)
    wrong = loan.first
    reversal = pen.write(bank.sender.reversed(wrong), loan)
    loan.needs = (wrong["id"], reversal["id"])
    if right != customer:
        loan.customer = right
        pen.kinds.add("sent_again_to_another")
    day, principal = loan.last + pen.number(0, 10), loan.low // pen.number(1, 3)
    terms = {"customer_kind": wrong["data"]["customer_kind"], "issuance_kind": loan.issuance_kind}
    loan.first = bank.sender.issued(loan.number, right, text(day), principal, **terms)
    pen.write(loan.first, loan, kind="sent_again")
    loan.low, loan.since, loan.last = principal, day, day
    go_on(pen, loan)


def amount_corrected(pen: Pen, bank: Bank, customer: str) -> None:
    """更正 of a repayment's or an issue's principal, up or down, sometimes twice."""
    loan = pen.open(bank, customer, singly=True)
    if pen.maybe():
        event, was = loan.first, loan.low
        told = [was * pen.one_of((5, 8, 9, 11, 15)) // 10 for _ in range(pen.number(1, 2))]
        loan.low = min(was, *told)
    else:
        before = loan.low
        event = pen.repay(loan)
        told = [max(1, before * pen.number(1, 9) // 10 - 1) for _ in range(pen.number(1, 2))]
        loan.low = before - max(event["data"]["principal_fen"], *told)
    loan.firm = False
    known, apart = min(LAST - 1, loan.last + pen.number(0, 90)), pen.number(0, 1)
    for later, now in enumerate(told):
        day = text(known + apart * later)
        correction = bank.sender.corrected(event, "principal_fen", now, day=day)
        correction["time"] = f"{day}T{pen.one_of(('09', '10', '11'))}:00:00+08:00"
        pen.write(correction, loan, kind="corrected_amount")
    go_on(pen, loan)


def date_corrected(pen: Pen, bank: Bank, customer: str) -> None:
    """更正 of a business date: a repayment's either way, an issue's to an earlier day."""
    loan = pen.open(bank, customer, singly=True)
    if pen.maybe():
        event = loan.first
        right = max(0, loan.since - pen.number(1, 20))
        loan.since = right
    else:
        event = pen.repay(loan)
        right = loan.since + 1 + pen.number(0, 60)
        loan.last = max(loan.last, right)
    loan.firm = False
    known = text(min(LAST, loan.last + pen.number(0, 90)))
    pen.write(
        bank.sender.corrected(event, "business_date", text(right), day=known), loan, kind="corrected_date"
    )
    go_on(pen, loan)


def told_by_two_channels(pen: Pen, bank: Bank, customer: str) -> None:
    """A repayment or draw that branch and head office send under two ids, one of them reversed or reversed in part."""
    loan = pen.open(bank, customer, singly=True)
    repaid = pen.maybe()
    event = pen.repay(loan) if repaid else pen.grow(loan)
    data = event["data"]
    data["repayment_no" if repaid else "draw_no"] = f"N{pen.number(1, 2)}"
    again = event | {"id": f"{event['id']}-again", "data": data | {"branch_no": "总行"}}
    pen.write(again, loan, kind="told_by_two_channels")
    if not repaid:
        loan.low -= data["amount_fen"]
    if pen.maybe():
        amount = data["principal_fen" if repaid else "amount_fen"]
        _reverse(pen, loan, pen.one_of((event, again)), amount, "repeat")
    go_on(pen, loan)


MISTAKES: Final[tuple[Story, ...]] = (
    repayment_reversed,
    draw_reversed,
    write_off_reversed,
    renewal_reversed,
    sent_again,
    sent_again_to_another,
    amount_corrected,
    date_corrected,
    told_by_two_channels,
)
