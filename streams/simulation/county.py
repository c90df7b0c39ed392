"""The simulated county: its history from 2022 on, and the days after it, as the messages of its banks."""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from heapq import heappop, heappush
from random import Random

import msgspec

from streams.simulation.badloans import BadLoans
from streams.simulation.book import Book, Fact
from streams.simulation.course import Course, Shapes
from streams.simulation.days import DAY_US, OPENING, QUARTERS, Quarter, iso, ordinal
from streams.simulation.delivery import Sent, deliver
from streams.simulation.lending import lend
from streams.simulation.message import Message
from streams.simulation.office import SOURCE, notices
from streams.simulation.opening import open_book
from streams.simulation.people import People
from streams.simulation.plan import FARMERS, Institution, institutions
from streams.simulation.positions import Positions
from streams.simulation.renewals import Renewals
from streams.simulation.stories import hour, play
from streams.simulation.targets import Target, series, targets

LIVE_FROM = hour(ordinal(2025, 1, 1), 0)
LIVE_DAYS = 181
_ZONE = timezone(timedelta(hours=8))
_EPOCH = datetime(2020, 1, 1, tzinfo=_ZONE)
_EPOCH_US = hour(ordinal(2020, 1, 1), 0)
_encode = msgspec.json.Encoder().encode
_Waiting = list[tuple[int, int, str, str, dict[str, object]]]


def _moment(recorded: int) -> datetime:
    return _EPOCH + timedelta(microseconds=recorded - _EPOCH_US)


class _Bank:
    """One institution at work: its books, its bad loans and its reports."""

    def __init__(
        self, institution: Institution, number: int, seed: int, people: People, shapes: Shapes
    ) -> None:
        self.institution, self.number = institution, number
        self._people, self._shapes = people, shapes
        self._rng = rng = Random(seed * 1000 + number)
        own = institution.parameters
        self._plan = targets(rng, institution)
        self._book = Book(institution, own, rng, institution.short, institution.kind != "micro_lender")
        self._books = [(self._book, BadLoans(self._book), self._plan)] if own.level == "C" else []
        if institution.short == "NS":
            farmers = Book(institution, FARMERS, rng, "NSN", inclusive=False)
            found = series(rng, FARMERS, institution.kind, True)
            plan = {quarter: Target(ph, households, npl=round(ph * FARMERS.npl / 100), credit=FARMERS.credit[0])
                    for quarter, (ph, households) in zip(QUARTERS, found, strict=True)}  # fmt: skip
            self._books.append((farmers, BadLoans(farmers), plan))
        self._positions = Positions(institution, self._book)

    def opening(self) -> list[Sent]:
        for book, bad, _ in self._books:
            open_book(book, bad, self._people)
            book.ph_moves.clear()
        self._positions.bases()
        self._positions.opening()
        return self._sent(None)

    def play(self, quarter: Quarter) -> list[Sent]:
        """One quarter: stories, instalments, bad loans, renewals, repayments, new loans, reports."""
        for book, bad, plan in self._books:
            book.npr_repaid = 0
            course = Course(book, quarter, plan[quarter], self._rng, self._people, self._shapes)
            play(book, bad, self._people, quarter)
            course.instalments()
            course.gather()
            bad.run(course)
            Renewals(course).run()
            course.repayments()
            lend(course)
            if (book.balance, book.households) != plan[quarter][:2]:
                raise ValueError(f"{book.mark} missed its plan of {quarter.year}Q{quarter.number}")
        target = self._plan[quarter]
        self._positions.report(quarter, target.ph, target.households, target.npr)
        return self._sent(quarter)

    def _sent(self, quarter: Quarter | None) -> list[Sent]:
        found: list[Sent] = []
        facts: list[Fact] = []
        for book in {id(book): book for book in (self._book, *(book for book, _, _ in self._books))}.values():
            facts += book.facts
            book.facts = []
        found = deliver(facts, self.number, self.institution.short, quarter, self._rng)
        if self.institution.short == "GG" and quarter and (quarter.year, quarter.number) == (2023, 4):
            found += self._drill(found)
        return found

    @staticmethod
    def _drill(found: list[Sent]) -> list[Sent]:
        """D18: a drill of 2023-11-30, in its own environment."""
        day = ordinal(2023, 11, 30)
        model = next(
            sent.fact
            for sent in found
            if sent.fact.type == "loan.issued" and "previous" not in sent.fact.data
        )
        drill = []
        for n in range(1, 4):
            dates = {"business_date": iso(day), "disbursed_on": iso(day), "original_due_on": "2024-11-29"}
            data = {
                **model.data,
                **dates,
                "loan_no": f"YL{n}",
                "customer_ref": f"p1:{n:032x}",
                "customer_kind": "individual",
            }
            data.pop("enterprise_size", None)
            subject = f"loan/{data['institution_id']}/YL{n}"
            fact = Fact(day, f"YL{n}", "loan.issued", subject, data, (f"YL{n}",))
            drill.append(Sent(hour(day, 15) + n * 1_000_000, fact, "drill"))
        return drill


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
            _Bank(institution, number, self._seed, people, shapes)
            for number, institution in enumerate(self.institutions)
        ]
        waiting: _Waiting = []
        counter = 0
        for n, notice in enumerate(notices(self.institutions)):
            event = self._event(
                notice.type, f"FO{n + 1}", SOURCE, notice.subject, notice.recorded, notice.key, notice.data
            )
            heappush(waiting, (notice.recorded, counter, "registry-events", notice.key, event))
            counter += 1
        for quarter in (None, *QUARTERS):
            for bank in banks:
                usc = bank.institution.usc
                source = f"urn:puhui:inst:{usc}"
                for recorded, fact, environment in bank.play(quarter) if quarter else bank.opening():
                    event = self._event(
                        fact.type, fact.id, source, fact.subject, hour(fact.day, 10.5), usc, fact.data
                    )
                    if environment:
                        event["environment"] = environment
                    heappush(waiting, (recorded, counter, "loan-events", usc, event))
                    counter += 1
            end = (quarter.end if quarter else OPENING) + 2
            while waiting and waiting[0][0] < end * DAY_US:
                recorded, _, topic, key, event = heappop(waiting)
                yield recorded, Message(_moment(recorded), topic, key, _encode(event))

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
            "time": f"{iso(happened // DAY_US)}T{happened % DAY_US // 3_600_000_000:02d}:30:00+08:00",
            "partitionkey": key,
            "environment": self._environment,
            "data": data,
        }


def county(seed: int = 1, *, environment: str = "demo") -> County:
    """The simulated county of a seed; nothing is computed before its history is asked for."""
    return County(seed, environment)
