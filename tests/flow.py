"""What flows while workers are killed: the simulated county without its largest bank, with mistakes of many kinds.

The same records every time: bytes, partitions, timestamps. Within a partition they lie in the order of their
timestamps, which are the clock of the environment `test`.
"""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from itertools import cycle
from typing import Any, Final, NamedTuple

from aggregates.partitioning import partition_of
from puhui.contract.catalogue import LOAN_EVENTS, REGISTRY_EVENTS
from puhui.policy.periods import BEIJING
from streams.simulation import county
from tests.references import social_credit_code

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
EVERY: Final = 20
"""So many issued loans have one mistake among them."""
UNTIL: Final = date(2024, 1, 25)
"""Two years, and the closing of their last quarter."""
APPROVED: Final = date(2023, 8, 10)
"""The day on which the restatements of 2023Q1 are approved."""
LARGEST: Final = "汾源农商行"
NOBODY: Final = social_credit_code(99)
"""An institution that no office ever registers."""

Event = dict[str, Any]
Sent = tuple[int, Event | bytes]
"""When something is published (ms), and what."""


class Record(NamedTuple):
    """One record as it lies on Kafka."""

    at: int
    topic: str
    partition: int
    key: bytes
    value: bytes


def flow(partitions: int, until: date = UNTIL) -> list[Record]:
    """All records before a day, in the order of their timestamps."""
    whole = county(environment="test")
    banks = [bank.usc for bank in whole.institutions if bank.name != LARGEST]
    found = [_record(at, REGISTRY_EVENTS, bank, value, partitions) for at, bank, value in _approvals(banks)]
    mistakes, issued, last = cycle(MISTAKES), 0, _instant(until)
    for message in whole.history():
        at = int(message.recorded_at.timestamp() * 1000)
        if at >= last:
            break
        if message.topic == LOAN_EVENTS and message.key not in banks:
            continue
        found.append(_record(at, message.topic, message.key, message.value, partitions))
        if message.value.startswith(b'{"type":"cn.puhui.loan.issued.') and b'"previous"' not in message.value:
            issued += 1
            if issued % EVERY == 0:
                found += mistaken(next(mistakes), message.value, at, issued, partitions)
    return sorted((record for record in found if record.at < last), key=lambda record: record.at)


def _instant(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=BEIJING).timestamp() * 1000)


def _approvals(banks: list[str]) -> Iterator[tuple[int, str, bytes]]:
    for number, bank in enumerate(banks):
        event = {
            "type": "cn.puhui.restatement.approved.v1", "specversion": "1.0", "id": f"approved-{number}",
            "source": "urn:puhui:gov:finance-office", "time": f"{APPROVED}T10:00:00+08:00", "partitionkey": bank,
            "environment": "test", "data": {
                "business_date": str(APPROVED), "institution_id": bank, "period": "2023Q1", "reason": "迟报",
                "approved_by": "县地方金融工作部门（演示）",
            },
        }  # fmt: skip
        yield _instant(APPROVED) + 10 * HOUR + number, bank, json.dumps(event, ensure_ascii=False).encode()


def _record(at: int, topic: str, key: str, value: bytes, partitions: int) -> Record:
    return Record(at, topic, partition_of(key, partitions), key.encode(), value)


def mistaken(
    mistake: "Callable[[Event, int], Iterator[Sent]]", value: bytes, at: int, number: int, partitions: int
) -> Iterator[Record]:
    """The records of one mistake around an issued loan that is published at an instant (ms)."""
    for later, sent in mistake(json.loads(value), number):
        told = sent if isinstance(sent, bytes) else json.dumps(sent, ensure_ascii=False).encode()
        key = json.loads(value)["partitionkey"] if isinstance(sent, bytes) else sent["partitionkey"]
        yield _record(at + later, LOAN_EVENTS, key, told, partitions)


def _changed(event: Event, number: int, /, *, kind: str = "", **data: Any) -> Event:
    """Another event like this one; fields given as None are left out."""
    merged = {**event["data"], **data}
    return {
        **event,
        "id": f"{event['id']}-{number}",
        "type": f"cn.puhui.{kind or 'loan.issued'}.v1",
        "data": {name: value for name, value in merged.items() if value is not None},
    }


