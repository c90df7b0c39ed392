"""Codes that nobody registered: any number of them costs rows of the store; the worker holds a few books, whatever comes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from aggregates.facts import decode_record
from aggregates.partitioning import partition_of
from aggregates.registry import read_registry
from aggregates.store import open_store
from projections.views import Figures
from streams.aside import OPEN, Aside
from streams.intake import Intake
from streams.knowledge import UNKNOWN
from streams.parking import PATIENCE
from tests.events import Event, Sender, message
from tests.examples import BANK, SHOP
from tests.references import social_credit_code
from tests.worker import PARTITIONS, DirectWorker, direct_worker

MANY = OPEN + 60
HOUR = 3_600_000


@pytest.fixture
def worker(tmp_path: Path) -> DirectWorker:
    it = direct_worker(tmp_path / "store.db")
    send(it, Sender(BANK).registered())
    return it


@pytest.fixture
def early(worker: DirectWorker) -> list[Sender]:
    """Senders that nobody registered, each of which has sent one event."""
    found = senders(1000, MANY)
    send(worker, *map(issue, found))
    return found


def senders(first: int, how_many: int) -> list[Sender]:
    return [
        Sender(social_credit_code(1, division=f"{number:06d}")) for number in range(first, first + how_many)
    ]


def issue(sender: Sender) -> Event:
    event = sender.issued("A", SHOP, "2023-12-10", 100_00)
    return event | {"id": f"issued-{sender.institution}"}


def send(worker: DirectWorker, *events: Event) -> None:
    worker.send([(m.topic, m.key.decode(), m.value) for m in map(message, events)])


def strangers(intake: Intake, asked: Iterable[Sender]) -> list[str]:
    """Whose books are open."""
    return [sender.institution for sender in asked if sender.institution in intake.books]


def again(worker: DirectWorker) -> DirectWorker:
    """The worker starts anew."""
    path = worker.store.path  # type: ignore[attr-defined]  # a file of SQLite
    worker.store.close()
    return DirectWorker(open_store(f"sqlite:{path}"), clock=worker.clock, offsets=worker.offsets)


def end(worker: DirectWorker) -> int:
    """The instant at which what was sent last has waited too long."""
    return worker.clock * 1000 + PATIENCE


def test_few_books_are_held_however_many_codes_come_and_they_are_counted_together(
    worker: DirectWorker, early: list[Sender]
) -> None:
    assert len(worker.store.parked()) == MANY
    assert len(strangers(worker.intake, early)) == OPEN
    assert worker.intake.parked() == {BANK: 0, UNKNOWN: MANY}
    books = {book for book, result, *_ in worker.store.counted() if result == "parked"}
    assert books == {UNKNOWN}, "or each code would be a label of the figures"


def test_those_in_which_most_waits_stay_open(worker: DirectWorker) -> None:
    (busy,) = senders(999, 1)
    send(worker, issue(busy), busy.repaid("A", "2023-12-11", 1))
    send(worker, *map(issue, senders(1000, MANY)))
    assert strangers(worker.intake, [busy]) == [busy.institution]


def test_a_start_opens_none_of_them_and_knows_what_waits(worker: DirectWorker, early: list[Sender]) -> None:
    anew = again(worker)
    assert strangers(anew.intake, early) == []
    assert anew.intake.parked()[UNKNOWN] == MANY


@pytest.mark.parametrize("restarted", [False, True])
def test_their_waits_end_in_time_and_leave_nothing_in_memory(
    worker: DirectWorker, early: list[Sender], restarted: bool
) -> None:
    worker = again(worker) if restarted else worker
    intake, store = worker.intake, worker.store
    assert intake.expire(end(worker) - 1) is None
    taken = intake.expire(end(worker))
    assert taken is not None
    assert taken.books == {sender.institution for sender in early}
    assert [(row.rule, row.at) for row in store.refused()] == [("V05", end(worker))] * MANY
    assert store.parked() == []
    assert intake.parked()[UNKNOWN] == 0
    assert len(strangers(intake, early)) <= OPEN
    assert strangers(again(worker).intake, early) == []


def test_each_wait_ends_at_its_own_instant(worker: DirectWorker, early: list[Sender]) -> None:
    first = end(worker)
    worker.clock += HOUR
    late = senders(3000, MANY)
    send(worker, *map(issue, late))
    worker.intake.expire(end(worker) + HOUR * 1000)
    assert {row.at for row in worker.store.refused()} == {first, end(worker)}


def test_the_store_is_asked_who_waits_only_when_the_first_wait_ends(
    worker: DirectWorker, early: list[Sender], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    ask = worker.store.overdue

    def noted(until: int, **named: Any) -> list[tuple[int, str]]:
        asked.append(until)
        return ask(until, **named)

    monkeypatch.setattr(worker.store, "overdue", noted)
    for step in range(100):
        worker.intake.expire(worker.clock * 1000 + step)
    send(worker, *map(issue, senders(4000, 1)))
    assert asked == []
    worker.intake.expire(end(worker))
    assert 1 <= len(asked) <= 3


def test_a_registration_takes_up_what_waits_in_a_book_that_is_aside(
    worker: DirectWorker, early: list[Sender]
) -> None:
    aside = next(sender for sender in early if sender.institution not in worker.intake.books)
    send(worker, aside.registered())
    loan = worker.intake.book(aside.institution).loan("A")
    assert loan is not None
    assert loan.balance == 100_00
    assert worker.intake.parked() == {BANK: 0, UNKNOWN: MANY - 1, aside.institution: 0}
    worker.intake.expire(end(worker))
    assert len(worker.store.refused()) == MANY - 1


def test_sent_again_it_waits_once_and_after_its_end_it_is_a_repeat(
    worker: DirectWorker, early: list[Sender]
) -> None:
    send(worker, *map(issue, early))
    assert len(worker.store.parked()) == worker.intake.parked()[UNKNOWN] == MANY
    worker.intake.expire(end(worker))
    send(worker, *map(issue, early))
    assert worker.store.parked() == []
    assert len(worker.store.refused()) == MANY


def test_a_worker_ends_the_waits_of_its_own_partitions_alone(
    worker: DirectWorker, early: list[Sender]
) -> None:
    mine = {s.institution for s in early if partition_of(s.institution, PARTITIONS) == 0}
    intake = Intake(worker.store, environment="test")
    intake.open(lambda book: partition_of(book, PARTITIONS) == 0)
    taken = intake.expire(end(worker))
    assert taken is not None
    assert taken.books == mine
    assert {row.book for row in worker.store.parked()} == {s.institution for s in early} - mine


def test_the_ends_are_facts_of_books_that_were_put_aside_and_opened_again(
    worker: DirectWorker, early: list[Sender]
) -> None:
    one = early[0]
    for number in range(3):
        worker.clock += HOUR
        send(worker, one.repaid("A", "2023-12-11", 1) | {"id": f"repaid-{number}"})
        worker.intake.expire(end(worker))
        worker = again(worker)
    records = worker.store.records(one.institution)
    kinds = [type(fact).__name__ for _, state in records for fact in decode_record(state).facts]
    assert kinds == ["ParkingEnded"] * 4


def test_figures_read_no_book_of_whom_nobody_registered(worker: DirectWorker, early: list[Sender]) -> None:
    worker.intake.expire(end(worker))
    send(worker, issue(Sender(BANK)))
    figures, (first, *others) = Figures(worker.store), early
    assert figures.ledger.books.keys() & {sender.institution for sender in early} == set()
    assert BANK in figures.ledger.books
    send(worker, first.registered())
    assert first.institution in figures.follow()
    assert not figures.ledger.books.keys() & {sender.institution for sender in others}


def test_figures_ask_for_no_list_of_all_books(
    worker: DirectWorker, early: list[Sender], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures, listed, books = Figures(worker.store), list[str](), worker.store.books

    def noted(*arguments: str, **named: Any) -> list[tuple[str, int, int, int]]:
        found = books(*arguments, **named)
        listed.extend(name for name, *_ in found)
        return found

    monkeypatch.setattr(worker.store, "books", noted)
    figures.follow()
    figures.follow([BANK])
    read_registry(worker.store)
    assert listed
    assert all(name.startswith("registry:") for name in listed)


def test_what_waits_in_any_number_of_books_is_read_a_portion_at_a_time(
    worker: DirectWorker, early: list[Sender], monkeypatch: pytest.MonkeyPatch
) -> None:
    most, rows = 20, list[int]()
    monkeypatch.setattr("streams.aside.READ", most)
    asked = worker.store.rows  # type: ignore[attr-defined]  # a database

    def noted(statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        found: list[Any] = asked(statement, parameters)
        rows.extend([len(found)] if "FROM parked" in statement else [])
        return found

    aside = Aside(worker.store)
    monkeypatch.setattr(worker.store, "rows", noted)
    aside.read({})
    assert aside.events == MANY
    assert len(aside.late(end(worker), {}, lambda book: book != early[0].institution)) == MANY - 1
    assert aside.late(end(worker), {}, lambda book: True) != []
    assert max(rows) <= most


def test_a_start_lists_no_book_that_nobody_registered(
    worker: DirectWorker, early: list[Sender], monkeypatch: pytest.MonkeyPatch
) -> None:
    send(worker, issue(Sender(BANK)))
    listed, books = list[int](), worker.store.books

    def noted(*arguments: Any, **named: Any) -> list[tuple[str, int, int, int]]:
        found = books(*arguments, **named)
        listed.append(len(found))
        return found

    monkeypatch.setattr(worker.store, "books", noted)
    assert BANK in DirectWorker(worker.store, clock=worker.clock, offsets=worker.offsets).intake.books
    assert max(listed) < len(early)
