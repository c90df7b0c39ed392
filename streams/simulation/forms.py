"""The forms of a renewal: whole or in part, two into one, with an increase, in two legs, within the same 借据."""

from streams.simulation.course import Course
from streams.simulation.days import add_months, iso, workday_after, workday_before
from streams.simulation.loans import Loan
from streams.simulation.terms import Data, Renewal, fen


class Forms:
    """Renews single loans of one quarter of one book, and counts how."""

    def __init__(self, course: Course) -> None:
        self._c, self._book, self._rng = course, course.book, course.rng

    def mark(self, loan: Loan) -> None:
        """续期 within the same 借据, which the bank marks as 无还本续贷."""
        self.extend(loan, 12, marked=True)
        self._turn(loan)

    def _turn(self, loan: Loan) -> None:
        loan.kind = "npr"
        loan.refinanced = loan.depth > 0
        self._book.npr += loan.balance
        self._book.count_npr(loan.customer, 1)

    def extend(self, loan: Loan, months: int, marked: bool = False) -> None:
        """展期."""
        day, old = self._c.by_due(loan), loan.due
        loan.due = workday_before(add_months(loan.due, months))
        data: Data = {"old_due_on": iso(old), "new_due_on": iso(loan.due), "agreed_on": iso(day),
                      "extended_principal_fen": fen(loan.balance)}  # fmt: skip
        if marked:
            data["marked_renewal"] = True
        self._book.tell_loan(day, "loan.extended", loan, data)

    def one_to_one(
        self,
        loan: Loan,
        part: int,
        increase: int = 0,
        mode: str = "no_principal",
        day: int = 0,
        late: bool = False,
    ) -> None:
        """Renew one loan; what is not renewed is paid back on the same day."""
        shapes = self._c.shapes
        day = day or self._c.by_due(loan)
        if loan.due > self._c.quarter.end:
            day = self.any_day()
        signed = day
        if late:
            day = workday_after(loan.due + 3)
            signed = day
        if part < loan.balance:
            self._book.repay(day, loan, loan.balance - part)
        new = self.successor(loan, part + increase, day)
        self._book.renew(day, new, [(loan, part)], self.how(mode, signed, increase))
        shapes.increased += bool(increase)

    def merge(self, bundle: list[Loan]) -> None:
        """Two loans of one customer become one."""
        day = min(self._c.by_due(loan) for loan in bundle)
        new = self.successor(bundle[0], sum(loan.balance for loan in bundle), day)
        self._book.renew(day, new, [(loan, loan.balance) for loan in bundle], self.how("no_principal", day))
        self._c.shapes.two_to_one += 1

    def how(self, mode: str, signed: int, increase: int = 0) -> Renewal:
        shapes = self._c.shapes
        shapes.renewals += 1
        if shapes.two_legs < 0.4 * shapes.renewals:
            shapes.two_legs += 1
            return Renewal(mode, signed, increase, self._rng.choice(("first first", "second first")))
        return Renewal(mode, signed, increase)

    def successor(self, loan: Loan, principal: int, day: int) -> Loan:
        due = workday_before(add_months(day, 12))
        return self._book.new_loan(loan.customer, principal, day, due, loan.security)

    def any_day(self) -> int:
        return self._rng.choice(self._c.quarter.workdays[5:-2])

    def relabel(self) -> None:
        """借新还旧 relabelled 无还本续贷 on 2024-11-01 (金规〔2024〕13号)."""
        day = self._c.quarter.start + 31
        loans = [
            loan for loan in self._book.live.values() if loan.kind == "refi" and iso(loan.start) >= "2024"
        ]
        data: Data = {
            "business_date": iso(day),
            "institution_id": self._book.institution.usc,
            "loan_no": [loan.no for loan in loans],
            "field": "issuance_kind",
            "old": "refinance",
            "new": "no_principal_renewal",
            "effective_on": iso(day),
            "mode": "policy",
            "rule": "借新还旧转列无还本续贷",
            "notice": "金规〔2024〕13号",
        }
        subject = f"loan/{self._book.institution.usc}/{loans[0].no}"
        self._book.tell(day, "loan.reclassified", subject, data, tuple(loan.no for loan in loans))
        for loan in loans:
            self._turn(loan)
            loan.held = True
