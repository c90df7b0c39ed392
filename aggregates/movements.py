"""What a loan moves: a pure function of its journal and of its customer's timeline (08, 10.8).

Every movement posts to the segment that is valid on its business date, as known. A change of segment (a line that
crosses 1000万元, a new size class, a policy reclassification, a marked extension) moves the balance on its day.
"""

from collections.abc import Iterable
from typing import NamedTuple

from aggregates.codes import ISSUANCE_KIND, NO_PRINCIPAL, SECURITY
from aggregates.customer import Customer
from aggregates.facts import Terms
from aggregates.loan import ADDS, MOVES, TAKES, Entry, Kind, Loan, effective, place
from aggregates.segments import (
    AGRI,
    COOPERATIVE_COUNTED,
    DISCOUNT,
    ENTRUSTED,
    INCLUSIVE_AGRI,
    LINE_ASSUMED,
    Segment,
    is_cooperative,
    line_bucket,
    segment_id,
)

COOPERATIVES_FROM = 20089
"""2025-01-01 as a day number: from here on 合作社 count in 普惠型小微企业贷款 (5.3, the day is ours)."""


class Movement(NamedTuple):
    """An additive change: segment, kind, business date, amount in fen, number of 借据."""

    segment: int
    kind: int
    day: int
    amount: int
    loans: int


class Course(NamedTuple):
    """A loan's whole course: its movements and the state after the last of them."""

    movements: list[Movement]
    balance: int
    last: int
    segment: int
    since: int


class _Attributes(NamedTuple):
    """What reclassifications change of a loan's own attributes."""

    issuance_kind: int
    security: int
    agri: bool
    inclusive_agri: bool
    inclusive_declared: bool | None


def _own(terms: Terms) -> _Attributes:
    return _Attributes(
        terms.issuance_kind, terms.security, terms.agri, terms.inclusive_agri, terms.inclusive_declared
    )


def _replaced(own: _Attributes, field: str | None, new: str | bool | None) -> _Attributes:
    match field:
        case "issuance_kind":
            return own._replace(issuance_kind=ISSUANCE_KIND[str(new)])
        case "main_security":
            return own._replace(security=SECURITY[str(new)])
        case "agri":
            return own._replace(agri=bool(new))
        case "inclusive_agri_declared":
            return own._replace(inclusive_agri=bool(new))
        case _:
            return own._replace(inclusive_declared=bool(new))


def segment_on(loan: Loan, own: _Attributes, customer: Customer, day: int, principal: int) -> Segment:
    """The segment of a loan on a day: its own attributes, and the customer's line, kind and size as known."""
    terms = loan.terms
    profile = customer.profile_on(day)
    kind, size = (profile.customer_kind, profile.size) if profile else (terms.customer_kind, terms.size)
    line = customer.line_on(day)
    marks = (
        DISCOUNT * terms.discount
        | ENTRUSTED * terms.entrusted
        | AGRI * own.agri
        | INCLUSIVE_AGRI * own.inclusive_agri
        | LINE_ASSUMED * (line is None)
        | COOPERATIVE_COUNTED * (is_cooperative(kind) and day >= COOPERATIVES_FROM)
    )
    bucket = line_bucket(principal if line is None else line)
    return Segment(
        kind, size, bucket, own.security, own.issuance_kind, terms.months > 12,
        loan.doubtful and own.issuance_kind == NO_PRINCIPAL, marks, terms.division,
    )  # fmt: skip


def course(loan: Loan, customer: Customer) -> Course:
    """All movements of a loan, by business date, as known; the order of arrival does not matter."""
    entries = effective(loan)
    own = _own(loan.terms)
    for entry in entries:
        if entry.kind == Kind.RECLASS_ERROR:
            own = _replaced(own, entry.field, entry.value)
    changes = _changes(entries, customer, loan.terms)
    moves: list[Movement] = []
    day = entries[0].day if entries else 0
    principal = next((e.amount for e in entries if e.kind == Kind.ISSUED), loan.terms.principal)
    segment = segment_id(segment_on(loan, own, customer, day, principal))
    balance, last, since = 0, 0, 0
    steps = sorted([(place(e.day, e.kind), 1, e) for e in entries if e.kind in MOVES] + changes, key=_step)
    for where, is_entry, entry in steps:
        if is_entry:
            sign = 1 if entry.kind in ADDS else -1
            before, balance = balance, balance + sign * entry.amount
            moves.append(
                Movement(segment, entry.kind, entry.day, sign * entry.amount, (balance > 0) - (before > 0))
            )
            last = where
            continue
        since = max(since, entry.day)
        if entry.kind in (Kind.RECLASS_POLICY, Kind.MARKED):
            own = _replaced(own, entry.field, entry.value)
        changed = segment_id(segment_on(loan, own, customer, max(entry.day, day), principal))
        if changed != segment:
            if balance:
                kind = Kind.MARKED if entry.kind == Kind.MARKED else Kind.RECLASSIFIED
                open_loans = int(balance > 0)
                moves.append(Movement(segment, kind, entry.day, -balance, -open_loans))
                moves.append(Movement(changed, kind, entry.day, balance, open_loans))
            segment = changed
    return Course(moves, balance, last, segment, since)


def _step(step: tuple[int, int, Entry]) -> tuple[int, int, int]:
    return (step[0], step[1], step[2].event)


def _changes(entries: list[Entry], customer: Customer, terms: Terms) -> list[tuple[int, int, Entry]]:
    """Where the segment may change: before the movements of the same day."""
    found = [
        (place(e.day, 1 if e.kind == Kind.RECLASS_POLICY else 0), 0, e)
        for e in entries
        if e.kind in (Kind.RECLASS_POLICY, Kind.MARKED)
    ]
    days = customer.changes()
    if is_cooperative(terms.customer_kind) or any(is_cooperative(p.customer_kind) for p in customer.profiles):
        days.add(COOPERATIVES_FROM)
    found += [(place(day, 0), 0, Entry(Kind.RECLASSIFIED, day, 0, 0, 0)) for day in days]
    return found


def refreshed(loan: Loan, customer: Customer) -> list[Movement]:
    """Bring a loan's derived state up to its journal and its customer's timeline, and return its movements."""
    whole = course(loan, customer)
    loan.balance, loan.last, loan.segment, loan.since = whole.balance, whole.last, whole.segment, whole.since
    return whole.movements


def difference(before: Iterable[Movement], after: Iterable[Movement]) -> list[Movement]:
    """What must be posted so that `before` becomes `after`: nothing where they agree."""
    sums: dict[tuple[int, int, int], list[int]] = {}
    for sign, moves in ((-1, before), (1, after)):
        for segment, kind, day, amount, loans in moves:
            total = sums.setdefault((segment, kind, day), [0, 0])
            total[0] += sign * amount
            total[1] += sign * loans
    return [Movement(*key, amount, loans) for key, (amount, loans) in sums.items() if amount or loans]


def taken_in_order(loan: Loan, entry: Entry) -> Movement | None:
    """Take an entry at the end of the course, if that is where it belongs: the one movement that it makes.

    None where the whole course must be worked out anew: the entry is late, stands before a change of segment, or
    may change the course itself. The journal is extended here only when a movement is returned.
    """
    where = place(entry.day, entry.kind)
    if where < loan.last or entry.day < loan.since or entry.kind not in TAKES:
        return None
    before = loan.balance
    loan.journal.append(entry)
    loan.balance = before - entry.amount
    loan.last = where
    return Movement(loan.segment, entry.kind, entry.day, -entry.amount, (loan.balance > 0) - (before > 0))
