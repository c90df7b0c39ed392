"""The book of one bank: its loans and customers, and the facts that move them, each told as an event."""

from collections import defaultdict
from random import Random

from streams.simulation.days import iso
from streams.simulation.loans import Customer, Fact, Loan
from streams.simulation.plan import Institution, Parameters
from streams.simulation.terms import KINDS, Data, Renewal, fen, terms


class Book:
    """Loans of one population of one bank; every method tells an event and moves the balances with it."""

    def __init__(
        self, institution: Institution, parameters: Parameters, rng: Random, mark: str, inclusive: bool = True
    ) -> None:
        self.institution, self.parameters, self.rng = institution, parameters, rng
        self.mark, self.inclusive = mark, inclusive
        self.facts: list[Fact] = []
        self.live: dict[str, Loan] = {}
        self.borrowers: dict[str, Customer] = {}
        self.refs: set[str] = set()
        """Everybody who ever borrowed here."""
        self.stories: list[Loan] = []
        self.ph_moves: defaultdict[int, int] = defaultdict(int)
        self.balance = self.npr = self.npl = self.credit = self.households = self.npr_customers = 0
        self.npr_repaid = 0
        """还款 on 无还本续贷 since the quarter began."""
        self._numbers = 0
        self._events = 0

    @property
    def largest(self) -> int:
        """No loan is larger, in thousands of yuan: with it the line of a customer of 普惠 stays within its limit."""
        if self.inclusive:
            return 9_000
        return 500 if self.institution.kind == "rural_commercial" else 3_000

    def tell(
        self, day: int, kind: str, subject: str, data: Data, touches: tuple[str, ...] = (), recorded: int = 0
    ) -> Fact:
        """Add one event to the bank's facts."""
        self._events += 1
        fact = Fact(day, f"{self.mark}{self._events}", kind, subject, data, touches, recorded)
        self.facts.append(fact)
        return fact

    def tell_loan(self, day: int, kind: str, loan: Loan, data: Data, recorded: int = 0) -> Fact:
        """Add one event of one loan; `last` keeps the latest day on which something was told of it."""
        loan.last = max(loan.last, day)
        full: Data = {
            "business_date": iso(day),
            "institution_id": self.institution.usc,
            "branch_no": loan.customer.branch,
            "loan_no": loan.no,
            **data,
        }
        return self.tell(day, kind, f"loan/{self.institution.usc}/{loan.no}", full, (loan.no,), recorded)

    def move(self, day: int, loan: Loan, change: int) -> None:
        """Change a loan's balance, and every total with it."""
        customer = loan.customer
        before = loan.balance if loan.no in self.live else 0
        loan.balance = before + change
        if loan.balance < 0:
            raise ValueError(f"{loan.no} would fall below zero")
        if not before:
            self.live[loan.no] = loan
        customer.balance += change
        opened = (1 if not before else 0) - (0 if loan.balance else 1)
        if not loan.balance:
            del self.live[loan.no]
        if opened:
            self._count(customer, loan, opened)
        if not customer.outside:
            self._add(day, loan, change)

    def _count(self, customer: Customer, loan: Loan, opened: int) -> None:
        """A loan of a customer more or less; who has none left is no borrower any more."""
        had = customer.loans
        customer.loans += opened
        if not customer.outside:
            self.households += bool(customer.loans) - bool(had)
        if not customer.loans:
            self.borrowers.pop(customer.ref, None)
        else:
            self.borrowers[customer.ref] = customer
        if loan.kind == "npr":
            self.count_npr(customer, opened)

    def _add(self, day: int, loan: Loan, change: int) -> None:
        """Change the totals of 普惠."""
        self.ph_moves[day] += change
        self.balance += change
        if loan.kind == "npr":
            self.npr += change
        if loan.npl:
            self.npl += change
        if loan.security == "credit":
            self.credit += change

    def count_npr(self, customer: Customer, change: int) -> None:
        """Count a loan of 无还本续贷 more or less of a customer."""
        had = customer.npr
        customer.npr += change
        self.npr_customers += bool(customer.npr) - bool(had)

    def new_loan(
        self, customer: Customer, principal: int, start: int, due: int, security: str, every: int = 0
    ) -> Loan:
        """A 借据 with a number of its own, not yet disbursed; `every` months an instalment falls due."""
        self._numbers += 1
        loan = Loan(
            f"{self.mark}{iso(start)[2:4]}{self._numbers:06d}", customer, principal, start, due, security
        )
        loan.every = every
        return loan

    def issue(self, day: int, loan: Loan) -> None:
        """发放 of a new loan."""
        self.grant_line(day, loan.customer, loan.principal)
        self.move(day, loan, loan.principal)
        self.tell_loan(day, "loan.issued", loan, terms(self, loan))

    def repay(self, day: int, loan: Loan, amount: int, kind: str = "scheduled", clears: int = 0) -> bool:
        """还款; says whether nothing is left. 结清 is told of it for 普惠, 农户 are just paid back.

        `clears` is the day since which the loan was overdue, when this payment ends it.
        """
        self.move(day, loan, -amount)
        if loan.kind == "npr":
            self.npr_repaid += amount
        self._numbers += 1
        data: Data = {"principal_fen": fen(amount), "repayment_no": f"R{self._numbers}", "kind": kind}
        self.tell_loan(day, "loan.repaid", loan, data)
        if clears:
            self.tell_loan(day, "loan.overdue_cleared", loan, {"overdue_since": iso(clears)})
        if not loan.balance and self.inclusive:
            self.tell_loan(day, "loan.settled", loan, {"settled_on": iso(day), "manner": "repaid"})
        return not loan.balance

    def renew(self, day: int, new: Loan, olds: list[tuple[Loan, int]], how: Renewal) -> None:
        """续贷: the new loan settles a part of each old one; in two legs the second posts nothing."""
        self.grant_line(day, new.customer, how.increase)
        settles: list[Data] = [
            {"old_loan_no": old.no, "settled_principal_fen": fen(part), "old_due_on": iso(old.due), "old_class": "normal"}
            for old, part in olds
        ]  # fmt: skip
        for old, part in olds:
            self.move(day, old, -part)
        new.kind = {"no_principal": "npr", "partial": "part", "refinance": "refi"}[how.mode]
        new.depth = 1 + max(old.depth for old, _ in olds)
        self.move(day, new, new.principal)
        data = terms(self, new)
        data["issuance_kind"] = KINDS[new.kind]
        data["contract_signed_on"] = iso(how.signed)
        if how.increase:
            data["increase_fen"] = fen(how.increase)
        touches = (new.no, *(old.no for old, _ in olds))
        if how.legs == "second first":
            self._second_leg(day, new, olds)
        data["settles" if how.legs == "one" else "previous"] = settles
        if how.legs == "one":
            data["mode"] = how.mode
        fact = self.tell_loan(day, "loan.renewed" if how.legs == "one" else "loan.issued", new, data)
        self.facts[-1] = fact._replace(touches=touches)
        if how.legs == "first first":
            self._second_leg(day, new, olds)

    def _second_leg(self, day: int, new: Loan, olds: list[tuple[Loan, int]]) -> None:
        """结旧: the old loans are settled; of one that is renewed in part, the part is repaid by the renewal."""
        for old, part in olds:
            if not old.balance:
                closing: Data = {"settled_on": iso(day), "manner": "renewal", "new_loan_no": new.no}
                self.tell_loan(day, "loan.settled", old, closing)
                continue
            self._numbers += 1
            paid: Data = {
                "principal_fen": fen(part),
                "repayment_no": f"R{self._numbers}",
                "kind": "by_renewal",
            }
            self.tell_loan(day, "loan.repaid", old, {**paid, "new_loan_no": new.no})

    def grant_line(self, day: int, customer: Customer, more: int) -> None:
        """Raise the customer's total line, where it has one, so that what is drawn stays within it."""
        if customer.line and customer.balance + more > customer.line:
            self.tell_line(
                day, customer, min(10_000, -(-(customer.balance + more) * 13 // 1000) * 100), "changed"
            )

    def tell_line(
        self, day: int, customer: Customer, total: int, how: str = "granted", recorded: int = 0
    ) -> None:
        """授信: the customer's total line from that day on."""
        customer.line = total
        data: Data = {
            "business_date": iso(day),
            "institution_id": self.institution.usc,
            "branch_no": customer.branch,
            "line_no": f"SX{customer.ref[-10:]}",
            "customer_ref": customer.ref,
            "total_line_fen": fen(total),
            "valid_from": iso(day),
        }
        self.tell(day, f"credit_line.{how}", f"customer/{customer.ref}", data, (), recorded)
