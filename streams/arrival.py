"""What arrives: records of Kafka, and events on their way into a book."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from aggregates.hashing import bytes_hash
from aggregates.outcomes import Hashes, Refused
from aggregates.store.transaction import Last
from puhui.contract.catalogue import Event
from puhui.contract.codec import Headers, Malformed


class Record(Protocol):
    """A record of Kafka."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class StandIn:
    """Marks a record that stands in the place of what could not be read: it lies nowhere as it is."""


class Source(NamedTuple):
    """One partition: the key of its position, its topic, its number, and how many there are."""

    key: str
    topic: str
    partition: int
    partitions: int


class Arrived(Struct, frozen=True, gc=False):
    """One event on its way: from where (topic/partition and offset), what it says, by what it is known again.

    `at` is the instant (µs) at which it is decided: its record's, where records carry the clock.
    """

    origin: str
    offset: int
    value: bytes
    headers: Headers
    event: Event
    hashes: Hashes
    at: int

    @property
    def place(self) -> str:
        """Where it lies in Kafka's log: topic/partition/offset."""
        return f"{self.origin}/{self.offset}"


def last_of(records: Sequence[Record]) -> Last | None:
    """The last of these records as it is known again where it lies; None where none of them lies anywhere."""
    found = next((record for record in reversed(records) if not isinstance(record, StandIn)), None)
    return None if found is None else Last(found.offset, content_of(found))


def content_of(record: Record) -> int:
    """A positive 63-bit hash of a record as it lies in Kafka: when it came, its key and its value."""
    return bytes_hash(msgspec.msgpack.encode((record.timestamp, record.key, record.value)))


def unreadable(malformed: Malformed) -> Refused:
    """The refusal of bytes that are no event."""
    case = "missing_field" if malformed.found == "missing" else ""
    if malformed.field == "type" and not case:
        case = "unknown_type"
    return Refused(malformed.rule, malformed.field, {"value": malformed.found or '""'}, case)


def note_subjects(data: Any, loans: set[str], customers: set[str]) -> None:
    """Add the loans and customers that deciding about these data of an event will ask for."""
    loan_no = getattr(data, "loan_no", None)
    if type(loan_no) is str:
        loans.add(loan_no)
    elif loan_no is not None:
        loans.update(loan_no)
    ref = getattr(data, "customer_ref", None)
    if ref is not None:
        customers.add(ref)
        for part in getattr(data, "settles", None) or getattr(data, "previous", None) or ():
            loans.add(part.old_loan_no)
