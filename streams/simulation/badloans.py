"""逾期, 不良 and what becomes of them: overdue, classified, collected, written off, transferred, recovered."""

from streams.simulation.book import Book
from streams.simulation.course import Course
from streams.simulation.days import Quarter, iso, workday_after
from streams.simulation.loans import Loan
from streams.simulation.terms import Data, fen

_DISPOSED = (0.10, 0.12, 0.13, 0.65)
"""The quarters' parts of a year's write-offs."""
_LATER = ((90, "default"), (200, "doubtful"), (330, "loss"))
"""Days past due and what happens then."""
NPL = ("substandard", "doubtful", "loss")


class BadLoans:
    """The bad loans of one book, from quarter to quarter."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._loans: list[Loan] = []
        self._agenda: list[tuple[int, Loan, str]] = []

    def take(self, loan: Loan, since: int, after: int) -> None:
        """Look after a loan that is overdue since that day; what lies before `after` is done."""
        loan.held, loan.since = True, since
        self._loans.append(loan)
        self._agenda += [(since + days, loan, what) for days, what in _LATER if since + days > after]

    def run(self, course: Course) -> None:
        """The quarter's classifications and disposals, then new bad loans up to the planned balance."""
        quarter = course.quarter
        self._due(quarter)
        self._dispose(course)
        self._loans = [loan for loan in self._loans if loan.balance]
        missing = course.target.npl - self._book.npl
        if missing < 0:
            self._collect(course, -missing)
        else:
            self._fall(course, missing)

    def _due(self, quarter: Quarter) -> None:
        now = sorted((entry for entry in self._agenda if entry[0] <= quarter.end), key=lambda entry: entry[0])
        self._agenda = [entry for entry in self._agenda if entry[0] > quarter.end]
        for planned, loan, what in now:
            day = max(planned, quarter.start)
            if what.startswith("recovered"):
                self._book.tell_loan(day, "loan.recovered", loan, {"amount_fen": fen(int(what.split()[1]))})
            elif not loan.balance:
                continue
            elif what == "default":
                data: Data = {"defaulted_on": iso(day), "trigger": "90_days", "exposure_fen": fen(loan.balance),
                              "customer_ref": loan.customer.ref}  # fmt: skip
                self._book.tell_loan(day, "loan.defaulted", loan, data)
            else:
                self.classify(day, loan, what, NPL[NPL.index(what) - 1])

    def classify(self, day: int, loan: Loan, what: str, before: str) -> None:
        """五级分类, and with it whether the loan is 不良."""
        data: Data = {"class": what, "classified_on": iso(day), "previous_class": before, "method": "manual"}
        self._book.tell_loan(day, "loan.classified", loan, data)
        if what in NPL and not loan.npl:
            loan.npl = True
            self._book.npl += loan.balance

    def write_off(self, day: int, loan: Loan, recovered: bool = True) -> None:
        """核销 of the whole loan; a part of some is recovered later."""
        amount = loan.balance
        self._book.move(day, loan, -amount)
        data: Data = {"principal_fen": fen(amount), "approved_on": iso(day), "still_pursued": True}
        self._book.tell_loan(day, "loan.written_off", loan, data)
        if recovered and self._book.rng.random() < 0.3 and amount >= 10:
            later = workday_after(day + self._book.rng.randrange(60, 200))
            self._agenda.append((later, loan, f"recovered {max(1, amount // 8)}"))

    def _dispose(self, course: Course) -> None:
        quarter, rng = course.quarter, course.rng
        wanted = self._book.npl * 0.4 * _DISPOSED[quarter.number - 1]
        if quarter.number == 4:
            wanted = self._book.npl * 0.3
        transfer = quarter.number == 4 and course.book.institution.kind != "village_bank"
        for loan in [x for x in self._loans if x.balance and x.npl and x.since < quarter.start - 300]:
            if wanted < loan.balance // 2:
                continue
            wanted -= loan.balance
            day = max(rng.choice(quarter.workdays[20:-2]), loan.last)
            if transfer and rng.random() < 0.15:
                data: Data = {"kind": "npl", "principal_fen": fen(loan.balance), "price_fen": fen(loan.balance * 3 // 10),
                              "buyer_kind": "local_amc", "batch_no": f"BL{quarter.year}"}  # fmt: skip
                self._book.move(day, loan, -loan.balance)
                self._book.tell_loan(day, "loan.transferred", loan, data)
            else:
                self.write_off(day, loan)

    def _collect(self, course: Course, amount: int) -> None:
        """Money comes in on bad loans, this amount in all, the oldest first."""
        for loan in [loan for loan in self._loans if loan.npl]:
            part = min(amount, loan.balance)
            if part:
                day = max(course.rng.choice(course.quarter.workdays[10:-2]), loan.last)
                self._book.repay(day, loan, part, course.rng.choice(("overdue", "collateral")))
                amount -= part

    def _fall(self, course: Course, missing: int) -> None:
        """Loans that fall due are not paid, become overdue and then substandard, this amount in all."""
        quarter, book = course.quarter, self._book
        for bundle in list(course.free):
            loan = bundle[0]
            if not missing:
                return
            if (
                len(bundle) > 1
                or loan.kind != "new"
                or loan.due + 26 > quarter.end
                or loan.balance > 3 * missing + 200
            ):
                continue
            course.free.remove(bundle)
            since = max(loan.due, quarter.start) + 1
            data: Data = {"overdue_since": iso(since), "overdue_principal_fen": fen(loan.balance), "days": 1}
            book.tell_loan(since, "loan.overdue", loan, data)
            self.classify(since + 8, loan, "special_mention", "normal")
            day = min(since + course.rng.randrange(16, 85), quarter.end - 3)
            if loan.balance > missing:
                book.repay(day - 1, loan, loan.balance - missing, "overdue")
            self.take(loan, since, since)
            self.classify(day, loan, "substandard", "special_mention")
            missing -= loan.balance
