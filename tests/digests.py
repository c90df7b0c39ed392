"""What two runs are compared by: everything that a store knows, and what left on Kafka.

Versions and instants of knowledge may differ between two runs of the same events, because batches are cut otherwise.
"""

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, TopicPartition

from aggregates.codes import day_number
from aggregates.customer import Customer
from aggregates.facts import (
    AlertChanged,
    BasisChanged,
    LoanFact,
    PeriodPinned,
    RecordsArchived,
    RestatementOpened,
    decode_record,
)
from aggregates.loan import Loan
from aggregates.replay import Replay, Unreplayable
from aggregates.segments import POPULATIONS, Segment, decode_segment
from aggregates.store import Store
from projections.alerts import read_alerts
from projections.ledger import Ledger
from projections.reported import ANY, Positions
from puhui.policy import Quarter
from puhui.policy.periods import date_at

QUARTER_ENDS: Final = [
    day_number(Quarter(year, n).last_day) for year in range(2021, 2027) for n in range(1, 5)
]
APART: Final = (RestatementOpened, AlertChanged, PeriodPinned, BasisChanged, RecordsArchived)
"""Facts that hold versions: what they say is compared by their tables. And what names the worker."""

State = dict[str, dict[Any, Any]]


def state(store: Store) -> State:
    """All that a store knows, in parts; equal for two runs of the same events."""
    return {
        "facts": dict(facts(store)),
        "register": register(store),
        "movements": dict(movements(store)),
        **small(store),
    }


def small(store: Store) -> State:
    """What takes little room, however many events there were."""
    return {
        "figures": dict(figures(store)),
        "reported": dict(reported(store)),
        "parked": {(row.book, row.event, row.content): (row.rule, row.wait) for row in store.parked()},
        "refused": {(row.book, row.event, row.content): (row.rule, row.field) for row in _refused(store)},
        "restatements": {
            (row.book, row.period, date_at(row.opened_at)): row.approved_at and date_at(row.approved_at)
            for row in store.restatements()
        },
        "counts": dict(counts(store)),
        "alerts": {
            key: (str(alert.state), alert.severity, alert.evidence.value)
            for key, alert in read_alerts(store).items()
        },
        "pinned": dict(pinned(store)),
    }


def differences(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, list[Any]]:
    """By part, some of what is not the same: key, mine, theirs."""
    found = {}
    for part in mine.keys() | theirs.keys():
        one, other = mine.get(part, {}), theirs.get(part, {})
        keys = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
        if keys:
            found[f"{part}: {len(keys)}"] = [
                (k, one.get(k), other.get(k)) for k in sorted(keys, key=repr)[:3]
            ]
    return found


def segments_of(ledger: Ledger) -> list[Segment]:
    """The segments that a ledger has met, by their dense numbers."""
    known = dict(ledger.store.segments())
    return [decode_segment(known[identity]) for identity in ledger.populations.identities.tolist()]


def movements(store: Store) -> dict[tuple[Any, ...], tuple[int, int]]:
    """All movements by book, segment attributes, customer, kind and day: sums of amount and loans."""
    ledger = Ledger(store)
    ledger.follow()
    sums: Counter[tuple[Any, ...]] = Counter()
    loans: Counter[tuple[Any, ...]] = Counter()
    segments = segments_of(ledger)
    for book, columns in ledger.books.items():
        hashes = columns.customers.hashes.tolist()
        for chunk in columns.chunks:
            for segment, customer, day, kind, amount, count, _ in zip(*chunk, strict=True):
                key = (book, segments[segment], hashes[customer], int(kind), int(day))
                sums[key] += int(amount)
                loans[key] += int(count)
    return {key: (sums[key], loans[key]) for key in sums.keys() | loans.keys() if sums[key] or loans[key]}


