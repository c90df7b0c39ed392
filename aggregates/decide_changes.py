"""Decide about what changes earlier facts: reclassification, correction, reversal (V24, V46)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Final

from aggregates.codes import ISSUANCE_KIND, ISSUANCE_KINDS, SECURITIES, SECURITY, date_of, day_number
from aggregates.decide_alive import Decider, before_opening, too_much
from aggregates.decide_common import later_than, out_of_range
from aggregates.decide_customers import told_at
from aggregates.facts import LoanCorrected, LoanReclassified, LoanReversed, flag
from aggregates.hashing import event_hash
from aggregates.loan import (
    ADDS,
    DRAWS,
    MOVES,
    TAKES,
    Entry,
    Kind,
    Loan,
    effective,
    left_of,
    lowest,
    overdraws,
    reading,
    relabelled_in_order,
    told_besides,
    with_change,
)
from aggregates.outcomes import (
    Hashes,
    Known,
    Outcome,
    Parked,
    Refused,
    Repeated,
    Subjects,
    wait_event,
    wait_loan,
)
from puhui.contract import lending as c
from puhui.contract.base import END, LARGEST, PERCENT, Common
from puhui.money import yuan

_ISSUES: Final = frozenset((Kind.OPENING, Kind.TRANSFERRED_IN, Kind.ISSUED, Kind.RENEWED_IN))
_PLAIN: Final = (MOVES - _ISSUES - {Kind.INCREASE, Kind.SETTLED_BY_RENEWAL, Kind.SETTLED_AGAIN}) | {
    Kind.ISSUED
}
_DATED: Final = frozenset((Kind.EXTENDED, Kind.DEFERRED))
#: What a correction may change, and in which facts; issues on which other facts rest are reversed and sent again.
_CORRECTABLE: Final[Mapping[str, frozenset[Kind]]] = {
    "principal_fen": _PLAIN,
    "business_date": frozenset(kind for kind in Kind if kind < Kind.CORRECTED) - (_ISSUES - {Kind.ISSUED}),
    "new_due_on": _DATED,
    "original_due_on": _ISSUES,
    "main_security": _ISSUES,
    "rate_pct": _ISSUES,
}
_ALONE: Final = ("principal_fen", "business_date")
_PERCENT: Final = re.compile(PERCENT)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}" + END)
#: What is itself a change is not reversed, each for a reason of its own (V24).
_CHANGES: Final[Mapping[int, str]] = {Kind.REVERSED: "of_reversal", Kind.CORRECTED: "of_correction"}
LISTED: Final = 9
"""Of so many later facts at the most the answer to a reversal tells: more would be cut off in the middle of one."""
_SETTLING: Final = frozenset((Kind.SETTLED, Kind.SECOND_LEG))


def _reclassified(d: c.ReclassifiedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    if d.mode is None:
        return Refused("V46", "data.mode", {}, "no_mode")
    if d.mode == "policy" and not (d.rule or d.notice):
        return Refused("V46", "data.rule", {}, "no_mode")
    if not _fits(d.field, d.new):
        return Refused("V03", "data.new", {"value": _shown(d.new)})
    effective_on = day_number(d.effective_on)
    facts = []
    for loan_no in dict.fromkeys(d.loan_no):
        loan = s.loan(loan_no)
        if loan is None or not loan.entries:
            return Parked("V09", "data.loan_no", wait_loan(loan_no), {"loan_no": loan_no})
        if effective_on < loan.disbursed and loan.journal[0].kind != Kind.OPENING:
            dates = {"effective_on": str(d.effective_on), "disbursed_on": str(date_of(loan.disbursed))}
            return Refused("V46", "data.effective_on", {"loan_no": loan_no, **dates}, "before_issue")
        flags = flag("V46") * (d.old is not None and d.old != _value_of(loan, d.field, effective_on))
        facts.append(
            LoanReclassified(
                h.event, h.content, flags, loan_no, effective_on, d.field, d.old, d.new, d.mode == "policy",
                d.notice or d.rule, f"{d.business_date} {_said(d, h)}",
            )
        )  # fmt: skip
    return tuple(facts)


def _shown(value: str | int) -> str:
    """A value as an answer shows it, the empty text too."""
    return str(value) or '""'


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
    entries = [e for e in effective(loan) if e.field == field]
    errors = sorted((e for e in entries if e.kind == Kind.RECLASS_ERROR), key=relabelled_in_order)
    policies = [e for e in entries if e.kind == Kind.RECLASS_POLICY and e.day <= day]
    for entry in [*errors, *sorted(policies, key=lambda e: (e.day, relabelled_in_order(e)))]:
        value = entry.value
    return value


def _target(loan: Loan, event: int) -> Sequence[Entry]:
    return reading(loan).told.get(event, ())


def _corrected(d: c.CorrectedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = s.loan(d.loan_no)
    target = event_hash(h.source, d.corrects_event_id)
    entries = _target(loan, target) if loan else ()
    values: dict[str, object] = {"corrects_event_id": d.corrects_event_id}
    if loan is None or not entries:
        field = "data.corrects_event_id"
        return Parked("V24", field, wait_event(target), values, "correction_unknown")
    entry = entries[0]
    if entry.kind not in _CORRECTABLE[d.field] or (d.field in _ALONE and len(entries) > 1):
        return Refused("V24", "data.field", {**values, "name": d.field}, "not_correctable")
    new = _new_value(d, h, loan, entry, k)
    if isinstance(new, (Refused, Parked)):
        return new
    told_on = day_number(d.business_date)
    return (
        LoanCorrected(
            h.event, h.content, 0, d.loan_no, entry.day, target, d.field, new, told_on, _said(d, h)
        ),
    )


def _new_value(
    d: c.CorrectedData, h: Hashes, loan: Loan, entry: Entry, k: Known
) -> int | str | Refused | Parked:
    """The value that a correction gives, if the loan can have it (V03, V04, V06, V19, V22)."""
    match d.field:
        case "principal_fen":
            return _new_principal(d, h, loan, entry)
        case "business_date":
            return _new_business_date(d, h, loan, entry, k)
        case "original_due_on" | "new_due_on":
            return _new_day(d, loan, entry, k)
        case "main_security":
            fits = d.new in SECURITY
        case "rate_pct":
            fits = isinstance(d.new, str) and _PERCENT.match(d.new) is not None
    return d.new if fits else Refused("V03", "data.new", {"value": _shown(d.new)})


def _new_principal(d: c.CorrectedData, h: Hashes, loan: Loan, entry: Entry) -> int | Refused | Parked:
    """The amount that a correction gives: above 0 and not below what was reversed of it (V04).

    Where more is taken than there is by then, it waits (V19).
    """
    if not isinstance(d.new, int) or d.new <= 0:
        return Refused("V04", "data.new", {"value": _shown(d.new)})
    change = _change(d, h, entry, d.new)
    outstanding, least = with_change(loan, change)
    if left_of(loan, entry.event, change) < 0 or outstanding > LARGEST:  # parts of it were reversed
        return Refused("V04", "data.new", {"value": yuan(d.new)})
    if least < lowest(loan, 0):
        return too_much(d.loan_no, loan.balance - outstanding, lowest(loan, entry.day), "data.new")
    return d.new


def _new_business_date(
    d: c.CorrectedData, h: Hashes, loan: Loan, entry: Entry, k: Known
) -> int | Refused | Parked:
    """The day that a correction gives; where more is taken by then than there is, it waits (V19)."""
    day = _new_day(d, loan, entry, k)
    if isinstance(day, int) and entry.kind in DRAWS:
        refused = before_opening(d.loan_no, loan, date_of(day), "data.new")
        if refused is not None:
            return refused
    if isinstance(day, int) and overdraws(loan, _change(d, h, entry, day)):
        return too_much(d.loan_no, entry.amount, lowest(loan, min(day, entry.day)), "data.new")
    return day


def _change(d: c.CorrectedData, h: Hashes, entry: Entry, new: int) -> Entry:
    """What a correction would be in the loan's journal."""
    told_on = day_number(d.business_date)
    return Entry(Kind.CORRECTED, told_on, new, h.event, h.content, entry.event, d.field, _said(d, h))


