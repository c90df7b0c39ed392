"""A book 账簿: the event-sourced aggregate of one institution, with its register kept as a cache of its log.

Facts go to the log at once, rows of the register lazily (write-behind, with a watermark). After a crash the commit
records behind the watermark are applied again by the same `evolve`.
"""

import os
from collections.abc import Iterable
from typing import Final

import msgspec

from aggregates.customer import Customer
from aggregates.evolve import Moved, evolve
from aggregates.facts import (
    AnyFact,
    LoanFact,
    LoanIssued,
    LoanOpened,
    PositionReported,
    Record,
    RestatementOpened,
    decode_record,
    encode,
    encode_record,
)
from aggregates.hashing import text_hash
from aggregates.loan import Loan
from aggregates.store.base import Store, StoreIncomplete
from aggregates.store.transaction import Commit, Flush, ReportedRow, RestatementRow
from aggregates.store.writing import MOVE

_decode_loan = msgspec.msgpack.Decoder(Loan).decode
_decode_customer = msgspec.msgpack.Decoder(Customer).decode
_decode_reported = msgspec.msgpack.Decoder(PositionReported).decode

_NO_RECOVERY: Final = os.environ.get("PUHUI_TEST_NO_RECOVERY") == "1"
"""Switches recovery off: only the negative control of its tests sets it."""

Contents = dict[int, tuple[int, ...]]
"""The checksums of all contents that were refused under an event's hash."""


def refused_before(store: Store, book: str) -> Contents:
    """The refused events of one book."""
    found: Contents = {}
    for event, content in store.refused_index(book):
        found[event] = (*found.get(event, ()), content)
    return found


