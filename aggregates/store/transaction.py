"""What one transaction writes: everything that a batch gives the store, all of it or nothing."""

from msgspec import Struct, field


class Last(Struct, frozen=True):
    """The last record that was taken in of a partition: its offset, and a hash of what it holds.

    By it a log is known again of which the offsets alone say nothing. An offset of -1: nothing is to be compared.
    """

    offset: int
    content: int


class Position(Struct, frozen=True):
    """Where intake stands in one partition: written only if the store still stands at `expected`.

    `last`: the last record before `next`; None: the one that is stored.
    """

    key: str
    expected: int
    next: int
    last: Last | None = None


class Commit(Struct, frozen=True):
    """One commit record of one book, with the movements it makes (packed rows)."""

    book: str
    version: int
    recorded_at: int
    state: bytes
    moves: bytes
    count: int


class Flush(Struct, frozen=True):
    """The register's dirty rows of one book (book, key, state), and the watermark that they reach (compare-and-set)."""

    book: str
    expected: int
    version: int
    loans: list[tuple[str, str, bytes]]
    customers: list[tuple[str, str, bytes]]


class ParkedRow(Struct, frozen=True):
    """An event that waits: what for, since when, until when, and the bytes as they came."""

    book: str
    event: int
    content: int
    rule: str
    wait: str
    since: int
    until: int
    topic: str
    place: str
    value: bytes
    headers: bytes
    values: str


class RefusedRow(Struct, frozen=True):
    """A refused event: its hashes, the rule and the place in the log; never its content.

    `said`: case and values as its answer named them (JSON).
    """

    book: str
    event: int
    content: int
    rule: str
    field: str
    at: int
    place: str
    said: str = ""


class Outgoing(Struct, frozen=True):
    """A message that leaves on Kafka, sent from the store; `id` is the same on every attempt.

    `seq` is its number in the store, which gives it one: higher than those of what was written before, also in other files and
    after these have left, as far as the clock goes on. Those of several files may be the same.
    """

    topic: str
    id: str
    key: str | None
    value: bytes
    headers: bytes
    partition: int | None = None
    seq: int = 0


class ReportedRow(Struct, frozen=True):
    """A position as an institution reported it (the read model of `position.reported`); `nth` fact of its commit."""

    book: str
    version: int
    recorded_at: int
    key: str
    measure: str
    kind: str
    as_of: int
    amount: int
    quantum: int
    suspect: bool
    event: int
    fact: bytes
    nth: int = 0


class RestatementRow(Struct, frozen=True):
    """A restatement of a closed period of one book: opened at a version, approved at another or not yet."""

    book: str
    period: str
    opened_version: int
    opened_at: int
    approved_at: int | None


class AlertRow(Struct, frozen=True):
    """The current state of one alert."""

    rule: str
    subject: str
    period: str
    state: str
    updated_at: int
    body: bytes


class Transaction(Struct):
    """All that is written together."""

    position: Position | None = None
    commits: list[Commit] = field(default_factory=list)
    born: list[str] = field(default_factory=list)
    segments: list[tuple[int, bytes]] = field(default_factory=list)
    flush: Flush | None = None
    parked: list[ParkedRow] = field(default_factory=list)
    unparked: list[tuple[str, int]] = field(default_factory=list)
    refused: list[RefusedRow] = field(default_factory=list)
    outbox: list[Outgoing] = field(default_factory=list)
    reported: list[ReportedRow] = field(default_factory=list)
    restatements: list[RestatementRow] = field(default_factory=list)
    alerts: list[AlertRow] = field(default_factory=list)
    counts: dict[tuple[str, str, str, int], int] = field(default_factory=dict)
    marks: dict[str, int] = field(default_factory=dict)


class Superseded(RuntimeError):
    """Another writer was here: the stored position, version or watermark is not the expected one."""
