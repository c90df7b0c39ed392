"""The simulated county: its history from 2022 on, and the days after it, as the messages of its banks."""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from operator import itemgetter
from random import Random

import msgspec

from streams.simulation.bank import Bank
from streams.simulation.course import Shapes
from streams.simulation.days import DAY_US, OPENING, QUARTERS, iso, ordinal
from streams.simulation.message import Message
from streams.simulation.office import SOURCE, notices
from streams.simulation.people import People
from streams.simulation.plan import institutions
from streams.simulation.stories import hour

LIVE_FROM = hour(ordinal(2025, 1, 1), 0)
LIVE_DAYS = 181
_MORNING = 37_800_000_000
_ZONE = timezone(timedelta(hours=8))
_EPOCH = datetime(2020, 1, 1, tzinfo=_ZONE)
_EPOCH_US = hour(ordinal(2020, 1, 1), 0)
_encode = msgspec.json.Encoder().encode
_Waiting = list[tuple[int, str, str, bytes]]
_RECORDED = itemgetter(0)


@lru_cache(maxsize=1440)
def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _moment(recorded: int) -> datetime:
    return _EPOCH + timedelta(microseconds=recorded - _EPOCH_US)


class County:
    """The county of the demo; the same seed gives the same messages, byte for byte."""

    def __init__(self, seed: int = 1, environment: str = "demo") -> None:
        self._seed, self._environment = seed, environment
        self.institutions = institutions(Random(seed))
        self._rest: Iterator[Message] | None = None

    def history(self) -> Iterator[Message]:
        """Everything recorded before 2025-01-01, in the order of recording."""
        stream = self._stream()
        for recorded, message in stream:
            if recorded >= LIVE_FROM:
                self._rest = self._after(message, stream)
                return
            yield message

    def live(self) -> Iterator[list[Message]]:
        """One list a day from 2025-01-01 to 2025-06-30, continuing the same loans."""
        if self._rest is None:
            for _ in self.history():
                pass
        assert self._rest is not None
        rest, self._rest = self._rest, None
        first = ordinal(2025, 1, 1)
        days: list[list[Message]] = [[] for _ in range(LIVE_DAYS)]
        for message in rest:
            at = message.recorded_at.date().toordinal() - first
            while at >= 1 and days:
                yield days.pop(0)
                first, at = first + 1, at - 1
            if not days:
                return
            days[0].append(message)
        yield from days

    @staticmethod
    def _after(message: Message, stream: Iterator[tuple[int, Message]]) -> Iterator[Message]:
        yield message
        for _, later in stream:
            yield later

    def _stream(self) -> Iterator[tuple[int, Message]]:
        people, shapes = People(Random(self._seed * 1000 + 999)), Shapes()
        banks = [
            Bank(institution, number, self._seed, people, shapes)
            for number, institution in enumerate(self.institutions)
        ]
        waiting: _Waiting = []
        for n, notice in enumerate(notices(self.institutions)):
            event = self._event(
                notice.type, f"FO{n + 1}", SOURCE, notice.subject, notice.recorded, notice.key, notice.data
            )
            waiting.append((notice.recorded, "registry-events", notice.key, _encode(event)))
        for quarter in (None, *QUARTERS):
            for bank in banks:
                usc = bank.institution.usc
                source = f"urn:puhui:inst:{usc}"
                for recorded, fact, environment in bank.play(quarter) if quarter else bank.opening():
                    event = self._event(
                        fact.type, fact.id, source, fact.subject, fact.day * DAY_US + _MORNING, usc, fact.data
                    )
                    if environment:
                        event["environment"] = environment
                    waiting.append((recorded, "loan-events", usc, _encode(event)))
            end = ((quarter.end if quarter else OPENING) + 2) * DAY_US
            waiting.sort(key=_RECORDED)
            ready = bisect_left(waiting, end, key=_RECORDED)
            for recorded, topic, key, value in waiting[:ready]:
                yield recorded, Message(_moment(recorded), topic, key, value)
            del waiting[:ready]

    def _event(
        self,
        kind: str,
        number: str,
        source: str,
        subject: str,
        happened: int,
        key: str,
        data: dict[str, object],
    ) -> dict[str, object]:
        return {
            "type": f"cn.puhui.{kind}.v1",
            "specversion": "1.0",
            "id": number,
            "source": source,
            "subject": subject,
            "time": f"{iso(happened // DAY_US)}T{_clock(happened % DAY_US // 60_000_000)}:00+08:00",
            "partitionkey": key,
            "environment": self._environment,
            "data": data,
        }


def county(seed: int = 1, *, environment: str = "demo") -> County:
    """The simulated county of a seed; nothing is computed before its history is asked for."""
    return County(seed, environment)
