"""Decide about new loans: opening balances, issues, renewals in one event or two legs (V08, V10–V15, V25, V29, V30, V32)."""

from collections.abc import Mapping
from typing import Final

from aggregates.codes import (
    CLASS,
    CUSTOMER_KIND,
    ISSUANCE_KIND,
    MODE,
    NO_PRINCIPAL,
    SECURITY,
    SIZE,
    date_of,
    day_number,
)
from aggregates.customer import Timeline
from aggregates.decide_alive import Decider, alive, exists
from aggregates.facts import (
    LoanExtended,
    LoanIssued,
    LoanOpened,
    Settlement,
    Terms,
    flag,
)
from aggregates.loan import due_on, effective
from aggregates.outcomes import Hashes, Known, Outcome, Parked, Refused, Repeated, Subjects, wait_loan
from aggregates.renewals import BRIDGE, refusal, renewal_flags
from aggregates.segmenting import COOPERATIVES_FROM
from aggregates.segments import TEN_MILLION, is_cooperative
from puhui.contract import lending as c
from puhui.money import yuan

_SMALL: Final = frozenset({"micro", "small", "individual", "owner"})


def _terms(d: c.Terms, issuance_kind: int) -> Terms:
    months = d.term_months
    if months is None:
        months = (
            (d.original_due_on.year - d.disbursed_on.year) * 12
            + d.original_due_on.month
            - d.disbursed_on.month
        )
        months += d.original_due_on.day > d.disbursed_on.day
    return Terms(
        d.customer_ref, CUSTOMER_KIND[d.customer_kind], SIZE[d.enterprise_size], d.principal_fen,
        day_number(d.disbursed_on), day_number(d.original_due_on), SECURITY[d.main_security], issuance_kind, months,
        d.division_code, d.contract_amount_fen, d.contract_no, d.product, d.rate_pct, d.inclusive_declared, d.discount,
        d.agri, d.inclusive_agri_declared, d.revolving, d.annual_review, d.entrusted, d.first_time_borrower,
        d.startup_guaranteed, d.srdi, d.line_no, d.target_industry, d.repayment_method, d.application_no,
    )  # fmt: skip


def _terms_refusal(d: c.Terms) -> Refused | None:
    if d.currency != "CNY":
        return Refused("V03", "data.currency", {"value": d.currency}, "not_supported")
    if d.principal_fen == 0:
        return Refused("V04", "data.principal_fen", {"value": 0})
    if d.main_security != "credit" and not d.security:
        return _contradicting_security(d, "data.security")
    if d.main_security == "credit" and any(s.guarantee_no for s in d.security):
        return _contradicting_security(d, "data.security.guarantee_no")
    if d.original_due_on < d.disbursed_on:
        values = {"due_on": str(d.original_due_on), "disbursed_on": str(d.disbursed_on)}
        return Refused("V22", "data.original_due_on", {"loan_no": d.loan_no, **values}, "due_before_issue")
    return None


def _contradicting_security(d: c.Terms, field: str) -> Refused:
    details = [f"{s.kind} {s.guarantee_no}" if s.guarantee_no else s.kind for s in d.security]
    values = {"main_security": d.main_security, "security": ", ".join(details) or "[]"}
    return Refused("V32", field, {"loan_no": d.loan_no, **values})


def _terms_flags(d: c.Terms, terms: Terms, subjects: Subjects, settled: int = 0) -> int:
    """What is flagged of new terms (V25, V29, V30); `settled`: what the loan itself pays off."""
    flags = 0
    if d.rate_pct is not None and not 0 < float(d.rate_pct) <= 24:
        flags |= flag("V25")
    customer = subjects.customer(d.customer_ref)
    line = Timeline(customer).on(terms.disbursed).line if customer and customer.lines else None
    if (
        line is not None
        and customer is not None
        and line < terms.principal + _drawn(customer.loans, subjects) - settled
    ):
        flags |= flag("V29")
    if d.inclusive_declared:
        total = terms.principal if line is None else line
        eligible = d.customer_kind in _SMALL or (
            is_cooperative(terms.customer_kind) and terms.disbursed >= COOPERATIVES_FROM
        )
        if total > TEN_MILLION or not eligible or d.enterprise_size in ("medium", "large"):
            flags |= flag("V30")
    return flags


def _drawn(loan_nos: list[str], subjects: Subjects) -> int:
    loans = (subjects.loan(no) for no in loan_nos)
    return sum(loan.balance for loan in loans if loan)


