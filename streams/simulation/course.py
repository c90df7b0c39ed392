"""One quarter of one book: what the steps of the quarter share, and their order."""

from dataclasses import dataclass, field
from random import Random

from streams.simulation.book import Book
from streams.simulation.days import Quarter, add_months, iso, workday_before
from streams.simulation.loans import Customer, Loan
from streams.simulation.people import People
from streams.simulation.targets import Target
from streams.simulation.terms import Data, fen


@dataclass(slots=True)
class Shapes:
    """How the county's renewals were done so far, so that the shares of the forms come out."""

    renewals: int = 0
    two_to_one: int = 0
    partial: int = 0
    increased: int = 0
    two_legs: int = 0


@dataclass(slots=True)
class Course:
    """A quarter under way: what falls due and is not yet decided, and who has paid back."""

    book: Book
    quarter: Quarter
    target: Target
    rng: Random
    people: People
    shapes: Shapes
    free: list[list[Loan]] = field(default_factory=list)
    """Loans that fall due and are no 无还本续贷, those of one customer together."""
    ended: list[tuple[Customer, int, int]] = field(default_factory=list)
    """Customers who paid back, with the principal and the day: most borrow again."""

    def by_due(self, loan: Loan) -> int:
        """A working day at or shortly before the due date, within the quarter."""
        day = workday_before(loan.due - self.rng.choice((0, 0, 0, 1, 1, 2, 3, 5)))
        return max(day, self.quarter.workdays[0])

    def due_day(self, loan: Loan) -> int:
        """The day on which the loan is paid back."""
        return max(loan.due, self.quarter.start)

    def payoff(self, loan: Loan, day: int, kind: str = "scheduled") -> None:
        """Pay the whole balance back; the customer may borrow again."""
        self.ended.append((loan.customer, loan.principal, day))
        self.book.repay(day, loan, loan.balance, kind)

    def instalments(self) -> None:
        """Pay what falls due of loans in instalments."""
        end = self.quarter.end
        for loan in [loan for loan in self.book.live.values() if loan.every and not loan.held]:
            while loan.balance and loan.next <= end:
                day = max(min(loan.next, loan.due), self.quarter.start)
                if loan.next >= loan.due or loan.instalment >= loan.balance:
                    self.payoff(loan, day)
                else:
                    self.book.repay(day, loan, loan.instalment)
                    loan.next = add_months(loan.next, loan.every)

    def gather(self) -> None:
        """Find what falls due in the quarter and is for the ordinary course to decide."""
        by_customer: dict[str, list[Loan]] = {}
        for loan in self.book.live.values():
            if loan.due <= self.quarter.end and not loan.every and not loan.held and loan.kind != "npr":
                by_customer.setdefault(loan.customer.ref, []).append(loan)
        self.free = list(by_customer.values())
        self.rng.shuffle(self.free)

    def repayments(self) -> None:
        """What is left of the loans falling due is paid back, a few days late by a few."""
        for bundle in self.free:
            for loan in bundle:
                day = self.due_day(loan)
                if self.rng.random() < 0.02 and day + 30 <= self.quarter.end and loan.kind != "refi":
                    self._late(loan, day)
                else:
                    self.payoff(loan, day)
        self.free = []

    def _late(self, loan: Loan, day: int) -> None:
        book, paid = self.book, day + self.rng.randrange(3, 26)
        data: Data = {"overdue_since": iso(day + 1), "overdue_principal_fen": fen(loan.balance), "days": 1}
        book.tell_loan(day + 1, "loan.overdue", loan, data)
        self.ended.append((loan.customer, loan.principal, paid))
        book.repay(paid, loan, loan.balance, "overdue", clears=day + 1)
