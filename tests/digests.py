"""What two runs are compared by: facts per subject, register, movements by segment, figures, queues."""

from collections import Counter
from hashlib import sha256
from typing import Any

import msgspec

from aggregates.book import Book
from aggregates.customer import Customer
from aggregates.facts import LoanFact, RestatementOpened, decode_record
from aggregates.loan import Loan
from aggregates.store import Store
from projections.ledger import Ledger


def movements(store: Store) -> dict[tuple[Any, ...], tuple[int, int]]:
    """All movements by book, segment attributes, customer, kind and day: sums of amount and loans."""
    ledger = Ledger(store)
    ledger.follow()
    sums: Counter[tuple[Any, ...]] = Counter()
    loans: Counter[tuple[Any, ...]] = Counter()
    for book, columns in ledger.books.items():
        hashes = list(columns.customers)
        for chunk in columns.chunks:
            for segment, customer, day, kind, amount, count, _ in zip(*chunk, strict=True):
                key = (book, ledger.populations.segments[segment], hashes[customer], int(kind), int(day))
                sums[key] += int(amount)
                loans[key] += int(count)
    return {key: (sums[key], loans[key]) for key in sums.keys() | loans.keys() if sums[key] or loans[key]}


def facts(store: Store) -> dict[tuple[str, str], list[str]]:
    """The facts of each subject, whatever the order in which they came; restatements depend on time alone."""
    found: dict[tuple[str, str], list[str]] = {}
    for book, *_ in store.books():
        for _, state in store.records(book):
            for fact in decode_record(state).facts:
                if isinstance(fact, RestatementOpened):
                    continue
                subject = fact.loan_no if isinstance(fact, LoanFact) else getattr(fact, "customer", "")
                plain = msgspec.structs.replace(fact, flags=0)
                found.setdefault((book, subject), []).append(repr(plain))
    return {subject: sorted(texts) for subject, texts in found.items()}


def register(store: Store) -> dict[tuple[str, str], Any]:
    """The stored rows of loans and customers, without versions and without the order of arrival in journals."""
    loans = msgspec.msgpack.Decoder(Loan)
    customers = msgspec.msgpack.Decoder(Customer)
    rows: dict[tuple[str, str], Any] = {}
    for book, loan_no, state in store.rows("SELECT book, loan_no, state FROM loan"):
        rows[(book, loan_no)] = plain_loan(loans.decode(state))
    for book, ref, state in store.rows("SELECT book, ref, state FROM customer"):
        rows[(book, "customer " + ref)] = plain_customer(customers.decode(state))
    return rows


def plain_loan(loan: Loan) -> tuple[Any, ...]:
    """A loan's row as two runs must agree on it."""
    journal = sorted(msgspec.structs.astuple(entry)[:6] for entry in loan.journal)
    return (loan.terms, journal, loan.balance, loan.segment, loan.doubtful, loan.previous, loan.signed)


def plain_customer(customer: Customer) -> tuple[Any, ...]:
    """A customer's row as two runs must agree on it."""
    return (customer.lines, customer.profiles, sorted(customer.loans))


def folded(store: Store) -> dict[tuple[str, str], Any]:
    """The register as the fold of all facts, from the first commit record on."""
    rows: dict[tuple[str, str], Any] = {}
    for name, *_ in store.books():
        book = Book(name, store)
        book.fold_all()
        for loan_no, loan in book.all_loans():
            rows[(name, loan_no)] = plain_loan(loan)
        for ref, customer in book.all_customers():
            rows[(name, "customer " + ref)] = plain_customer(customer)
    return rows


def digest(value: Any) -> str:
    """A short digest of anything with a stable repr, once sorted."""
    items = sorted(value.items(), key=repr) if isinstance(value, dict) else value
    return sha256(repr(items).encode()).hexdigest()[:16]
