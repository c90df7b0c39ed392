"""无还本续贷 of a quarter: renewals and repayments that lead to the planned balance exactly."""

from streams.simulation.choice import SMALL, Choice
from streams.simulation.course import Course
from streams.simulation.forms import Forms
from streams.simulation.loans import Loan

_AGAIN = 0.62


class Renewals:
    """Renews what falls due in one quarter of one book."""

    def __init__(self, course: Course) -> None:
        self._c = course
        self._book = course.book
        self._rng = course.rng
        self._forms, self._choice = Forms(course), Choice(course)
        self._first = course.quarter.start
        self._touched: set[str] = set()
        """Loans that already have an early payment or an extension in the quarter."""

    def run(self) -> None:
        """Everything that the quarter's plan asks of renewals."""
        target = self._c.target
        for loan in self._book.live.values():
            if loan.held and loan.kind == "npr" and loan.refinanced:
                loan.held = False
        if target.refinance:
            self._refinance(target.refinance)
        if (self._c.quarter.year, self._c.quarter.number, self._book.mark) == (2024, 4, "NS"):
            self._forms.relabel()
        if target.npr or self._book.npr:
            for _ in range(target.marked):
                self._forms.mark(self._choice.take_single())
            self._no_principal()
        self._partial()
        for _ in range(len(self._c.free) // 120):
            self._forms.extend(self._choice.take_single(), 6)

    def _no_principal(self) -> None:
        target, book = self._c.target, self._book
        due = [loan for loan in book.live.values()
               if loan.kind == "npr" and not loan.held and loan.due <= self._c.quarter.end]  # fmt: skip
        self._rng.shuffle(due)
        again, fresh, repaid = self._parts(sum(loan.balance for loan in due))
        paid_before = book.npr_repaid
        self._again(due, again)
        repaid -= book.npr_repaid - paid_before
        repaid = self._pay_due([loan for loan in due if loan.balance and loan.no in book.live], repaid)
        wanted = target.npr_customers
        if wanted is None:
            self._early(repaid)
            self._fresh(fresh)
        elif target.parts:
            self._fresh_by(fresh, 2)
            self._leave(book.npr_customers - wanted, repaid)
        else:
            self._early(repaid)
            while not 0 < fresh <= self._choice.room(wanted - book.npr_customers):
                smallest = min(self._untouched(), key=lambda loan: loan.balance)
                fresh += smallest.balance
                self._c.payoff(smallest, self._forms.any_day(), "early")
            self._fresh_by(fresh, wanted - book.npr_customers)

    def _parts(self, due: int) -> tuple[int, int, int]:
        """How much is renewed of renewals, how much of other loans, and how much is repaid; `due`: what falls due in all."""
        target, book = self._c.target, self._book
        if target.parts:
            again, fresh, repaid = target.parts
            return again, fresh, repaid - book.npr_repaid
        again = int(due * (_AGAIN if target.npr_customers is None else 0.9))
        fresh = target.npr - book.npr + due - again
        room = int(sum(loan.balance for bundle in self._c.free for loan in bundle) * 0.5)
        if fresh > room:
            moved = min(fresh - room, due - again)
            again, fresh = again + moved, fresh - moved
        return again, max(fresh, 0), due - again - min(fresh, 0)

    def _again(self, due: list[Loan], amount: int) -> None:
        """Renew loans that are renewals already, for this amount in all."""
        later = sorted(
            (loan for loan in self._choice.old() if loan.due > self._c.quarter.end), key=lambda loan: loan.due
        )
        for loan in [*due, *later]:
            if not amount:
                return
            part = min(loan.balance, amount)
            if 0 < amount - part < SMALL < part:
                part -= SMALL
            self._forms.one_to_one(loan, part)
            amount -= part
        if amount:
            raise ValueError("not enough renewals fall due")

    def _pay_due(self, due: list[Loan], repaid: int) -> int:
        """Pay back what falls due and is not renewed; beyond the amount it is extended. What is left of it."""
        for loan in due:
            if loan.balance <= repaid:
                repaid -= loan.balance
                if self._c.target.parts:
                    self._book.repay(self._c.due_day(loan), loan, loan.balance)
                else:
                    self._c.payoff(loan, self._c.due_day(loan))
            else:
                self._forms.extend(loan, 3)
                self._touched.add(loan.no)
        return repaid

    def _fresh(self, amount: int) -> None:
        """Renew loans that were no renewals, for this amount in all, in the county's mix of forms."""
        shapes = self._c.shapes
        late = self._c.target.late_signed
        while amount:
            bundle = self._choice.take(two=shapes.two_to_one < 0.08 * shapes.renewals)
            balance = sum(loan.balance for loan in bundle)
            if len(bundle) == 2 and balance <= amount and not 0 < amount - balance < SMALL:
                self._forms.merge(bundle)
                amount -= balance
                continue
            for loan in bundle[1:]:
                self._c.free.append([loan])
            part = min(bundle[0].balance, amount)
            if 0 < amount - part < SMALL < part:
                part -= SMALL
            increase = 0
            if shapes.increased < 0.04 * shapes.renewals and not self._c.target.parts and part * 1.3 < amount:
                increase = max(10, part // 70 * 10)
            after = late > 0 and bundle[0].due + 12 <= self._c.quarter.end
            late -= after
            self._forms.one_to_one(bundle[0], part, increase, late=after)
            amount -= part + increase

    def _fresh_by(self, amount: int, count: int) -> None:
        """The same from exactly so many customers."""
        singles = self._choice.singles()
        chosen = singles[:count]
        rest = sorted(singles[count:], key=lambda b: b[0].balance)
        while sum(b[0].balance for b in chosen) < amount:
            chosen.sort(key=lambda b: b[0].balance)
            chosen[0] = rest.pop()
        left, have = amount, sum(b[0].balance for b in chosen)
        for n, (loan,) in enumerate(chosen):
            part = loan.balance * amount // have if n < count - 1 else min(left, loan.balance)
            have_after = have
            self._c.free.remove([loan])
            self._forms.one_to_one(loan, part)
            left -= part
            have = have_after
        if left:
            raise ValueError(f"{left} was not renewed")

    def _leave(self, count: int, amount: int) -> None:
        """So many customers pay everything back early, others a part, this amount in all (a squeeze)."""
        old = sorted(self._untouched(), key=lambda loan: loan.balance)
        start = len(old) - count
        while sum(loan.balance for loan in old[start : start + count]) > amount:
            start -= 1
        for loan in old[start : start + count]:
            amount -= loan.balance
            self._book.repay(self._forms.any_day(), loan, loan.balance, "early")
        staying = old[:start] + old[start + count :]
        self._rng.shuffle(staying)
        for loan in sorted(staying, key=lambda loan: -loan.balance):
            part = min(amount, loan.balance * 2 // 3)
            if part:
                self._book.repay(self._forms.any_day(), loan, part, "early")
                amount -= part
        if amount:
            raise ValueError(f"{amount} was not paid back")

    def _early(self, amount: int) -> None:
        """Loans not yet due are paid back early, this amount in all."""
        old = [loan for loan in self._untouched() if loan.due > self._c.quarter.end]
        self._rng.shuffle(old)
        for loan in old:
            if not amount:
                return
            part = min(amount, loan.balance)
            amount -= part
            if part == loan.balance:
                self._c.payoff(loan, self._forms.any_day(), "early")
            else:
                self._book.repay(self._forms.any_day(), loan, part, "early")
                self._touched.add(loan.no)
        if amount:
            raise ValueError(f"{amount} was not paid back")

    def _untouched(self) -> list[Loan]:
        return [loan for loan in self._choice.old() if loan.no not in self._touched]

    def _partial(self) -> None:
        """部分还本续贷: a part of the old loan is paid with own money, the rest renewed."""
        shapes = self._c.shapes
        while self._book.npr and shapes.partial < 0.06 * shapes.renewals and self._c.free:
            loan = self._choice.take_single()
            part = max(10, loan.balance * self._rng.randrange(5, 9) // 100 * 10)
            day = self._c.by_due(loan)
            if part < loan.balance:
                new = self._forms.successor(loan, part, day)
                self._book.renew(day, new, [(loan, part)], self._forms.how("partial", day))
                self._book.repay(self._c.due_day(loan), loan, loan.balance)
                shapes.partial += 1
            else:
                self._c.payoff(loan, day)

    def _refinance(self, amount: int) -> None:
        """借新还旧 for this amount in all, in the first weeks of the quarter when it is the last one relabelled."""
        last = self._first + 24
        relabelled = self._c.target.parts is not None
        for bundle in list(self._c.free):
            loan = bundle[0]
            if not amount:
                return
            if len(bundle) > 1 or not self._choice.fits(loan) or (relabelled and loan.due > last + 25):
                continue
            self._c.free.remove(bundle)
            part = min(loan.balance, amount)
            if 0 < amount - part < SMALL < part:
                part -= SMALL
            self._forms.one_to_one(loan, part, mode="refinance", day=min(last, loan.due) if relabelled else 0)
            amount -= part
        if amount:
            raise ValueError("not enough falls due to be refinanced")
