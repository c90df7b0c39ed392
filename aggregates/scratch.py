"""Rows as they would become: what a fact would move can be asked without taking it in."""

from msgspec.structs import replace

from aggregates.customer import Customer
from aggregates.loan import Loan
from aggregates.outcomes import Subjects


class Scratch:
    """Copies of the rows that are asked for: `aggregates.evolve.evolve` changes these, and nothing of the book."""

    def __init__(self, rows: Subjects) -> None:
        self._rows = rows
        self._loans: dict[str, Loan | None] = {}
        self._customers: dict[str, Customer | None] = {}
        self.positions = rows.positions

    def loan(self, loan_no: str) -> Loan | None:
        """A copy of the 借据, the same one each time."""
        if loan_no not in self._loans:
            found = self._rows.loan(loan_no)
            self._loans[loan_no] = None if found is None else replace(found)
        return self._loans[loan_no]

    def customer(self, ref: str) -> Customer | None:
        """A copy of the customer, the same one each time."""
        if ref not in self._customers:
            found = self._rows.customer(ref)
            self._customers[ref] = None if found is None else _copied(found)
        return self._customers[ref]

    def put_loan(self, loan_no: str, loan: Loan) -> None:
        """The row is new or changed."""
        self._loans[loan_no] = loan

    def put_customer(self, ref: str, customer: Customer) -> None:
        """The row is new or changed."""
        self._customers[ref] = customer


def _copied(customer: Customer) -> Customer:
    return replace(
        customer, lines=list(customer.lines), profiles=list(customer.profiles), loans=list(customer.loans)
    )
