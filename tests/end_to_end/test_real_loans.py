"""2,098 real loans of 154 lenders give the totals and balances that a separate count of the tape gave."""

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from aggregates import facts
from aggregates.codes import day_number
from aggregates.facts import decode_record
from aggregates.loan import Kind
from aggregates.store import Store, open_store
from projections.figure import COUNTY
from projections.indicators import INDICATORS
from projections.rebuilding import rebuild
from projections.views import Figures, View
from streams.broker import EmbeddedBroker
from streams.topics import end_offsets
from tests import sba
from tests.events import Event, message, yuan
from tests.figures import instant
from tests.installation import Installation
from tests.worker import direct_worker

AHEAD: Final = "2036-01-01"
"""A today after the last assumed maturity."""
EVENTS: Final = {"LoanIssued": 2_098, "LoanRepaid": 2_058, "LoanDefaulted": 686, "LoanWrittenOff": 686}
MOVED: Final = {Kind.ISSUED: 509_770_620, Kind.REPAID: -467_772_738, Kind.WRITTEN_OFF: -41_997_882}
BALANCES: Final = {
    "2000-12-31": 61_430_164,
    "2005-12-31": 293_709_893,
    "2007-12-31": 432_859_169,
    "2009-06-30": 438_872_667,
    "2012-12-31": 373_926_515,
    "2035-12-31": 0,
}
QUARTER: Final = {Kind.ISSUED: 6_288_655, Kind.REPAID: -2_054_917, Kind.WRITTEN_OFF: -1_905_240}
"""2009Q2 alone."""
LENDERS: Final = {
    "Bank of America": 16_050_079,
    "Wells Fargo": 30_901_155,
    "U.S. Bank": 33_366_637,
    "Capital One": 6_659_303,
    "California Bank & Trust": 16_751_048,
}
"""At the end of 2007; of several lenders of such a name the one with the most loans is meant."""
TOO_LATE, TOO_LATE_YUAN = 237, 154_958_150


@pytest.fixture(scope="module")
def tape() -> sba.Tape:
    path = sba.place()
    if not path.exists():
        pytest.skip(
            "the loan tape is not here: set PUHUI_SHARED to the folder that holds data/sba-california.csv"
        )
    return sba.tape(path)


def check_the_figures(store: Store, tape: sba.Tape) -> None:
    """Every figure of the README."""
    lenders = tape.lenders
    told = Counter(
        type(fact).__name__
        for fact in stored_facts(store)
        if not isinstance(fact, facts.RegistryFact | facts.BasisChanged)
    )
    assert told == EVENTS
    figures = Figures(store)
    assert bridges(figures, lenders, "1979-12-31", "2035-12-31") == MOVED
    assert bridges(figures, lenders, "2009-03-31", "2009-06-30") == QUARTER
    inclusive = INDICATORS["I10"]
    for day, balance in BALANCES.items():
        assert inclusive.of(figures, COUNTY, View.of(date.fromisoformat(day))).value == yuan(balance), day
    at = View.of(date(2007, 12, 31))
    found = {name: inclusive.of(figures, tape.largest(name), at).value for name in LENDERS}
    assert found == {name: yuan(balance) for name, balance in LENDERS.items()}


def stored_facts(store: Store) -> Iterator[Any]:
    for book, *_ in store.books():
        for _, state in store.records(book):
            yield from decode_record(state).facts


