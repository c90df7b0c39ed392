"""Evidence down to the single fact: what moved a figure most, out of the commit records that a view knows."""

from collections.abc import Iterator
from datetime import date, datetime
from heapq import nlargest
from typing import Any, Final

import msgspec

from aggregates import facts as f
from aggregates.codes import ISSUANCE_KIND, date_of, day_number
from aggregates.loan import Kind, Loan
from aggregates.store import Store
from projections.alerts import Finding
from projections.figure import Reason
from projections.views import Figures, View
from puhui.contract.signing import SIGNATURE
from puhui.policy import Quarter
from puhui.policy.periods import HOUR, microseconds, moment_at, start_of

SHOWN: Final = 12
"""How many facts an alert carries; all others can be asked for by the same view."""
_LOOKED_AT: Final = 400
_LATEST: Final = 20_000
"""Refusals of a book, the newest first, among which those of an hour are looked for: a day of them."""
_NO_PRINCIPAL: Final = ISSUANCE_KIND["no_principal_renewal"]
_decode_loan = msgspec.msgpack.Decoder(Loan).decode


def facts_of(store: Store, figures: Figures, finding: Finding) -> tuple[dict[str, Any], ...] | None:
    """The facts that a finding rests on: the largest of a swing's quarter, the last reports of the day that does not fit, or
    the last refusals of an hour. None for a swing of a bank that does not send loans singly (level A).
    """
    version = finding.evidence.versions.get(finding.subject, 0)
    if finding.rule in ("ReconciliationGap", "UnitSuspected"):
        return tuple(_reports(figures, finding, version))
    if finding.rule == "NprSwing":
        return _largest(store, figures, finding, version)
    if finding.rule in ("RejectSpike", "UnauthenticEvents"):
        return tuple(_refusals(store, finding))
    return ()


def _refusals(store: Store, finding: Finding) -> Iterator[dict[str, Any]]:
    began = microseconds(datetime.fromisoformat(f"{finding.period}:00+08:00"))
    rows = [row for row in store.refused(finding.subject, _LATEST) if began <= row.at < began + HOUR]
    if finding.rule == "UnauthenticEvents":
        rows = [row for row in rows if row.field == SIGNATURE]
    for row in sorted(rows, key=lambda row: (-row.at, row.place))[:SHOWN]:
        yield {
            "fact": "event.refused", "rule": row.rule, "field": row.field, "place": row.place,
            "recorded_at": moment_at(row.at).isoformat(timespec="seconds"), "event": f"{row.event:016x}",
        }  # fmt: skip


def _reports(figures: Figures, finding: Finding, version: int) -> Iterator[dict[str, Any]]:
    day, key, measure = finding.period.split("/")
    as_of = day_number(date.fromisoformat(day))
    rows = figures.positions(finding.subject).rows(version)
    of_the_day = [row for row in rows if (row.key, row.measure, row.as_of) == (key, measure, as_of)]
    for row in of_the_day[-SHOWN:]:
        yield {
            "fact": "position.reported", "key": key, "measure": measure, "as_of": day, "amount": row.amount,
            "kind": row.kind, "version": row.version, "event": f"{row.event:016x}",
        }  # fmt: skip


def _largest(
    store: Store, figures: Figures, finding: Finding, version: int
) -> tuple[dict[str, Any], ...] | None:
    """The largest facts of a quarter about loans of 无还本续贷, by amount."""
    book, quarter = finding.subject, Quarter(int(finding.period[:4]), int(finding.period[5]))
    first, last = day_number(quarter.first_day), day_number(quarter.last_day)
    view = View(last, None, finding.evidence.versions)
    if figures.from_ledger(book, "NPR", last, view) is Reason.NOT_PROVIDED:
        return None
    columns = figures.ledger.books.get(book)
    began = columns.version_at(microseconds(start_of(quarter.first_day)) - 1) if columns else 0
    found: list[tuple[int, int, f.AnyFact]] = []
    for number, state in store.records(book, began):
        if number > version:
            break
        for fact in f.decode_record(state).facts:
            amount = _amount(fact)
            if amount and isinstance(fact, f.LoanFact) and first <= fact.day <= last:
                found.append((amount, number, fact))
    largest = nlargest(_LOOKED_AT, found, key=lambda row: (row[0], row[2].event))
    rows = store.loans(book, sorted({row[2].loan_no for row in largest if isinstance(row[2], f.LoanFact)}))
    loans = {loan_no: _decode_loan(state) for loan_no, state in rows.items()}
    shown = [row for row in largest if _concerns(row[2], loans)]
    first = store.first_record(book) or 1
    missing = [{"fact": "records_archived", "version": first - 1}] if first > began + 1 else []
    return (*missing, *(_told(amount, number, fact) for amount, number, fact in shown[:SHOWN]))


def _amount(fact: f.AnyFact) -> int:
    match fact:
        case f.LoanRepaid(principal=amount, kind=kind):
            return 0 if kind == "by_renewal" else amount
        case f.LoanWrittenOff(principal=amount) | f.LoanTransferred(principal=amount):
            return amount
        case f.LoanIssued(terms=terms):
            return terms.principal
        case f.LoanOpened(outstanding=amount) | f.LoanDrawn(amount=amount):
            return amount
        case _:
            return 0


def _concerns(fact: f.AnyFact, loans: dict[str, Loan]) -> bool:
    """Is the fact about a loan that is or was counted as 无还本续贷?"""
    if isinstance(fact, f.LoanIssued | f.LoanOpened):
        return fact.terms.issuance_kind == _NO_PRINCIPAL
    loan = loans.get(fact.loan_no) if isinstance(fact, f.LoanFact) else None
    if loan is None:
        return False
    marked = any(e.kind == Kind.MARKED or e.value == "no_principal_renewal" for e in loan.journal)
    return loan.terms.issuance_kind == _NO_PRINCIPAL or marked


def _told(amount: int, version: int, fact: f.AnyFact) -> dict[str, Any]:
    kind = type(fact).__name__
    return {
        "fact": "".join(f"_{c.lower()}" if c.isupper() else c for c in kind).lstrip("_"),
        "loan_no": getattr(fact, "loan_no", ""),
        "business_date": date_of(getattr(fact, "day", 0)).isoformat(),
        "amount": amount,
        "version": version,
        "event": f"{fact.event:016x}",
    }
