"""无还本续贷 of a quarter: renewals and repayments that lead to the planned balance exactly."""

from streams.simulation.book import Loan
from streams.simulation.course import Course
from streams.simulation.days import add_months, iso, workday_before
from streams.simulation.terms import Data, Renewal, fen

_SMALL = 20
_AGAIN = 0.62


class Renewals:
    """Renews what falls due in one quarter of one book."""

    def __init__(self, course: Course) -> None:
        self._c = course
        self._book = course.book
        self._rng = course.rng
        self._first = course.quarter.start
        self._largest = 800 if course.book.institution.short == "CZ" else 3_000

    def run(self) -> None:
        """Everything that the quarter's plan asks of renewals."""
        target = self._c.target
        for loan in self._book.live.values():
            if loan.held and loan.kind == "npr" and loan.refinanced:
                loan.held = False
        if target.refinance:
            self._refinance(target.refinance)
        if (self._c.quarter.year, self._c.quarter.number, self._book.mark) == (2024, 4, "NS"):
            self._relabel()
        if target.npr or self._book.npr:
            for _ in range(target.marked):
                self._mark(self._take_single())
            self._no_principal()
        self._partial()
        for _ in range(len(self._c.free) // 120):
            self._extend(self._take_single(), 6)

    def _no_principal(self) -> None:
        target, book = self._c.target, self._book
        due = [loan for loan in book.live.values()
               if loan.kind == "npr" and not loan.held and loan.due <= self._c.quarter.end]  # fmt: skip
        self._rng.shuffle(due)
        whole = sum(loan.balance for loan in due)
        if target.parts:
            again, fresh, repaid = target.parts
            repaid -= book.npr_repaid
        else:
            again = int(whole * (_AGAIN if target.npr_customers is None else 0.9))
            fresh = target.npr - book.npr + whole - again
            room = int(sum(loan.balance for bundle in self._c.free for loan in bundle) * 0.5)
            if fresh > room:
                moved = min(fresh - room, whole - again)
                again, fresh = again + moved, fresh - moved
            repaid = whole - again - min(fresh, 0)
            fresh = max(fresh, 0)
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
            while not 0 < fresh <= self._room(wanted - book.npr_customers):
                smallest = min(self._old(), key=lambda loan: loan.balance)
                fresh += smallest.balance
                self._c.payoff(smallest, self._any_day(), "early")
            self._fresh_by(fresh, wanted - book.npr_customers)

    def _again(self, due: list[Loan], amount: int) -> None:
        """Renew loans that are renewals already, for this amount in all."""
        later = sorted((loan for loan in self._old() if loan.due > self._c.quarter.end), key=lambda l: l.due)
        for loan in [*due, *later]:
            if not amount:
                return
            part = min(loan.balance, amount)
            if 0 < amount - part < _SMALL < part:
                part -= _SMALL
            self._one_to_one(loan, part)
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
                self._extend(loan, 3)
        return repaid

    def _fresh(self, amount: int) -> None:
        """Renew loans that were no renewals, for this amount in all, in the county's mix of forms."""
        shapes = self._c.shapes
        late = self._c.target.late_signed
        while amount:
            bundle = self._take(two=shapes.two_to_one < 0.08 * shapes.renewals)
            balance = sum(loan.balance for loan in bundle)
            if len(bundle) == 2 and balance <= amount and not 0 < amount - balance < _SMALL:
                self._merge(bundle)
                amount -= balance
                continue
            for loan in bundle[1:]:
                self._c.free.append([loan])
            part = min(bundle[0].balance, amount)
            if 0 < amount - part < _SMALL < part:
                part -= _SMALL
            increase = 0
            if shapes.increased < 0.04 * shapes.renewals and not self._c.target.parts and part * 1.3 < amount:
                increase = max(10, part // 70 * 10)
            self._one_to_one(bundle[0], part, increase, late=late > 0)
            late -= 1
            amount -= part + increase

    def _fresh_by(self, amount: int, count: int) -> None:
        """The same from exactly so many customers."""
        singles = self._singles()
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
            self._one_to_one(loan, part)
            left -= part
            have = have_after
        if left:
            raise ValueError(f"{left} was not renewed")

    def _singles(self) -> list[list[Loan]]:
        return [b for b in self._c.free if len(b) == 1 and self._fits(b[0]) and b[0].balance >= _SMALL]

    def _room(self, count: int) -> int:
        """What so many customers could renew at most."""
        balances = sorted((b[0].balance for b in self._singles()), reverse=True)
        return sum(balances[: max(0, count)])

    def _leave(self, count: int, amount: int) -> None:
        """So many customers pay everything back early, others a part, this amount in all (a squeeze)."""
        old = sorted(self._old(), key=lambda loan: loan.balance)
        start = len(old) - count
        while sum(loan.balance for loan in old[start : start + count]) > amount:
            start -= 1
        for loan in old[start : start + count]:
            amount -= loan.balance
            self._book.repay(self._any_day(), loan, loan.balance, "early")
        staying = old[:start] + old[start + count :]
        self._rng.shuffle(staying)
        for loan in sorted(staying, key=lambda loan: -loan.balance):
            part = min(amount, loan.balance * 2 // 3)
            if part:
                self._book.repay(self._any_day(), loan, part, "early")
                amount -= part
        if amount:
            raise ValueError(f"{amount} was not paid back")

    def _early(self, amount: int) -> None:
        """Loans not yet due are paid back early, this amount in all."""
        old = [loan for loan in self._old() if loan.due > self._c.quarter.end]
        self._rng.shuffle(old)
        for loan in old:
            if not amount:
                return
            part = min(amount, loan.balance)
            amount -= part
            if part == loan.balance:
                self._c.payoff(loan, self._any_day(), "early")
            else:
                self._book.repay(self._any_day(), loan, part, "early")
        if amount:
            raise ValueError(f"{amount} was not paid back")

    def _partial(self) -> None:
        """部分还本续贷: a part of the old loan is paid with own money, the rest renewed."""
        shapes = self._c.shapes
        while self._book.npr and shapes.partial < 0.06 * shapes.renewals and self._c.free:
            loan = self._take_single()
            part = max(10, loan.balance * self._rng.randrange(5, 9) // 100 * 10)
            day = self._c.by_due(loan)
            if part < loan.balance:
                new = self._successor(loan, part, day)
                self._book.renew(day, new, [(loan, part)], self._how("partial", day))
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
            if len(bundle) > 1 or not self._fits(loan) or (relabelled and loan.due > last + 25):
                continue
            self._c.free.remove(bundle)
            part = min(loan.balance, amount)
            if 0 < amount - part < _SMALL < part:
                part -= _SMALL
            self._one_to_one(loan, part, mode="refinance", day=min(last, loan.due) if relabelled else 0)
            amount -= part
        if amount:
            raise ValueError("not enough falls due to be refinanced")

    def _relabel(self) -> None:
        """借新还旧 relabelled 无还本续贷 on 2024-11-01 (金规〔2024〕13号)."""
        day = self._first + 31
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

    def _mark(self, loan: Loan) -> None:
        """续期 within the same 借据, which the bank marks as 无还本续贷."""
        self._extend(loan, 12, marked=True)
        self._turn(loan)

    def _turn(self, loan: Loan) -> None:
        loan.kind = "npr"
        loan.refinanced = loan.depth > 0
        self._book.npr += loan.balance
        self._book.count_npr(loan.customer, 1)

    def _extend(self, loan: Loan, months: int, marked: bool = False) -> None:
        """展期."""
        day, old = self._c.by_due(loan), loan.due
        loan.due = workday_before(add_months(loan.due, months))
        data: Data = {"old_due_on": iso(old), "new_due_on": iso(loan.due), "agreed_on": iso(day),
                      "extended_principal_fen": fen(loan.balance)}  # fmt: skip
        if marked:
            data["marked_renewal"] = True
        self._book.tell_loan(day, "loan.extended", loan, data)

    def _one_to_one(
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
            day = self._any_day()
        signed = day
        if late and loan.due + 6 <= self._c.quarter.end:
            day, signed = loan.due + 5, loan.due + 4
        if part < loan.balance:
            self._book.repay(day, loan, loan.balance - part)
        new = self._successor(loan, part + increase, day)
        self._book.renew(day, new, [(loan, part)], self._how(mode, signed, increase))
        shapes.increased += bool(increase)

    def _merge(self, bundle: list[Loan]) -> None:
        """Two loans of one customer become one."""
        day = min(self._c.by_due(loan) for loan in bundle)
        new = self._successor(bundle[0], sum(loan.balance for loan in bundle), day)
        self._book.renew(day, new, [(loan, loan.balance) for loan in bundle], self._how("no_principal", day))
        self._c.shapes.two_to_one += 1

    def _how(self, mode: str, signed: int, increase: int = 0) -> Renewal:
        shapes = self._c.shapes
        shapes.renewals += 1
        if shapes.two_legs < 0.4 * shapes.renewals:
            shapes.two_legs += 1
            return Renewal(mode, signed, increase, self._rng.choice(("first first", "second first")))
        return Renewal(mode, signed, increase)

    def _successor(self, loan: Loan, principal: int, day: int) -> Loan:
        due = workday_before(add_months(day, 12))
        return self._book.new_loan(loan.customer, principal, day, due, loan.security)

    def _old(self) -> list[Loan]:
        """Renewals that were there when the quarter began."""
        return [loan for loan in self._book.live.values()
                if loan.kind == "npr" and not loan.held and loan.start < self._first]  # fmt: skip

    def _any_day(self) -> int:
        return self._rng.choice(self._c.quarter.workdays[5:-2])

    def _fits(self, loan: Loan) -> bool:
        return not loan.customer.npr and loan.balance <= self._largest and loan.kind != "refi"

    def _take(self, two: bool) -> list[Loan]:
        """A bundle that may be renewed, of two loans if asked and there is one."""
        second = None
        for n, bundle in enumerate(self._c.free):
            if not self._fits(bundle[0]) or sum(loan.balance for loan in bundle) > self._largest:
                continue
            close = len(bundle) < 3 and abs(bundle[0].due - bundle[-1].due) < 40
            if close and len(bundle) == (2 if two else 1):
                return self._c.free.pop(n)
            second = n if second is None else second
        if second is None:
            raise ValueError("nothing falls due that could be renewed")
        return self._c.free.pop(second)

    def _take_single(self) -> Loan:
        loan, *others = self._take(two=False)
        self._c.free.extend([other] for other in others)
        return loan
