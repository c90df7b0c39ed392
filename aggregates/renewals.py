"""Renewals 续贷: what a new 借据 may settle, and when its mark as 无还本续贷 is in doubt (V10–V15)."""

from typing import Final

from aggregates.codes import CLASS, ISSUANCE_KIND, NO_PRINCIPAL
from aggregates.facts import Settlement, Terms
from aggregates.loan import ADDS, MOVES, Entry, Kind, Loan, due_on, effective
from aggregates.outcomes import Parked, Refused, Subjects, wait_loan

BRIDGE: Final = ISSUANCE_KIND["bridge"]
NEW_RULE_FROM: Final = 19990
"""2024-09-24 as a day number: 金规〔2024〕13号 in force (5.4)."""
_GONE: Final = frozenset((Kind.SETTLED, Kind.WRITTEN_OFF, Kind.TRANSFERRED_NPL, Kind.TRANSFERRED_PERFORMING))


def refusal(
    terms: Terms, loan_no: str, previous: tuple[Settlement, ...], increase: int, subjects: Subjects
) -> Refused | Parked | None:
    """Why a renewal cannot be taken in, or cannot be yet; None where it can."""
    settled = sum(p.amount for p in previous)
    if terms.principal != settled + increase:
        return Refused(
            "V14", "data.principal_fen", {"loan_no": loan_no, "settled": settled, "increase": increase}
        )
    for part in previous:
        old = subjects.loan(part.loan_no)
        if old is None or not old.journal:
            return Parked("V10", wait_loan(part.loan_no), {"old_loan_no": part.loan_no})
        if old.terms.customer != terms.customer:
            return Refused("V12", "data.customer_ref", {"old_loan_no": part.loan_no})
        if terms.issuance_kind == BRIDGE:
            continue
        gone = [e for e in effective(old) if e.kind in _GONE and e.day < terms.disbursed]
        if gone and old.balance <= 0:
            return Refused("V11", "data.settles", {"old_loan_no": part.loan_no})
        if part.amount > old.balance:
            return Parked(
                "V14", wait_loan(part.loan_no), {"old_loan_no": part.loan_no, "outstanding": old.balance}
            )
    return None


def doubtful(
    terms: Terms, loan_no: str, signed: int | None, previous: tuple[Settlement, ...], subjects: Subjects
) -> bool:
    """Does a renewal declared 无还本 not look like one (其中存疑: V13, and V14 where a part was left open)?"""
    if terms.issuance_kind != NO_PRINCIPAL:
        return False
    return any(_one_doubtful(terms, signed, part, subjects.loan(part.loan_no)) for part in previous)


def _one_doubtful(terms: Terms, signed: int | None, part: Settlement, old: Loan | None) -> bool:
    day = terms.disbursed
    due = part.due if part.due is not None else due_on(old) if old else None
    if signed is not None and due is not None and signed > due:
        return True
    if old is None:
        return False
    entries = effective(old)
    overdue = _overdue_kinds(entries, day)
    if day >= NEW_RULE_FROM:
        if overdue & {"interest", "both"}:
            return True
    elif overdue or part.loan_class or _class_on(entries, day):
        return True
    return _left_open(entries, day) > 0


def _overdue_kinds(entries: list[Entry], day: int) -> set[str]:
    kinds: set[str] = set()
    for entry in entries:
        if entry.day >= day:
            break
        if entry.kind == Kind.OVERDUE:
            kinds.add(entry.field or "principal")
        elif entry.kind == Kind.CLEARED:
            kinds.discard(entry.field or "principal")
    return kinds


def _class_on(entries: list[Entry], day: int) -> int:
    found = CLASS["normal"]
    for entry in entries:
        if entry.day > day:
            break
        if entry.kind == Kind.CLASSIFIED:
            found = entry.amount
    return found


def _left_open(entries: list[Entry], day: int) -> int:
    left = 0
    for entry in entries:
        if entry.day > day:
            break
        if entry.kind in MOVES:
            left += entry.amount if entry.kind in ADDS else -entry.amount
    return left
