"""A store that was played, and a hand in its file."""

import sqlite3
from contextlib import closing
from pathlib import Path

from aggregates.store import open_store
from projections.rebuilding import rebuild
from tests import examples
from tests.events import Event, Sender, message
from tests.examples import BANK
from tests.figures import instant, total
from tests.worker import DirectWorker


def sent(events: list[Event]) -> list[tuple[str, str, bytes]]:
    """Events as a worker takes them in."""
    return [(m.topic, m.key.decode(), m.value) for m in map(message, events)]


def played(url: str, events: list[Event], *, known: str = "2026-12-31") -> DirectWorker:
    """A worker that has taken these events in, one fetch each, and written nothing back."""
    worker = DirectWorker(open_store(url), clock=instant(known) // 1000)
    for one in sent(events):
        worker.send([one])
    return worker


class Tampered:
    """A store of the first example, with a hand in its file."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:{folder}/store.db"
        self._path = folder / "store.db"
        self.book = BANK

    def do(self, statement: str, *values: object) -> None:
        with closing(sqlite3.connect(self._path)) as database, database:
            changed = database.execute(statement, values).rowcount
        assert changed == 1, f"{changed} rows changed"

    def value(self, statement: str, *values: object) -> bytes:
        with closing(sqlite3.connect(self._path)) as database:
            return bytes(database.execute(statement, values).fetchone()[0])

    def found(self) -> list[tuple[str, str]]:
        """Subject and kind of what differs."""
        report = rebuild(self.url, processes=1)
        assert report.differences == len(report.listed)
        assert {difference.book for difference in report.listed} <= {self.book}
        return [(difference.subject, difference.what) for difference in report.listed]


def tampered_store(folder: Path) -> Tampered:
    """Taken in, and written back but for the last three commits; the one before the last restates closed periods."""
    made = Tampered(folder)
    events = examples.balance_and_bridge()
    bank = Sender(BANK, _sent=100)
    more = [
        total(bank, "2026-06-30", "PH", "5050.00"), bank.repaid("B", "2026-07-10", 100),
        bank.repaid("B", "2026-04-15", 200),
    ]  # fmt: skip
    worker = played(made.url, events, known="2026-07-02")
    worker.intake.flush_all()
    for one in sent(more):
        worker.send([one], at=instant("2026-12-31") // 1000)
    worker.store.close()
    assert made.found() == []
    return made
