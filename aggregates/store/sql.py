"""The statements of the store, in the SQL that SQLite and PostgreSQL share."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

Row = tuple[Any, ...]

SCHEMA_VERSION: Final = 3


class Sql(Protocol):
    """One transaction's cursor; statements use `?` for parameters."""

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement; the number of rows that it changed."""

    def many(self, statement: str, rows: Sequence[Row]) -> None:
        """Run one statement for each row."""

    def advance(self, books: Sequence[Row]) -> int:
        """Set last version and instant of books (name, version, instant), where the last one is the version before.

        The number of books that were there.
        """

    def queue(self, messages: Sequence[Row]) -> None:
        """Append messages to the outbox in their order (topic, id, key, value, headers, partition), each id once.

        Their numbers begin at the instant (µs), or behind the last one that waits.
        """

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row], conflict: str) -> None:
        """Insert rows; `conflict` is what ON CONFLICT does about those that are there."""

    def upsert(self, table: str, columns: Sequence[str], keys: int, rows: Sequence[Row]) -> None:
        """Insert rows, or replace those that have the same first `keys` columns."""


def tables(blob: str) -> tuple[str, ...]:
    """The tables beside eventsourcing's own; `blob` is the type of bytes."""
    return (
        "meta(name TEXT PRIMARY KEY, value TEXT)",
        f"loan(book TEXT, loan_no TEXT, state {blob}, PRIMARY KEY(book, loan_no))",
        f"customer(book TEXT, ref TEXT, state {blob}, PRIMARY KEY(book, ref))",
        "watermark(book TEXT PRIMARY KEY, version BIGINT, last BIGINT, recorded_at BIGINT)",
        f"segment(id BIGINT PRIMARY KEY, attributes {blob})",
        f"ledger(book TEXT, version BIGINT, commits {blob}, moves {blob}, PRIMARY KEY(book, version))",
        f"parked(book TEXT, event BIGINT, content BIGINT, rule TEXT, wait TEXT, since BIGINT, until BIGINT, "
        f"topic TEXT, place TEXT, value {blob}, headers {blob}, vals TEXT, PRIMARY KEY(book, event))",
        "refused(book TEXT, event BIGINT, content BIGINT, rule TEXT, field TEXT, at BIGINT, place TEXT, "
        "said TEXT DEFAULT '', PRIMARY KEY(book, event, content))",
        f"outbox(topic TEXT, id TEXT, seq BIGINT, kafka_key TEXT, value {blob}, headers {blob}, kafka_partition BIGINT, "
        "PRIMARY KEY(topic, id))",
        f"reported(book TEXT, key TEXT, measure TEXT, as_of BIGINT, kind TEXT, version BIGINT, recorded_at BIGINT, nth BIGINT, "
        f"amount BIGINT, quantum BIGINT, suspect BIGINT, event BIGINT, fact {blob}, PRIMARY KEY(book, event))",
        "restatement(book TEXT, period TEXT, opened_version BIGINT, opened_at BIGINT, approved_at BIGINT, "
        "PRIMARY KEY(book, period, opened_version))",
        f"alert(rule TEXT, subject TEXT, period TEXT, state TEXT, updated_at BIGINT, body {blob}, "
        "PRIMARY KEY(rule, subject, period))",
        "counted(book TEXT, result TEXT, rule TEXT, hour BIGINT, events BIGINT, PRIMARY KEY(book, result, rule, hour))",
        "mark(name TEXT PRIMARY KEY, value BIGINT)",
    )


INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS parked_by_wait ON parked(book, wait)",
    "CREATE INDEX IF NOT EXISTS parked_by_end ON parked(until, book)",  # of books that nobody has open
    "CREATE INDEX IF NOT EXISTS outbox_by_seq ON outbox(seq)",  # or each message costs a look at all that have not left
    "CREATE INDEX IF NOT EXISTS outbox_by_topic ON outbox(topic, seq)",  # alerts leave first
)
