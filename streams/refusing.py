"""One transaction's counts and refusals: the first layer of a chunk."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zlib import crc32

from aggregates.book import Book
from aggregates.codes import day_number
from aggregates.hashing import text_hash
from aggregates.outcomes import Known, Refused
from aggregates.refusals import Contents
from aggregates.store import Transaction
from aggregates.store.transaction import RefusedRow
from puhui.codes import DEMO_DIVISIONS, DIVISIONS
from puhui.contract.base import INSTITUTION_SOURCE
from puhui.contract.catalogue import REGISTRY_EVENTS
from puhui.contract.codec import sources_named
from puhui.policy.periods import HOUR, date_at
from streams.arrival import Arrived, Record, Source
from streams.closing import closed_until
from streams.rejections import rejection, said

if TYPE_CHECKING:
    from streams.intake import Intake

UNKNOWN: Final = "unknown"
"""Whose book a refusal is counted under when its institution is not registered, or not certain."""


class Refusing:
    """One transaction in the making, at one instant: what is counted and refused in it."""

    def __init__(self, intake: "Intake", source: Source, clock: int) -> None:
        self.intake = intake
        self.source = source
        self.clock = clock
        self.transaction = Transaction()
        self.changed: set[str] = set()
        self._refused: dict[str, Contents] = {}
        self.today = date_at(clock)
        self.now = day_number(self.today)
        self.instant = clock
        self.divisions = DEMO_DIVISIONS if intake.by_record_clock else DIVISIONS

    def known(self, book: Book) -> Known:
        """What deciding may know of a registered institution now."""
        institution = self.intake.registry.institutions[book.name]
        closed = closed_until(self.intake.registry, book.name, self.today)
        live = day_number(date_at(book.live_from)) if book.live_from is not None else self.now
        return Known(self.now, institution.valid_from, institution.closed_on, closed, live, self.divisions)

    def at(self, instant: int) -> None:
        """Where records carry the clock, each is counted and refused at its own instant, whatever chunk it is in."""
        if self.intake.by_record_clock:
            self.instant = instant

    def count(self, book: str, result: str, rule: str = "", events: int = 1) -> None:
        """Count events of a book in the current hour."""
        key = (book, result, rule, self.instant // HOUR)
        counts = self.transaction.counts
        counts[key] = counts.get(key, 0) + events

    def refuse(self, book: Book | None, arrived: Arrived, refused: Refused) -> None:
        """Refuse an event, and answer its sender; the same refusal a second time is a repeat."""
        name = book.name if book is not None else self._owner(arrived.event.data.institution_id)
        hashes = arrived.hashes
        self.refusal(name, refused, hashes.event, hashes.content, arrived.place, arrived.value)

    def refuse_unreadable(self, refused: Refused, record: Record, value: bytes) -> None:
        """Refuse bytes that are no event; they are known again by themselves.

        The key says whose they are, but nobody has proven it: not where they name another than the key.
        """
        key = (record.key or b"").decode("utf-8", "replace")
        offices = self.source.topic == REGISTRY_EVENTS  # whose keys are those whom they speak of
        own = offices or sources_named(value, record.headers) <= {INSTITUTION_SOURCE + key}
        name = self._owner(key) if own else UNKNOWN
        place = f"{self.source.topic}/{self.source.partition}/{record.offset}"
        self.refusal(name, refused, text_hash(value.hex()), crc32(value), place, value)

    def _owner(self, institution: str) -> str:
        return institution if institution in self.intake.registry.institutions else UNKNOWN

    def refused(self, name: str, events: Sequence[int]) -> Contents:
        """What was refused in a book, in this transaction or before, as far as these events are concerned."""
        known = self._refused.setdefault(name, {})
        fresh = [event for event in events if event not in known] if known else events
        if fresh:
            known.update(self.intake.refusals.among(name, fresh))
        return known

    def refusal(
        self, name: str, refused: Refused, event: int, content: int, place: str, value: bytes
    ) -> None:
        """Note a refusal, and put the answer into the outbox."""
        seen = self.refused(name, (event,))
        before = seen.get(event, ())
        if content in before:
            self.count(self._owner(name), "repeated", "V01")
            return
        seen[event] = (*before, content)
        self.intake.refusals.note(event)
        t = self.transaction
        row = RefusedRow(
            name, event, content, refused.rule, refused.field, self.instant, place, said(refused)
        )
        t.refused.append(row)
        topic, partition, offset = place.split("/")
        t.outbox.append(
            rejection(
                refused, event=event, content=content, institution=None if name == UNKNOWN else name, topic=topic,
                partition=int(partition), offset=int(offset), value=value,
                rejected_at=datetime.fromtimestamp(self.instant / 1e6, UTC).isoformat(),
            )
        )  # fmt: skip
        self.count(self._owner(name), "refused", refused.rule)
