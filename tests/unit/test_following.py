"""Two workers on one store: what one writes into the registry is known to the other, and settled in its books."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from aggregates.partitioning import partition_of
from aggregates.registry import read_registry
from aggregates.store import Superseded, open_store
from streams import chunk as chunks
from streams.arrival import Source
from streams.engine import Engine
from streams.following import Follower, approvals
from streams.intake import Intake, Taken
from tests.desk import instant
from tests.events import OFFICE, Event, Sender, message
from tests.examples import SHOP
from tests.killing import killed_between_two_files
from tests.references import social_credit_code
from tests.worker import PARTITIONS, FakeRecord

LOANS, REGISTRY = "loan-events", "registry-events"
BANK = social_credit_code(1)
HOME = partition_of(BANK, PARTITIONS)
CODES = [social_credit_code(number) for number in range(2, 99)]
ELSEWHERE = (HOME + 1) % PARTITIONS
OTHER_BANK, OFFICE_CODE = [code for code in CODES if partition_of(code, PARTITIONS) == ELSEWHERE][:2]


class Worker:
    """One worker of several, with its partitions: an engine as far as a follower asks it."""

    def __init__(
        self, url: str, *partitions: int, hold_back: bool = False, environment: str = "test"
    ) -> None:
        self.store = open_store(url, partitions=PARTITIONS)
        self.intake = Intake(self.store, environment=environment, hold_back=hold_back)
        self.mine, self.turn, self.closing = partitions, 1, False
        self.cluster = SimpleNamespace(partitions=PARTITIONS, source=self.source)
        self.offsets: Counter[TP] = Counter({TP(t, p): 0 for t in (LOANS, REGISTRY) for p in partitions})
        self.noted: list[Taken] = []
        self.intake.open(lambda book: partition_of(book, PARTITIONS) in partitions)
        self._follower = Follower(cast(Engine, self))

    def source(self, at: TP) -> Source:
        return Source(f"test/{at.topic}/{at.partition}", at.topic, at.partition, PARTITIONS)

    def positions(self) -> dict[TP, int]:
        return dict(self.offsets)

    async def note(self, taken: Taken) -> None:
        self.noted.append(taken)

    def takes(self, event: Event, day: str, partition: int) -> None:
        """Take in one event that lies in a partition."""
        sent = message(event)
        at = TP(sent.topic, partition)
        offset = self.offsets[at]
        self.offsets[at] += 1
        record: Any = FakeRecord(offset, instant(day) // 1000, sent.key, sent.value)
        for _ in self.intake.take(self.source(at), [record], offset, offset + 1):
            pass

    def follows(self) -> None:
        asyncio.run(self._follower.tick())

    def approved(self) -> dict[str, int]:
        """When which restatements of the bank were approved."""
        rows = self.store.restatements(BANK)
        return {row.period: row.approved_at for row in rows if row.approved_at is not None}


@pytest.fixture(params=["shared.db", "shared/"], ids=["one file", "a file a partition"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The store of both workers."""
    return f"sqlite:{tmp_path}/{request.param}"


@pytest.fixture
def workers(url: str) -> Iterator[tuple[Worker, Worker]]:
    """The owner of the bank's partition, and another worker."""
    pair = Worker(url, HOME), Worker(url, ELSEWHERE)
    yield pair
    for worker in pair:
        worker.store.close()


def approval(period: str, day: str = "2024-09-02") -> Event:
    """An office approves the restatements of a period, of all banks."""
    event = Sender(OFFICE_CODE).event(
        "restatement.approved", day, period=period, reason="漏报", approved_by="金融办"
    )
    return event | {"source": OFFICE, "id": f"approval-{period}"}


def restated(owner: Worker) -> Sender:
    """A bank that has sent a fact of a closed quarter."""
    bank = Sender(BANK)
    owner.takes(bank.registered(), "2024-01-02", HOME)
    owner.takes(bank.issued("L1", SHOP, "2024-02-01", 100_000_00), "2024-02-01", HOME)
    owner.takes(bank.repaid("L1", "2024-03-01", 100), "2024-08-02", HOME)
    owner.follows()
    return bank


