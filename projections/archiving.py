"""Archive 归档: the commit records of past years are put into a file of their own, and dropped from the store.

The archive is a store itself, whole from the first commit to the last one of these years: it was made by replay, chained to
the same links, and can be asked, verified and rebuilt. What figures need stays: ledger, register, reports, and all commits
of offices, closings, alerts and the basis. So figures at any date, known at any instant, are what they were.
"""

from contextlib import closing
from pathlib import Path
from typing import Final

from msgspec import Struct

from aggregates.facts import Record, RecordsArchived, encode_record
from aggregates.hashing import text_hash
from aggregates.registry import REGISTRY_BOOK
from aggregates.replay import Replay, Unreplayable
from aggregates.store import Store, StoreFailed, Transaction, WrongKey, open_store
from aggregates.store.base import DROPPED_AT_ONCE
from aggregates.store.chain import fingerprint
from aggregates.store.copying import arriving, must_be_empty, one_file
from aggregates.store.transaction import Commit
from projections.alerts import ALERT_BOOK
from projections.basis import BASIS_BOOK
from projections.pins import PERIOD_BOOK
from projections.rebuilding.archives import ARCHIVE_BOOK, Seal, open_whole, seal, told
from projections.rebuilding.committed import committed
from projections.rebuilding.findings import Findings
from projections.rebuilding.fresh import FreshBook
from puhui.policy import Quarter
from puhui.policy.periods import date_at, final_on, microseconds, start_of

_KEPT: Final = (REGISTRY_BOOK, ALERT_BOOK, PERIOD_BOOK, BASIS_BOOK, ARCHIVE_BOOK)
"""Beginnings of the names of books that are read from their first commit on: they are small, and stay whole."""


class Archived(Struct, frozen=True):
    """What was archived: books, commit records and their bytes, and refusals."""

    books: int
    records: int
    bytes: int
    refused: int


def archive(
    url: str, key: bytes, year: int, path: Path, by: str, instant: int, former: Path | None = None
) -> Archived:
    """Put the commit records of before a year into an archive, and drop them; workers may go on.

    `instant`: now, in µs. `former`: the archive of earlier years, whose place this one takes. StoreFailed where the figures of
    these years are not final, where there is nothing to archive, where a store cannot be read or written, or where the log
    does not make what the ledger has: then nothing is dropped.
    """
    with closing(open_whole(url, former)) as store:
        if store.meta("chain") != fingerprint(key):
            raise WrongKey("the commits of this store are chained with another key than PUHUI_CHAIN_KEY")
        _must_not_be_less(store, year)
        _must_be_final(store, year)
        cuts = {book: cut for book in _books(store) if (cut := _cut(store, book, year))}
        found = _found(store, cuts, year)
        if not found.records:
            raise StoreFailed(f"there is no commit record of before {year} that could go")
        with arriving(path) as part:
            facts = _filled(
                store, part, key, cuts, RecordsArchived(0, 0, 0, "", 0, b"", b"", year, path.name, by)
            )
    with closing(open_store(url, key=key)) as store:
        _tell(store, facts, instant)
        for fact in facts:  # what a kill leaves is dropped with the next archive
            store.drop_records(fact.book, fact.upto)
        store.drop_refused(_start(year))
    return found


def _start(year: int) -> int:
    return microseconds(start_of(Quarter(year, 1).first_day))


def _must_not_be_less(store: Store, year: int) -> None:
    """An archive takes the place of the one before, so it has all that one has."""
    latest = max(told(store).values(), key=lambda fact: fact.year, default=None)
    if latest is not None and year < latest.year:
        raise StoreFailed(
            f"the commit records of before {latest.year} are in the archive {latest.file}: an archive of fewer years cannot "
            "take its place"
        )


def _must_be_final(store: Store, year: int) -> None:
    """The last quarter of the years before is closed and final, as the last commit knows it."""
    known = store.latest()
    final = final_on(Quarter(year - 1, 4))
    if not known or date_at(known) < final:
        raise StoreFailed(
            f"the figures of {year - 1} are final on {final}, and the last commit is of an earlier day: "
            "archive the years before"
        )


def _books(store: Store) -> list[str]:
    return [book for book, *_ in store.books() if not book.startswith(_KEPT)]


def _cut(store: Store, book: str, year: int) -> int:
    """The last version that goes: of before the year, and behind the watermark, whose own record a recovery asks for."""
    found = store.book(book)
    last, before = 0, _start(year)
    for commit in committed(store, book, Findings(book)):
        if commit.recorded_at >= before or found is None or commit.version >= found[0]:
            break
        last = commit.version
    return last


def _filled(
    store: Store, part: str, key: bytes, cuts: dict[str, int], like: RecordsArchived
) -> list[RecordsArchived]:
    with closing(open_store(part, key=key, durable=False)) as fresh:  # on disk when it is closed
        must_be_empty(fresh)
        for name, value in store.remarks().items():
            fresh.claim(name, value)
        for book, _, last, _ in store.books():
            if not book.startswith(_KEPT):
                last = cuts.get(book, 0)
            if last:
                _copy(store, fresh, book, last)
        for refused in store.refused_until(_start(like.year), DROPPED_AT_ONCE):
            fresh.write(Transaction(refused=refused))
        facts = [_fact(_proven(store, fresh, book, cut), book, like) for book, cut in cuts.items()]
    with one_file(Path(part.removeprefix("sqlite:"))):
        return facts


def _copy(store: Store, fresh: Store, book: str, upto: int) -> None:
    replay, writer = Replay(book), FreshBook(fresh, book)
    try:
        for version, state in store.records(book):
            if version > upto:
                break
            writer.commit(replay.take(version, state))
    except Unreplayable as error:
        raise StoreFailed(f"book {book} is not archived: {error}; see `puhui rebuild`") from error
    writer.end(replay, store)


def _proven(store: Store, fresh: Store, book: str, cut: int) -> Seal:
    """The seal of what goes: the archive, made from the records, is linked as the store's ledger is."""
    stored, made = (seal(committed(one, book, Findings(book)), cut) for one in (store, fresh))
    if (stored.upto, stored.ledger) != (made.upto, made.ledger):
        raise StoreFailed(
            f"book {book} is not archived: its log does not make what its ledger has; see `puhui verify`"
        )
    return stored


def _fact(proven: Seal, book: str, like: RecordsArchived) -> RecordsArchived:
    event = text_hash(f"{ARCHIVE_BOOK}:{book}:{like.year}:{proven.upto}")
    return RecordsArchived(
        event, 0, 0, book, proven.upto, proven.link, proven.ledger, like.year, like.file, like.by
    )


def _tell(store: Store, facts: list[RecordsArchived], instant: int) -> None:
    found = store.book(ARCHIVE_BOOK)
    _, last, recorded_at = found or (0, 0, 0)
    recorded_at = max(recorded_at + 1, instant)
    state = encode_record(Record(recorded_at, list(facts)))
    commit = Commit(ARCHIVE_BOOK, last + 1, recorded_at, state, b"", 0)
    store.write(Transaction(born=[] if found else [ARCHIVE_BOOK], commits=[commit]))


def _found(store: Store, cuts: dict[str, int], year: int) -> Archived:
    """What of it is in the store still."""
    weights = [store.weight(book, upto) for book, upto in cuts.items()]
    refused = store.refused_before(_start(year))
    return Archived(len(cuts), sum(n for n, _ in weights), sum(size for _, size in weights), refused)
