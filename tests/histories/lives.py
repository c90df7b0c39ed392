"""A history: several stories of two or three customers at one or two institutions, with lines and profiles."""

from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st

from tests.events import Event, Sender, yuan
from tests.histories.mistakes import MISTAKES
from tests.histories.pen import CUSTOMERS, LAST, OPENING, Bank, Loan, Pen, text
from tests.histories.stories import STORIES
from tests.references import social_credit_code

LIMIT: Final = yuan(10_000_000)
LINES: Final = (LIMIT // 2, LIMIT, LIMIT + 1, yuan(12_000_000), yuan(9_000_000))
PROFILES: Final = ("small", "micro", "individual", "owner", "medium", "large", "other")
INCLUSIVE: Final = ("small", "micro", "individual", "owner")

KINDS: Final = frozenset(
    {
        "opening",
        "issued",
        "repaid",
        "drawn",
        "capitalised",
        "settled",
        "written_off",
        "transferred_npl",
        "transferred_performing",
        "foreclosed",
        "renewed",
        "two_legs",
        "second_leg_settled",
        "second_leg_repaid",
        "partial_renewal",
        "chained_renewal",
        "two_into_one",
        "increase",
        "extended",
        "marked",
        "mark_reversed",
        "renewed_same_number",
        "reclassified_error",
        "reclassified_policy",
        "overdue",
        "classified",
        "deferred",
        "reversed_repayment",
        "reversed_draw",
        "reversed_write_off",
        "reversed_renewal",
        "reversed_whole",
        "reversed_in_part",
        "sent_again",
        "sent_again_to_another",
        "reclassified_again",
        "corrected_amount",
        "corrected_date",
        "line_crossing",
        "late_line_crossing",
        "profile_change",
        "told_by_two_channels",
        "reversed_repeat",
        "late_profile_change",
        "two_institutions",
        "shared_customer",
    }
)
"""Every situation that the specification names and a history may contain (`repeated` is named by arrivals)."""


@dataclass(frozen=True)
class History:
    """Events in the order of their business dates, the kinds they show, and what must arrive before what."""

    events: tuple[Event, ...]
    kinds: frozenset[str]
    needs: tuple[tuple[str, str], ...]
    """Pairs of event ids: the first may only arrive after the second."""

    @property
    def institutions(self) -> tuple[str, ...]:
        return tuple(sorted({event["data"]["institution_id"] for event in self.events}))


@st.composite
def histories(draw: Any) -> History:
    """A history of at least four stories and two customers; each beginning of it is valid."""
    pen = Pen(draw)
    banks = [Bank(Sender(social_credit_code(number + 1))) for number in range(pen.number(1, 2))]
    for bank in banks:
        pen.write(bank.sender.registered())
    told = draw(st.lists(st.sampled_from(STORIES + MISTAKES), min_size=4, max_size=8))
    for number, story in enumerate(told):
        bank = banks[0] if number == 0 else pen.one_of(banks)
        customer = CUSTOMERS[number] if number < 2 else pen.one_of(CUSTOMERS)
        story(pen, bank, customer)
    for bank in banks:
        for customer in CUSTOMERS:
            loans = [loan for loan in pen.loans if loan.bank is bank and loan.customer == customer]
            if loans:
                _lines(pen, bank, customer, loans)
                _profiles(pen, bank, customer, loans)
    _name_institutions(pen)
    events = tuple(event for _, event in sorted(pen.events, key=lambda entry: entry[0]))
    return History(events, frozenset(pen.kinds), tuple(pen.needs))


def _lines(pen: Pen, bank: Bank, customer: str, loans: list[Loan]) -> None:
    """授信 of one customer: granted, changed, expired in part, some of it known only later."""
    before: int | None = None
    for place, (since, known) in enumerate(_days(pen, loans)):
        total, what = (
            pen.one_of(LINES),
            "granted" if place == 0 else pen.one_of(("changed", "changed", "expired")),
        )
        pen.write(bank.sender.line(customer, total, since=text(since), day=text(known), what=what))
        if before is not None and (before <= LIMIT) != (total <= LIMIT) and _alive(loans, since):
            pen.kinds.add("late_line_crossing" if known > since else "line_crossing")
        before = total


def _profiles(pen: Pen, bank: Bank, customer: str, loans: list[Loan]) -> None:
    """画像 of one customer: kind and size, some of it known only later."""
    before: str | None = None
    for since, known in _days(pen, loans):
        kind = pen.one_of(PROFILES)
        pen.write(bank.sender.profile(customer, kind, since=text(since), day=text(known)))
        if before is not None and (before in INCLUSIVE) != (kind in INCLUSIVE) and _alive(loans, since):
            pen.kinds.add("late_profile_change" if known > since else "profile_change")
        before = kind


def _days(pen: Pen, loans: list[Loan]) -> list[tuple[int, int]]:
    """Up to three (valid from, known on), each valid from a day of its own, often one on which a loan moves."""
    busy = sorted({day for loan in loans for day in (loan.since, loan.last, (loan.since + loan.last) // 2)})
    since = {pen.one_of(busy) if pen.maybe() else pen.number(-200, 600) for _ in range(pen.number(0, 3))}
    return [(day, min(LAST, max(day, OPENING) + pen.one_of((0, 0, 1, 30, 200)))) for day in sorted(since)]


def _alive(loans: list[Loan], day: int) -> bool:
    return any(loan.since < day for loan in loans)


def _name_institutions(pen: Pen) -> None:
    places = {(loan.bank.sender.institution, loan.customer) for loan in pen.loans}
    if len({institution for institution, _ in places}) == 2:
        pen.kinds.add("two_institutions")
    if len({customer for _, customer in places}) < len(places):
        pen.kinds.add("shared_customer")