def _said(d: Common, h: Hashes) -> str:
    """Its place among others of one business date: its source's clock, then its id; the later in order of text holds."""
    return f"{told_at(d.booked_at, h.time):012d} {h.id}"


def _new_day(d: c.CorrectedData, loan: Loan, entry: Entry, k: Known) -> int | Refused:
    """The day that a correction gives, if the loan can have it (V03, V06, V22)."""
    if not isinstance(d.new, str) or not _DATE.match(d.new):
        return Refused("V03", "data.new", {"value": _shown(d.new)})
    try:
        found = date.fromisoformat(d.new)
    except ValueError:
        return Refused("V03", "data.new", {"value": _shown(d.new)})
    refused = out_of_range("data.new", found)
    if refused is not None:
        return refused
    day, begins = (
        day_number(found),
        {"loan_no": d.loan_no, "disbursed_on": str(date_of(loan.disbursed))},
    )
    if d.field == "business_date":
        if day > k.today + 1:
            return later_than("data.new", found, date_of(k.today))
        if entry.kind != Kind.ISSUED and day < loan.disbursed:
            return Refused("V22", "data.new", {**begins, "business_date": d.new})
    elif day < loan.disbursed:
        return Refused("V22", "data.new", {**begins, "due_on": d.new}, "due_before_issue")
    return day


