"""Evolve: take one fact into the rows of a book, and say what it moves.

The same code runs live, after a crash (facts behind the watermark) and in a rebuild.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from msgspec.structs import replace

from aggregates import facts as f
from aggregates.codes import NO_PRINCIPAL, SECURITY
from aggregates.customer import NOBODY, Customer, Line, Profile
from aggregates.hashing import number_hash
from aggregates.loan import TAKES, Entry, Kind, Loan, began, standing, told_in_order
from aggregates.movements import Movement, begun, course, difference, refreshed, taken_in_order
from aggregates.outcomes import Subjects
from aggregates.renewals import doubtful

Moved = tuple[int, Movement]
"""What a fact moves, for one customer (the hash of its reference)."""


class Rows(Subjects, Protocol):
    """The rows of one book that a fact may change."""

    def put_loan(self, loan_no: str, loan: Loan) -> None:
        """The row is new or changed."""

    def put_customer(self, ref: str, customer: Customer) -> None:
        """The row is new or changed."""


def evolve(fact: f.AnyFact, rows: Rows) -> list[Moved]:
    """Take one fact in: rows change in place, and what moved is returned."""
    handler = HANDLERS.get(type(fact))
    return handler(fact, rows) if handler else []


def _repaid(fact: f.LoanRepaid, rows: Rows) -> list[Moved]:
    kind = fact.kind
    if kind == "by_renewal":
        entry = Entry(Kind.SECOND_LEG, fact.day, 0, fact.event, fact.content, value=fact.new_loan_no)
        return _appended(fact.loan_no, entry, rows)
    numbered = Entry(
        _FORECLOSED if kind == "foreclosure" else _REPAID, fact.day, fact.principal, fact.event, fact.content,
        None if fact.repayment_no is None else number_hash(fact.repayment_no),
    )  # fmt: skip
    return _numbered(fact, numbered, rows)


def _numbered(fact: f.LoanRepaid | f.LoanDrawn, entry: Entry, rows: Rows) -> list[Moved]:
    """Take in what has a number; told again, it counts where the one that told it before does not (L13)."""
    if fact.flags & f.TOLD_AGAIN:
        return _appended(fact.loan_no, replace(entry, value=True), rows)
    return _taken(fact.loan_no, entry, rows) if entry.kind in TAKES else _appended(fact.loan_no, entry, rows)


def repaid_in_order(fact: f.LoanRepaid, loan: Loan) -> Movement | None:
    """Take a repayment in cash into its loan, if it comes at the end of the course: the one movement that it makes.

    None, and nothing is changed, where `evolve` must take it.
    """
    if fact.kind in _APART or fact.flags & _TOLD_AGAIN:
        return None
    day, principal, number = fact.day, fact.principal, fact.repayment_no
    movement = taken_in_order(loan, _REPAID, day, principal)
    if movement is not None:
        named = None if number is None else number_hash(number)
        loan.append_plain(_REPAID, day, principal, fact.event, fact.content, named)
    return movement


_APART: Final = frozenset(("by_renewal", "foreclosure"))
_TOLD_AGAIN: Final = f.TOLD_AGAIN
_REPAID: Final = Kind.REPAID.value  # a plain integer is stored and compared faster than a member
_FORECLOSED: Final = Kind.FORECLOSED.value
_ISSUED: Final = Kind.ISSUED.value


def _taken(loan_no: str, entry: Entry, rows: Rows) -> list[Moved]:
    loan = rows.loan(loan_no) or _loan(loan_no, rows)
    movement = taken_in_order(loan, entry.kind, entry.day, entry.amount)
    if movement is None:
        return _appended(loan_no, entry, rows)
    loan.append(entry)
    rows.put_loan(loan_no, loan)
    return [(loan.owner, movement)]


def _written_off(fact: f.LoanWrittenOff, rows: Rows) -> list[Moved]:
    entry = Entry(Kind.WRITTEN_OFF, fact.day, fact.principal, fact.event, fact.content)
    return _taken(fact.loan_no, entry, rows)


def _transferred(fact: f.LoanTransferred, rows: Rows) -> list[Moved]:
    kind = Kind.TRANSFERRED_NPL if fact.npl else Kind.TRANSFERRED_PERFORMING
    return _taken(fact.loan_no, Entry(kind, fact.day, fact.principal, fact.event, fact.content), rows)


def _loan(loan_no: str, rows: Rows) -> Loan:
    loan = rows.loan(loan_no)
    if loan is None:
        raise LookupError(f"a fact about loan {loan_no} was stored before the loan itself")
    return loan


def _customer_of(loan: Loan, rows: Rows) -> Customer:
    return rows.customer(loan.terms.customer) or NOBODY


#: Entries that change nothing in a loan's course: they are only counted, or say something about a spell.
_COUNTED: Final = frozenset(
    (
        Kind.EXTENDED, Kind.DEFERRED, Kind.OVERDUE, Kind.CLEARED, Kind.CLASSIFIED, Kind.DEFAULTED, Kind.RECOVERED,
        Kind.SETTLED, Kind.SECOND_LEG,
    )
)  # fmt: skip


def _appended(loan_no: str, entry: Entry, rows: Rows) -> list[Moved]:
    """Add an entry to a journal and post what changes: the course after, less the course before."""
    loan = _loan(loan_no, rows)
    if entry.kind in _COUNTED:
        loan.append(entry)
        rows.put_loan(loan_no, loan)
        return _successors(loan, rows)
    customer = _customer_of(loan, rows)
    before = course(loan, customer).movements
    loan.append(entry)
    moved = _posted(loan, difference(before, refreshed(loan, customer)))
    rows.put_loan(loan_no, loan)
    return moved + _successors(loan, rows)


def _posted(loan: Loan, movements: list[Movement]) -> list[Moved]:
    owner = loan.owner
    return [(owner, movement) for movement in movements]


def _successors(loan: Loan, rows: Rows) -> list[Moved]:
    """Judge anew the renewals that settled this loan: what is known of it may put their mark in doubt, or clear it."""
    moved: list[Moved] = []
    for entry in loan.journal:
        if entry.kind in _BY_RENEWAL and isinstance(entry.value, str):
            moved += _judged(entry.value, rows)
    return moved


_BY_RENEWAL: Final = frozenset((Kind.SETTLED_BY_RENEWAL, Kind.SETTLED_AGAIN))


def _judged(loan_no: str, rows: Rows) -> list[Moved]:
    loan = rows.loan(loan_no)
    if loan is None or not loan.previous:
        return []
    in_doubt = doubtful(loan.terms, loan.signed, loan.previous, rows)
    if in_doubt == loan.doubtful:
        return []
    customer = _customer_of(loan, rows)
    before = course(loan, customer).movements
    loan.doubtful = in_doubt
    moved = _posted(loan, difference(before, refreshed(loan, customer)))
    rows.put_loan(loan_no, loan)
    return moved


def _born(
    loan_no: str, terms: f.Terms, entries: list[Entry], rows: Rows, fact: f.LoanIssued | None
) -> list[Moved]:
    """A new loan, or a new issue under the number of one whose issue was reversed."""
    ghost = rows.loan(loan_no)
    owner = rows.customer(terms.customer) or Customer(0, [], [], [])
    loan = began(terms, entries)
    if fact is not None and fact.previous:
        loan.previous, loan.signed = fact.previous, fact.signed
        loan.doubtful = doubtful(terms, fact.signed, fact.previous, rows)
    first = begun(loan, terms, entries[0], owner) if ghost is None else None
    if first is not None:
        moved = [(loan.owner, first)]
    else:
        before = course(ghost, owner).movements if ghost else []
        if ghost is not None:
            loan.packed, loan.entries = ghost.packed + loan.packed, ghost.entries + loan.entries
            loan.judged = ghost.judged
        moved = _posted(loan, difference(before, refreshed(loan, owner)))
    rows.put_loan(loan_no, loan)
    if ghost is not None and ghost.owner != loan.owner:
        _left(ghost.terms.customer, loan_no, rows)
    if loan_no not in owner.loans:
        owner.loans.append(loan_no)
        rows.put_customer(terms.customer, owner)
    return moved


def _left(ref: str, loan_no: str, rows: Rows) -> None:
    """A loan that was issued to the wrong customer is theirs no more."""
    customer = rows.customer(ref)
    if customer is not None and loan_no in customer.loans:
        customer.loans.remove(loan_no)
        rows.put_customer(ref, customer)


def _opened(fact: f.LoanOpened, rows: Rows) -> list[Moved]:
    kind = Kind.TRANSFERRED_IN if fact.bought else Kind.OPENING
    entries = [Entry(kind, fact.day, fact.outstanding, fact.event, fact.content)]
    if fact.due != fact.terms.due:
        entries.append(Entry(Kind.EXTENDED, fact.day, fact.due, fact.event, fact.content))
    if fact.overdue_since is not None:
        entries.append(
            Entry(Kind.OVERDUE, fact.day, fact.overdue_since, fact.event, fact.content, field="principal")
        )
    if fact.loan_class:
        entries.append(Entry(Kind.CLASSIFIED, fact.day, fact.loan_class, fact.event, fact.content))
    return _born(fact.loan_no, fact.terms, entries, rows, None)


def _issued(fact: f.LoanIssued, rows: Rows) -> list[Moved]:
    event, content, day, terms = fact.event, fact.content, fact.terms.disbursed, fact.terms
    if not fact.previous:
        return _born(fact.loan_no, terms, [Entry(_ISSUED, day, terms.principal, event, content)], rows, fact)
    moved: list[Moved] = []
    again = terms.issuance_kind == NO_PRINCIPAL
    for part in fact.previous:
        if part.repaid_on is not None:
            continue
        old = _loan(part.loan_no, rows)
        kind = Kind.SETTLED_AGAIN if again else Kind.SETTLED_BY_RENEWAL
        entry = Entry(kind, day, part.amount, event, content, value=fact.loan_no)
        movement = taken_in_order(old, kind, day, part.amount)
        if movement is not None:
            old.append(entry)
            rows.put_loan(part.loan_no, old)
            moved.append((old.owner, movement))
        else:
            moved += _appended(part.loan_no, entry, rows)
    entries = [Entry(Kind.RENEWED_IN, day, terms.principal - fact.increase, event, content)]
    if fact.increase:
        entries.append(Entry(Kind.INCREASE, day, fact.increase, event, content))
    return moved + _born(fact.loan_no, terms, entries, rows, fact)


def _drawn(fact: f.LoanDrawn, rows: Rows) -> list[Moved]:
    kind = Kind.CAPITALISED if fact.capitalised else Kind.DRAWN
    named = None if fact.draw_no is None else number_hash(fact.draw_no)
    return _numbered(fact, Entry(kind, fact.day, fact.amount, fact.event, fact.content, named), rows)


def _extended(fact: f.LoanExtended, rows: Rows) -> list[Moved]:
    moved = _appended(
        fact.loan_no, Entry(Kind.EXTENDED, fact.day, fact.new_due, fact.event, fact.content), rows
    )
    if fact.marked:
        mark = Entry(
            Kind.MARKED,
            fact.day,
            0,
            fact.event,
            fact.content,
            field="issuance_kind",
            value="no_principal_renewal",
        )
        moved += _appended(fact.loan_no, mark, rows)
    return moved


def _deferred(fact: f.RepaymentDeferred, rows: Rows) -> list[Moved]:
    entry = Entry(Kind.DEFERRED, fact.day, fact.new_due or 0, fact.event, fact.content)
    return _appended(fact.loan_no, entry, rows)


def _overdue(fact: f.LoanOverdue, rows: Rows) -> list[Moved]:
    entry = Entry(Kind.OVERDUE, fact.day, fact.since, fact.event, fact.content, field=fact.kind)
    return _appended(fact.loan_no, entry, rows)


def _cleared(fact: f.OverdueCleared, rows: Rows) -> list[Moved]:
    return _appended(
        fact.loan_no, Entry(Kind.CLEARED, fact.day, 0, fact.event, fact.content, field=fact.kind), rows
    )


def _classified(fact: f.LoanClassified, rows: Rows) -> list[Moved]:
    return _appended(
        fact.loan_no, Entry(Kind.CLASSIFIED, fact.day, fact.loan_class, fact.event, fact.content), rows
    )


def _defaulted(fact: f.LoanDefaulted, rows: Rows) -> list[Moved]:
    return _appended(fact.loan_no, Entry(Kind.DEFAULTED, fact.day, 0, fact.event, fact.content), rows)


def _recovered(fact: f.LoanRecovered, rows: Rows) -> list[Moved]:
    return _appended(
        fact.loan_no, Entry(Kind.RECOVERED, fact.day, fact.amount, fact.event, fact.content), rows
    )


def _settled(fact: f.LoanSettled, rows: Rows) -> list[Moved]:
    entry = Entry(
        Kind.SETTLED, fact.day, 0, fact.event, fact.content, field=fact.manner, value=fact.new_loan_no
    )
    return _appended(fact.loan_no, entry, rows)


def _reclassified(fact: f.LoanReclassified, rows: Rows) -> list[Moved]:
    kind = Kind.RECLASS_POLICY if fact.policy else Kind.RECLASS_ERROR
    entry = Entry(kind, fact.day, 0, fact.event, fact.content, fact.told, fact.field, fact.new)
    return _appended(fact.loan_no, entry, rows)


def _corrected(fact: f.LoanCorrected, rows: Rows) -> list[Moved]:
    loan = _loan(fact.loan_no, rows)
    if fact.field in _TERMS_FIELDS:
        return _terms_corrected(fact, loan, rows)
    return _appended(fact.loan_no, _correction(fact, fact.new if isinstance(fact.new, int) else 0), rows)


def _correction(fact: f.LoanCorrected, amount: int) -> Entry:
    told = fact.day if fact.told is None else fact.told
    return Entry(Kind.CORRECTED, told, amount, fact.event, fact.content, fact.target, fact.field, fact.said)


_TERMS_FIELDS: Final = {"original_due_on": "due", "main_security": "security", "rate_pct": "rate_pct"}


def _amended(terms: f.Terms, fact: f.LoanCorrected) -> f.Terms:
    new = SECURITY[str(fact.new)] if fact.field == "main_security" else fact.new
    changed: f.Terms = replace(terms, **{_TERMS_FIELDS[fact.field]: new})
    return changed


def _terms_corrected(fact: f.LoanCorrected, loan: Loan, rows: Rows) -> list[Moved]:
    """A correction of the terms restates the loan from its first day on, if none of the same field was told later.

    None of an issue that was reversed: the loan has the terms of the one that was sent again.
    """
    customer, entry = _customer_of(loan, rows), _correction(fact, 0)
    before = course(loan, customer).movements
    if standing(loan, fact.target) and not _corrected_later(fact, entry, loan):
        loan.amend(_amended(loan.terms, fact))
    loan.append(entry)
    moved = _posted(loan, difference(before, refreshed(loan, customer)))
    rows.put_loan(fact.loan_no, loan)
    return moved + _successors(loan, rows)


def _corrected_later(fact: f.LoanCorrected, entry: Entry, loan: Loan) -> bool:
    """Does a correction of the same field stand that was told later? Nobody knows it of facts that do not say."""
    alike = (e for e in loan.journal if (e.kind, e.named, e.field) == (entry.kind, entry.named, entry.field))
    return fact.told is not None and any(told_in_order(e) > told_in_order(entry) for e in alike)


def _reversed(fact: f.LoanReversed, rows: Rows) -> list[Moved]:
    entry = Entry(
        Kind.REVERSED,
        fact.day,
        -1 if fact.amount is None else fact.amount,
        fact.event,
        fact.content,
        fact.target,
    )
    loan = _loan(fact.loan_no, rows)
    renewal = any(e.event == fact.target and e.kind == Kind.RENEWED_IN for e in loan.journal)
    moved = _appended(fact.loan_no, entry, rows)
    for part in loan.previous if renewal else ():
        moved += _appended(part.loan_no, entry, rows)
    return moved


def _timeline(fact: f.LineSet | f.ProfileChanged, rows: Rows) -> list[Moved]:
    """A new line, kind or size: every movement of the customer's loans from that day on is posted anew."""
    customer = rows.customer(fact.customer)
    if customer is None:
        customer = Customer(0, [], [], [])
    loans = [(no, _loan(no, rows)) for no in customer.loans]
    before = [course(loan, customer).movements for _, loan in loans]
    if isinstance(fact, f.LineSet):
        customer.lines = sorted(
            [
                *customer.lines,
                Line(fact.valid_from, fact.told, fact.event, fact.content, fact.total, fact.valid_to),
            ]
        )
    else:
        profile = Profile(
            fact.valid_from, fact.told, fact.event, fact.content, fact.customer_kind, fact.size, fact.valid_to,
            fact.owns,
        )  # fmt: skip
        customer.profiles = sorted([*customer.profiles, profile])
    rows.put_customer(fact.customer, customer)
    moved: list[Moved] = []
    for (loan_no, loan), old in zip(loans, before, strict=True):
        moved += _posted(loan, difference(old, refreshed(loan, customer)))
        rows.put_loan(loan_no, loan)
    return moved


HANDLERS: Final[Mapping[type, Callable[..., list[Moved]]]] = {
    f.LoanOpened: _opened,
    f.LoanIssued: _issued,
    f.LoanDrawn: _drawn,
    f.LoanExtended: _extended,
    f.RepaymentDeferred: _deferred,
    f.LoanRepaid: _repaid,
    f.LoanOverdue: _overdue,
    f.OverdueCleared: _cleared,
    f.LoanClassified: _classified,
    f.LoanReclassified: _reclassified,
    f.LoanDefaulted: _defaulted,
    f.LoanWrittenOff: _written_off,
    f.LoanTransferred: _transferred,
    f.LoanRecovered: _recovered,
    f.LoanSettled: _settled,
    f.LoanCorrected: _corrected,
    f.LoanReversed: _reversed,
    f.ProfileChanged: _timeline,
    f.LineSet: _timeline,
}
