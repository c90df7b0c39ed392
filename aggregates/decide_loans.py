"""Decide about loan events: one event and what it is about → facts, a refusal or a parking (09, V01–V32)."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from aggregates.codes import (
    CLASS,
    CUSTOMER_KIND,
    ISSUANCE_KIND,
    MODE,
    SECURITY,
    SIZE,
    date_of,
    day_number,
)
from aggregates.facts import (
    LoanClassified,
    LoanDefaulted,
    LoanDrawn,
    LoanExtended,
    LoanIssued,
    LoanOpened,
    LoanOverdue,
    LoanRecovered,
    LoanRepaid,
    LoanSettled,
    LoanTransferred,
    LoanWrittenOff,
    OverdueCleared,
    RepaymentDeferred,
    Settlement,
    Terms,
    flag,
)
from aggregates.loan import ENDINGS, Kind, Loan, due_on, effective, settled_on
from aggregates.movements import COOPERATIVES_FROM
from aggregates.outcomes import Hashes, Known, Outcome, Parked, Refused, Subjects, wait_loan
from aggregates.renewals import BRIDGE, refusal, renewal_flags
from aggregates.segments import TEN_MILLION, is_cooperative
from puhui.contract import lending as c
from puhui.contract.base import LARGEST
from puhui.money import yuan

_BEGINNINGS: Final = frozenset((Kind.OPENING, Kind.TRANSFERRED_IN, Kind.ISSUED, Kind.RENEWED_IN))
_SETTLED: Final = frozenset((Kind.SETTLED,))
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
    line = customer.line_on(terms.disbursed) if customer else None
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


def _exists(loan: Loan | None) -> bool:
    """Does the number stand for a loan whose issue still stands (a reversed issue frees its number)?"""
    return loan is not None and _begins(loan) is not None


def _begins(loan: Loan) -> int | None:
    """The day of the issue that stands, as corrected; None where it was reversed."""
    days = (e.day for e in effective(loan) if e.kind in _BEGINNINGS)
    return next(days, None)


def _opened(d: c.OpeningBalanceData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    refused = _terms_refusal(d)
    if refused is not None:
        return refused
    if _exists(s.loan(d.loan_no)):
        return Refused("V08", "data.loan_no", {"loan_no": d.loan_no})
    terms = _terms(d, ISSUANCE_KIND[d.issuance_kind])
    due = terms.due if d.current_due_on is None else day_number(d.current_due_on)
    since = None if d.overdue_since is None else day_number(d.overdue_since)
    return (
        LoanOpened(
            h.event, h.content, _terms_flags(d, terms, s), d.loan_no, day_number(d.as_of), terms, d.outstanding_fen,
            due, CLASS[d.class_], since, d.extension_count, d.chain_depth, d.predecessor is not None,
        ),
    )  # fmt: skip


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
        return _same_number(d, h, s)
    return _granted(d, d.settles, kind, h, s)


def _granted(
    d: c.IssuedData | c.RenewedData, settles: tuple[c.Settled, ...], kind: int, h: Hashes, s: Subjects
) -> Outcome:
    refused = _terms_refusal(d)
    if refused is not None:
        return refused

    if _exists(s.loan(d.loan_no)):
        return Refused("V08", "data.loan_no", {"loan_no": d.loan_no})
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


def _same_number(d: c.RenewedData, h: Hashes, s: Subjects) -> Outcome:
    """同借据续期: an extension with the mark; the balance moves by the line 转标 (V15)."""
    loan = s.loan(d.loan_no)
    if loan is None:
        return Parked("V10", wait_loan(d.loan_no), {"loan_no": d.loan_no, "old_loan_no": d.loan_no})
    if len(d.settles) > 1:
        return Refused("V15", "data.settles", {"loan_no": d.loan_no, "old_loan_no": d.loan_no})
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
            True,
        ),
    )


def _alive(
    loan_no: str, day: date, s: Subjects, endings: frozenset[Kind] = ENDINGS
) -> Loan | Parked | Refused:
    """The loan that an event speaks of, if it may speak of it on that day (V09, V22)."""
    loan = s.loan(loan_no)
    begins = None if loan is None else _begins(loan)
    if loan is None or begins is None:
        return Parked("V09", wait_loan(loan_no), {"loan_no": loan_no})
    on = day_number(day)
    first = min(begins, loan.terms.disbursed)
    if on < first:
        values = {"business_date": str(day), "loan_no": loan_no, "disbursed_on": str(date_of(first))}
        return Refused("V22", "data.business_date", values)
    settled = settled_on(loan, endings)
    if settled is not None and on > settled:
        values = {"business_date": str(day), "loan_no": loan_no, "ended_on": str(date_of(settled))}
        return Refused("V22", "data.business_date", values, "ended")
    return loan


def _drawn_part(d: c.DrawnData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = _alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return Parked("V45", loan.wait, loan.values, "unknown_loan") if isinstance(loan, Parked) else loan
    if d.amount_fen == 0 or loan.balance + d.amount_fen > LARGEST:
        return Refused("V04", "data.amount_fen", {"value": yuan(d.amount_fen)})
    flags = 0
    if d.kind == "draw" and loan.terms.contract_amount is not None:
        so_far = sum(e.amount for e in effective(loan) if e.kind in (Kind.ISSUED, Kind.DRAWN))
        if so_far + d.amount_fen > loan.terms.contract_amount:
            flags = flag("V45")
    day = day_number(d.business_date)
    return (LoanDrawn(h.event, h.content, flags, d.loan_no, day, d.amount_fen, d.kind == "capitalised"),)


def _extended(d: c.ExtendedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    if d.new_due_on <= d.old_due_on:
        dates = {"new_due_on": str(d.new_due_on), "old_due_on": str(d.old_due_on)}
        return Refused("V16", "data.new_due_on", {"loan_no": d.loan_no, **dates})
    loan = _alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    old, new = day_number(d.old_due_on), day_number(d.new_due_on)
    if old > due_on(loan):
        dates = {"old_due_on": str(d.old_due_on), "due_on": str(date_of(due_on(loan)))}
        return Parked("V17", wait_loan(d.loan_no), {"loan_no": d.loan_no, **dates})
    flags = flag("V15") if d.marked_renewal else 0
    if old < due_on(loan):
        flags |= flag("V17")
    if new - old > _longest_extension(loan.terms.months) * 31 or day_number(d.business_date) > old:
        flags |= flag("V18")
    day = day_number(d.business_date)
    return (LoanExtended(h.event, h.content, flags, d.loan_no, day, old, new, d.marked_renewal),)


def _longest_extension(months: int) -> int:
    """The customary limit of 5.9: the term of a short loan, half of a medium one, three years of a long one."""
    if months <= 12:
        return months
    return (months + 1) // 2 if months <= 60 else 36


def _deferred(d: c.RepaymentDeferredData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = _alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    new = None if d.new_due_on is None else day_number(d.new_due_on)
    return (
        RepaymentDeferred(
            h.event, h.content, 0, d.loan_no, day_number(d.business_date), d.deferred_principal_fen,
            d.deferred_interest_fen, new, d.executed_as,
        ),
    )  # fmt: skip


def _repaid(d: c.RepaidData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = s.loan(d.loan_no)
    day = day_number(d.business_date)
    if loan is None or not loan.journal or loan.terms.disbursed > day or loan.balance < d.principal_fen:
        answer = _repaid_unusual(d, s)
        if answer is not None:
            return answer
    elif loan.last >> 5 > day or loan.journal[-1].kind > Kind.EXCHANGED:
        alive = _alive(d.loan_no, d.business_date, s)
        if not isinstance(alive, Loan):
            return alive
    flags = 0
    if d.kind == "by_renewal":
        waiting = _without_successor(d.loan_no, d.new_loan_no, s)
        if waiting is not None:
            return waiting
    elif d.principal_fen == 0 and not (d.interest_fen or d.penalty_fen or d.fee_fen):
        return Refused("V04", "data.principal_fen", {"value": 0})
    elif d.principal_after_fen is not None and loan is not None:
        flags = flag("V20") * (d.principal_after_fen != loan.balance - d.principal_fen)
    return (
        LoanRepaid(
            h.event, h.content, flags, d.loan_no, day, d.principal_fen, d.kind, d.interest_fen, d.penalty_fen,
            d.fee_fen, d.repayment_no, d.new_loan_no,
        ),
    )  # fmt: skip


def _without_successor(loan_no: str, new_loan_no: str | None, s: Subjects) -> Parked | Refused | None:
    """The second leg of a renewal waits for the first one (V09)."""
    if new_loan_no is None:
        return Refused("V03", "data.new_loan_no", {}, "missing_field")
    if _exists(s.loan(new_loan_no)):
        return None
    values = {"loan_no": loan_no, "new_loan_no": new_loan_no}
    return Parked("V09", wait_loan(new_loan_no), values, "unknown_successor")


def _repaid_unusual(d: c.RepaidData, s: Subjects) -> Parked | Refused | None:
    alive = _alive(d.loan_no, d.business_date, s)
    if not isinstance(alive, Loan):
        return alive
    instalments = 1 + sum(1 for e in alive.journal if e.kind == Kind.REPAID)
    if d.kind != "by_renewal" and d.principal_fen > alive.balance + (instalments if instalments > 1 else 0):
        return too_much(d.loan_no, d.principal_fen, alive.balance)
    return None


def _overdue(d: c.OverdueData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = _alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    day, since = day_number(d.business_date), day_number(d.overdue_since)
    return (
        LoanOverdue(
            h.event,
            h.content,
            0,
            d.loan_no,
            day,
            since,
            d.kind,
            d.overdue_principal_fen,
            d.overdue_interest_fen,
        ),
    )


def _cleared(d: c.OverdueClearedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = _alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    return (OverdueCleared(h.event, h.content, 0, d.loan_no, day_number(d.business_date), d.kind),)


def _classified(d: c.ClassifiedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = _alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    day, loan_class = day_number(d.classified_on), CLASS[d.class_]
    flags = flag("V23") * (loan_class <= 1 and _past_due(loan, day) > 90)
    return (LoanClassified(h.event, h.content, flags, d.loan_no, day, loan_class),)


def _past_due(loan: Loan, day: int) -> int:
    """Days past due on a day, by the spells known."""
    since: int | None = None
    for entry in effective(loan):
        if entry.day > day:
            break
        if entry.kind == Kind.OVERDUE:
            since = entry.amount if since is None else since
        elif entry.kind == Kind.CLEARED:
            since = None
    return 0 if since is None else day - since


def _defaulted(d: c.DefaultedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = _alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    return (LoanDefaulted(h.event, h.content, 0, d.loan_no, day_number(d.defaulted_on), d.trigger),)


def _beyond(loan: Loan, loan_no: str, principal: int) -> Parked | None:
    """More than is outstanding waits for a missing draw or reversal (V19)."""
    if principal <= loan.balance:
        return None
    return too_much(loan_no, principal, loan.balance)


def too_much(loan_no: str, amount: int, outstanding: int) -> Parked:
    """More is taken than there is: a draw or a reversal may be on its way (V19)."""
    values = {"loan_no": loan_no, "amount": yuan(amount), "outstanding": yuan(outstanding)}
    return Parked("V19", wait_loan(loan_no), values)


def _written_off(d: c.WrittenOffData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = _alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    if d.principal_fen == 0 and d.interest_fen == 0:
        return Refused("V04", "data.principal_fen", {"value": 0})
    waiting = _beyond(loan, d.loan_no, d.principal_fen)
    if waiting is not None:
        return waiting
    day = day_number(d.business_date)
    return (LoanWrittenOff(h.event, h.content, 0, d.loan_no, day, d.principal_fen, d.interest_fen),)


def _transferred(d: c.TransferredData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = _alive(d.loan_no, d.business_date, s)
    if not isinstance(loan, Loan):
        return loan
    if d.principal_fen == 0:
        return Refused("V04", "data.principal_fen", {"value": 0})
    waiting = _beyond(loan, d.loan_no, d.principal_fen)
    if waiting is not None:
        return waiting
    day = day_number(d.business_date)
    return (
        LoanTransferred(h.event, h.content, 0, d.loan_no, day, d.principal_fen, d.kind == "npl", d.price_fen),
    )


def _recovered(d: c.RecoveredData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    if not _exists(s.loan(d.loan_no)):
        return Parked("V09", wait_loan(d.loan_no), {"loan_no": d.loan_no})
    if d.amount_fen == 0:
        return Refused("V04", "data.amount_fen", {"value": 0})
    return (LoanRecovered(h.event, h.content, 0, d.loan_no, day_number(d.business_date), d.amount_fen),)


def _settled(d: c.SettledData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    loan = _alive(
        d.loan_no, d.business_date, s, _SETTLED
    )  # a loan that was transferred is settled afterwards
    if not isinstance(loan, Loan):
        return loan
    if d.manner == "renewal":
        waiting = _without_successor(d.loan_no, d.new_loan_no, s)
        if waiting is not None:
            return waiting
    flags = flag("V21") * (loan.balance != 0 and d.manner != "renewal")
    day = day_number(d.settled_on)
    return (LoanSettled(h.event, h.content, flags, d.loan_no, day, d.manner, d.new_loan_no),)


Decider = Callable[[Any, Hashes, Subjects, Known], Outcome]

DECIDERS: Final[Mapping[type, Decider]] = {
    c.LoanOpeningBalance: _opened,
    c.LoanIssued: _issued,
    c.LoanRenewed: _renewed,
    c.LoanDrawn: _drawn_part,
    c.LoanExtended: _extended,
    c.LoanRepaymentDeferred: _deferred,
    c.LoanRepaid: _repaid,
    c.LoanOverdue: _overdue,
    c.LoanOverdueCleared: _cleared,
    c.LoanClassified: _classified,
    c.LoanDefaulted: _defaulted,
    c.LoanWrittenOff: _written_off,
    c.LoanTransferred: _transferred,
    c.LoanRecovered: _recovered,
    c.LoanSettled: _settled,
}
