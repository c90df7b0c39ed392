"""The sender: what the store wants to leave on Kafka leaves, alerts on a lane of their own.

Answers may come in bulk, and their topic may be away: neither holds up an alert.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

from aggregates.store import Store
from aggregates.store.transaction import Outgoing
from puhui.contract.catalogue import ALERTS
from streams.connecting import Kafka
from streams.lane import Lane


class Sender:
    """Sends the messages of the store for which `mine` holds."""

    def __init__(
        self, store: Store, kafka: Kafka, mine: Callable[[Outgoing], bool], *, idempotent: bool = True
    ) -> None:
        def other(message: Outgoing) -> bool:
            return message.topic != ALERTS and mine(message)

        self.lanes = (
            Lane(store, kafka, mine, ALERTS, idempotent=idempotent),
            Lane(store, kafka, other, idempotent=idempotent),
        )

    @property
    def sent(self) -> Counter[str]:
        """Messages that Kafka has acknowledged, by topic."""
        return sum((lane.sent for lane in self.lanes), Counter())

    @property
    def failures(self) -> int:
        """How often Kafka took none."""
        return sum(lane.failures for lane in self.lanes)

    def wake(self) -> None:
        """Something may be there to send."""
        for lane in self.lanes:
            lane.wake()

    async def run(self) -> None:
        """Send until cancelled; while Kafka is away everything waits in the store."""
        await asyncio.gather(*(lane.run() for lane in self.lanes))

    async def close(self) -> None:
        """Send what is still there, if Kafka takes it within moments; the rest waits in the store."""
        await asyncio.gather(*(lane.close() for lane in self.lanes))