def figures(store: Store) -> dict[tuple[str, str], tuple[list[int], list[int]]]:
    """Balances and customers of every population of every institution at the quarter ends."""
    ledger = Ledger(store)
    ledger.follow()
    return {
        (book, population): (
            ledger.balances(book, population, QUARTER_ENDS, columns.last),
            ledger.customers(book, population, QUARTER_ENDS, columns.last),
        )
        for book, columns in ledger.books.items()
        for population in POPULATIONS
    }


def reported(store: Store) -> dict[tuple[Any, ...], int | None]:
    """What institutions reported of themselves, as far as it stands."""
    rows = store.reported()
    books = {row.book: Positions(r for r in rows if r.book == row.book) for row in rows}
    found = {}
    for row in rows:
        stands = books[row.book].at(row.key, row.measure, row.as_of, books[row.book].last, ANY)
        found[(row.book, row.key, row.measure, row.as_of)] = stands.amount if stands else None
    return found


def facts(store: Store) -> dict[tuple[str, str], list[str]]:
    """The facts of each subject with their flags, whatever the order in which they came.

    Flags are compared too: they depend on the order within one book, and that is its partition's in every run.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for book, *_ in store.books():
        for _, record in store.records(book):
            for fact in decode_record(record).facts:
                if not isinstance(fact, APART):
                    subject = fact.loan_no if isinstance(fact, LoanFact) else getattr(fact, "customer", "")
                    found.setdefault((book, subject), []).append(repr(fact))
    return {subject: sorted(texts) for subject, texts in found.items()}


def pinned(store: Store) -> dict[str, int]:
    """The closed periods, and when each was closed."""
    records = (record for book, *_ in store.books() for _, record in store.records(book))
    told = (fact for record in records for fact in decode_record(record).facts)
    return {fact.period: fact.closed_at for fact in told if isinstance(fact, PeriodPinned)}


def counts(store: Store) -> dict[tuple[Any, ...], int]:
    """How many events of a book had which result in which hour."""
    return {(book, result, rule, hour): events for book, result, rule, hour, events in store.counted()}


def _refused(store: Store) -> Any:
    return store.refused(limit=10_000_000)


def register(store: Store) -> dict[tuple[str, str], Any]:
    """The stored rows of loans and customers, without versions and without the order of arrival in journals."""
    loans = msgspec.msgpack.Decoder(Loan)
    customers = msgspec.msgpack.Decoder(Customer)
    rows: dict[tuple[str, str], Any] = {}
    for book, *_ in store.books():
        for kind, name, row, _ in store.register(book):
            if kind == "loan":
                rows[(book, name)] = plain_loan(loans.decode(row))
            elif kind == "customer":
                rows[(book, "customer " + name)] = plain_customer(customers.decode(row))
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
        book = Replay(name)
        try:
            for version, state in store.records(name):
                book.take(version, state)
        except Unreplayable as error:  # what was taken in twice has no order: only lost rows let that happen
            rows[(name, "cannot be folded")] = repr(error)
        rows |= {(name, loan_no): plain_loan(loan) for loan_no, loan in book.loans.items()}
        rows |= {(name, f"customer {ref}"): plain_customer(row) for ref, row in book.customers.items()}
    return rows


def messages(bootstrap: str, topic: str) -> dict[str, set[bytes]]:
    """Every message on a topic by its id; of what was sent twice, each form that it had."""
    found: dict[str, set[bytes]] = {}
    with closing(Consumer({"bootstrap.servers": bootstrap, "group.id": "digest"})) as consumer:
        there = consumer.list_topics(topic, timeout=30).topics[topic].partitions
        ends = {p: consumer.get_watermark_offsets(TopicPartition(topic, p), 30)[1] for p in there}
        consumer.assign([TopicPartition(topic, partition, 0) for partition, end in ends.items() if end])
        left = sum(ends.values())
        while left:
            read = consumer.consume(left, 10)
            assert read, f"{left} messages of {topic} do not come"
            left -= len(read)
            for message in read:
                value = message.value()
                assert value is not None, message.error()
                found.setdefault(msgspec.json.decode(value)["id"], set()).add(value)
    return found
