"""However records are cut into batches, and wherever a worker starts anew, everything is decided alike."""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest

from aggregates.partitioning import partition_of
from aggregates.store import open_store
from puhui.policy.periods import BEIJING
from streams.arrival import Source
from tests import digests
from tests.events import Sender, message
from tests.examples import BANK, SHOP
from tests.flow import DAY, HOUR, MISTAKES, Record, mistaken
from tests.worker import PARTITIONS, DirectWorker, FakeRecord

BEGAN = int(datetime(2023, 12, 11, 6, tzinfo=BEIJING).timestamp() * 1000)
EVERYTHING = 1_000


def reports(bank: Sender) -> Iterator[Record]:
    """A wrong balance, put right a minute later; and one beside which only the wrong one would look odd."""
    for key in ("PH", "FS", "NPR", "ALL", "CREDIT", "PARTIAL"):
        for minutes, day, value in ((0, "01", "1.00"), (1, "01", "5000.00"), (60, "02", "10000.00")):
            position = {"as_of": f"2023-12-{day}", "key": key, "value": value, "unit": "万元"}
            told = message(bank.event("position.reported", "2023-12-10", **position))
            at = BEGAN + HOUR + minutes * 60_000
            yield Record(at, told.topic, partition_of(BANK, PARTITIONS), told.key, told.value)


def published() -> dict[int, list[FakeRecord]]:
    """Loans with one mistake of each kind, and reports, by partition."""
    bank, found = Sender(BANK), list[Record]()
    for number, mistake in enumerate(MISTAKES * 2):
        told = message(bank.issued(f"L{number}", SHOP, "2023-12-10", 1_000_000))
        at = BEGAN + number * 7 * HOUR
        found.append(Record(at, told.topic, partition_of(BANK, PARTITIONS), told.key, told.value))
        found += mistaken(mistake, told.value, at, number, PARTITIONS)
    found += reports(bank)
    by_partition: dict[int, list[FakeRecord]] = {}
    for record in sorted(found, key=lambda record: record.at):
        lies = by_partition.setdefault(record.partition, [])
        lies.append(FakeRecord(len(lies), record.at, record.key, record.value))
    return by_partition


def played(path: Path, cut: int, *, anew: bool = False) -> digests.State:
    """What a store knows after batches of so many records; `anew`: each by a worker that knows the store alone."""
    worker = DirectWorker(open_store(f"sqlite:{path}"), flush_every=90)
    registered = message(Sender(BANK).registered())
    worker.send([(registered.topic, registered.key.decode(), registered.value)], at=BEGAN)
    for partition, records in published().items():
        source = Source(f"test/loan-events/{partition}", "loan-events", partition, PARTITIONS)
        for start in range(0, len(records), cut):
            if anew:
                worker = DirectWorker(open_store(f"sqlite:{path}"), flush_every=90)
            part = records[start : start + cut]
            for _ in worker.intake.take(source, part, part[0].offset, part[-1].offset + 1):
                pass
    worker.intake.expire((BEGAN + 30 * DAY) * 1000)
    worker.intake.flush_all()
    assert digests.register(worker.store) == digests.folded(worker.store)
    return digests.state(worker.store)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> digests.State:
    """Everything in as few batches as there are partitions."""
    return played(tmp_path_factory.mktemp("whole") / "store.db", EVERYTHING)


@pytest.mark.parametrize("cut", [1, 2, 5])
@pytest.mark.parametrize("anew", [False, True])
def test_the_cut_makes_no_difference(whole: digests.State, tmp_path: Path, cut: int, anew: bool) -> None:
    assert digests.differences(played(tmp_path / "store.db", cut, anew=anew), whole) == {}


def test_every_mistake_has_its_answer(whole: digests.State) -> None:
    results: dict[str, set[str]] = {}
    for _, result, rule, _ in whole["counts"]:
        results.setdefault(result, set()).add(rule)
    assert results["refused"] == {"V02", "V03", "V05", "V09", "V24", "V42", "V47"}
    assert results["released"] == {"V09"}
    assert results["flagged"] >= {"V17"}
    assert not whole["parked"]


def test_what_was_accepted_is_a_repeat_though_another_content_was_refused_under_its_id(
    tmp_path: Path,
) -> None:
    worker, bank = DirectWorker(open_store(f"sqlite:{tmp_path / 'store.db'}")), Sender(BANK)
    first = bank.issued("L", SHOP, "2023-12-10", 1_000_000)
    other = json.loads(json.dumps(first))
    other["data"]["principal_fen"] += 1
    answers = []
    for at, event in zip(count(BEGAN, DAY), (bank.registered(), first, other, first, other), strict=False):
        before = dict(digests.counts(worker.store))
        told = message(event)
        worker.send([(told.topic, told.key.decode(), told.value)], at=at)
        answers += [key[1:3] for key in digests.counts(worker.store) if key not in before]
    accepted, refused, repeated = ("accepted", ""), ("refused", "V02"), ("repeated", "V01")
    assert answers == [accepted, accepted, refused, repeated, repeated]