def bridges(figures: Figures, lenders: dict[str, str], after: str, until: str) -> dict[Kind, int]:
    """What moved the inclusive balance of all lenders together, in yuan."""
    first, last = (day_number(date.fromisoformat(day)) for day in (after, until))
    moved: Counter[Kind] = Counter()
    for book in lenders.values():
        moved.update(figures.ledger.bridge(book, "PH", first, last, figures.ledger.books[book].last))
    assert all(fen % 100 == 0 for fen in moved.values())
    return {kind: fen // 100 for kind, fen in moved.items()}


def publish(broker: str, events: Iterable[Event], today: str) -> None:
    """Publish events as if today were another day: the record's timestamp is the clock of the environment test."""
    with closing(KafkaProducer(bootstrap_servers=broker, acks="all", linger_ms=20)) as producer:
        sent = [
            producer.send(m.topic, key=m.key, value=m.value, timestamp_ms=instant(today) // 1000)
            for m in map(message, events)
        ]
        for answer in sent:
            answer.get(timeout=60)


def read(broker: str, topic: str) -> Iterator[dict[str, Any]]:
    """Everything that lies on a topic."""
    ends = {TopicPartition(*at): end for at, end in end_offsets(broker, [topic]).items() if end}
    with closing(KafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest")) as consumer:
        consumer.assign(list(ends))
        while any(consumer.position(at) < end for at, end in ends.items()):
            for records in consumer.poll(1_000).values():
                yield from (msgspec.json.decode(record.value) for record in records)


@pytest.fixture
def installation(fresh_broker: EmbeddedBroker, tmp_path: Path) -> Installation:
    return Installation(tmp_path / "installation", fresh_broker.bootstrap, settings={"PUHUI_RULES": "off"})


@pytest.mark.slow
def test_the_totals_and_balances_of_the_tape_come_out_of_kafka(
    tape: sba.Tape, installation: Installation
) -> None:
    assert (tape.skipped, len(tape.lenders), len(tape.events)) == (3, 154, 154 + sum(EVENTS.values()))
    worker = installation.worker("--once")
    publish(installation.bootstrap, tape.events, AHEAD)
    installation.wait_until_taken_in()
    worker.kill()
    assert installation.counted() == {"accepted": len(tape.events)}
    with closing(installation.open()) as store:
        check_the_figures(store, tape)
    assert rebuild(installation.store, processes=1).listed == []


@pytest.mark.slow
def test_maturities_after_today_come_back_as_events_of_the_future(
    tape: sba.Tape, installation: Installation
) -> None:
    worker = installation.worker("--once")
    publish(installation.bootstrap, tape.events, "2026-11-22")
    installation.wait_until_taken_in()
    worker.kill()
    late = sba.later_than(tape.events, date(2026, 11, 23))
    assert (len(late), sum(e["data"]["principal_fen"] for e in late)) == (TOO_LATE, yuan(TOO_LATE_YUAN))
    answers = list(read(installation.bootstrap, "rejected-events"))
    assert {(a["data"]["rule"], a["data"]["field"]) for a in answers} == {("V06", "data.business_date")}
    assert len(answers) == TOO_LATE
    assert installation.counted() == {"accepted": len(tape.events) - TOO_LATE, "refused": TOO_LATE}
    with closing(installation.open()) as store:
        figures = Figures(store)
        today = View.of(date(2026, 11, 22))
        assert INDICATORS["I10"].of(figures, COUNTY, today).value == yuan(TOO_LATE_YUAN)


def direct(path: Path, *fetches: Iterable[Event]) -> Store:
    """A store into which these events went without Kafka, so many at a time."""
    worker = direct_worker(path, clock=instant(AHEAD) // 1000, flush_every=30_000)
    for events in fetches:
        worker.send((m.topic, m.key.decode(), m.value) for m in map(message, events))
    worker.intake.flush_all()
    return open_store(f"sqlite:{path}", read_only=True)


def test_the_same_file_twice_gives_the_same_figures(tape: sba.Tape, tmp_path: Path) -> None:
    store = direct(tmp_path / "store.db", tape.events, tape.events)
    check_the_figures(store, tape)
    results: Counter[str] = Counter()
    for _, result, _, _, events in store.counted():
        results[result] += events
    assert results == {"accepted": len(tape.events), "repeated": len(tape.events)}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_file_shuffled_gives_the_same_figures(tape: sba.Tape, tmp_path: Path, seed: int) -> None:
    shuffled = random.Random(seed).sample(tape.events, len(tape.events))
    store = direct(tmp_path / "store.db", *(shuffled[n : n + 700] for n in range(0, len(shuffled), 700)))
    check_the_figures(store, tape)
    assert store.parked() == []
    assert store.refused() == []
