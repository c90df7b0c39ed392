"""What a loan moves: a pure function of its journal and of its customer's timeline (08, 10.8).

Every movement posts to the segment that is valid on its business date, as known. A change of segment (a line that
crosses 1000万元, a new size class, a policy reclassification, a marked extension) moves the balance on its day.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from msgspec import Struct

from aggregates.customer import UNKNOWN, Customer, Timeline
from aggregates.facts import Terms
from aggregates.loan import ADDS, MOVES, Entry, Kind, Loan, effective, place, relabelled_in_order
from aggregates.segmenting import days_of_change, may_be_cooperative, relabelled, segment_on

Movement = tuple[int, int, int, int, int]
"""An additive change: segment, kind, business date, amount in fen, number of 借据. Plain: every fact makes some."""


class Course(Struct, gc=False):
    """A loan's whole course: its movements and the state after the last of them."""

    movements: list[Movement]
    balance: int
    last: int
    segment: int
    since: int


_Change = tuple[int, tuple[str, int, int], int, Entry | None]
"""Where a segment may change: its place and what is told last of it, its day, and the loan's own entry if it is one."""
_FROM_WITHOUT: Final = ("", 0, 0)

# Plain integers: the members of an IntEnum are slower to compare and to store.
_ISSUED: Final = Kind.ISSUED.value
_RECLASSIFIED: Final = Kind.RECLASSIFIED.value
_MARKED: Final = Kind.MARKED.value
_RECLASS_ERROR: Final = Kind.RECLASS_ERROR.value
_RECLASS_POLICY: Final = Kind.RECLASS_POLICY.value
_RENEWED: Final = Kind.SETTLED_BY_RENEWAL.value
_RELABELS: Final = frozenset((_RECLASS_POLICY, _MARKED))


def course(loan: Loan, customer: Customer) -> Course:
    """All movements of a loan, by business date, as known; the order of arrival does not matter."""
    entries, terms = effective(loan), loan.terms
    first = entries[0].day if entries else 0
    own, principal, changes = _relabellings(entries, terms)
    since = 0
    for day in days_of_change(customer, terms):
        if day > first:
            changes.append((place(day, 0), _FROM_WITHOUT, day, None))
        elif day > since:
            since = day
    timeline = Timeline(customer)
    segment = segment_on(own, loan.doubtful, timeline.on(first), first, principal)
    found = Course([], 0, 0, segment, since)
    changes.sort(key=_by_place)
    done = 0
    for where, _, day, relabelling in changes:  # on its day a change comes before what moves
        begin = done
        while done < len(entries) and place(entries[done].day, entries[done].kind) < where:
            done += 1
        _moved(found, entries[begin:done])
        line = _RECLASSIFIED
        if relabelling is not None:
            own = relabelled(own, relabelling)
            line = _MARKED if relabelling.kind == _MARKED else line
        on = max(day, first)
        _reclassified(found, segment_on(own, loan.doubtful, timeline.on(on), on, principal), day, line)
    _moved(found, entries[done:])
    return found


def _relabellings(entries: Sequence[Entry], terms: Terms) -> tuple[Terms, int, list[_Change]]:
    """The terms as of the first day, errors in them put right; the principal as told first; and relabellings since."""
    principal = None
    changes: list[_Change] = []
    errors: list[Entry] = []
    for entry in entries:
        kind = entry.kind
        if kind == _ISSUED:
            principal = entry.amount if principal is None else principal
        elif kind == _RECLASS_ERROR:
            errors.append(entry)
        elif kind in _RELABELS:
            on = place(entry.day, kind == _RECLASS_POLICY)
            changes.append((on, relabelled_in_order(entry), entry.day, entry))
    own = terms
    for entry in sorted(errors, key=relabelled_in_order):
        own = relabelled(own, entry)
    return own, terms.principal if principal is None else principal, changes


_by_place: Final = itemgetter(0, 1)


def _moved(found: Course, entries: Sequence[Entry]) -> None:
    """Go on by entries that change no segment."""
    balance, segment, moves = found.balance, found.segment, found.movements
    for entry in entries:
        kind = entry.kind
        if kind in MOVES:
            day, amount = entry.day, entry.amount if kind in ADDS else -entry.amount
            before, balance = balance, balance + amount
            moves.append((segment, kind, day, amount, (balance > 0) - (before > 0)))
            found.last = day << 5 | kind
    found.balance = balance


def _reclassified(found: Course, segment: int, day: int, kind: int) -> None:
    """Go on in another segment, if it is another one: what is outstanding moves there."""
    balance = found.balance
    if segment != found.segment and balance:
        alive = 1 if balance > 0 else 0
        found.movements.append((found.segment, kind, day, -balance, -alive))
        found.movements.append((segment, kind, day, balance, alive))
    found.segment = segment
    found.since = max(found.since, day)


def refreshed(loan: Loan, customer: Customer) -> list[Movement]:
    """Bring a loan's derived state up to its journal and its customer's timeline, and return its movements."""
    whole = course(loan, customer)
    loan.balance, loan.last, loan.segment, loan.since = whole.balance, whole.last, whole.segment, whole.since
    return whole.movements


def difference(before: Sequence[Movement], after: list[Movement]) -> list[Movement]:
    """What must be posted so that `before` becomes `after`: nothing where they agree."""
    if not before and len(after) == 1:
        return after if after[0][3] or after[0][4] else []
    sums: dict[tuple[int, int, int], list[int]] = {}
    for sign, moves in ((-1, before), (1, after)):
        for segment, kind, day, amount, loans in moves:
            total = sums.setdefault((segment, kind, day), [0, 0])
            total[0] += sign * amount
            total[1] += sign * loans
    return [(*key, amount, loans) for key, (amount, loans) in sums.items() if amount or loans]


def begun(loan: Loan, terms: Terms, entry: Entry, customer: Customer) -> Movement | None:
    """Begin a loan that has this one entry, which adds to it: the one movement that it makes.

    None where the whole course must be worked out: something may change the segment later, or nothing is added.
    """
    day, kind, amount = entry.day, entry.kind, entry.amount
    told = customer.lines or customer.profiles
    since = customer.last_change() if told else 0
    if loan.entries > 1 or since > day or amount <= 0 or may_be_cooperative(customer, terms):
        return None
    principal = amount if kind == _ISSUED else terms.principal
    standing = Timeline(customer).on(day) if told else UNKNOWN
    segment = segment_on(terms, loan.doubtful, standing, day, principal)
    loan.balance, loan.last, loan.segment, loan.since = amount, day << 5 | kind, segment, since
    return (segment, kind, day, amount, 1)


def taken_in_order(loan: Loan, kind: int, day: int, amount: int) -> Movement | None:
    """Take an entry of `TAKES` at the end of the course, if that is where it belongs: the one movement that it makes.

    None where the whole course must be worked out anew: the entry is late, or stands before a change of segment, or
    behind a renewal of the same day, of which it tells something. Where a movement is returned, the journal is still
    to be extended by the entry.
    """
    where = day << 5 | kind
    if where < loan.last or day < loan.since:
        return None
    if kind >= _RENEWED and loan.last >= day << 5 | _RENEWED:
        return None
    before = loan.balance
    loan.balance = after = before - amount
    loan.last = where
    return (loan.segment, kind, day, -amount, (after > 0) - (before > 0))
