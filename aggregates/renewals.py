"""Renewals 续贷: what a new 借据 may settle, and when its mark as 无还本续贷 is in doubt (V10–V15)."""

from collections.abc import Mapping, Sequence
from typing import Final

from aggregates.codes import CLASS, ISSUANCE_KIND, NO_PRINCIPAL, date_of
from aggregates.facts import Settlement, Terms, flag
from aggregates.loan import ADDS, MOVES, Entry, Kind, Loan, due_on, effective, lowest
from aggregates.outcomes import Parked, Refused, Subjects, wait_loan
from puhui.money import yuan

BRIDGE: Final = ISSUANCE_KIND["bridge"]
BRIDGE_DAYS: Final = 30
"""How long before its new loan a loan may have been repaid with bridge money (V11, a proposal)."""
CUT_AT: Final = 100
"""Where reporting systems cut a list of old 借据 (V10)."""
NEW_RULE_FROM: Final = 19990
"""2024-09-24 as a day number: 金规〔2024〕13号 in force (5.4)."""
_GONE: Final = frozenset((Kind.SETTLED, Kind.WRITTEN_OFF, Kind.TRANSFERRED_NPL, Kind.TRANSFERRED_PERFORMING))


def refusal(
    terms: Terms, loan_no: str, previous: tuple[Settlement, ...], increase: int, subjects: Subjects
) -> Refused | Parked | None:
    """Why a renewal cannot be taken in, or cannot be yet; None where it can."""
    settled = sum(p.amount for p in previous)
    if terms.principal != settled + increase:
        values = {"principal": yuan(terms.principal), "settled": yuan(settled), "increase": yuan(increase)}
        return Refused("V14", "data.principal_fen", {"loan_no": loan_no, **values})
    for part in previous:
        amount = sum(p.amount for p in previous if p.loan_no == part.loan_no)
        found = _refusal_of_part(terms, loan_no, part, amount, subjects)
        if found is not None:
            return found
    return None


def _refusal_of_part(
    terms: Terms, loan_no: str, part: Settlement, amount: int, subjects: Subjects
) -> Refused | Parked | None:
    """Why this old loan cannot be settled; `amount`: all that the renewal settles of it."""
    old = subjects.loan(part.loan_no)
    named = {"loan_no": loan_no, "old_loan_no": part.loan_no}
    if old is None or not old.entries:
        return _unknown(part.loan_no, named)
    borrower = old.terms.customer
    if borrower != terms.customer and not owner_and_enterprise(borrower, terms.customer, subjects):
        return Refused("V12", "data.customer_ref", named)
    if part.repaid_on is not None:
        late = terms.disbursed - part.repaid_on > BRIDGE_DAYS
        return _ended(terms, named, part.repaid_on) if late else None
    gone = [e.day for e in effective(old) if e.kind in _GONE and e.day < terms.disbursed]
    if gone and old.balance <= 0:
        return _ended(terms, named, gone[0])
    if _beyond_principal(old, amount):
        return Refused("V15", "data.settles", named)
    outstanding = lowest(old, terms.disbursed)
    if amount > outstanding:
        values = {**named, "settled": yuan(amount), "outstanding": yuan(outstanding)}
        field = "data.settles.settled_principal_fen"
        return Parked("V14", field, wait_loan(part.loan_no), values, "over_outstanding")
    return None


def _unknown(old_no: str, named: Mapping[str, object]) -> Parked:
    """The old loan is waited for (V10), unless its number looks like a list that was cut off: then that is said."""
    values, case = {**named, "length": len(old_no)}, "cut_list" if len(old_no) >= CUT_AT else ""
    return Parked("V10", "data.settles.old_loan_no", wait_loan(old_no), values, case)


def _ended(terms: Terms, named: Mapping[str, object], ended_on: int) -> Refused:
    dates = {"business_date": str(date_of(terms.disbursed)), "ended_on": str(date_of(ended_on))}
    return Refused("V11", "data.settles", {**named, **dates})


