"""Replay: a book made anew from its commit records alone; nothing else that is stored is looked at.

The facts are taken in by the same `evolve` as they were live, so what comes out must be what is stored: the rows, the
movements of every version, the reports, the restatements, the alerts.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from aggregates.customer import Customer
from aggregates.evolve import Moved, evolve, repaid_in_order
from aggregates.facts import (
    AlertChanged,
    AnyFact,
    LoanRepaid,
    PositionReported,
    Record,
    RestatementOpened,
    decode_record,
    encode,
)
from aggregates.loan import Loan
from aggregates.reported import ReportedPositions
from aggregates.store.transaction import Commit, ReportedRow, RestatementRow
from aggregates.store.writing import MOVE

_SELDOM: Final = frozenset((PositionReported, RestatementOpened, AlertChanged))
"""Facts that make rows of their own, and move nothing."""


class Unreplayable(Exception):
    """A commit record is not there, or cannot be taken in; the message says which and why."""


class Replay:
    """One book in the making: the rows as `evolve` changes them, and what else its facts make."""

    def __init__(self, book: str) -> None:
        self.book = book
        self.version = 0
        self.recorded_at = 0
        self.facts = 0
        self.movements = 0
        self.moved = 0
        self.loans: dict[str, Loan] = {}
        self.customers: dict[str, Customer] = {}
        self.loan = self.loans.get
        self.customer = self.customers.get
        self.reported: dict[int, ReportedRow] = {}
        self.restated: dict[tuple[str, int], RestatementRow] = {}
        self.alerts: dict[tuple[str, str, str], AlertChanged] = {}
        self.segments: set[int] = set()

    # what `evolve` asks for and changes

    def positions(self) -> ReportedPositions:
        return ReportedPositions()

    def put_loan(self, loan_no: str, loan: Loan) -> None:
        loan.version = self.version
        self.loans[loan_no] = loan

    def put_customer(self, ref: str, customer: Customer) -> None:
        customer.version = self.version
        self.customers[ref] = customer

    # commit by commit

    def take(self, version: int, state: bytes) -> Commit:
        """Take the next commit record in: the commit as it must have been stored, with what it moved."""
        if version != self.version + 1:
            raise Unreplayable(f"commit {self.version + 1} is missing")
        try:
            record = decode_record(state)
            self.version = version
            moves = self._applied(record.facts)
        except Exception as error:  # whatever a damaged record makes decoding and evolving say
            raise Unreplayable(f"commit {version} cannot be replayed: {error!r}") from error
        if not _SELDOM.isdisjoint(map(type, record.facts)):
            self._note(record)
        self.recorded_at = record.recorded_at
        self.facts += len(record.facts)
        self.movements += len(moves)
        return Commit(self.book, version, record.recorded_at, state, b"".join(moves), len(moves))

    def _applied(self, facts: Iterable[AnyFact]) -> list[bytes]:
        """What these facts move, packed."""
        moves: list[bytes] = []
        loan_of, segments, pack = self.loans.get, self.segments, MOVE.pack
        for fact in facts:
            if type(fact) is LoanRepaid and (loan := loan_of(fact.loan_no)) is not None:
                moved = self._repaid(fact, loan)
            else:
                moved = evolve(fact, self)
            for owner, (segment, kind, day, amount, loans) in moved:
                segments.add(segment)
                self.moved += amount
                moves.append(pack(segment, owner, day, kind, amount, loans))
        return moves

    def _repaid(self, fact: LoanRepaid, loan: Loan) -> list[Moved]:
        """Four of five facts: the same as `evolve`, without looking for the loan again."""
        movement = repaid_in_order(fact, loan)
        if movement is None:
            return evolve(fact, self)
        loan.version = self.version
        return [(loan.owner, movement)]

    def _note(self, record: Record) -> None:
        book, version, at = self.book, self.version, record.recorded_at
        for nth, f in enumerate(record.facts):
            if type(f) not in _SELDOM:
                continue
            if isinstance(f, PositionReported):
                self.reported[f.event] = ReportedRow(
                    book, version, at, f.key, f.measure, f.kind, f.as_of, f.amount, f.quantum, f.suspect, f.event,
                    encode(f), nth,
                )  # fmt: skip
            elif isinstance(f, RestatementOpened):
                self.restated[f.period, version] = RestatementRow(book, f.period, version, at, None)
            elif isinstance(f, AlertChanged):
                self.alerts[f.rule, f.subject, f.period] = f

    # what came of it

    def tables(self) -> Mapping[str, Mapping[str, Loan | Customer]]:
        """The rows by the register's tables and their names."""
        return {"loan": self.loans, "customer": self.customers}

    def outstanding(self) -> int:
        """What the register says is outstanding: the sum of all movements, counted another way."""
        return sum(loan.balance for loan in self.loans.values())

    def customer_of(self, hashed: int) -> str | None:
        """The reference of a customer of whom a movement holds the hash."""
        owners = (loan.terms.customer for loan in self.loans.values() if loan.owner == hashed)
        return next(owners, None)
