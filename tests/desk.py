"""Given some events, when one more arrives, then this became of it: the real intake and store, without Kafka."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from aggregates.facts import decode_record, flagged
from aggregates.partitioning import partition_of
from aggregates.store import open_store
from aggregates.store.transaction import ParkedRow, RefusedRow
from puhui.contract.codec import Headers
from puhui.policy.periods import BEIJING
from streams.arrival import Source
from tests.events import Event, Sender, message
from tests.references import social_credit_code
from tests.worker import PARTITIONS, DirectWorker, FakeRecord

BANK: Final = social_credit_code(1)
OTHER_BANK: Final = social_credit_code(2)
SHOP: Final = social_credit_code(11)
FARM: Final = social_credit_code(12)
PERSON: Final = "p1:0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Told:
    """What became of the events sent last."""

    counts: Counter[tuple[str, str]]
    rejections: list[dict[str, Any]]
    flags: tuple[str, ...]

    @property
    def result(self) -> str:
        """The one thing that became of one event."""
        (found,) = {what for what, _ in self.counts if what != "flagged"}
        return found

    @property
    def rejection(self) -> dict[str, Any]:
        """The data of the one rejection."""
        (found,) = self.rejections
        data: dict[str, Any] = found["data"]
        return data


class Desk:
    """One worker on a fresh store; `bank` is registered and sends."""

    def __init__(self, folder: Path, *, registered: bool = True, today: str = "2024-07-01") -> None:
        self.path = folder / "desk.db"
        self.worker = DirectWorker(open_store(f"sqlite:{self.path}"))
        self.bank = Sender(BANK)
        self.today = today
        self._rejected: set[str] = set()
        if registered:
            self.given(self.bank.registered(), today="2024-01-02")

    @property
    def store(self) -> Any:
        """The store behind the worker."""
        return self.worker.store

    def given(self, *events: Event, today: str | None = None) -> None:
        """Events that are taken in before, one by one."""
        for event in events:
            told = self.when(event, today=today)
            assert told.result == "accepted", (event["type"], told)

    def when(self, *events: Event, today: str | None = None) -> Told:
        """These events arrive together."""
        sent = [message(event) for event in events]
        return self.arrives(*((m.topic, m.key.decode(), m.value) for m in sent), today=today)

    def arrives(self, *sent: tuple[str, str, bytes], today: str | None = None) -> Told:
        """These messages arrive together."""
        before, facts = self._counts(), len(self.facts())
        self.worker.send(sent, at=instant(today or self.today) // 1000)
        return self._told(before, facts)

    def waits_until(self, day: str) -> Told:
        """Time passes until the start of a day."""
        before, facts = self._counts(), len(self.facts())
        self.worker.intake.expire(instant(day, hour=0))
        return self._told(before, facts)

    def _told(self, before: Counter[tuple[str, str]], facts: int) -> Told:
        fresh = [row for row in self.store.outbox(10_000) if row.id not in self._rejected]
        self._rejected |= {row.id for row in fresh}
        rejections = [json.loads(row.value) for row in fresh if row.topic == "rejected-events"]
        flags = {rule for fact in self.facts()[facts:] for rule in flagged(fact.flags)}
        return Told(self._counts() - before, rejections, tuple(sorted(flags)))

    def _counts(self) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for _, result, rule, _, events in self.store.counted():
            found[result, rule] += events
        return found

    def record(
        self,
        value: bytes | None,
        *,
        topic: str = "loan-events",
        key: bytes | None = BANK.encode(),
        headers: Headers = (),
        partition: int | None = None,
    ) -> Told:
        """One record arrives as it lies on Kafka; in the institution's own partition where nothing else is said."""
        before, facts = self._counts(), len(self.facts())
        number = partition_of(BANK, PARTITIONS) if partition is None else partition
        offset = self.worker.offsets.get((topic, number), 0)
        self.worker.offsets[topic, number] = offset + 1
        record: Any = FakeRecord(offset, instant(self.today) // 1000, key, value, tuple(headers))
        source = Source(f"test/{topic}/{number}", topic, number, PARTITIONS)
        for _ in self.worker.intake.take(source, [record], offset, offset + 1):
            pass
        return self._told(before, facts)

    def facts(self, book: str = BANK) -> list[Any]:
        """All facts of a book."""
        return [fact for _, state in self.store.records(book) for fact in decode_record(state).facts]

    def parked(self) -> list[ParkedRow]:
        """What waits."""
        found: list[ParkedRow] = self.store.parked()
        return found

    def refused(self) -> list[RefusedRow]:
        """What was refused."""
        found: list[RefusedRow] = self.store.refused()
        return found

    def balance(self, loan_no: str) -> int:
        """The outstanding principal of a loan in the register."""
        loan = self.worker.intake.book(BANK).loan(loan_no)
        assert loan is not None
        return loan.balance


def instant(day: str, hour: int = 12) -> int:
    """An hour of a day at +08:00, in microseconds."""
    return int(datetime.fromisoformat(day).replace(hour=hour, tzinfo=BEIJING).timestamp()) * 1_000_000


def refused(told: Told, rule: str, field: str, *said: str) -> None:
    """One event was refused, by this rule and for this field, and its sender is told so in both languages."""
    assert told.counts == Counter({("refused", rule): 1}), told
    answer = told.rejection
    assert (answer["rule"], answer["field"]) == (rule, field)
    assert set(answer["reason"]) == set(answer["what_to_do"]) == {"zh", "en"}
    assert all(len(text) >= 6 for part in ("reason", "what_to_do") for text in answer[part].values())
    for text in said:
        assert text in answer["reason"]["zh"], answer
        assert text in answer["reason"]["en"], answer
    assert "（未注明）" not in answer["reason"]["zh"] + answer["what_to_do"]["zh"]
    if rule != "V42":
        assert answer["original_base64"] is not None
    assert not told.flags


def parked(desk: Desk, told: Told, rule: str, wait: str) -> None:
    """One event was parked by this rule, and waits for this."""
    assert told.counts == Counter({("parked", rule): 1}), told
    assert not told.rejections
    assert [(row.rule, row.wait) for row in desk.parked()] == [(rule, wait)]


def accepted(told: Told, *flags: str) -> None:
    """One event was taken in, and flagged by these rules and no others."""
    expected = Counter({("accepted", ""): 1})
    assert told.flags == tuple(sorted(flags)), told
    assert told.counts - Counter({("flagged", rule): 9 for rule in flags}) == expected, told
    assert not told.rejections


def ended(desk: Desk, rule: str, field: str) -> None:
    """The parked event is refused after 72 hours for this field, and the end of its wait is a stored fact."""
    assert not desk.waits_until("2024-07-04").counts, "too early"
    told = desk.waits_until("2024-07-05")
    assert told.counts == Counter({("refused", rule): 1}), told
    assert (told.rejection["rule"], told.rejection["field"]) == (rule, field)
    assert (desk.refused()[-1].rule, desk.refused()[-1].field) == (rule, field)
    assert not desk.parked()
    assert [fact.rule for fact in desk.facts() if type(fact).__name__ == "ParkingEnded"] == [rule]
    assert "（未注明）" not in told.rejection["reason"]["zh"]
