"""Alertmanager: every configured one is told of itself what is due, through its API v2; one that is away holds up none.

Runs in the event loop of the worker that judges. What is to be told is in `streams.notifying`.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp
import msgspec
from yarl import URL

from aggregates.store import Store, Transaction
from projections.exporter import Told
from projections.notice import Desk, Notice, notice
from streams.notifying import AGAIN, Delivery, Standing, Telling

log = logging.getLogger("puhui.alertmanager")

AHEAD: Final = 12 * 3600
"""Seconds for which an open alert stands untold. A closing is always told, so this only ends what a worker that never
comes back has left behind; a shorter absence ends nothing, and raises nothing a second time."""
POLL: Final = 1.0
"""Seconds between two looks at the store."""
LONGEST_PAUSE: Final = 30.0
PATIENCE: Final = 10.0
"""Seconds that an Alertmanager has to answer."""
LARGEST: Final = 64
"""Notices in one request."""
_HEADERS: Final = {"Content-Type": "application/json"}


NOTHING: Final = Told(0, 0, 0)


class NotTaken(RuntimeError):
    """An Alertmanager has answered, and not with yes."""


@dataclass
class _Receiver:
    """One Alertmanager: its address, what is due, and how it gets on."""

    url: URL
    told: Told = NOTHING
    complaint: str = ""
    delivery: Delivery | None = None

    @property
    def name(self) -> str:
        """Its address without user and password; with its path, for several may stand behind one host."""
        return f"{self.url.host}:{self.url.port}{self.url.path.rstrip('/')}"

    @property
    def mark(self) -> str:
        """The name of its mark in the store."""
        return f"alertmanager:{self.url.with_user(None)}"

    def taken(self, notices: int) -> None:
        """So many were taken."""
        so_far = self.told
        self.told = Told(so_far.notices + notices, so_far.failures, so_far.waiting - notices)


class Notifier:
    """Tells every Alertmanager of the alerts of a store while this worker `presides` over them."""

    def __init__(
        self, store: Store, urls: Sequence[str], desk: Desk, presides: Callable[[], bool] = lambda: True, *,
        clock: Callable[[], float] = time.time, again: float = AGAIN,
    ) -> None:  # fmt: skip
        self._store = store
        self._desk = desk
        self._presides = presides
        self._clock = clock
        self._again = again
        self._standing: Standing | None = None
        self._receivers = [_Receiver(URL(url)) for url in urls]

    @property
    def told(self) -> Mapping[str, Told]:
        """How the telling gets on, by the address of each Alertmanager."""
        return {receiver.name: receiver.told for receiver in self._receivers}

    async def run(self) -> None:
        """Tell until cancelled; while an Alertmanager is away everything waits in the store."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(timeout=timeout, headers=_HEADERS) as session:
            await asyncio.gather(*(self._keep_telling(session, receiver) for receiver in self._receivers))

    async def _keep_telling(self, session: aiohttp.ClientSession, receiver: _Receiver) -> None:
        pause = POLL
        while True:
            delivery = self._take_up(receiver)
            taken = delivery is None or await self._tell(session, receiver, delivery)
            pause = POLL if taken else min(2 * pause, LONGEST_PAUSE)
            await asyncio.sleep(pause)

    def _take_up(self, receiver: _Receiver) -> Delivery | None:
        """Follow the alerts; who has just begun to preside takes up what stands in the store."""
        if not self._presides():
            self._standing = None
            receiver.told = receiver.told._replace(waiting=0)  # who presides now tells it
        elif self._standing is not None:
            self._standing.follow()
        else:
            self._begin()
        return receiver.delivery if self._standing else None

    def _begin(self) -> None:
        marks = [self._store.mark(receiver.mark) for receiver in self._receivers]
        self._standing = standing = Standing(
            self._store, min((m for m in marks if m is not None), default=None)
        )
        for receiver, mark in zip(self._receivers, marks, strict=True):
            receiver.delivery = Delivery(standing, standing.version if mark is None else mark, self._again)
            self._keep_mark(receiver.mark, receiver.delivery)

    async def _tell(self, session: aiohttp.ClientSession, receiver: _Receiver, delivery: Delivery) -> bool:
        """Tell what is due; False where it was not taken."""
        due = list(delivery.due(self._clock()))
        receiver.told = receiver.told._replace(waiting=len(due))
        try:
            for start in range(0, len(due), LARGEST):
                part = due[start : start + LARGEST]
                now = self._clock()
                await self._post(session, receiver.url, part, now)
                delivery.told(part, now)
                receiver.taken(len(part))
        except (aiohttp.ClientError, TimeoutError, NotTaken) as error:
            _complain(receiver, error)
            return False
        receiver.complaint = ""
        delivery.advance(self._clock())
        self._keep_mark(receiver.mark, delivery)
        self._forget()
        return True

    async def _post(
        self, session: aiohttp.ClientSession, url: URL, part: Sequence[Telling], now: float
    ) -> None:
        body = msgspec.json.encode([self._notice(telling, now) for telling in part])
        async with session.post(url / "api/v2/alerts", data=body, allow_redirects=False) as answer:
            if answer.status != 200:
                raise NotTaken(f"it answers with status {answer.status}")

    def _notice(self, telling: Telling, now: float) -> Notice:
        ends_at = round((now + AHEAD) * 1e6) if telling.closing is None else telling.closing.at
        return notice(telling.alert, self._desk, ends_at)

    def _keep_mark(self, name: str, delivery: Delivery) -> None:
        """Store the mark where it has moved."""
        if self._store.mark(name) != delivery.mark:
            self._store.write(Transaction(marks={name: delivery.mark}))

    def _forget(self) -> None:
        """Keep no closing that everybody knows."""
        if self._standing is not None:
            self._standing.forget(min(each.delivery.mark for each in self._receivers if each.delivery))


def _complain(receiver: _Receiver, error: Exception) -> None:
    """Count a failure, and tell it once, until it changes or is over."""
    receiver.told = receiver.told._replace(failures=receiver.told.failures + 1)
    said = str(error) if isinstance(error, NotTaken) else type(error).__name__
    if said != receiver.complaint:
        log.warning("alerts wait in the store, Alertmanager %s takes none: %s", receiver.name, said)
    receiver.complaint = said
