"""Heads leave once a day through the outbox, and bring to light that the last commits were cut off."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from aggregates.store import Store, StoreIncomplete, Transaction, open_store
from aggregates.store.chain import chain_key
from aggregates.store.transaction import Flush
from projections.rebuilding import rebuild
from puhui.cli import main
from puhui.contract.catalogue import INTEGRITY
from streams.broker import EmbeddedBroker
from streams.heads import PUBLISHED, Heads, published_heads
from streams.lane import Lane
from streams.topics import ensure_topics
from tests.contract.test_store import commit, opened
from tests.examples import BANK
from tests.figures import instant
from tests.unit.test_verifying import CUT_OFF, KEY, LAST, SECRET, Chained, lived


@pytest.fixture
def store(tmp_path: Path) -> Chained:
    url = f"sqlite:{tmp_path}/store.db"
    lived(url, KEY)
    return Chained(url)


@pytest.fixture(params=["sqlite", "files", pytest.param("postgres", marks=pytest.mark.parts)])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A fresh store of each kind."""
    for open_it in opened(request, tmp_path):
        yield open_it()


def with_books(store: Store, *names: str) -> None:
    store.write(Transaction(born=list(names), commits=[commit(1, name) for name in names]))


def left(store: Store) -> list[tuple[str, int, str]]:
    """Book, version and day of the heads that leave."""
    found = [json.loads(letter.value)["data"] for letter in store.outbox(10_000, INTEGRITY)]
    store.forget(INTEGRITY, [letter.id for letter in store.outbox(10_000, INTEGRITY)])
    return [(head["book"], head["version"], head["day"]) for head in found]


def test_a_book_with_news_is_published_once_a_day(store: Chained) -> None:
    written = open_store(store.url, key=KEY)
    heads, morning, next_day = Heads(written, BANK.__eq__), instant("2026-07-03"), instant("2026-07-04")
    assert [heads.tick(morning, 1), heads.tick(morning + 1, 1), heads.tick(morning + 2, 2)] == [
        True,
        False,
        False,
    ]
    written.write(Transaction(commits=[commit(LAST + 1, BANK)]))
    assert not Heads(written, BANK.__eq__).tick(morning + 3, 1), "nor after a restart"
    assert heads.tick(next_day, 2)
    letters = written.outbox()
    assert [(letter.topic, letter.key, letter.id) for letter in letters] == [
        (INTEGRITY, BANK, f"{BANK}/2026-07-03"), (INTEGRITY, BANK, f"{BANK}/2026-07-04")
    ]  # fmt: skip
    body = json.loads(letters[0].value)
    assert (body["type"], body["time"][:10]) == ("cn.puhui.integrity.head.v1", "2026-07-03")
    assert body["data"] == {"book": BANK, "version": LAST, "link": store.head(LAST).link, "day": "2026-07-03"}
    assert json.loads(letters[1].value)["data"]["version"] == LAST + 1


def test_a_book_that_rests_is_not_published_again(any_store: Store) -> None:
    with_books(any_store, "a", "b")
    heads = Heads(any_store, lambda book: True)
    assert heads.tick(instant("2026-07-03"), 1)
    assert left(any_store) == [("a", 1, "2026-07-03"), ("b", 1, "2026-07-03")]
    any_store.write(Transaction(commits=[commit(2, "b")]))
    assert heads.tick(instant("2026-07-04"), 1)
    assert left(any_store) == [("b", 2, "2026-07-04")]
    assert not heads.tick(instant("2026-07-05"), 1)
    assert left(any_store) == []


def test_a_store_that_remembers_only_the_day_publishes_all_of_its_books_on_the_next(any_store: Store) -> None:
    with_books(any_store, "a")
    day = (date(2026, 7, 3) - date(1970, 1, 1)).days
    any_store.write(Transaction(marks={"integrity:a": day}))
    heads = Heads(any_store, lambda book: True)
    assert not heads.tick(instant("2026-07-03"), 1)
    assert heads.tick(instant("2026-07-04"), 1)
    assert left(any_store) == [("a", 1, "2026-07-04")]


def test_many_books_are_published_a_portion_a_tick_each_of_them_once(any_store: Store) -> None:
    names = [f"book{n:04}" for n in range(2 * PUBLISHED + 7)]
    with_books(any_store, *names)
    heads, morning = Heads(any_store, lambda book: True), instant("2026-07-03")
    for portion in (PUBLISHED, PUBLISHED, 7):
        assert heads.tick(morning, 1)
        assert len(any_store.outbox(10_000, INTEGRITY)) == portion
        assert [book for book, _, _ in left(any_store)] == names[:portion]
        del names[:portion]
    assert not heads.tick(morning, 1)
    assert not heads.tick(morning, 2)


