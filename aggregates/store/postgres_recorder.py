"""eventsourcing's recorder on PostgreSQL, as this store needs it: everything of a batch in one transaction, tried once."""

from collections.abc import Callable, Sequence
from inspect import unwrap
from typing import Any, Final, cast

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from psycopg.rows import dict_row

from aggregates.store.postgres_sql import PostgresSql, arrays, insert

_COLUMNS: Final = ("originator_id", "originator_version", "topic", "state")


class Recorder(PostgresProcessRecorder):
    """Writes what belongs to a batch in the transaction of its commit records.

    The library locks its table, so that the numbers of notifications come in the order of commits, and tells who listens
    of each; nobody here goes by these numbers or listens, and both would let workers wait for each other.
    """

    def _lock_table(self, c: Any) -> None:
        pass

    def _notify_channel(self, c: Any) -> None:
        pass

    def _insert_stored_events(self, curs: Any, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """The library sends each commit record as text, twice its size, and escapes it letter by letter."""
        rows = [(e.originator_id, e.originator_version, e.topic, e.state) for e in stored_events]
        table = self.events_table_name
        curs.execute(f"{insert(table, _COLUMNS)} RETURNING notification_id", arrays(table, _COLUMNS, rows))

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Once: the library would try ten times, with the loop standing still; who supervises the worker does it better."""
        once = unwrap(PostgresProcessRecorder.insert_events)
        return cast(Sequence[int] | None, once(self, stored_events, **kwargs))

    def _insert_events(self, curs: Any, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        beside: Callable[[PostgresSql], None] = kwargs["beside"]
        beside(PostgresSql(curs.connection))
        super()._insert_events(curs, stored_events, tracking=kwargs.get("tracking"))


def recorder(url: str) -> Recorder:
    """A recorder of the database at this address; what it has open is closed by its datastore."""
    datastore = PostgresDatastore("", "", "", "", "", pool_size=1, originator_id_type="text")
    # The library knows five parts of an address: its TLS, for one, would not be what was asked for.
    datastore.pool.conninfo, datastore.pool.kwargs = url, {"row_factory": dict_row}
    return Recorder(datastore, events_table_name="stored_events", tracking_table_name="tracking")
