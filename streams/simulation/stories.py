"""Loans whose fate is told in the stories, quarter by quarter (15.5)."""

from streams.simulation.badloans import BadLoans
from streams.simulation.book import Book
from streams.simulation.days import DAY_US, Quarter, add_months, iso, ordinal, workday_before
from streams.simulation.loans import Loan
from streams.simulation.people import People
from streams.simulation.terms import Renewal, fen


def hour(day: int, hours: float) -> int:
    """A moment of that day in microseconds."""
    return day * DAY_US + round(hours * 3_600_000_000)


def play(book: Book, bad: BadLoans, people: People, quarter: Quarter) -> None:
    """Tell what the stories fix in this quarter of this bank."""
    if not book.inclusive:
        return
    match book.institution.short:
        case "GN":
            _reversed_repayment(book, quarter)
        case "GJ":
            _late_line(book, people, quarter)
        case "CS":
            _one_large_customer(book, quarter)
        case "CZ":
            _squeezed(book, bad, quarter)


def _at(quarter: Quarter, year: int, month: int, day: int) -> int:
    """The day when it lies in the quarter, else 0."""
    found = ordinal(year, month, day)
    return found if quarter.start <= found <= quarter.end else 0


def _renewed(book: Book, which: int, day: int) -> None:
    """Renew one of the stories' loans whole."""
    old = book.stories[which]
    new = book.new_loan(old.customer, old.balance, day, workday_before(add_months(day, 12) + 1), old.security)
    new.held = True
    book.renew(day, new, [(old, old.balance)], Renewal("no_principal", day))
    book.stories[which] = new


def _reversed_repayment(book: Book, quarter: Quarter) -> None:
    """D08: a repayment of 2,000,000 of 2024-06-25 is reversed on 2024-08-02; at the end nothing was paid."""
    for year, day in ((2022, 14), (2023, 13), (2024, 12)):
        if found := _at(quarter, year, 12, day):
            _renewed(book, 0, found)
    if day := _at(quarter, 2024, 6, 25):
        loan = book.stories[0]
        data: dict[str, object] = {"principal_fen": fen(2_000), "repayment_no": "R20240625", "kind": "early"}
        paid = book.tell_loan(day, "loan.repaid", loan, data)
        back: dict[str, object] = {"reverses_event_id": paid.id, "full": True, "reason": "误记他户还款"}
        book.tell_loan(day, "loan.reversed", loan, back, hour(ordinal(2024, 8, 2), 7.5))


def _late_line(book: Book, people: People, quarter: Quarter) -> None:
    """D09: a line of 12,000,000 from 2024-04-15 is known on 2024-07-08; repayments lie in between."""
    if day := _at(quarter, 2023, 5, 16):
        customer = people.customer(book)
        while customer.kind not in ("small", "micro"):
            customer = people.customer(book)
        book.tell_line(day, customer, 9_000)
        for amount in (3_000, 4_000):
            loan = book.new_loan(customer, amount, day, workday_before(add_months(day, 36)), "mortgage")
            loan.held = True
            book.issue(day, loan)
            book.stories.append(loan)
    if day := _at(quarter, 2024, 4, 15):
        customer = book.stories[0].customer
        book.tell_line(day, customer, 12_000, "changed", hour(ordinal(2024, 7, 8), 7.2))
        book.ph_moves[day] -= customer.balance
        book.balance -= customer.balance
        book.households -= 1
        customer.outside = True
        book.repay(ordinal(2024, 5, 10), book.stories[1], 1_000, "early")
        book.repay(ordinal(2024, 6, 20), book.stories[0], 500, "early")


def _one_large_customer(book: Book, quarter: Quarter) -> None:
    """D07: the largest of 18 renewed loans, 6,000,000, is paid back in 2023Q3."""
    for year, day in ((2022, 18), (2023, 17)):
        if found := _at(quarter, year, 5, day):
            _renewed(book, 0, found)
    if day := _at(quarter, 2023, 8, 22):
        loan = book.stories[0]
        book.repay(day, loan, loan.balance, "early")


def _squeezed(book: Book, bad: BadLoans, quarter: Quarter) -> None:
    """D01: the largest renewed customer, 900,000, pays back in 2024Q3; three of 400,000 are written off."""
    for year, day in ((2022, 14), (2023, 13), (2024, 12)):
        if found := _at(quarter, year, 6, day):
            _renewed(book, 0, found)
    if day := _at(quarter, 2024, 8, 14):
        loan = book.stories[0]
        book.repay(day, loan, loan.balance, "early")
    if day := _at(quarter, 2022, 11, 8):
        for which in (1, 2, 3):
            _renewed(book, which, day)
    for loan in book.stories[1:]:
        _falls_ill(book, bad, quarter, loan)
    for which, day in ((1, 10), (2, 18), (3, 25)):
        if found := _at(quarter, 2024, 9, day):
            bad.write_off(found, book.stories[which], recovered=False)


def _falls_ill(book: Book, bad: BadLoans, quarter: Quarter, loan: Loan) -> None:
    """One of the three: not paid in November 2023, 损失 by the summer of 2024."""
    since = loan.due + 1
    if day := _at(quarter, 2023, 11, 20):
        data: dict[str, object] = {
            "overdue_since": iso(since),
            "overdue_principal_fen": fen(loan.balance),
            "days": 1,
        }
        book.tell_loan(since, "loan.overdue", loan, data)
        bad.classify(day, loan, "special_mention", "normal")
    if day := _at(quarter, 2024, 1, 22):
        bad.classify(day, loan, "substandard", "special_mention")
        told: dict[str, object] = {"defaulted_on": iso(since + 90), "trigger": "90_days", "exposure_fen": fen(loan.balance),
                                   "customer_ref": loan.customer.ref}  # fmt: skip
        book.tell_loan(since + 90, "loan.defaulted", loan, told)
    if day := _at(quarter, 2024, 5, 27):
        bad.classify(day, loan, "doubtful", "substandard")
    if day := _at(quarter, 2024, 8, 26):
        bad.classify(day, loan, "loss", "doubtful")
