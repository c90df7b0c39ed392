"""Refusals 拒收: each is a row, an answer to the sender and a count; the same refusal a second time is a repeat (V01)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from aggregates.book import Book
from aggregates.outcomes import Refused
from aggregates.refusals import Contents, Refusals
from aggregates.store.transaction import RefusedRow
from streams.arrival import Arrived
from streams.knowledge import UNKNOWN, Knowledge
from streams.rejections import rejection, said
from streams.unit_of_work import UnitOfWork


class Refuser:
    """Refuses events in one unit of work, and knows what was refused in it and before."""

    def __init__(self, knowledge: Knowledge, work: UnitOfWork, refusals: Refusals) -> None:
        self._knowledge = knowledge
        self._work = work
        self._refusals = refusals
        self._refused: dict[str, Contents] = {}

    def refuse(self, book: Book | None, arrived: Arrived, refused: Refused) -> None:
        """Refuse an event, and answer its sender; without a book under its institution, where that is registered."""
        institution = arrived.event.data.institution_id
        name = book.name if book is not None else self._knowledge.counted_under(institution)
        hashes = arrived.hashes
        self.refuse_bytes(name, refused, hashes.event, hashes.content, arrived.place, arrived.value)

    def refused(self, name: str, events: Sequence[int]) -> Contents:
        """What was refused in a book, in this transaction or before, as far as these events are concerned."""
        known = self._refused.setdefault(name, {})
        fresh = [event for event in events if event not in known] if known else events
        if fresh:
            known.update(self._refusals.among(name, fresh))
        return known

    def refuse_bytes(
        self, name: str, refused: Refused, event: int, content: int, place: str, value: bytes
    ) -> None:
        """Refuse what lies at a place (topic/partition/offset), an event or not, and is known again by two hashes."""
        seen, owner = self.refused(name, (event,)), self._knowledge.counted_under(name)
        before = seen.get(event, ())
        if content in before:
            self._work.count(owner, "repeated", "V01")
            return
        seen[event] = (*before, content)
        self._refusals.note(event)
        at, words = self._work.instant, said(refused)
        self._work.refuse(RefusedRow(name, event, content, refused.rule, refused.field, at, place, words))
        topic, partition, offset = place.split("/")
        answer = rejection(
            refused, event=event, content=content, institution=None if name == UNKNOWN else name, topic=topic,
            partition=int(partition), offset=int(offset), value=value,
            rejected_at=datetime.fromtimestamp(at / 1e6, UTC).isoformat(),
        )  # fmt: skip
        self._work.send([answer])
        self._work.count(owner, "refused", refused.rule)
