"""Events as they come on a living day: published now, at a steady pace, some of them wrong figures."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import count, islice
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
_POPULATIONS: Final = ("PH", "NPR")
"""What is made of the loans: a total that is reported is compared with nothing."""
ALERT_LIMIT: Final = 10.0
"""Seconds after which an alert counts as lost."""


class Delays(NamedTuple):
    """Milliseconds from timestamps to what was looked for; sorted. What was never found has the whole limit."""

    commits: list[float]
    alerts: list[float]
    lost: int
    """Alerts that were never read."""


def quantile(found: list[float], share: float) -> float:
    """The value below which this share of the sorted values lies."""
    return found[min(len(found) - 1, int(share * len(found)))]


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
    """One wrong balance of each institution, of a closed month and a population that no other seed has."""
    today = datetime.now(BEIJING).date()
    month = Month(today.year, today.month).previous.previous
    for _ in range(seed // len(_POPULATIONS)):
        month = month.previous
    end = (month.last_day - FIRST_DAY).days
    data = position(_POPULATIONS[seed % len(_POPULATIONS)], end, f"{seed + 1}.00")
    for number, code in enumerate(INSTITUTIONS):
        teller = Teller(number, code, end + 1, environment, seed=seed + 1_000)
        teller.tell(end, "position.reported", data, late=False)
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


class Feed(threading.Thread):
    """Publishes at a pace; notes partition, offset and timestamp of each event, and when the wrong ones went."""

    def __init__(
        self,
        broker: Broker,
        environment: str,
        *,
        seed: int,
        rate: int,
        seconds: float,
        planting: bool = False,
    ) -> None:
        super().__init__(daemon=True)
        self.sent: list[tuple[int, int, int]] = []
        self.planted: dict[str, float] = {}
        self._producer, self._rate = broker.producer(2), rate
        self._wrong = list(islice(_wrong_figures(environment, seed), len(INSTITUTIONS) if planting else 0))
        self._ready = list(islice(_events(environment, seed), int(rate * seconds)))
        self._ended = threading.Event()

    def stop(self) -> None:
        """Publish nothing more, and return when all is acknowledged."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        began = time.time()
        for number, (institution, value) in enumerate(self._ready):
            ahead = number / self._rate - (time.time() - began)
            if ahead > 0.001:
                self._producer.poll(0)
                time.sleep(ahead)
            if self._ended.is_set():
                break
            self._produce(institution, value)
            if self._wrong and number / self._rate > (len(self.planted) + 1) / _PLANTED:
                institution, value = self._wrong.pop(0)
                self.planted[INSTITUTIONS[institution]] = time.time() * 1e3
                self._produce(institution, value)
        self._producer.flush(30)

    def _produce(self, institution: int, value: bytes) -> None:
        key = INSTITUTIONS[institution].encode()
        self._producer.produce(LOAN_EVENTS, value, key, on_delivery=self._delivered)

    def _delivered(self, error: Any, message: Message) -> None:
        if error is None:
            self.sent.append((message.partition() or 0, message.offset() or 0, message.timestamp()[1]))


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
    alerts = _Alerts(broker)
    feed = Feed(broker, environment, seed=seed, rate=rate, seconds=seconds + _WARM_UP, planting=True)
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
    warm = began + _WARM_UP * 1e3
    planted = {code: at for code, at in feed.planted.items() if at >= warm}
    _wait_for(planted, alerts)
    return delays(_commits(feed.sent, looks, warm), planted, alerts.seen)


def _wait_for(planted: dict[str, float], alerts: _Alerts) -> None:
    """Wait until the alert of every wrong figure was read, as long as one may take."""
    deadline = time.time() + ALERT_LIMIT
    while None in alerts_read(planted, alerts.seen) and time.time() < deadline:
        time.sleep(0.05)
    alerts.ended.set()
    alerts.join()


def delays(commits: list[float], planted: dict[str, float], seen: Sequence[tuple[float, bytes]]) -> Delays:
    """What was found; an alert that was not read counts with the whole limit."""
    found = alerts_read(planted, seen)
    return Delays(
        sorted(commits),
        sorted(ALERT_LIMIT * 1e3 if delay is None else delay for delay in found),
        found.count(None),
    )


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
    return found


def alerts_read(planted: dict[str, float], seen: Sequence[tuple[float, bytes]]) -> list[float | None]:
    """For each wrong figure the milliseconds until its alert was read; None where it was not."""
    return [
        next((at - sent for at, value in seen if at >= sent and _is_alert_of(code, value)), None)
        for code, sent in planted.items()
    ]


def _is_alert_of(code: str, value: bytes) -> bool:
    return code.encode() in value and b"Reconciliation" in value
