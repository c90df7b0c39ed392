"""Which loans a bank may renew in a quarter."""

from streams.simulation.course import Course
from streams.simulation.loans import Loan

SMALL = 20
"""No renewal is smaller if that can be helped, in thousands of yuan."""


class Choice:
    """The renewals that are there, and what falls due and could become one."""

    def __init__(self, course: Course) -> None:
        self._c, self._book = course, course.book
        self._largest = 800 if course.book.institution.short == "CZ" else 3_000

    def old(self) -> list[Loan]:
        """Renewals that were there when the quarter began."""
        return [loan for loan in self._book.live.values()
                if loan.kind == "npr" and not loan.held and loan.start < self._c.quarter.start]  # fmt: skip

    def singles(self) -> list[list[Loan]]:
        return [b for b in self._c.free if len(b) == 1 and self.fits(b[0]) and b[0].balance >= SMALL]

    def room(self, count: int) -> int:
        """What so many customers could renew at most."""
        balances = sorted((b[0].balance for b in self.singles()), reverse=True)
        return sum(balances[: max(0, count)])

    def fits(self, loan: Loan) -> bool:
        return not loan.customer.npr and loan.balance <= self._largest and loan.kind != "refi"

    def take(self, two: bool) -> list[Loan]:
        """A bundle that may be renewed, of two loans if asked and there is one."""
        second = None
        for n, bundle in enumerate(self._c.free):
            if not self.fits(bundle[0]) or sum(loan.balance for loan in bundle) > self._largest:
                continue
            close = len(bundle) < 3 and abs(bundle[0].due - bundle[-1].due) < 40
            if close and len(bundle) == (2 if two else 1):
                return self._c.free.pop(n)
            second = n if second is None else second
        if second is None:
            raise ValueError("nothing falls due that could be renewed")
        return self._c.free.pop(second)

    def take_single(self) -> Loan:
        loan, *others = self.take(two=False)
        self._c.free.extend([other] for other in others)
        return loan
