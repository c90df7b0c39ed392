"""The chain of what a store writes: each commit behind the one before it, in bounded memory."""

from pathlib import Path

import pytest

from aggregates.store.chain import FIRST, KEPT, Chain, link
from aggregates.store.files import FilesStore
from aggregates.store.transaction import Commit


def commit(book: str, version: int) -> Commit:
    return Commit(book, version, 1_000 + version, b"state", b"", 0)


class Ledger:
    """The links that were written, and how often one was read."""

    def __init__(self) -> None:
        self.links: dict[tuple[str, int], bytes] = {}
        self.read: list[str] = []
        self.chain = Chain(b"key", self.linked)

    def linked(self, book: str, version: int) -> bytes:
        self.read.append(book)
        return self.links[book, version]

    def write(self, *commits: Commit) -> None:
        made = self.chain.links(commits)
        self.links.update(((c.book, c.version), one) for c, one in zip(commits, made, strict=True))
        self.chain.written(commits, made)


def test_the_link_before_is_remembered_of_the_last_books_and_read_of_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aggregates.store.chain.KEPT", 3)
    ledger = Ledger()
    ledger.write(commit("a", 1))
    ledger.write(commit("a", 2))
    assert ledger.read == []
    for name in "bcde":
        ledger.write(commit(name, 1))
    ledger.write(commit("e", 2))
    ledger.write(commit("a", 3))
    assert ledger.read == ["a"]
    before = FIRST
    for version in (1, 2, 3):
        before = link(b"key", before, "a", version, 1_000 + version, b"state", b"")
        assert ledger.links["a", version] == before


def test_any_number_of_books_takes_no_memory_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aggregates.store.chain.KEPT", 3)
    ledger = Ledger()
    for n in range(20):
        ledger.write(commit(f"book{n}", 1), commit(f"book{n}", 2))
    assert len(ledger.chain._heads) <= 3 + 1


def test_the_files_of_a_folder_remember_no_more_links_than_one(tmp_path: Path) -> None:
    store = FilesStore(tmp_path / "store", partitions=4)
    assert sum(file.chain.kept for file in store._files.values()) <= KEPT
    store.close()