def _beyond_principal(old: Loan, amount: int) -> bool:
    """Is more renewed than the contract ever gave (V15)? Without its amount a draw may still be on its way (V14)."""
    before = old.terms
    if before.contract_amount is None:
        return False
    entries = effective(old)
    given = sum(e.amount for e in entries if e.kind in ADDS)
    renewed = sum(e.amount for e in entries if e.kind in (Kind.SETTLED_BY_RENEWAL, Kind.SETTLED_AGAIN))
    return renewed + amount > max(given, before.contract_amount, before.principal)


def owner_and_enterprise(one: str, other: str, subjects: Subjects) -> bool:
    """Is one the owner of the other, by what the bank said of either (V12)?"""
    for ref, partner in ((one, other), (other, one)):
        customer = subjects.customer(ref)
        if customer is not None and any(profile.owns == partner for profile in customer.profiles):
            return True
    return False


def renewal_flags(
    terms: Terms, signed: int | None, previous: tuple[Settlement, ...], subjects: Subjects
) -> int:
    """What is flagged of a renewal that is taken in, before it is posted (V12, V13, V14)."""
    flags = 0
    for part in previous:
        old = subjects.loan(part.loan_no)
        if old is None:
            continue
        flags |= flag("V12") * (old.terms.customer != terms.customer)
        if terms.issuance_kind != NO_PRINCIPAL:
            continue
        entries = effective(old)
        flags |= flag("V13") * _unlike_a_renewal(terms, signed, part, old, entries)
        settled = sum(p.amount for p in previous if p.loan_no == part.loan_no)
        flags |= flag("V14") * (_left_open(entries, terms.disbursed) > settled)
    return flags


def doubtful(terms: Terms, signed: int | None, previous: tuple[Settlement, ...], subjects: Subjects) -> bool:
    """Does a renewal declared 无还本 not look like one (其中存疑: V13, and V14 where a part was left open)?"""
    if terms.issuance_kind != NO_PRINCIPAL:
        return False
    return any(_one_doubtful(terms, signed, part, subjects.loan(part.loan_no)) for part in previous)


def _one_doubtful(terms: Terms, signed: int | None, part: Settlement, old: Loan | None) -> bool:
    if old is None:
        return signed is not None and part.due is not None and signed > part.due
    entries = effective(old)
    return _unlike_a_renewal(terms, signed, part, old, entries) or _left_open(entries, terms.disbursed) > 0


def _unlike_a_renewal(
    terms: Terms, signed: int | None, part: Settlement, old: Loan, entries: Sequence[Entry]
) -> bool:
    """Signed too late, or what the rule of its day does not allow: 欠息, and before 2024-09-24 also overdue or class."""
    day = terms.disbursed
    due = part.due if part.due is not None else due_on(old)
    if signed is not None and signed > due:
        return True
    overdue = _overdue_kinds(entries, day)
    if day >= NEW_RULE_FROM:
        return bool(overdue & {"interest", "both"})
    return bool(overdue or part.loan_class or _class_on(entries, day))


def _overdue_kinds(entries: Sequence[Entry], day: int) -> set[str]:
    kinds: set[str] = set()
    for entry in entries:
        if entry.day >= day:
            break
        if entry.kind == Kind.OVERDUE:
            kinds.add(entry.field or "principal")
        elif entry.kind == Kind.CLEARED:
            kinds.discard(entry.field or "principal")
    return kinds


def _class_on(entries: Sequence[Entry], day: int) -> int:
    found = CLASS["normal"]
    for entry in entries:
        if entry.day > day:
            break
        if entry.kind == Kind.CLASSIFIED:
            found = entry.amount
    return found


def _left_open(entries: Sequence[Entry], day: int) -> int:
    left = 0
    for entry in entries:
        if entry.day > day:
            break
        if entry.kind in MOVES:
            left += entry.amount if entry.kind in ADDS else -entry.amount
    return left
