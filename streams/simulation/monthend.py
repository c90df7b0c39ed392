"""月末冲高: about one per cent more at every month end, back in the week after it."""

from streams.simulation.book import Book
from streams.simulation.course import Course
from streams.simulation.days import workday_after, workday_before
from streams.simulation.loans import Loan

_SHARE = 0.01


class MonthEnds:
    """Short loans over the month ends of one book, to customers that it has."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._open: list[Loan] = []

    def run(self, course: Course) -> None:
        """Pay back what was lent over the last quarter's end, lend over the three month ends of this one."""
        book, rng = self._book, course.rng
        for loan in self._open:
            book.repay(loan.due, loan, loan.balance)
        self._open = []
        ill = {loan.customer.ref for loan in book.live.values() if loan.since or loan.customer.npr}
        healthy = [
            customer
            for customer in book.borrowers.values()
            if customer.ref not in ill and customer.balance <= 4_000 and not customer.outside
        ]
        average = course.target.ph // course.target.households
        for end in course.quarter.month_ends:
            left = round(course.target.ph * _SHARE)
            while left > 0:
                amount = min(3_000, rng.randrange(average // 2, average * 2) // 10 * 10)
                due = workday_after(end + rng.randrange(3, 7))
                loan = book.new_loan(rng.choice(healthy), amount, workday_before(end), due, "mortgage")
                loan.held = True
                book.issue(loan.start, loan)
                left -= amount
                if due > course.quarter.end:
                    self._open.append(loan)
                else:
                    book.repay(due, loan, loan.balance)
