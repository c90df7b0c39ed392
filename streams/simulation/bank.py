"""One institution at work, quarter by quarter."""

from random import Random

from streams.simulation.badloans import BadLoans
from streams.simulation.book import Book
from streams.simulation.course import Course, Shapes
from streams.simulation.days import QUARTERS, Quarter, iso, ordinal
from streams.simulation.delivery import Sent, deliver
from streams.simulation.lending import lend
from streams.simulation.loans import Fact
from streams.simulation.monthend import MonthEnds
from streams.simulation.opening import open_book
from streams.simulation.people import People
from streams.simulation.plan import FARMERS, Institution
from streams.simulation.positions import Positions
from streams.simulation.renewals import Renewals
from streams.simulation.stories import hour, play
from streams.simulation.targets import Target, series, targets
from streams.simulation.terms import Data


class Bank:
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
        self._month_ends = MonthEnds(self._book)
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
            if book.inclusive:
                self._month_ends.run(course)
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
            data: Data = {
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