class Book:
    """One book: what deciding asks for, what evolving changes, and what a transaction takes from it.

    A book is used by one worker at a time; `begin` … `commit` frames what one transaction writes.
    """

    def __init__(self, name: str, store: Store) -> None:
        self.name = name
        self._store = store
        found = store.book(name)
        self.born = found is None
        self.flushed, self.version, self.recorded_at = found or (0, 0, 0)
        self._loans: dict[str, Loan] = {}
        self._customers: dict[str, Customer] = {}
        self._used_loans: dict[str, Loan] = {}
        self._used_customers: dict[str, Customer] = {}
        self._missing: set[str] = set()
        self._positions: list[PositionReported] | None = None if found else []
        self.touched: set[str] = set()
        self.facts: list[AnyFact] = []
        self.moves: list[bytes] = []
        self.moved_segments: set[int] = set()
        self.behind = 0
        self._customer_hashes: dict[str, int] = {}
        self.latest_parked = 0
        self.parked: dict[int, int] = {}
        self.waits: dict[str, set[int]] = {}
        self.deadline: int | None = None
        self.refused: Contents = {}
        self.restated: dict[str, RestatementRow] = {}
        self.live_from: int | None = None
        if found:
            self._read_indexes()

    def _read_indexes(self) -> None:
        for event, content, wait, until, since in self._store.parked_index(self.name):
            self.remember_parked(event, content, wait, until)
            self.latest_parked = since  # what comes now has arrived after it, whatever the clock says
        self.refused = refused_before(self._store, self.name)
        for row in self._store.restatements(self.name):
            self.restated[row.period] = row
        first = self._store.rows(
            "SELECT state FROM stored_events WHERE originator_id = ? AND originator_version = 1", (self.name,)
        )
        if first:
            self.live_from = decode_record(bytes(first[0][0])).recorded_at

    # what waits

    def remember_parked(self, event: int, content: int, wait: str, until: int) -> None:
        """An event of this book waits."""
        self.parked[event] = content
        self.waits.setdefault(wait, set()).add(event)
        self.deadline = until if self.deadline is None else min(self.deadline, until)

    def forget_parked(self, event: int, wait: str) -> None:
        """An event of this book waits no longer."""
        self.parked.pop(event, None)
        events = self.waits.get(wait)
        if events is not None:
            events.discard(event)
            if not events:
                del self.waits[wait]

    def is_late(self, instant: int) -> bool:
        """Does anything wait whose deadline has passed?"""
        return self.deadline is not None and self.deadline <= instant

    # what deciding asks for

    def loan(self, loan_no: str) -> Loan | None:
        found = self._loans.get(loan_no) or self._used_loans.get(loan_no)
        if found is None and loan_no not in self._missing:
            self.prefetch([loan_no], [])
            found = self._used_loans.get(loan_no)
        return found

    def customer(self, ref: str) -> Customer | None:
        found = self._customers.get(ref) or self._used_customers.get(ref)
        if found is None and ref not in self._missing:
            self.prefetch([], [ref])
            found = self._used_customers.get(ref)
        return found

    def positions(self) -> list[PositionReported]:
        if self._positions is None:
            self._positions = [_decode_reported(row.fact) for row in self._store.reported(self.name)]
        return self._positions

    def prefetch(self, loan_nos: Iterable[str], refs: Iterable[str]) -> None:
        """Read the rows that a batch will ask for, in one query each."""
        if self.flushed == 0:
            return
        wanted = [no for no in loan_nos if no not in self._loans and no not in self._used_loans]
        if wanted:
            found = self._store.loans(self.name, wanted)
            self._used_loans.update((no, _decode_loan(state)) for no, state in found.items())
            self._missing.update(no for no in wanted if no not in found)
        wanted = [ref for ref in refs if ref not in self._customers and ref not in self._used_customers]
        if wanted:
            found = self._store.customers(self.name, wanted)
            self._used_customers.update((ref, _decode_customer(state)) for ref, state in found.items())
            self._missing.update(ref for ref in wanted if ref not in found)

    # what evolving changes

    def put_loan(self, loan_no: str, loan: Loan) -> None:
        loan.version = self.version + 1
        self._loans[loan_no] = loan
        self.touched.add(loan_no)

    def put_customer(self, ref: str, customer: Customer) -> None:
        customer.version = self.version + 1
        self._customers[ref] = customer

    # one transaction

    def take(self, fact: AnyFact) -> list[Moved]:
        """Take in one accepted fact: evolve the rows, and note what moved, which is returned too."""
        self.facts.append(fact)
        self.behind += 1
        if isinstance(fact, PositionReported):
            self.positions().append(fact)
        moved = evolve(fact, self)
        for customer, movement in moved:
            self.moves.append(self._packed(customer, movement))
        return moved

    def _packed(self, customer: str, movement: tuple[int, int, int, int, int]) -> bytes:
        hashed = self._customer_hashes.get(customer)
        if hashed is None:
            if len(self._customer_hashes) > 100_000:
                self._customer_hashes.clear()
            hashed = self._customer_hashes[customer] = text_hash(customer)
        segment, kind, day, amount, loans = movement
        self.moved_segments.add(segment)
        return MOVE.pack(segment, hashed, day, kind, amount, loans)

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
            if isinstance(f, PositionReported)
        ]  # fmt: skip

    # write-behind and recovery

    def flush(self) -> Flush | None:
        """The dirty rows and the version that they reach; None where the register is up to date."""
        if self.version == self.flushed:
            return None
        loans = sorted(self._loans.items())
        customers = sorted(self._customers.items())
        return Flush(
            self.name, self.flushed, self.version, [(no, encode(loan)) for no, loan in loans],
            [(ref, encode(customer)) for ref, customer in customers],
        )  # fmt: skip

    def flush_done(self, flush: Flush) -> None:
        """The store holds the rows: they are no longer dirty, only used."""
        self.flushed = flush.version
        self.behind = 0
        self._used_loans.update(self._loans)
        self._used_customers.update(self._customers)
        self._loans, self._customers = {}, {}

    def forget_used(self) -> None:
        """Drop clean rows: memory is for what is dirty and what was used lately."""
        self._used_loans, self._used_customers = {}, {}
        self._missing.clear()

    @property
    def used(self) -> int:
        """How many clean rows are held."""
        return len(self._used_loans) + len(self._missing)

    def recover(self) -> int:
        """Apply the commit records behind the watermark; a row that already includes a version is not changed twice.

        The watermark and the rows are written together, so a stored row never includes more than its watermark. The
        record at the watermark itself is asked for too: a log that ends before it has lost what the rows include.
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
                for fact in record.facts:
                    evolve(fact, self)
                applied += len(record.facts)
            self.version = version
        if self.version != last or last < self.flushed:
            raise StoreIncomplete(
                f"the log of book {self.name} is not whole: it goes up to commit {self.version}, the last one made was "
                f"{last}, and the register includes those up to {self.flushed}: restore the store from a backup"
            )
        self.behind = applied
        self.touched.clear()
        return applied

    def fold_all(self) -> None:
        """Forget the stored rows, and fold all facts from the first on: what the register must be equal to."""
        self.flushed = 0
        self.forget_used()
        self._loans, self._customers = {}, {}
        self.recover()

    def all_loans(self) -> Iterable[tuple[str, Loan]]:
        """The rows of loans that are held in memory and not yet written."""
        return self._loans.items()

    def all_customers(self) -> Iterable[tuple[str, Customer]]:
        """The rows of customers that are held in memory and not yet written."""
        return self._customers.items()


def _subjects(facts: Iterable[AnyFact]) -> tuple[set[str], set[str]]:
    """The loans and customers of which facts speak."""
    loans: set[str] = set()
    customers: set[str] = set()
    for fact in facts:
        if isinstance(fact, LoanFact):
            loans.add(fact.loan_no)
            if isinstance(fact, LoanIssued | LoanOpened):
                customers.add(fact.terms.customer)
            if isinstance(fact, LoanIssued):
                loans.update(part.loan_no for part in fact.previous)
        elif not isinstance(fact, PositionReported | RestatementOpened):
            customers.add(getattr(fact, "customer", ""))
    return loans, customers