def _opened(d: c.OpeningBalanceData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    answer = _not_granted(d, h, s)
    if answer is not None:
        return answer
    terms = _terms(d, ISSUANCE_KIND[d.issuance_kind])
    due = terms.due if d.current_due_on is None else day_number(d.current_due_on)
    since = None if d.overdue_since is None else day_number(d.overdue_since)
    return (
        LoanOpened(
            h.event, h.content, _terms_flags(d, terms, s), d.loan_no, day_number(d.as_of), terms, d.outstanding_fen,
            due, CLASS[d.class_], since, d.extension_count, d.chain_depth, d.predecessor is not None,
        ),
    )  # fmt: skip


def _not_granted(d: c.Terms, h: Hashes, s: Subjects) -> Refused | Repeated | None:
    """Why there is no new loan: by its terms, or because one of its number is there; None where it can be made."""
    refused = _terms_refusal(d)
    return _there(d, h, s) if refused is None else refused


def _there(d: c.Terms, h: Hashes, s: Subjects) -> Refused | Repeated | None:
    """What is said of a loan that is there: another channel told the same (L13), or something else (V08)."""
    loan = s.loan(d.loan_no)
    if loan is None or not exists(loan):
        return None
    alike = any(e.content == h.content for e in effective(loan))
    return Repeated() if alike else Refused("V08", "data.loan_no", {"loan_no": d.loan_no})


def _issued(d: c.IssuedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    if d.increase_fen and not d.previous:
        values = {"value": yuan(d.increase_fen), "other": "data.previous", "other_value": "[]"}
        return Refused("V03", "data.increase_fen", values, "inconsistent")
    return _granted(d, d.previous, ISSUANCE_KIND[d.issuance_kind], h, s)


def _renewed(d: c.RenewedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    kind = MODE[d.mode]
    if d.issuance_kind is not None and ISSUANCE_KIND[d.issuance_kind] != kind:
        values = {"mode": d.mode, "issuance_kind": d.issuance_kind}
        return Refused("V03", "data.issuance_kind", values, "mode_contradiction")
    if any(part.old_loan_no == d.loan_no for part in d.settles):
        return _same_number(d, kind, h, s)
    return _granted(d, d.settles, kind, h, s)


def _granted(
    d: c.IssuedData | c.RenewedData, settles: tuple[c.Settled, ...], kind: int, h: Hashes, s: Subjects
) -> Outcome:
    answer: Outcome | None = _not_granted(d, h, s)
    if answer is not None:
        return answer
    terms = _terms(d, kind)
    previous = tuple(_settlement(part, terms) for part in settles)
    flags = _terms_flags(d, terms, s, sum(p.amount for p in previous if p.repaid_on is None))
    signed = None if d.contract_signed_on is None else day_number(d.contract_signed_on)
    if previous:
        answer = refusal(terms, d.loan_no, previous, d.increase_fen, s)
        if answer is not None:
            return answer
        flags |= renewal_flags(terms, signed, previous, s)
    day = day_number(d.business_date)
    return (LoanIssued(h.event, h.content, flags, d.loan_no, day, terms, previous, d.increase_fen, signed),)


def _settlement(part: c.Settled, terms: Terms) -> Settlement:
    due = None if part.old_due_on is None else day_number(part.old_due_on)
    repaid_on = None
    if (
        terms.issuance_kind == BRIDGE
        and part.old_settled_on is not None
        and part.old_settled_on < date_of(terms.disbursed)
    ):
        repaid_on = day_number(part.old_settled_on)
    return Settlement(part.old_loan_no, part.settled_principal_fen, due, CLASS[part.old_class], repaid_on)


def _same_number(d: c.RenewedData, kind: int, h: Hashes, s: Subjects) -> Outcome:
    """同借据续期: an extension, with the mark where it is declared 无还本; the balance moves by the line 转标 (V15).

    It pays nothing out: what the 借据 grows by comes as a draw.
    """
    loan, named = alive(d.loan_no, d.business_date, s), {"loan_no": d.loan_no, "old_loan_no": d.loan_no}
    if isinstance(loan, Parked):
        return Parked("V10", "data.settles.old_loan_no", wait_loan(d.loan_no), named)
    if isinstance(loan, Refused):
        return loan
    if len(d.settles) > 1 or d.increase_fen:
        return Refused("V15", "data.settles" if len(d.settles) > 1 else "data.increase_fen", named)
    settled = d.settles[0].settled_principal_fen
    if d.principal_fen != settled:
        values = {"principal": yuan(d.principal_fen), "settled": yuan(settled), "increase": yuan(0)}
        return Refused("V14", "data.principal_fen", {"loan_no": d.loan_no, **values})
    new_due = day_number(d.original_due_on)
    return (
        LoanExtended(
            h.event,
            h.content,
            flag("V15"),
            d.loan_no,
            day_number(d.business_date),
            due_on(loan),
            new_due,
            kind == NO_PRINCIPAL,
        ),
    )


DECIDERS: Final[Mapping[type, Decider]] = {
    c.LoanOpeningBalance: _opened,
    c.LoanIssued: _issued,
    c.LoanRenewed: _renewed,
}
