"""Events as they come on a living day: published now, at a steady pace, some of them wrong figures."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count, cycle
from random import Random
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, Message, TopicPartition

from puhui.contract.catalogue import ALERTS, LOAN_EVENTS
from puhui.policy.periods import BEIJING, Month
from tests.benchmarks.kafka import Broker
from tests.benchmarks.load import INSTITUTIONS
from tests.benchmarks.positions import position
from tests.benchmarks.wire import FIRST_DAY, Teller, iso

_WEIGHTS: Final = [1 / n for n in range(1, len(INSTITUTIONS) + 1)]
_WARM_UP: Final = 2.0
_PLANTED: Final = 1.5
"""Wrong figures a second."""


class Delays(NamedTuple):
    """Milliseconds from timestamps to what was looked for; sorted."""

    commits: list[float]
    alerts: list[float]


def p99(found: list[float]) -> float:
    """The 99th percentile of sorted values."""
    return found[min(len(found) - 1, int(0.99 * len(found)))]


def _events(environment: str, seed: int) -> Iterator[tuple[int, bytes]]:
    """Loans issued and repaid in parts today: institution and bytes."""
    today = (datetime.now(BEIJING).date() - FIRST_DAY).days
    random = Random(f"live {seed}")
    tellers = [
        Teller(n, code, today + 1, environment, seed=seed + 1, loans=10_000_000 * (seed + 2))
        for n, code in enumerate(INSTITUTIONS)
    ]
    for number in count():
        teller = random.choices(tellers, _WEIGHTS)[0]
        loan = f'"loan_no":"{teller.loan_no()}",'
        terms = (
            f'"customer_ref":"p1:{seed:02d}{number:062d}","customer_kind":"individual","principal_fen":90000000,'
            f'"disbursed_on":"{iso(today)}","original_due_on":"{iso(today + 365)}","main_security":"credit"'
        )
        teller.tell(today, "loan.issued", loan + terms, late=False)
        for part in range(3):
            teller.tell(today, "loan.repaid", f'{loan}"principal_fen":{1_000_000 + part}', late=False)
        yield from ((told.institution, told.value) for told in teller.told)
        teller.told.clear()


def _wrong_figures(environment: str, seed: int) -> Iterator[tuple[int, bytes]]:
    """One wrong balance of each institution in turn: institution and bytes."""
    today = datetime.now(BEIJING).date()
    end = (Month(today.year, today.month).previous.last_day - FIRST_DAY).days
    for number in cycle(range(len(INSTITUTIONS))):
        teller = Teller(number, INSTITUTIONS[number], end + 1, environment, seed=seed + 1_000)
        teller.tell(
            end,
            "position.reported",
            position(("PH", "NPR", "FS")[seed % 3], end, f"{seed + 1}.00"),
            late=False,
        )
        yield number, teller.told[0].value


class _Alerts(threading.Thread):
    """Reads the topic of alerts, and notes when each was read."""

    def __init__(self, broker: Broker) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[float, bytes]] = []
        self.ended = threading.Event()
        self._consumer = Consumer(
            {"bootstrap.servers": broker.bootstrap, "group.id": "benchmark", "fetch.wait.max.ms": 5}
        )
        end = self._consumer.get_watermark_offsets(TopicPartition(ALERTS, 0))[1]
        self._consumer.assign([TopicPartition(ALERTS, 0, end)])

    def run(self) -> None:
        while not self.ended.is_set():
            for message in self._consumer.consume(500, 0.01):
                if not message.error():
                    self.seen.append((time.time() * 1e3, message.value() or b""))
        self._consumer.close()


class _Feed(threading.Thread):
    """Publishes at a pace; notes partition, offset and timestamp of each event, and when the wrong ones went."""

    def __init__(self, broker: Broker, environment: str, seed: int, rate: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.sent: list[tuple[int, int, int]] = []
        self.planted: dict[str, float] = {}
        self._broker, self._environment, self._seed = broker, environment, seed
        self._rate, self._seconds = rate, seconds
        self._ready = list(_take(_events(environment, seed), int(rate * seconds)))

    def run(self) -> None:
        producer, wrong = self._broker.producer(2), _wrong_figures(self._environment, self._seed)
        began, next_wrong = time.time(), 1 / _PLANTED
        for number, (institution, value) in enumerate(self._ready):
            ahead = number / self._rate - (time.time() - began)
            if ahead > 0.001:
                producer.poll(0)
                time.sleep(ahead)
            key = INSTITUTIONS[institution].encode()
            producer.produce(LOAN_EVENTS, value, key, on_delivery=self._delivered)
            if number / self._rate > next_wrong and len(self.planted) < len(INSTITUTIONS):
                institution, value = next(wrong)
                code = INSTITUTIONS[institution]
                self.planted[code] = time.time() * 1e3
                producer.produce(LOAN_EVENTS, value, code.encode(), on_delivery=self._delivered)
                next_wrong += 1 / _PLANTED
        producer.flush(30)

    def _delivered(self, error: Any, message: Message) -> None:
        if error is None:
            self.sent.append((message.partition() or 0, message.offset() or 0, message.timestamp()[1]))


def _take(events: Iterator[tuple[int, bytes]], number: int) -> Iterator[tuple[int, bytes]]:
    return (event for event, _ in zip(events, range(number), strict=False))


def measure(
    broker: Broker,
    environment: str,
    positions: Callable[[], list[int]],
    *,
    rate: int,
    seconds: float,
    seed: int,
) -> Delays:
    """Publish at a pace, and look every few milliseconds how far the store is: never too early, a little late."""
    alerts, feed = _Alerts(broker), _Feed(broker, environment, seed, rate, seconds + _WARM_UP)
    looks: list[tuple[float, list[int]]] = []
    alerts.start()
    began = time.time() * 1e3
    feed.start()
    patience = time.time() + seconds + 30
    while time.time() < patience:
        seen = positions()
        looks.append((time.time() * 1e3, seen))
        if not feed.is_alive() and all(seen[p] > offset for p, offset, _ in feed.sent[-500:]):
            break
        time.sleep(0.004)
    time.sleep(1.0)
    alerts.ended.set()
    alerts.join()
    warm = began + _WARM_UP * 1e3
    return Delays(_commits(feed.sent, looks, warm), _alerts(feed.planted, alerts.seen, warm))


def _commits(
    sent: list[tuple[int, int, int]], looks: list[tuple[float, list[int]]], warm: float
) -> list[float]:
    """For each event the first look at which the position was behind it; the last look where none was."""
    found: list[float] = []
    at: dict[int, int] = {}
    for partition, offset, timestamp in sorted(sent):
        look = at.get(partition, 0)
        while look < len(looks) and looks[look][1][partition] <= offset:
            look += 1
        at[partition] = look
        if timestamp >= warm:
            found.append(looks[min(look, len(looks) - 1)][0] - timestamp)
    return sorted(found)


def _alerts(planted: dict[str, float], seen: list[tuple[float, bytes]], warm: float) -> list[float]:
    found = []
    for code, timestamp in planted.items():
        wanted = code.encode()
        at = next(
            (at for at, value in seen if at >= timestamp and wanted in value and b"Reconciliation" in value),
            None,
        )
        if timestamp >= warm and at is not None:
            found.append(at - timestamp)
    return sorted(found)