def test_among_any_number_of_books_a_tick_looks_at_a_portion(
    any_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.heads.LOOKED_AT", 10)
    names = [f"book{n:04}" for n in range(35)]
    with_books(any_store, *names)
    heads, seen = Heads(any_store, ["book0004", "book0034"].__contains__), list[int]()
    books = any_store.books

    def counted(*arguments: Any, **options: Any) -> Any:
        found = books(*arguments, **options)
        seen.append(len(found))
        return found

    monkeypatch.setattr(any_store, "books", counted)
    ticks = [heads.tick(instant("2026-07-03"), 1) for _ in range(6)]
    assert (ticks, seen) == ([True, False, False, True, False, False], [10, 10, 10, 5])
    assert [book for book, _, _ in left(any_store)] == ["book0004", "book0034"]


def test_where_days_fly_by_the_last_books_have_their_turn_too(
    any_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.heads.LOOKED_AT", 2)
    names = ["a", "b", "c", "d", "e"]
    with_books(any_store, *names)
    heads, published = Heads(any_store, lambda book: True), Counter[str]()
    for day in range(3, 9):
        heads.tick(instant(f"2026-07-0{day}"), 1)
        found = [book for book, _, _ in left(any_store)]
        published.update(found)
        any_store.write(Transaction(commits=[commit(published[book] + 1, book) for book in found]))
    assert set(published) == set(names)


def test_a_book_that_its_owner_has_just_gone_on_with_is_published_with_the_next_tick(
    any_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_books(any_store, "a", "b")
    books = any_store.books

    def gone_on(*arguments: Any, **options: Any) -> Any:
        found = books(*arguments, **options)
        monkeypatch.setattr(any_store, "books", books)
        any_store.write(Transaction(commits=[commit(2, "b")]))
        any_store.write(Transaction(flush=Flush("b", 0, 2, [], [])))
        any_store.settle()
        return found

    monkeypatch.setattr(any_store, "books", gone_on)
    heads, morning = Heads(any_store, lambda book: True), instant("2026-07-03")
    assert heads.tick(morning, 1)
    assert left(any_store) == [("a", 1, "2026-07-03")]
    assert heads.tick(morning, 1)
    assert left(any_store) == [("b", 2, "2026-07-03")]


def test_a_last_commit_that_the_ledger_does_not_hold_is_still_told(store: Chained) -> None:
    store.ledger("DELETE FROM {}", LAST)
    with pytest.raises(StoreIncomplete, match=f"commit {LAST}"):
        Heads(open_store(store.url, key=KEY), BANK.__eq__).tick(instant("2026-07-03"), 1)


def test_a_store_that_was_made_anew_publishes_all_of_its_books(store: Chained, tmp_path: Path) -> None:
    written = open_store(store.url, key=KEY)
    assert Heads(written, lambda book: True).tick(instant("2026-07-02"), 1)
    fresh, another = f"sqlite:{tmp_path}/fresh.db", chain_key("another-key")
    rebuild(store.url, fresh, processes=1, key=another)
    made = open_store(fresh, key=another)
    assert left(made) == [], "what waited is of the other chain"
    assert Heads(made, lambda book: True).tick(instant("2026-07-02"), 1)
    assert {book for book, _, _ in left(made)} == {book for book, *_ in written.books()}


def test_what_was_published_is_held_against_the_store(
    store: Chained,
    fresh_broker: EmbeddedBroker,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    bootstrap = fresh_broker.bootstrap
    ensure_topics(bootstrap)
    written = open_store(store.url, key=KEY)
    assert Heads(written, lambda book: True).tick(instant("2026-07-02"), 1)

    async def send() -> None:
        lane = Lane(written, bootstrap, lambda message: True, idempotent=False)
        assert await lane.send_some()
        await lane.close()

    asyncio.run(send())
    assert written.outbox() == []
    assert {head.book for head in published_heads(bootstrap)} >= {BANK, "registry:2"}
    for name, value in (("STORE", store.url), ("CHAIN_KEY", SECRET), ("BROKER", bootstrap)):
        monkeypatch.setenv(f"PUHUI_{name}", value)
    assert main(["verify", "--published"]) == 0
    store.log("DELETE FROM {}", LAST)
    store.ledger("DELETE FROM {}", LAST)
    store.do("UPDATE watermark SET last = 11 WHERE book = ?", BANK)
    assert main(["verify"]) == 0, "what is left is whole"
    capsys.readouterr()
    assert main(["verify", "--published"]) == 1
    assert f"{BANK}  commit 12: {CUT_OFF.format(11)}" in capsys.readouterr().out
    assert published_heads(bootstrap, date(2026, 7, 3)) == []
    assert main(["verify", "--published", "--since", "2026-07-03"]) == 0
