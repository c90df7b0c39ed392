"""The Faust app that a worker runs."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import faust
import pytest

from puhui.settings import Settings
from streams.app import build_app
from streams.connecting import Connection
from streams.engine import Engine


def test_the_group_is_joined_without_waiting_for_tables_of_which_there_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def asleep(service: object, seconds: float) -> None:
        raise AssertionError(f"{service} sleeps for {seconds} s")

    async def ready() -> bool:
        cluster = SimpleNamespace(cluster_id="one", kafka=Connection("localhost:9092"), partitions=4)
        app: Any = build_app(Settings.read({}), cast(Engine, SimpleNamespace(cluster=cluster)))
        monkeypatch.setattr(app.consumer, "assignment", set)
        monkeypatch.setattr(faust.Service, "sleep", asleep)
        await app.tables.on_start()
        async with asyncio.timeout(5):
            await app.tables.wait_until_tables_registered()
        return bool(app.tables.recovery.started)

    assert asyncio.run(ready())