def _reversed(d: c.ReversedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = s.loan(d.loan_no)
    target = event_hash(h.source, d.reverses_event_id)
    entries = _target(loan, target) if loan else ()
    values = {"reverses_event_id": d.reverses_event_id}
    if loan is None or not entries:
        return Parked("V24", "data.reverses_event_id", wait_event(target), values, "unknown")
    entry = entries[0]
    if entry.kind in _CHANGES:
        return Refused("V24", "data.reverses_event_id", values, _CHANGES[entry.kind])
    if any(e.kind == Kind.REVERSED and e.amount < 0 for e in reading(loan).changes.get(target, ())):
        return Repeated("V24")
    refused = None if d.full else _not_partly(d, loan, entries, values)
    if refused is not None:
        return refused
    amount = None if d.full else d.amount_fen
    change = Entry(Kind.REVERSED, entry.day, amount or -1, h.event, h.content, target)
    later = _standing_on(d.loan_no, loan, entry, change, s)
    if later:
        values = {**values, "events": ", ".join(later[1:])}
        return Parked("V24", "data.reverses_event_id", wait_loan(later[0]), values, "later_facts")
    return (LoanReversed(h.event, h.content, 0, d.loan_no, entry.day, target, amount),)


def _not_partly(
    d: c.ReversedData, loan: Loan, entries: Sequence[Entry], values: Mapping[str, object]
) -> Refused | None:
    """Why this amount of a fact cannot be reversed (V03, V04, V24); None where it can."""
    entry, amount = entries[0], d.amount_fen
    if amount is None:
        return Refused("V03", "data.amount_fen", {}, "missing_field")
    if amount == 0:
        return Refused("V04", "data.amount_fen", {"value": yuan(amount)})
    of_several = entry.kind == Kind.RENEWED_IN and len(loan.previous) > 1
    if len(entries) > 1 or entry.kind not in MOVES or of_several:
        return Refused("V24", "data.full", values, "not_partly")
    left = left_of(loan, entry.event)
    if amount > left:
        amounts = {"amount": yuan(amount), "original": yuan(left)}
        return Refused("V24", "data.amount_fen", {**values, **amounts}, "too_much")
    return None


def _standing_on(loan_no: str, loan: Loan, entry: Entry, change: Entry, s: Subjects) -> list[str]:
    """What stands on a fact and must be reversed before it: the loan to wait for, then the kinds; empty: nothing.

    `change`: what the reversal would be in the loan's journal.
    """
    if change.amount < 0 and told_besides(loan, entry):
        return []
    entries = effective(loan)
    others = (e for e in entries if e.event != entry.event)
    name = entry.value if isinstance(entry.value, str) else ""
    if entry.kind in _ISSUES:
        if later := _listed(others):
            return [loan_no, *later]
        for part in loan.previous:
            old_no = part.loan_no
            old = s.loan(old_no)
            legs = [e for e in effective(old) if e.kind in _SETTLING and e.value == loan_no] if old else []
            if legs:
                return [old_no, *_listed(legs)]
        return []
    settled = [e for e in reading(loan).endings if e.kind == Kind.SETTLED and e.event != entry.event]
    if entry.kind in TAKES and settled:
        return [loan_no, *_listed(settled)]
    if entry.kind in ADDS and overdraws(loan, change):
        return [loan_no, *_listed(e for e in others if e.kind in TAKES)]
    if entry.kind in (Kind.SETTLED_BY_RENEWAL, Kind.SETTLED_AGAIN):
        return [name, f"renewed {name}"]
    return []


def _listed(entries: Iterable[Entry]) -> list[str]:
    """Facts as the answer to a reversal lists them: the first ones, where there are many."""
    first = list(map(_told, islice(entries, LISTED + 1)))
    return first if len(first) <= LISTED else [*first[:LISTED], "…"]


def _told(entry: Entry) -> str:
    """A fact as the answer to a reversal lists it: `repaid 2024-06-20`."""
    return f"{Kind(entry.kind).name.lower()} {date_of(entry.day)}"


DECIDERS: Final[Mapping[type, Decider]] = {
    c.LoanReclassified: _reclassified,
    c.LoanCorrected: _corrected,
    c.LoanReversed: _reversed,
}
