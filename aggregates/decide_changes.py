"""Decide about what changes earlier facts: reclassification, correction, reversal (V24, V46)."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from aggregates.codes import ISSUANCE_KIND, ISSUANCE_KINDS, SECURITIES, SECURITY, day_number
from aggregates.decide_loans import Decider
from aggregates.facts import LoanCorrected, LoanReclassified, LoanReversed, flag
from aggregates.hashing import event_hash
from aggregates.loan import ADDS, TAKES, Entry, Kind, Loan, effective
from aggregates.outcomes import Hashes, Known, Outcome, Parked, Refused, Repeated, Subjects, wait_loan
from puhui.contract import lending as c

_ISSUES: Final = frozenset((Kind.OPENING, Kind.TRANSFERRED_IN, Kind.ISSUED, Kind.RENEWED_IN))
_SETTLING: Final = frozenset((Kind.SETTLED, Kind.SECOND_LEG))


def _reclassified(d: c.ReclassifiedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    if d.mode is None:
        return Refused("V46", "data.mode", {"value": "missing"})
    if d.mode == "policy" and not (d.rule or d.notice):
        return Refused("V46", "data.rule", {"value": "missing"})
    if not _fits(d.field, d.new):
        return Refused("V03", "data.new", {"value": str(d.new)})
    effective_on = day_number(d.effective_on)
    facts = []
    for loan_no in d.loan_no:
        loan = s.loan(loan_no)
        if loan is None or not loan.journal:
            return Parked("V09", wait_loan(loan_no), {"loan_no": loan_no})
        if effective_on < loan.terms.disbursed and loan.journal[0].kind != Kind.OPENING:
            return Refused("V46", "data.effective_on", {"loan_no": loan_no, "value": str(d.effective_on)})
        flags = flag("V46") * (d.old is not None and d.old != _value_of(loan, d.field, effective_on))
        facts.append(
            LoanReclassified(
                h.event, h.content, flags, loan_no, effective_on, d.field, d.old, d.new, d.mode == "policy",
                d.notice or d.rule,
            )
        )  # fmt: skip
    return tuple(facts)


def _fits(field: str, new: str | bool) -> bool:
    match field:
        case "issuance_kind":
            return new in ISSUANCE_KIND
        case "main_security":
            return new in SECURITY
        case _:
            return isinstance(new, bool)


def _value_of(loan: Loan, field: str, day: int) -> str | bool | None:
    """The value of a reclassifiable field on a day, as known."""
    t = loan.terms
    value: str | bool | None = {
        "issuance_kind": ISSUANCE_KINDS[t.issuance_kind],
        "main_security": SECURITIES[t.security],
        "agri": t.agri,
        "inclusive_agri_declared": t.inclusive_agri,
        "inclusive_declared": t.inclusive_declared,
    }[field]
    for entry in effective(loan):
        late = entry.kind == Kind.RECLASS_ERROR or (entry.kind == Kind.RECLASS_POLICY and entry.day <= day)
        if late and entry.field == field:
            value = entry.value
    return value


def _target(loan: Loan, event: int) -> list[Entry]:
    return [e for e in loan.journal if e.event == event]


def _corrected(d: c.CorrectedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = s.loan(d.loan_no)
    target = event_hash(h.source, d.corrects_event_id)
    entries = _target(loan, target) if loan else []
    if loan is None or not entries:
        return Parked("V24", wait_loan(d.loan_no), {"loan_no": d.loan_no, "event_id": d.corrects_event_id})
    entry = entries[0]
    if entry.kind >= Kind.CORRECTED:
        return Refused("V24", "data.corrects_event_id", {"event_id": d.corrects_event_id})
    new: int | str = d.new
    if d.field in ("principal_fen", "business_date") and (len(entries) > 1 or entry.kind in _ISSUES):
        return Refused("V24", "data.field", {"value": d.field, "event_id": d.corrects_event_id})
    if d.field == "principal_fen":
        if not isinstance(d.new, int) or d.new <= 0:
            return Refused("V04", "data.new", {"value": str(d.new)})
        change = d.new - entry.amount
        if (change if entry.kind in TAKES else -change) > loan.balance:
            return Parked("V19", wait_loan(d.loan_no), {"loan_no": d.loan_no, "outstanding": loan.balance})
    elif d.field in ("business_date", "original_due_on", "new_due_on"):
        try:
            new = day_number(date.fromisoformat(str(d.new)))
        except ValueError:
            return Refused("V03", "data.new", {"value": str(d.new)})
        if d.field == "business_date" and new < loan.terms.disbursed:
            return Refused("V22", "data.new", {"loan_no": d.loan_no, "value": str(d.new)})
    elif d.field == "main_security" and d.new not in SECURITY:
        return Refused("V03", "data.new", {"value": str(d.new)})
    return (LoanCorrected(h.event, h.content, 0, d.loan_no, entry.day, target, d.field, new),)


def _reversed(d: c.ReversedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = s.loan(d.loan_no)
    target = event_hash(h.source, d.reverses_event_id)
    entries = _target(loan, target) if loan else []
    values = {"loan_no": d.loan_no, "event_id": d.reverses_event_id}
    if loan is None or not entries:
        return Parked("V24", wait_loan(d.loan_no), values)
    entry = entries[0]
    if entry.kind == Kind.REVERSED:
        return Refused("V24", "data.reverses_event_id", values)
    if any(e.kind == Kind.REVERSED and e.target == target and e.amount < 0 for e in loan.journal):
        return Repeated("V24")
    amount = None if d.full else d.amount_fen
    if not d.full:
        left = sum(e.amount for e in effective(loan) if e.event == target)
        if amount is None or amount == 0:
            return Refused("V04", "data.amount_fen", values)
        if amount > left or len(entries) > 1:
            return Refused("V24", "data.amount_fen", {**values, "value": amount})
    later = _standing_on(d.loan_no, loan, entry, amount, s)
    if later:
        return Parked("V24", wait_loan(later[0]), {**values, "later": ", ".join(later[1:])})
    return (LoanReversed(h.event, h.content, 0, d.loan_no, entry.day, target, amount),)


def _standing_on(loan_no: str, loan: Loan, entry: Entry, amount: int | None, s: Subjects) -> list[str]:
    """What stands on a fact and must be reversed before it: the loan to wait for, then the kinds; empty: nothing."""
    entries = effective(loan)
    others = [e for e in entries if e.event != entry.event]
    name = entry.value if isinstance(entry.value, str) else ""
    if entry.kind in _ISSUES:
        if others:
            return [loan_no, *(Kind(e.kind).name.lower() for e in others)]
        for part in loan.previous:
            old_no = part.loan_no
            old = s.loan(old_no)
            legs = [e for e in effective(old) if e.kind in _SETTLING and e.value == loan_no] if old else []
            if legs:
                return [old_no, *(Kind(e.kind).name.lower() for e in legs)]
        return []
    settled = [e for e in others if e.kind == Kind.SETTLED]
    if entry.kind in TAKES and settled:
        return [loan_no, "settled"]
    if entry.kind in ADDS and (entry.amount if amount is None else amount) > loan.balance:
        return [loan_no, "repaid"]
    if entry.kind in (Kind.SETTLED_BY_RENEWAL, Kind.SETTLED_AGAIN):
        return [name, "renewed"]
    return []


DECIDERS: Final[Mapping[type, Decider]] = {
    c.LoanReclassified: _reclassified,
    c.LoanCorrected: _corrected,
    c.LoanReversed: _reversed,
}