def _about(event: Event, number: int, kind: str, /, **data: Any) -> Event:
    """An event of another kind by the same bank on the same day."""
    common = {name: event["data"][name] for name in ("business_date", "institution_id", "loan_no")}
    return {**_changed(event, number, kind=kind), "data": {**common, **data}}


def another_content_under_the_same_id(event: Event, number: int) -> Iterator[Sent]:
    """Refused; and so it stays, however often either of both comes again."""
    data = event["data"]
    other = {**event, "data": {**data, "principal_fen": data["principal_fen"] + 100}}
    yield from ((HOUR, other), (2 * DAY, other), (3 * DAY, event), (4 * DAY, other), (5 * DAY, event))


def a_foreign_sender(event: Event, number: int) -> Iterator[Sent]:
    """Refused."""
    yield HOUR, {**_changed(event, number), "source": f"urn:puhui:inst:{NOBODY}"}


def cut_off(event: Event, number: int) -> Iterator[Sent]:
    """Refused, and known again."""
    half = json.dumps(event).encode()[:200]
    yield from ((HOUR, half), (DAY, half))


def a_person_in_a_text(event: Event, number: int) -> Iterator[Sent]:
    """Refused, and its bytes are kept nowhere."""
    yield HOUR, _changed(event, number, loan_no=f"MP{number}", product="110101199003078515")


def another_environment(event: Event, number: int) -> Iterator[Sent]:
    """Refused."""
    yield HOUR, {**_changed(event, number), "environment": "production"}


def a_loan_that_nobody_knows(event: Event, number: int) -> Iterator[Sent]:
    """Waits, and is refused in the end."""
    yield HOUR, _about(event, number, "loan.repaid", loan_no=f"MU{number}", principal_fen=100)


def repaid_before_it_is_issued(event: Event, number: int) -> Iterator[Sent]:
    """Waits, and is taken in."""
    loan = f"ME{number}"
    yield HOUR, _about(event, number, "loan.repaid", loan_no=loan, principal_fen=100)
    yield 30 * HOUR, _changed(event, number + 1, loan_no=loan, contract_no=loan)


def repaid_long_before_it_is_issued(event: Event, number: int) -> Iterator[Sent]:
    """Waits in vain: what it waits for comes after the deadline, and is taken in alone."""
    loan = f"ML{number}"
    yield HOUR, _about(event, number, "loan.repaid", loan_no=loan, principal_fen=100)
    yield 100 * HOUR, _changed(event, number + 1, loan_no=loan, contract_no=loan)


def extended_from_another_due_date(event: Event, number: int) -> Iterator[Sent]:
    """Waits in vain, and is taken in as it was told."""
    dates = {
        "old_due_on": "2035-01-02",
        "new_due_on": "2036-01-02",
        "agreed_on": event["data"]["business_date"],
    }
    yield HOUR, _about(event, number, "loan.extended", **dates)


def an_institution_that_nobody_registered(event: Event, number: int) -> Iterator[Sent]:
    """Waits, and is refused in the end."""
    stranger = {**_changed(event, number, institution_id=NOBODY), "partitionkey": NOBODY}
    yield HOUR, {**stranger, "source": f"urn:puhui:inst:{NOBODY}"}


def a_correction_of_nothing(event: Event, number: int) -> Iterator[Sent]:
    """Waits, and is refused in the end."""
    change = {"corrects_event_id": f"never-{number}", "field": "rate_pct", "old": "4.00", "new": "4.10"}
    yield HOUR, _about(event, number, "loan.corrected", **change)


MISTAKES: Final[tuple[Callable[[Event, int], Iterator[Sent]], ...]] = (
    another_content_under_the_same_id,
    a_foreign_sender,
    repaid_long_before_it_is_issued,
    cut_off,
    a_person_in_a_text,
    extended_from_another_due_date,
    another_environment,
    a_loan_that_nobody_knows,
    repaid_before_it_is_issued,
    an_institution_that_nobody_registered,
    a_correction_of_nothing,
)
