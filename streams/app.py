"""The Faust app: one agent over both topics of events; everything else of Faust is switched off."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import faust
from faust.tables.manager import TableManager

from puhui.settings import Settings
from streams.broker import is_embedded
from streams.cluster import EVENT_TOPICS
from streams.connecting import Kafka, faust_credentials
from streams.ending import end_now
from streams.engine import Engine
from streams.transport import Reader


class NoTables(TableManager):
    """Faust's manager of tables, for an app that has none: Faust's own waits a second before the group is joined."""

    async def on_start(self) -> None:
        """Say at once that all tables are there."""
        await self._update_channels()
        await self.recovery.start()


class App(faust.App):
    """Faust's app, with the reader that our transport asks, and how its consumer reaches Kafka."""

    reader: Reader
    kafka: Kafka

    def _create_directories(self) -> None:
        """Faust keeps nothing in files here."""


def build_app(settings: Settings, engine: Engine) -> App:
    """Build the app that feeds this engine; an error in it ends the process."""
    quick = is_embedded(engine.cluster.cluster_id)
    # The embedded broker waits for half a session before a group is there, and three seconds more for a named member.
    session, member = (3, None) if quick else (settings.session, settings.member)
    app = App(
        settings.group,
        broker=[f"kafka://{address}" for address in settings.broker.split(",")],
        broker_consumer=[f"batch://{address}" for address in settings.broker.split(",")],
        broker_credentials=faust_credentials(engine.cluster.kafka),
        broker_session_timeout=session,
        broker_rebalance_timeout=1 if quick else 20,
        broker_heartbeat_interval=0.5 if quick else min(2, session / 4),
        broker_request_timeout=30,
        consumer_group_instance_id=member,
        key_serializer="raw",
        value_serializer="raw",
        store="memory://",
        TableManager=NoTables,
        stream_buffer_maxsize=16,  # portions of a fetch, not records: 32 MiB in all
        stream_wait_empty=False,  # a batch that is not taken in is read again: nobody has to wait for it
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=engine.cluster.partitions,
        web_enabled=False,
    )
    app.reader = engine
    app.kafka = engine.cluster.kafka
    engine.resume = lambda partitions: app.consumer.resume_partitions(partitions)
    events = app.topic(*EVENT_TOPICS, key_serializer="raw", value_serializer="raw")

    @app.agent(events, name="intake", concurrency=1)
    async def intake(stream: Any) -> None:
        async for batch in stream:
            await or_end(engine.take(batch))

    return app


async def or_end(work: Awaitable[None]) -> None:
    """Do this, or end the process: Faust would go on with the next batch."""
    try:
        await work
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        end_now(error)