def test_what_another_worker_registered_is_known_without_another_assignment(
    workers: tuple[Worker, Worker],
) -> None:
    owner, other = workers
    owner.follows()
    other.takes(Sender(OTHER_BANK).registered(), "2024-01-30", ELSEWHERE)
    assert OTHER_BANK not in owner.intake.registry.institutions
    owner.follows()
    assert OTHER_BANK in owner.intake.registry.institutions


def test_an_approval_for_all_banks_reaches_the_books_of_every_worker(workers: tuple[Worker, Worker]) -> None:
    owner, other = workers
    restated(owner)
    assert owner.approved() == {}
    other.takes(approval("2024Q1"), "2024-09-02", ELSEWHERE)
    owner.follows()
    assert owner.approved() == {"2024Q1": instant("2024-09-02")}, "only that period"
    assert [taken.books for taken in owner.noted] == [{BANK}]


def test_approvals_that_are_met_together_count_from_their_own_days(workers: tuple[Worker, Worker]) -> None:
    owner, other = workers
    bank = restated(owner)
    owner.takes(bank.repaid("L1", "2024-06-01", 100), "2024-08-03", HOME)
    other.takes(approval("2024Q2", "2024-09-02"), "2024-09-02", ELSEWHERE)
    other.takes(approval("2024Q1", "2024-09-05"), "2024-09-05", ELSEWHERE)
    owner.follows()
    assert owner.approved() == {"2024Q2": instant("2024-09-02"), "2024Q1": instant("2024-09-05")}


def test_a_restatement_that_was_opened_after_an_approval_stays_open(workers: tuple[Worker, Worker]) -> None:
    owner, other = workers
    other.takes(approval("2024Q1"), "2024-07-02", ELSEWHERE)
    restated(owner)
    assert owner.approved() == {}


def test_nothing_is_settled_by_a_worker_whose_partition_another_one_has_taken_over(
    workers: tuple[Worker, Worker], url: str
) -> None:
    owner, other = workers
    bank = restated(owner)
    heir = Worker(url, HOME)
    heir.offsets = owner.offsets.copy()
    heir.takes(bank.repaid("L1", "2024-08-02", 100), "2024-08-03", HOME)
    other.takes(approval("2024Q1"), "2024-09-02", ELSEWHERE)
    with pytest.raises(Superseded):
        owner.follows()
    assert owner.approved() == {}
    heir.follows()
    assert heir.approved() == {"2024Q1": instant("2024-09-02")}
    heir.store.close()


def test_what_is_held_back_is_let_in_by_an_approval_that_another_worker_met(url: str) -> None:
    owner, other = Worker(url, HOME, hold_back=True), Worker(url, ELSEWHERE)
    restated(owner)
    assert [row.rule for row in owner.store.parked()] == ["V07"]
    other.takes(approval("2024Q1"), "2024-09-02", ELSEWHERE)
    owner.follows()
    assert not owner.store.parked()
    assert owner.approved() == {"2024Q1": instant("2024-09-02")}
    assert owner.store.books(BANK)[0][3] == instant("2024-09-02"), "known from the approval on"
    owner.store.close()
    other.store.close()


def test_whether_something_is_held_back_for_an_approval_is_asked_without_reading_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, other = Worker(url, HOME, hold_back=True), Worker(url, ELSEWHERE)
    restated(owner)
    other.takes(approval("2024Q1"), "2024-09-02", ELSEWHERE)
    monkeypatch.setattr(owner.store, "parked", None)
    found = approvals(owner.intake.books[BANK], read_registry(owner.store), owner.store)
    assert found == {"2024Q1": instant("2024-09-02")}
    owner.store.close()
    other.store.close()


@pytest.mark.parametrize("home", [HOME, ELSEWHERE], ids=["of this worker", "of another worker"])
def test_an_approval_lets_in_what_is_held_back_in_portions(
    home: int, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "PORTION", 4)
    owner = Worker(url, HOME, hold_back=True, environment="production")
    other, bank = Worker(url, ELSEWHERE, environment="production"), Sender(BANK, environment="production")
    repaid = [(bank.repaid("L1", "2024-03-01", 100), "2024-08-02") for _ in range(10)]
    told = approval("2024Q1") | {"environment": "production"}
    if home == HOME:
        told["data"]["institution_id"] = BANK
    for event, day in (
        (bank.registered(), "2024-01-02"),
        (bank.issued("L1", SHOP, "2024-02-01", 100_000_00), "2024-02-01"),
        *repaid,
        (told, "2024-09-02"),
    ):
        monkeypatch.setattr("time.time_ns", lambda day=day: instant(day) * 1000)
        (other if event is told and home == ELSEWHERE else owner).takes(
            event, day, home if event is told else HOME
        )
    assert len(owner.store.parked()) == (10 if home == ELSEWHERE else 6)
    assert owner.approved() == {}, "open as long as something waits for it"
    owner.follows()
    assert owner.store.parked() == []
    opened = 7  # five months and two quarters are other than they were when they closed
    assert [taken.facts for taken in owner.noted] == ([4 + opened, 4, 2] if home == ELSEWHERE else [4, 2])
    assert owner.approved() == {"2024Q1": owner.store.books(BANK)[0][3]}, "known with the last of them"
    for worker in (owner, other):
        worker.store.close()


