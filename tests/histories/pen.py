"""What a story writes with: it draws, keeps each loan's balance, and collects events with what they need."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from tests.events import ISSUANCE_KIND, Event, Sender, yuan
from tests.references import person_ref, social_credit_code

T = TypeVar("T")

CUSTOMERS: Final = (social_credit_code(21), person_ref(1), social_credit_code(22, prefix="92"))
FIRST: Final = date(2022, 1, 1)
OPENING: Final = -1
"""The day of the opening balances, 2021-12-31; days are counted from 2022-01-01."""
LAST: Final = 729
"""2023-12-31."""
LATEST_START: Final = 400
PRINCIPALS: Final = tuple(
    yuan(text)
    for text in ("300000", "1234567.89", "4000000", "9999999.99", "10000000", "10000000.01", "12000000")
)
OWN_KINDS: Final = ("small", "micro", "individual", "owner", "medium", "farmer")
MODES: Final = ("no_principal", "no_principal", "partial", "refinance", "bridge")


def text(day: int) -> str:
    return (FIRST + timedelta(day)).isoformat()


@dataclass
class Bank:
    """One institution: its sender, and how many loans it has numbered."""

    sender: Sender
    loans: int = 0

    def number(self) -> str:
        self.loans += 1
        return f"J{self.loans:03d}"


@dataclass
class Loan:
    """One 借据 as the story knows it.

    `low` is what is left of it whichever of its reversals and corrections are known; `firm` says that none are
    coming, so that it may be paid to the last fen; `needs` are the events that later facts must follow.
    """

    bank: Bank
    number: str
    customer: str
    since: int
    low: int
    due: str
    issuance_kind: str
    first: Event
    last: int
    needs: tuple[str, ...] = ()
    firm: bool = True
    just_grown: bool = True


@dataclass
class Pen:
    """Collects what the stories write."""

    draw: Any
    events: list[tuple[int, Event]] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    needs: list[tuple[str, str]] = field(default_factory=list)
    loans: list[Loan] = field(default_factory=list)

    def number(self, least: int, most: int) -> int:
        drawn: int = self.draw(st.integers(least, most))
        return drawn

    def one_of(self, choices: Sequence[T]) -> T:
        drawn: T = self.draw(st.sampled_from(choices))
        return drawn

    def maybe(self) -> bool:
        return self.one_of((False, True))

    def write(self, event: Event, *loans: Loan, kind: str | None = None) -> Event:
        """Take an event that speaks of these loans; it must arrive after all that they need."""
        day = (date.fromisoformat(event["data"]["business_date"]) - FIRST).days
        self.events.append((day, event))
        self.needs += [(event["id"], earlier) for loan in loans for earlier in loan.needs]
        if kind:
            self.kinds.add(kind)
        return event

    def later(self, *loans: Loan, most: int = 40) -> int:
        """A day on which something may happen to these loans; the same day only if none has just grown."""
        least = max(loan.last + (1 if loan.just_grown else 0) for loan in loans)
        return least + self.number(0, most)

    def share(self, loan: Loan) -> int:
        """A part of what is left, never all."""
        return max(1, loan.low * self.number(1, 9) // 10)

    def moved(self, loan: Loan, day: int, change: int, *, grown: bool = False) -> None:
        loan.low += change
        loan.last, loan.just_grown = max(loan.last, day), grown

    def open(
        self,
        bank: Bank,
        customer: str,
        *,
        issuance_kind: str | None = None,
        singly: bool = False,
        latest: int = LATEST_START,
    ) -> Loan:
        """A new loan: an opening balance, or (always if `singly`) an issue."""
        number, principal = bank.number(), self.one_of(PRINCIPALS)
        own_kind = self.one_of(OWN_KINDS)
        low = principal
        if not singly and self.one_of((True, False, False)):
            day = OPENING
            low = principal * self.number(5, 10) // 10
            kind = issuance_kind or self.one_of(("new", "no_principal_renewal", "refinance"))
            terms = {"customer_kind": own_kind, "principal_fen": principal, "issuance_kind": kind}
            event = bank.sender.opening(number, customer, text(day), low, **terms)
            self.write(event, kind="opening")
        else:
            day = self.number(0, latest)
            kind = issuance_kind or self.one_of(("new", "new", "new", "no_principal_renewal", "other"))
            terms = {"customer_kind": own_kind, "issuance_kind": kind, "discount": self.number(0, 19) == 19}
            event = bank.sender.issued(number, customer, text(day), principal, **terms)
            self.write(event, kind="issued")
        due = event["data"]["original_due_on"]
        loan = Loan(bank, number, customer, day, low, due, kind, event, day)
        self.loans.append(loan)
        return loan

    def repay(self, loan: Loan, *, all_of_it: bool = False) -> Event:
        day, amount = self.later(loan), loan.low if all_of_it else self.share(loan)
        manner = self.one_of(("scheduled", "early", "overdue", "compensation_by_guarantor", "collateral"))
        event = loan.bank.sender.repaid(loan.number, text(day), amount, kind=manner)
        self.moved(loan, day, -amount)
        return self.write(event, loan, kind="repaid")

    def grow(self, loan: Loan, what: str = "draw") -> Event:
        day, amount = self.later(loan), self.one_of((yuan(10_000), yuan("250000.01"), yuan(2_000_000)))
        event = loan.bank.sender.drawn(loan.number, text(day), amount, kind=what)
        self.moved(loan, day, amount, grown=True)
        return self.write(event, loan, kind="drawn" if what == "draw" else "capitalised")

    def renew(
        self,
        olds: Sequence[Loan],
        *,
        day: int | None = None,
        whole: bool | None = None,
        mode: str | None = None,
        increase: bool | None = None,
        one_event: bool = False,
    ) -> Loan:
        """Renew these loans of one customer into one; what is not said is drawn."""
        bank, customer = olds[0].bank, olds[0].customer
        when = self.later(*olds) if day is None else day
        parts = {old.number: self._settled(old, whole) for old in olds}
        grown = self.one_of(PRINCIPALS[:3]) if (self.maybe() if increase is None else increase) else 0
        how = mode or self.one_of(MODES)
        number, own_kind = bank.number(), self.one_of(OWN_KINDS)
        form = "one_event" if one_event else self.one_of(("one_event", "settled", "repaid"))
        if form == "one_event":
            event = bank.sender.renewed(
                number, customer, text(when), parts, mode=how, increase=grown, customer_kind=own_kind
            )
            written = [self.write(event, *olds, kind="renewed")]
        else:
            legs = {o.number: form if parts[o.number] == o.low and o.firm else "repaid" for o in olds}
            written = bank.sender.renewed_in_two_legs(
                number,
                customer,
                text(when),
                parts,
                mode=how,
                increase=grown,
                second_leg=legs,
                customer_kind=own_kind,
            )
            for leg in written:
                self.write(leg, *olds, kind="two_legs")
            self.kinds |= {f"second_leg_{leg}" for leg in legs.values()}
        self._name_renewal(olds, parts, grown)
        for old in olds:
            self.moved(old, when, -parts[old.number])
        needs = tuple(earlier for old in olds for earlier in old.needs)
        due, low = written[0]["data"]["original_due_on"], sum(parts.values()) + grown
        new = Loan(bank, number, customer, when, low, due, ISSUANCE_KIND[how], written[0], when, needs)
        self.loans.append(new)
        return new

    def _settled(self, old: Loan, whole: bool | None) -> int:
        all_of_it = old.firm and (self.maybe() if whole is None else whole)
        return old.low if all_of_it else self.share(old)

    def _name_renewal(self, olds: Iterable[Loan], parts: dict[str, int], grown: int) -> None:
        if any(parts[old.number] < old.low for old in olds):
            self.kinds.add("partial_renewal")
        if len(parts) == 2:
            self.kinds.add("two_into_one")
        if grown:
            self.kinds.add("increase")
