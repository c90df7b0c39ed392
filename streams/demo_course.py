"""The course of the demo: publish three years, wait until they are judged, print the box, go on day by day."""

import asyncio
import signal
import socket
import time
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from projections.alerts import Alert
from projections.telling import headline
from puhui.policy.periods import date_at, microseconds, start_of
from streams.demo_box import Addresses, Result, box
from streams.demo_children import Children
from streams.demo_publishing import DayPublisher, by_day
from streams.demo_watching import ProgressLine, Watched
from streams.simulation import County, Message

KNOWN_AT: Final = microseconds(start_of(date(2025, 1, 1)))
"""The knowledge date of the box: all that was known when the last year of the history was over."""
_BEGIN: Final = date(2021, 12, 31)
_END: Final = date_at(KNOWN_AT)
_POLL: Final = 0.1
STANDSTILL: Final = 120.0
"""Seconds without any progress of the worker after which the demo gives up."""


class DemoFailed(RuntimeError):
    """The demo cannot go on; the message says why."""


class Course:
    """Plays a county against a running broker, worker and page."""

    def __init__(
        self, bootstrap: str, partitions: int, children: Children, watched: Watched, addresses: Addresses,
        began: float,
    ) -> None:  # fmt: skip
        self._publisher = DayPublisher(bootstrap, partitions)
        self._children, self._watched = children, watched
        self._addresses, self._began = addresses, began
        self._line = ProgressLine()
        self._shown: dict[tuple[str, str, str], Alert] = {}

    async def play(self, county: County, days_per_second: float | None) -> None:
        """Play until the box, and on at this speed where there is one, until a signal."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with self._publisher:
            await _first_of(stop.wait(), self._watch_children(), self._play(county, days_per_second))
        self._line.end()

    async def _play(self, county: County, days_per_second: float | None) -> None:
        await self._history(county)
        live = county.live()
        day = await asyncio.to_thread(next, live)
        await self._publisher.publish(day)  # with it the clock passes the knowledge date
        self._show_box(await self._until_judged())
        if days_per_second is not None:
            await self._live(live, 1 / days_per_second)

    async def _watch_children(self) -> None:
        """Fail when the worker is gone; without the page the demo goes on."""
        while (status := self._children.status("worker")) is None:
            await asyncio.sleep(_POLL)
        raise DemoFailed(f"the worker ended with status {status}: {self._children.last_words('worker')}")

    # until the box

    async def _history(self, county: County) -> None:
        days = by_day(county.history())
        while (day := await asyncio.to_thread(next, days, None)) is not None:
            await self._publisher.publish(day)
            self._progress(day[0].recorded_at.date())

    def _progress(self, day: date) -> None:
        share = (day - _BEGIN) / (_END - _BEGIN)
        self._line.show(
            share,
            lambda: (
                f"发布历史 {day}　已发布 {self._publisher.sent:,} 条　已接入 {self._watched.taken_in():,} 条"
            ),
        )

    async def _until_judged(self) -> float:
        """Wait until all is taken in and judged up to the knowledge date; the seconds that taking in has taken."""
        moved, state, taken_at = time.monotonic(), (-1, -1), 0.0
        self._line.again()
        while True:
            taken, judged, now = self._watched.taken_in(), self._watched.judged(), time.monotonic()
            if (taken, judged) != state:
                state, moved = (taken, judged), now
            elif now - moved > STANDSTILL:
                raise DemoFailed(
                    f"the worker stands still at {taken} events: {self._children.last_words('worker')}"
                )
            if taken >= self._publisher.sent and not taken_at:
                taken_at = now
            if taken_at and judged >= KNOWN_AT:
                return taken_at - (self._watched.first_seen or taken_at)
            self._line.show(taken / self._publisher.sent, lambda: _state(taken, judged))  # noqa: B023 - called at once
            await asyncio.sleep(_POLL)

    def _show_box(self, seconds: float) -> None:
        self._shown = self._watched.alerts()
        self._line.end()
        page = self._addresses if self._page_answers() else self._addresses.without_page()
        result = Result(
            KNOWN_AT, self._publisher.sent, seconds, time.monotonic() - self._began, tuple(self._shown.values()),
            self._watched.registry(), page,
        )  # fmt: skip
        print(box(result), flush=True)

    def _page_answers(self) -> bool:
        """Does the page listen, or will it in a moment?"""
        found = urlsplit(self._addresses.page)
        with suppress(OSError), socket.create_connection((found.hostname or "", found.port or 0), 1):
            return self._children.status("page") is None
        return False

    # after the box

    async def _live(self, live: Iterator[list[Message]], pause: float) -> None:
        """One day after each pause; when there are no more, everything stays as it is until a signal."""
        self._line.say(f"继续模拟：每 {pause:g} 秒一天，Ctrl-C 停止")
        while (day := await asyncio.to_thread(next, live, None)) is not None:
            await asyncio.sleep(pause)
            await self._publisher.publish(day)
            self._tell_changes()
            open_ = sum(alert.is_open for alert in self._shown.values())
            today = day[0].recorded_at.date()
            self._line.again()
            said = f"{today}　已接入 {self._watched.taken_in():,} 条　未解除预警 {open_} 件"
            self._line.show(1.0, partial(str, said))
        self._line.say("模拟数据已全部发布，Ctrl-C 停止")
        await asyncio.Event().wait()

    def _tell_changes(self) -> None:
        """One line for each alert that has changed since the last look."""
        found, registry = self._watched.alerts(), self._watched.registry()
        for key, alert in found.items():
            if self._shown.get(key) != alert:
                told = headline(alert, registry, alert.updated_at)
                self._line.say(f"{date_at(alert.updated_at)} {told}　{alert.headline}")
        self._shown = found


def _state(taken: int, judged: int) -> str:
    upto = f"　研判至 {date_at(judged)}" if judged else ""
    return f"已接入 {taken:,} 条{upto}"


async def _first_of(*works: Awaitable[object]) -> None:
    """Until the first of these ends; the others are cancelled, and its error is raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
