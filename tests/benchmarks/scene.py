"""Where a run takes place: its broker with the load, its database server, and what it keeps for the page."""

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from tests.benchmarks.kafka import Broker
from tests.benchmarks.live import Delays
from tests.benchmarks.worker import Pace
from tests.parts.postgres import Postgres


@dataclass
class Shown:
    """What the page shows besides the rows."""

    paces: dict[str, Pace] = field(default_factory=dict)
    """How events were taken in, by row; of several rounds the last one."""
    many: int = 0
    """So many loans the row `intake_many` has."""
    delays: Delays | None = None
    batches: list[tuple[float, float]] = field(default_factory=list)
    """Events a transaction, and events a second."""


@dataclass
class Scene:
    """One run: what all rows share."""

    folder: Path
    environment: str
    quick: bool
    number: int = 0
    """Of the round, from 0."""
    agents: list[float] = field(default_factory=list)
    """Events per second of the agent in each round so far."""
    lean: float = 0.0
    """The same of the lean agent, in this round."""
    shown: Shown = field(default_factory=Shown)
    _broker: Broker | None = None
    _events: int = 0
    _sqlite: str = ""
    _server: Postgres | None = None

    @property
    def broker(self) -> Broker:
        """The broker on which the load lies; LookupError where there is none."""
        if self._broker is None:
            raise LookupError("there is no broker with the load")
        return self._broker

    @property
    def events(self) -> int:
        """How many events the load has."""
        return self._events

    def lies_on(self, broker: Broker, events: int) -> None:
        """The load lies on this broker now."""
        self._broker, self._events = broker, events

    @property
    def sqlite(self) -> str:
        """The store on SQLite into which the whole load was taken; LookupError where there is none."""
        if not self._sqlite:
            raise LookupError("there is no store on SQLite with the whole load")
        return self._sqlite

    def is_in(self, url: str) -> None:
        """The whole load was taken into this store on SQLite."""
        self._sqlite = url

    @property
    def rounds(self) -> int:
        """How often each row is measured."""
        return 1 if self.quick else 3

    @property
    def agent(self) -> float:
        """The measure of this round; 0 where it is not known."""
        return self.agents[-1] if self.agents else 0.0

    @property
    def middle_agent(self) -> float:
        """The measure of rows that are not in the rounds."""
        found = [rate for rate in self.agents if rate]
        return statistics.median(found) if found else 0.0

    def url(self, name: str) -> str:
        """A fresh SQLite file of this round."""
        return f"sqlite:{self.folder / f'{name}-{self.number}.sqlite'}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """A fresh database of PostgreSQL, dropped afterwards; Absent where there is no server."""
        if self._server is None:
            server = Postgres()
            server.start()
            self._server = server
        url = self._server.create_database()
        try:
            yield url
        finally:
            name = urlsplit(url).path.lstrip("/")
            with psycopg.connect(self._server.address(), autocommit=True) as connection:
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())

    def close(self) -> None:
        """Remove the database server."""
        if self._server is not None:
            self._server.remove()
            self._server = None
