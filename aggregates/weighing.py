"""What rows of the register weigh in memory, and how they are kept within a budget of bytes.

A loan's row grows with its journal, so a number of rows would be no bound.
"""

from collections.abc import Collection
from typing import Final, Protocol

from aggregates.customer import Customer
from aggregates.loan import Loan

KEY: Final = 120
"""Bytes of a key, and of its places in tables; these are estimates for CPython on 64 bits, right to a tenth or so."""
ENTRY: Final = 40
"""Bytes by which a fact makes a row longer."""
DATED: Final = 250
"""Bytes by which a line, a kind or a size makes a customer's row longer."""
MOST: Final = 0.75
"""The share of the budget that is for dirty rows."""
_LOAN: Final = 500
_CUSTOMER: Final = 450
_NAME: Final = 64


def loan_bytes(loan: Loan) -> int:
    """What a loan's row takes, with its key."""
    return _LOAN + len(loan.sealed) + len(loan.packed)


def customer_bytes(customer: Customer) -> int:
    """What a customer's row takes, with its key."""
    dated = len(customer.lines) + len(customer.profiles)
    return _CUSTOMER + DATED * dated + _NAME * len(customer.loans)


class Holder(Protocol):
    """Who holds rows: a book."""

    @property
    def weight(self) -> int:
        """The bytes of all rows that are held, about."""

    def forget_used(self) -> None:
        """Drop the rows that the store has."""


class Budget:
    """Keeps the rows of all books together within so many bytes; `laden` asks to write some back at once."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.laden = False

    def keep(self, holders: Collection[Holder]) -> None:
        """Above the budget all clean rows are dropped; where dirty ones take most of it, they are too many."""
        if sum(holder.weight for holder in holders) > self._limit:
            for holder in holders:
                holder.forget_used()
            self._look(holders)

    def written(self, holder: Holder, holders: Collection[Holder]) -> None:
        """A holder's rows are written back: where there were too many they are dropped."""
        if self.laden:
            holder.forget_used()
            self._look(holders)

    def _look(self, holders: Collection[Holder]) -> None:
        self.laden = sum(holder.weight for holder in holders) > MOST * self._limit
