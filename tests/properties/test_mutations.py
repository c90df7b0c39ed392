"""Random damage to valid messages: the intake never fails, counts every record once, and takes no wrong fact."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregates.facts import decode_record
from puhui.codes import complete_usc
from puhui.contract.catalogue import TYPES
from puhui.contract.codec import Malformed, decode
from puhui.contract.examples import BANK, SHOP, example
from puhui.contract.schemas import topic_of
from streams.arrival import Source
from streams.partitioning import partition_of
from tests.desk import instant
from tests.worker import PARTITIONS, DirectWorker, FakeRecord, direct_worker

EXAMPLES, BATCH = 60, 50
"""3,000 damaged messages."""
STRANGE: Final[list[Any]] = [
    None, True, False, 0, -1, 1, 10**15, 10**16, 2**63, 2**64, 10**40, 0.5, 1e300, "", " ", "A", "B", "0", "张三", "p1:x",
    "x" * 101, "x" * 5000, "\0", "\u2028", "\U0001f4b0", "０", "1.5", "-1", "1e5", "0001-01-01", "1969-12-31",
    "1970-01-01", "2149-06-06", "2149-06-07", "9999-12-31", "2024-02-30", "2024-06-18", "2024-06-18T00:00:00",
    "0001-01-01T00:00:00+14:00", "2024Q1", "micro", "normal", "by_renewal", "renewal", "bridge", "no_principal",
    "error", "policy", "principal_fen", "business_date", "JJ20240618001", "JJ20230620001", "999999", BANK, SHOP,
    complete_usc("91141024MA0000002"), "registry:0", "unknown", [], [None], ["A", "A"], {}, {"a": 1}, [[]],
]  # fmt: skip
NAMES: Final = tuple(TYPES)
Message = tuple[str, bytes]


def _first() -> list[dict[str, Any]]:
    """What stands before the damage: the bank, an old loan of its customer, and the one that most examples name."""
    registered = example("cn.puhui.institution.registered.v1") | {"id": "r"}
    old = example("cn.puhui.loan.issued.v1") | {"id": "old"}
    old["data"] = old["data"] | {
        "loan_no": "JJ20230620001",
        "disbursed_on": "2023-06-20",
        "business_date": "2023-06-20",
    }
    new = example("cn.puhui.loan.issued.v1") | {"id": "new"}
    return [e | {"environment": "test"} for e in (registered, old, new)]


@st.composite
def damaged(draw: st.DrawFn) -> Message:
    """One message of any type with something changed in its fields, then perhaps in its bytes."""
    event = example(draw(st.sampled_from(NAMES))) | {"environment": "test"}
    event["id"] = draw(st.sampled_from(["1", "2", "3", "4", "new", "old", "2024-000017", "2024-000018", "r"]))
    topic = topic_of(event["type"])
    event["data"] = dict(event["data"])
    for _ in range(draw(st.integers(0, 3))):
        change = draw(st.sampled_from(CHANGES))
        change(draw, event)
    value = json.dumps(event, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 4)) == 0:
        value = draw(st.sampled_from(CUTS))(draw, value)
    if draw(st.integers(0, 19)) == 0:
        topic = "registry-events" if topic == "loan-events" else "loan-events"
    return topic, value


def _strange_value(draw: st.DrawFn, event: dict[str, Any]) -> None:
    event["data"][draw(st.sampled_from(sorted(event["data"])))] = draw(st.sampled_from(STRANGE))


def _strange_attribute(draw: st.DrawFn, event: dict[str, Any]) -> None:
    event[draw(st.sampled_from(sorted(event)))] = draw(st.sampled_from(STRANGE))
    if not isinstance(event.get("data"), dict):
        event["data"] = {"data": event.get("data")}


def _dropped(draw: st.DrawFn, event: dict[str, Any]) -> None:
    if event["data"]:
        del event["data"][draw(st.sampled_from(sorted(event["data"])))]
    event["data"].setdefault("x", 1)


def _swapped(draw: st.DrawFn, event: dict[str, Any]) -> None:
    one, other = (draw(st.sampled_from(sorted(event["data"]))) for _ in range(2))
    event["data"][one], event["data"][other] = event["data"][other], event["data"][one]


def _another_type(draw: st.DrawFn, event: dict[str, Any]) -> None:
    event["type"] = draw(st.sampled_from(NAMES))


def _moved(draw: st.DrawFn, event: dict[str, Any]) -> None:
    """Sound changes, so that many messages get past the contract."""
    name, value = draw(
        st.sampled_from(
            [
                ("principal_fen", 100_000_000), ("loan_no", "N1"), ("loan_no", "N2"), ("loan_no", "JJ20230620001"),
                ("business_date", "2024-06-20"), ("customer_ref", SHOP), ("amount_fen", 5), ("full", False),
                ("reverses_event_id", "new"), ("corrects_event_id", "1"), ("corrects_event_id", "new"),
                ("field", "principal_fen"), ("new", 5), ("new", "2024-06-19"), ("manner", "other"), ("settles", []),
                ("previous", [{"old_loan_no": "JJ20230620001", "settled_principal_fen": 300_000_000}] * 2),
                ("settles", [{"old_loan_no": "N1", "settled_principal_fen": 300_000_000}]), ("kind", "by_renewal"),
                ("loan_no", ["N1", "N1", "JJ20240618001"]), ("mode", "bridge"), ("predecessor", {}),
            ]
        )
    )  # fmt: skip
    event["data"][name] = value


CHANGES: Final[list[Callable[[st.DrawFn, dict[str, Any]], None]]] = [
    _strange_value, _strange_attribute, _dropped, _swapped, _another_type, _moved, _moved, _moved,
]  # fmt: skip


def _flipped(draw: st.DrawFn, value: bytes) -> bytes:
    made = bytearray(value)
    for _ in range(draw(st.integers(1, 4))):
        made[draw(st.integers(0, len(made) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(made)


def _cut(draw: st.DrawFn, value: bytes) -> bytes:
    return value[: draw(st.integers(0, len(value)))]


def _spliced(draw: st.DrawFn, value: bytes) -> bytes:
    at, to = sorted(draw(st.integers(0, len(value))) for _ in range(2))
    return value[:at] + value[to:] + value[at:to]


CUTS: Final[list[Callable[[st.DrawFn, bytes], bytes]]] = [_flipped, _cut, _spliced]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(
    st.lists(st.tuples(damaged(), st.integers(0, 7)), min_size=BATCH, max_size=BATCH),
    st.integers(1, BATCH),
)
def test_damaged_messages_do_no_harm(messages: list[tuple[Message, int]], step: int) -> None:
    with TemporaryDirectory() as folder:
        worker = direct_worker(Path(folder) / "damaged.db")
        _take(worker, [(topic_of(e["type"]), json.dumps(e).encode()) for e in _first()], 3)
        sent = [(topic, value, place) for (topic, value), place in messages]
        home = partition_of(BANK, PARTITIONS)
        for start in range(0, len(sent), step):
            part = sent[start : start + step]
            for place in (home, (home + 1) % PARTITIONS):
                chosen = [(t, v) for t, v, number in part if (number == 0) == (place != home)]
                _take(worker, chosen, len(chosen), place)
        _add_up(worker, len(sent) + 3)
        _only_what_fits(worker)
        worker.intake.expire(instant("2024-07-20"))
        assert not worker.store.parked()
        worker.ledger()
        worker.store.close()


def _take(
    worker: DirectWorker, messages: list[tuple[str, bytes]], count: int, place: int | None = None
) -> None:
    """Take in messages in one partition, as one fetch a topic."""
    number = partition_of(BANK, PARTITIONS) if place is None else place
    for topic in ("registry-events", "loan-events"):
        offset = worker.offsets.get((topic, number), 0)
        values = [value for t, value in messages if t == topic]
        records: list[Any] = [
            FakeRecord(offset + n, instant("2024-07-01") // 1000, BANK.encode(), value)
            for n, value in enumerate(values)
        ]
        worker.offsets[topic, number] = offset + len(records)
        source = Source(f"test/{topic}/{number}", topic, number, PARTITIONS)
        for _ in worker.intake.take(source, records, offset, offset + len(records)):
            pass
    assert count == len(messages)


def _add_up(worker: DirectWorker, records: int) -> None:
    """Every record is accepted, repeated, parked, refused or forwarded exactly once; a wait ends as one of them."""
    counts: Counter[str] = Counter()
    for _, result, _, _, events in worker.store.counted():
        counts[result] += events
    ended = counts["parked"] - len(worker.store.parked())
    outcomes = sum(counts[name] for name in ("accepted", "repeated", "parked", "refused", "forwarded"))
    assert outcomes - ended == records, counts


def _only_what_fits(worker: DirectWorker) -> None:
    """No fact, no movement and no balance that could not be."""
    for book, *_ in worker.store.books():
        assert book == BANK or book.startswith("registry:"), book
        for _, state in worker.store.records(book):
            for fact in decode_record(state).facts:
                day = getattr(fact, "day", 0)
                assert 0 <= day <= 65_535
                assert "\\u0000" not in json.dumps(msgspec.to_builtins(fact))
    for row in worker.store.parked():
        assert not isinstance(decode(row.topic, row.value, msgspec.msgpack.decode(row.headers)), Malformed)
    for loan_no, loan in worker.intake.book(BANK).all_loans():
        assert 0 <= loan.balance <= 2 * 10**15, (loan_no, loan)
        assert loan.terms.principal > 0
