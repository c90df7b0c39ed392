"""A book 账簿: the event-sourced aggregate of one institution, with its register kept as a cache of its log.

Facts go to the log at once, rows of the register lazily (write-behind, with a watermark). After a crash the commit
records behind the watermark are applied again by the same `evolve`.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, cast

import msgspec

from aggregates.cache import Cache
from aggregates.customer import Customer
from aggregates.evolve import Moved, evolve, repaid_in_order
from aggregates.facts import (
    AnyFact,
    CustomerFact,
    LoanFact,
    LoanIssued,
    LoanOpened,
    LoanRepaid,
    PositionReported,
    Record,
    RestatementOpened,
    decode_record,
    encode,
    encode_record,
)
from aggregates.loan import Loan
from aggregates.movements import Movement
from aggregates.reported import ReportedPositions
from aggregates.store.base import Store
from aggregates.store.failures import StoreIncomplete
from aggregates.store.transaction import Commit, Flush, ReportedRow, RestatementRow
from aggregates.store.writing import MOVE
from aggregates.waits import Waiting
from aggregates.weighing import DATED, ENTRY, customer_bytes, loan_bytes

_decode_loan = msgspec.msgpack.Decoder(Loan).decode
_decode_customer = msgspec.msgpack.Decoder(Customer).decode
_decode_reported = msgspec.msgpack.Decoder(PositionReported).decode

_NO_RECOVERY: Final = os.environ.get("PUHUI_TEST_NO_RECOVERY") == "1"
"""Switches recovery off: only the negative control of its tests sets it."""


class Book:
    """One book: what deciding asks for, what evolving changes, and what a transaction takes from it.

    A book is used by one worker at a time; `commit` ends what one transaction writes.
    """

    def __init__(self, name: str, store: Store) -> None:
        self.name = name
        self._store = store
        found = store.book(name)
        self.born = found is None
        self.flushed, self.version, self.recorded_at = found or (0, 0, 0)
        self._loans = Cache(self._read_loans, loan_bytes)
        self._customers = Cache(self._read_customers, customer_bytes)
        self.loan = self._loans.get
        self.customer = self._customers.get
        self._positions: ReportedPositions | None = None if found else ReportedPositions()
        self.touched: set[str] = set()
        self.facts: list[AnyFact] = []
        self.moves: list[bytes] = []
        self.moved_segments: set[int] = set()
        self.behind = 0
        self.latest_parked = 0
        self.waiting = Waiting()
        self.deadline: int | None = None
        self.restated: dict[str, RestatementRow] = {}
        self.live_from: int | None = None
        if found:
            self._read_indexes()

    def _read_indexes(self) -> None:
        for event, content, wait, until, since in self._store.parked_index(self.name):
            self.remember_parked(event, content, wait, until)
            self.latest_parked = since  # what comes now has arrived after it, whatever the clock says
        for row in self._store.restatements(self.name):
            self.restated[row.period] = row
        self.live_from = self._store.live_from(self.name)

    # what waits

    def remember_parked(self, event: int, content: int, wait: str, until: int) -> None:
        """An event of this book waits."""
        self.waiting.add(event, content, wait)
        self.deadline = until if self.deadline is None else min(self.deadline, until)

    def forget_parked(self, event: int, wait: str) -> None:
        """An event of this book waits no longer."""
        self.waiting.drop(event, wait)

    def is_late(self, instant: int) -> bool:
        """Does anything wait whose deadline has passed?"""
        return self.deadline is not None and self.deadline <= instant

    # what deciding asks for

    def _read_loans(self, loan_nos: Sequence[str]) -> Mapping[str, Loan]:
        found = self._store.loans(self.name, loan_nos) if self.flushed else {}
        return {loan_no: _decode_loan(state) for loan_no, state in found.items()}

    def _read_customers(self, refs: Sequence[str]) -> Mapping[str, Customer]:
        found = self._store.customers(self.name, refs) if self.flushed else {}
        return {ref: _decode_customer(state) for ref, state in found.items()}

    def positions(self) -> ReportedPositions:
        if self._positions is None:
            self._positions = ReportedPositions(map(_decode_reported, self._store.reported_facts(self.name)))
        return self._positions

    def prefetch(self, loan_nos: Iterable[str], refs: Iterable[str]) -> Mapping[str, Loan]:
        """Read the rows that a batch will ask for, in one query each; all loans in memory, these among them."""
        if self.flushed:
            self._loans.fetch(loan_nos)
            self._customers.fetch(refs)
        return self._loans.held

    # what evolving changes

    def put_loan(self, loan_no: str, loan: Loan) -> None:
        loan.version = self.version + 1
        self._loans.put(loan_no, loan)
        self.touched.add(loan_no)

    def put_customer(self, ref: str, customer: Customer) -> None:
        customer.version = self.version + 1
        self._customers.put(ref, customer)

    # one transaction

    def take(self, fact: AnyFact) -> list[Moved]:
        """Take in one accepted fact: evolve the rows, and note what moved, which is returned too."""
        self.facts.append(fact)
        self.behind += 1
        if type(fact) is PositionReported:
            self.positions().add(fact)
        moved = self._evolved(fact)
        for customer, movement in moved:
            self._note(customer, movement)
        return moved

    def _evolved(self, fact: AnyFact) -> list[Moved]:
        """Evolve the rows by a fact; a line, kind or size makes the row of a customer longer that is held."""
        if isinstance(fact, CustomerFact) and fact.customer in self._customers.held:
            self._customers.weight += DATED
        return evolve(fact, self)

    def take_repayment(self, fact: LoanRepaid, loan: Loan) -> None:
        """Take in a plain repayment of this loan: the same as `take`, without looking for the loan again."""
        movement = repaid_in_order(fact, loan)
        if movement is None:
            self.take(fact)
            return
        self.facts.append(fact)
        self.behind += 1
        loan.version = self.version + 1
        self._loans.dirty[fact.loan_no] = loan
        self._note(loan.owner, movement)

    def _note(self, owner: int, movement: Movement) -> None:
        segment, kind, day, amount, loans = movement
        self.moved_segments.add(segment)
        self.moves.append(MOVE.pack(segment, owner, day, kind, amount, loans))

    def commit(self, clock: int) -> Commit | None:
        """The commit record of what was taken since the last one; None where there is nothing."""
        if not self.facts:
            return None
        self.version += 1
        self.recorded_at = max(self.recorded_at + 1, clock)
        if self.live_from is None:
            self.live_from = self.recorded_at
        state = encode_record(Record(self.recorded_at, self.facts))
        made = Commit(self.name, self.version, self.recorded_at, state, b"".join(self.moves), len(self.moves))
        self._loans.weight += ENTRY * len(self.facts)
        self.facts, self.moves = [], []
        return made

    def reported_rows(self, commit: Commit, facts: Iterable[AnyFact]) -> list[ReportedRow]:
        """The rows of the read model of positions that a commit's facts make."""
        return [
            ReportedRow(
                self.name, commit.version, commit.recorded_at, f.key, f.measure, f.kind, f.as_of, f.amount, f.quantum,
                f.suspect, f.event, encode(f), nth,
            )
            for nth, f in enumerate(facts)
            if type(f) is PositionReported
        ]  # fmt: skip

    # write-behind and recovery

    def flush(self) -> Flush | None:
        """The dirty rows and the version that they reach; None where the register is up to date."""
        if self.version == self.flushed:
            return None
        name, loans, customers = self.name, self._loans.dirty, self._customers.dirty
        return Flush(
            name, self.flushed, self.version, [(name, no, encode(loans[no])) for no in sorted(loans)],
            [(name, ref, encode(customers[ref])) for ref in sorted(customers)],
        )  # fmt: skip

    def flush_done(self, flush: Flush) -> None:
        """The store holds the rows: they are no longer dirty, only used."""
        self.flushed = flush.version
        self.behind = 0
        self._loans.written()
        self._customers.written()

    def forget_used(self) -> None:
        """Drop clean rows."""
        self._loans.forget()
        self._customers.forget()

    @property
    def weight(self) -> int:
        """The bytes of all rows that are held, about."""
        return self._loans.weight + self._customers.weight

    def recover(self) -> int:
        """Apply the commit records behind the watermark; the number of facts.

        The watermark and the rows are written together, so no stored row includes any of them. The record at the
        watermark itself is asked for too: a log that ends before it has lost what the rows include (StoreIncomplete).
        """
        if _NO_RECOVERY:
            return 0
        applied, last = 0, self.version
        self.version = max(self.flushed - 1, 0)
        for version, state in self._store.records(self.name, self.version):
            if version != self.version + 1:
                break
            if version > self.flushed:
                record = decode_record(state)
                self.prefetch(*_subjects(record.facts))
                self._evolve_again(record.facts)
                applied += len(record.facts)
                self._loans.weight += ENTRY * len(record.facts)
            self.version = version
        if self.version != last or last < self.flushed:
            raise StoreIncomplete(
                f"the log of book {self.name} is not whole: it goes up to commit {self.version}, the last one made was "
                f"{last}, and the register includes those up to {self.flushed}: restore the store from a backup"
            )
        self.behind = applied
        self.touched.clear()
        return applied

    def _evolve_again(self, facts: Iterable[AnyFact]) -> None:
        """Evolve the rows by facts that were taken in before; most are repayments in order, as in `take_repayment`."""
        held, dirty, version = self._loans.held, self._loans.dirty, self.version + 1
        for fact in facts:
            loan = held.get(fact.loan_no) if type(fact) is LoanRepaid else None
            if loan is not None and repaid_in_order(cast(LoanRepaid, fact), loan) is not None:
                loan.version = version
                dirty[cast(LoanRepaid, fact).loan_no] = loan
            else:
                self._evolved(fact)


def _subjects(facts: Iterable[AnyFact]) -> tuple[set[str], set[str]]:
    """The loans and customers of which facts speak."""
    loans: set[str] = set()
    customers: set[str] = set()
    for fact in facts:
        if type(fact) is LoanRepaid:  # four of five; an exact type is told much faster
            loans.add(fact.loan_no)
        elif isinstance(fact, LoanFact):
            loans.add(fact.loan_no)
            if isinstance(fact, LoanIssued | LoanOpened):
                customers.add(fact.terms.customer)
            if isinstance(fact, LoanIssued):
                loans.update(part.loan_no for part in fact.previous)
        elif not isinstance(fact, PositionReported | RestatementOpened):
            customers.add(getattr(fact, "customer", ""))
    return loans, customers
