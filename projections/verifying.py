"""Verify 校验: the chain of every book is followed from its first commit, and held against the heads that were published.

Where the log or the ledger is not what was committed, the first place is named; a copy of the chain's key is needed. Where
commit records were archived, the ledger is held against its digest of then up to the last of them, and followed from there.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Generic, TypeVar

from msgspec import Struct

from aggregates.facts import RecordsArchived
from aggregates.store import Store, WrongKey, open_store
from aggregates.store.chain import FIRST, fingerprint, link
from projections.rebuilding.archives import Seal, archived, open_whole
from projections.rebuilding.committed import Committed, committed
from projections.rebuilding.findings import Difference, Findings

Step = TypeVar("Step")


class Head(Struct, frozen=True):
    """The last commit of a book as it was published on a day: its version, and its link in hexadecimal digits."""

    book: str
    version: int
    link: str
    day: str


Published = dict[int, list[Head]]
"""The heads of one book by version."""


class Verified(Struct, frozen=True):
    """What came of all books: how much was followed, how many heads were compared, and what is not as it was."""

    books: int
    commits: int
    heads: int
    seconds: float
    findings: int
    listed: list[Difference]
    archive: str = ""
    """The archive without which the records of the first commits could not be looked at."""


def verify(url: str, key: bytes, heads: Sequence[Head] = (), archive: Path | None = None) -> Verified:
    """Follow every book; a worker may go on writing. WrongKey where the store says that another key chains it.

    With its archive, all commits are followed; StoreFailed where it is another one.
    """
    began = time.perf_counter()
    published: dict[str, Published] = {}
    for head in heads:
        published.setdefault(head.book, {}).setdefault(head.version, []).append(head)
    with closing(open_whole(url, archive) if archive else open_store(url, read_only=True)) as store:
        if store.meta("chain") != fingerprint(key):
            raise WrongKey("the commits of this store are chained with another key than PUHUI_CHAIN_KEY")
        gone = {} if archive else archived(store)
        books = sorted(store.traces() | published.keys())
        found = [verify_book(store, key, book, published.get(book, {}), gone.get(book)) for book in books]
    return Verified(
        len(books), sum(followed for followed, _ in found), len(heads), time.perf_counter() - began,
        sum(f.count for _, f in found), [difference for _, f in found for difference in f.listed],
        ", ".join(sorted({fact.file for fact in gone.values()})),
    )  # fmt: skip


def verify_book(
    store: Store, key: bytes, book: str, published: Published, gone: RecordsArchived | None = None
) -> tuple[int, Findings]:
    """Follow one book; how many commits it has, and what is not as it was committed or published.

    `gone`: what was said when its first commit records were archived.
    """
    findings = Findings(book)
    last = _last(store, book)
    log = _Steps("log", findings, store.records(book, gone.upto if gone else 0))
    ledger = _Steps("ledger", findings, ((c.version, c) for c in committed(store, book, findings)))
    chain = _Chain(key, book, gone, findings)
    for version in range(1, last + 1):
        state, commit = log.at(version), ledger.at(version)
        chain.follow(version, state, commit)
        for day in _unlike(commit, published) if commit else ():
            findings.add(f"commit {version}", f"is not the one that was published on {day}")
    _beyond(findings, last, published)
    last_now = _last(store, book)
    log.must_end_at(last_now)
    ledger.must_end_at(last_now)
    return last, findings


def _last(store: Store, book: str) -> int:
    found = store.book(book)
    return 0 if found is None else found[1]


def _unlike(commit: Committed, published: Published) -> list[str]:
    """The days on which another link was published of this commit."""
    return [head.day for head in published.get(commit.version, ()) if head.link != commit.link.hex()]


def _beyond(findings: Findings, last: int, published: Published) -> None:
    """Name the first commit that was published and is cut off."""
    for version in sorted(version for version in published if version > last)[:1]:
        what = f"was published on {published[version][0].day}, but the book ends at commit {last}: it was cut off"
        findings.add(f"commit {version}", what)


class _Chain:
    """The chain of one book: each commit is held against the link before it, archived ones against what was said of them."""

    def __init__(self, key: bytes, book: str, gone: RecordsArchived | None, findings: Findings) -> None:
        self._key = key
        self._book = book
        self._gone = gone
        self._findings = findings
        self._seal = Seal()
        self._before: bytes | None = FIRST

    def follow(self, version: int, state: bytes | None, commit: Committed | None) -> None:
        """Compare the next commit as the log and as the ledger have it."""
        put_away = self._gone is not None and version <= self._gone.upto
        if state is None and not put_away:
            self._findings.add(f"commit {version}", "is not in the log")
        if commit is None:
            self._findings.add(f"commit {version}", "is not in the ledger")
            self._before = None  # what follows has nothing to be held against
            return
        if state is not None and self._before is not None and not self._made(self._before, state, commit):
            self._findings.add(f"commit {version}", "is not what was committed, or not where it was")
        self._before = commit.link
        if self._gone is not None and put_away:
            self._compare_archived(self._gone, commit)

    def _made(self, before: bytes, state: bytes, commit: Committed) -> bool:
        """Is this what was committed behind that link?"""
        made = link(self._key, before, self._book, commit.version, commit.recorded_at, state, commit.moves)
        return made == commit.link

    def _compare_archived(self, gone: RecordsArchived, commit: Committed) -> None:
        self._seal.take(commit)
        if commit.version == gone.upto and self._seal.ledger != gone.ledger:
            what = f"or one before it is not what it was when {gone.file} was made"
            self._findings.add(f"commit {commit.version}", what)


class _Steps(Generic[Step]):
    """Steps of the log or of the ledger by version, each asked for once, in order."""

    def __init__(self, part: str, findings: Findings, steps: Iterable[tuple[int, Step]]) -> None:
        self._part = part
        self._findings = findings
        self._steps: Iterator[tuple[int, Step]] = iter(steps)
        self._next = next(self._steps, None)

    def at(self, version: int) -> Step | None:
        """The step of this version, None where there is none."""
        while self._next is not None and self._next[0] < version:
            self._findings.add(f"commit {self._next[0]}", f"is in the {self._part} twice")
            self._next = next(self._steps, None)
        if self._next is None or self._next[0] > version:
            return None
        found = self._next[1]
        self._next = next(self._steps, None)
        return found

    def must_end_at(self, last: int) -> None:
        """Nothing is behind the last commit, as the book says by now."""
        if self._next is not None and self._next[0] > last:
            what = f"is in the {self._part}, behind the last one as the book says"
            self._findings.add(f"commit {self._next[0]}", what)
