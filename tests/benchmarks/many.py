"""Three million loans, all of them open, and events that may come to any of them."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, takewhile
from random import Random
from threading import Event
from typing import Final

from tests.benchmarks.kafka import a_broker
from tests.benchmarks.load import INSTITUTIONS, YEARS
from tests.benchmarks.rows import Row, median
from tests.benchmarks.scene import Scene
from tests.benchmarks.throughput import times
from tests.benchmarks.wire import LATE, Published, Teller, iso, midnight
from tests.benchmarks.worker import Pace, Worker

LOANS: Final = 3_000_000
QUICK_LOANS: Final = 100_000
WINDOWS: Final = 3
"""Measured one after the other; the middle one counts."""
_WINDOW: Final = 250_000
_QUICK_WINDOW: Final = 30_000
_TERM: Final = YEARS
"""Days: none of them is due before the history ends."""
_ISSUED: Final = YEARS - 30
"""By this day all loans are issued; repayments come in the days after it."""
_CUMULATED: Final = list(accumulate(1 / n for n in range(1, len(INSTITUTIONS) + 1)))


class Bank:
    """One institution: its loans in the order of their issue."""

    def __init__(self, number: int, environment: str) -> None:
        self._teller = Teller(number, INSTITUTIONS[number], YEARS, environment, seed=7)
        self._random = Random(f"bank {number}")
        self.loans = 0

    def issue(self, day: int) -> Iterator[Published]:
        """One more loan, of a customer who may have two."""
        self.loans += 1
        customer, loan_no = self.loans * 2 // 3, self._teller.loan_no()
        return self._tell(
            day, "loan.issued",
            f'"loan_no":"{loan_no}","contract_no":"HT{loan_no}","customer_ref":"p1:{self._teller.number:02d}{customer:062d}",'
            f'"customer_kind":"individual","principal_fen":{(10 + self.loans % 290) * 1_000_000},'
            f'"disbursed_on":"{iso(day)}","original_due_on":"{iso(day + _TERM)}","main_security":"credit"',
        )  # fmt: skip

    def repay(self, day: int) -> Iterator[Published]:
        """A small part of any of its loans."""
        loan = self._random.randint(1, self.loans)
        data = f'"loan_no":"JJ{self._teller.number:02d}{loan:08d}","principal_fen":{10_000 + loan % 1_000}'
        return self._tell(day, "loan.repaid", f'{data},"interest_fen":{loan % 700},"kind":"scheduled"')

    def _tell(self, day: int, kind: str, data: str) -> Iterator[Published]:
        """Now and then late, and now and then twice: published in the order of days all the same."""
        at = midnight(day + 1) + 10_800_000
        late = self._random.randint(1, 20) if kind == "loan.repaid" and self._random.random() < LATE else 0
        self._teller.tell(day - late, kind, data, late=False, at=at)
        yield from (told._replace(at=at) for told in self._teller.told)
        self._teller.told.clear()


def history(loans: int, repayments: int, environment: str) -> Iterator[Published]:
    """First all loans, then repayments of any of them."""
    random = Random("many")
    banks = [Bank(number, environment) for number in range(len(INSTITUTIONS))]
    for number in range(loans):
        (bank,) = random.choices(banks, cum_weights=_CUMULATED)
        yield from bank.issue(number * _ISSUED // loans)
    banks, weights = [b for b in banks if b.loans], [1 / (n + 1) for n, b in enumerate(banks) if b.loans]
    for number in range(repayments):
        (bank,) = random.choices(banks, weights)
        yield from bank.repay(_ISSUED + number * (YEARS - _ISSUED) // repayments)


def many(scene: Scene) -> dict[str, Row]:
    """Let a worker take all the loans in, and measure how fast it goes on; it is fed from the first moment."""
    loans, window = (QUICK_LOANS, _QUICK_WINDOW) if scene.quick else (LOANS, _WINDOW)
    folder, url = scene.folder / "many", scene.url("many")
    with a_broker(folder / "broker") as broker, ThreadPoolExecutor(1) as feeding:
        broker.register(scene.environment)
        ended = Event()
        all_events = history(loans, window * WINDOWS, scene.environment)
        fed = feeding.submit(broker.publish, takewhile(lambda _: not ended.is_set(), all_events))
        try:
            with Worker(broker, url, folder / "group", scene.environment) as worker:
                loading = worker.pace(loans)
                upto = fed.result()
                paces = [worker.pace(min(upto, worker.taken_in() + window)) for _ in range(WINDOWS)]
        except TimeoutError:
            if fed.done():
                fed.result()  # the worker waits for what could not be published
            raise
        finally:
            ended.set()
    scene.shown.paces["intake_many"], scene.shown.many = _joined(loading, paces), loans
    return _rows(scene, loans, paces, max(pace.rss for pace in (loading, *paces)))


def _joined(loading: Pace, paces: Iterable[Pace]) -> Pace:
    """The whole way, with time and CPU counted on; stages are those of all of it."""
    samples, stages = list(loading.samples), loading.stages
    for pace in paces:
        seconds, cpu = samples[-1].seconds, samples[-1].cpu
        samples += [s._replace(seconds=s.seconds + seconds, cpu=s.cpu + cpu) for s in pace.samples[1:]]
        stages = pace.stages
    return Pace(samples, stages)


def _rows(scene: Scene, loans: int, paces: list[Pace], rss: int) -> dict[str, Row]:
    scaled = f", only {loans:,} loans in a quick run" if scene.quick else ""
    found = [
        times(pace.rate, f" over {pace.events:,} events{scaled}", scene.middle_agent, scene.lean)
        for pace in paces
    ]
    told = f"{loans:,} loans, {sum(pace.events for pace in paces) + loans:,} events"
    return {"intake_many": median(found), "memory_many": Row(rss / 1e6, told)}
