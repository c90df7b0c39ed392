"""Heads leave once a day through the outbox, and bring to light that the last commits were cut off."""

import asyncio
import json
from datetime import date
from pathlib import Path

import pytest

from aggregates.store import open_store
from puhui.cli import main
from puhui.contract.catalogue import INTEGRITY
from streams.broker import EmbeddedBroker
from streams.heads import Heads, published_heads
from streams.lane import Lane
from streams.topics import ensure_topics
from tests.examples import BANK
from tests.figures import instant
from tests.unit.test_verifying import CUT_OFF, KEY, LAST, SECRET, Chained, lived


@pytest.fixture
def store(tmp_path: Path) -> Chained:
    url = f"sqlite:{tmp_path}/store.db"
    lived(url, KEY)
    return Chained(url)


def test_every_book_of_a_worker_is_published_once_a_day(store: Chained) -> None:
    written = open_store(store.url, key=KEY)
    heads, morning, next_day = Heads(written, BANK.__eq__), instant("2026-07-03"), instant("2026-07-04")
    assert [heads.tick(morning, 1), heads.tick(morning + 1, 1), heads.tick(morning + 2, 2)] == [
        True,
        False,
        False,
    ]
    assert not Heads(written, BANK.__eq__).tick(morning + 3, 1), "nor after a restart"
    assert heads.tick(next_day, 2)
    letters = written.outbox()
    assert [(letter.topic, letter.key, letter.id) for letter in letters] == [
        (INTEGRITY, BANK, f"{BANK}/2026-07-03"), (INTEGRITY, BANK, f"{BANK}/2026-07-04")
    ]  # fmt: skip
    body = json.loads(letters[0].value)
    assert (body["type"], body["time"][:10]) == ("cn.puhui.integrity.head.v1", "2026-07-03")
    assert body["data"] == {"book": BANK, "version": LAST, "link": store.head(LAST).link, "day": "2026-07-03"}


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