def test_a_kill_between_an_approval_and_what_it_settles_elsewhere_is_made_good_by_the_next_start(
    tmp_path: Path,
) -> None:
    url = f"sqlite:{tmp_path}/files/"
    owner = Worker(url, HOME, ELSEWHERE)
    restated(owner)
    with killed_between_two_files():
        owner.takes(approval("2024Q1"), "2024-09-02", ELSEWHERE)
    assert owner.approved() == {}
    owner.store.close()
    heir = Worker(url, HOME, ELSEWHERE)
    heir.offsets = owner.offsets.copy()
    assert heir.intake.registry.of_kind("restatement.approved"), "the approval itself was committed"
    heir.follows()
    assert heir.approved() == {"2024Q1": instant("2024-09-02")}
    heir.store.close()


def test_what_was_sent_before_its_institution_was_registered_is_taken_up_in_portions(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "PORTION", 4)
    owner, bank = Worker(url, HOME, environment="production"), Sender(BANK, environment="production")
    early = [bank.issued(f"L{n}", SHOP, "2024-02-01", 100_000_00) for n in range(6)]
    for event in (*early, *(bank.repaid(f"L{n}", "2024-03-01", 100) for n in range(6))):
        owner.takes(event, "2024-03-02", HOME)
    owner.takes(bank.registered(), "2024-03-03", HOME)
    assert sorted(owner.store.loans(BANK, [f"L{n}" for n in range(6)])) == []
    assert len(owner.store.parked()) == 12 - 4
    owner.takes(bank.repaid("L5", "2024-03-02", 200), "2024-03-04", HOME)
    owner.store.close()
    heir = Worker(url, HOME, environment="production")
    heir.offsets = owner.offsets.copy()
    heir.follows()
    assert heir.store.parked() == []
    heir.intake.flush_all()
    assert len(heir.store.loans(BANK, [f"L{n}" for n in range(6)])) == 6
    assert {result for book, result, *_ in heir.store.counted(0, 1 << 40) if book == BANK} == {
        "accepted", "parked", "released"
    }  # fmt: skip
    assert [taken.facts for taken in heir.noted] == [5, 4], (
        "four and what waited for one of them, then the others"
    )
    heir.store.close()


def test_what_waited_for_a_registration_that_has_come_is_taken_up_at_its_end_and_not_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "PORTION", 1)
    owner, bank = Worker(url, HOME, environment="production"), Sender(BANK, environment="production")
    for event in (
        bank.repaid("L2", "2024-03-01", 100),
        *(bank.issued(f"L{n}", SHOP, "2024-02-01", 100_000_00) for n in range(2)),
    ):
        owner.takes(event, "2024-03-02", HOME)
    owner.takes(bank.registered(), "2024-03-03", HOME)
    assert len(owner.store.parked()) == 3, "the first one waits for its loan now"
    late = max(row.until for row in owner.store.parked() if row.wait.startswith("institution:"))
    while owner.intake.expire(late) is not None:
        pass
    owner.intake.flush_all()
    assert len(owner.store.loans(BANK, ["L0", "L1"])) == 2
    assert {row.rule for row in owner.store.refused()} <= {"V09"}
    owner.store.close()


def test_a_quiet_registry_is_not_read_again(workers: tuple[Worker, Worker]) -> None:
    owner, _ = workers
    owner.follows()
    owner.takes(Sender(BANK).registered(), "2024-01-02", HOME)
    known = owner.intake.registry
    owner.follows()
    assert owner.intake.registry is known
    assert BANK in known.institutions
