"""A loan's row of the register: its terms, its journal, and what follows from them as known."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from functools import cached_property, lru_cache
from itertools import accumulate
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import astuple, replace

from aggregates.facts import TOLD_AGAIN, Settlement, Terms, flag
from aggregates.hashing import text_hash


class Kind(IntEnum):
    """Kinds of entries in a journal and of movements in the ledger, in the order in which a day takes them.

    Up to EXCHANGED they move the balance (08, 10.8); the others are only counted or change other entries.
    """

    OPENING = 1
    TRANSFERRED_IN = 2
    ISSUED = 3
    RENEWED_IN = 4
    INCREASE = 5
    DRAWN = 6
    CAPITALISED = 7
    RECLASSIFIED = 8
    MARKED = 9
    REPAID = 10
    FORECLOSED = 11
    SETTLED_BY_RENEWAL = 12
    SETTLED_AGAIN = 13
    WRITTEN_OFF = 14
    TRANSFERRED_NPL = 15
    TRANSFERRED_PERFORMING = 16
    EXCHANGED = 17
    EXTENDED = 18
    DEFERRED = 19
    OVERDUE = 20
    CLEARED = 21
    CLASSIFIED = 22
    DEFAULTED = 23
    RECOVERED = 24
    SETTLED = 25
    SECOND_LEG = 26
    RECLASS_ERROR = 27
    RECLASS_POLICY = 28
    CORRECTED = 29
    REVERSED = 30


ADDS = frozenset(
    (
        Kind.OPENING,
        Kind.TRANSFERRED_IN,
        Kind.ISSUED,
        Kind.RENEWED_IN,
        Kind.INCREASE,
        Kind.DRAWN,
        Kind.CAPITALISED,
    )
)
TAKES = frozenset(
    (
        Kind.REPAID, Kind.FORECLOSED, Kind.SETTLED_BY_RENEWAL, Kind.SETTLED_AGAIN, Kind.WRITTEN_OFF,
        Kind.TRANSFERRED_NPL, Kind.TRANSFERRED_PERFORMING,
    )
)  # fmt: skip
MOVES = ADDS | TAKES
DRAWS = frozenset((Kind.DRAWN, Kind.CAPITALISED))
NUMBERED = DRAWS | {Kind.REPAID, Kind.FORECLOSED}
"""What a bank gives a number of its own: told under several ids by its channels it counts once (L13)."""
FLOWS = frozenset((Kind.ISSUED, Kind.RENEWED_IN, Kind.INCREASE, Kind.DRAWN))
"""What counts in 累放."""


class Entry(Struct, array_like=True, gc=False, frozen=True):
    """One fact in a loan's journal: kind, business date, amount in fen, hashes of the event and its content.

    `named` is what an entry names: the fact that it reverses or corrects; by its hash the number that the bank gave a
    repayment or draw; a reclassification's place among others. `field` and `value` are what a kind says beside its
    amount: the field that changes and its new value, a correction's place among others, the spell's kind, the other
    借据 of a renewal, True of a repayment or draw that another event had told before.
    """

    kind: int
    day: int
    amount: int
    event: int
    content: int
    named: int | str | None = None
    field: str | None = None
    value: str | bool | None = None


class Loan(Struct, array_like=True, gc=False):
    """One 借据. Its terms and its journal are kept encoded: most facts ask for neither, and there are many loans.

    `balance`, `last`, `segment`, `since` and `doubtful` follow from the journal and from the customer's timeline;
    `owner` is the hash of the customer; `judged` says that an entry may have ended the loan or changed another entry.
    """

    version: int
    owner: int
    disbursed: int
    sealed: bytes
    balance: int = 0
    last: int = 0
    segment: int = 0
    since: int = 0
    judged: bool = False
    entries: int = 0
    packed: bytes = b""
    doubtful: bool = False
    previous: tuple[Settlement, ...] = ()
    signed: int | None = None

    @property
    def terms(self) -> Terms:
        """The terms, decoded at each call."""
        return _decode_terms(self.sealed)

    def amend(self, terms: Terms) -> None:
        """Other terms from now on."""
        self.sealed, self.disbursed = _encode(terms), terms.disbursed

    @property
    def journal(self) -> Sequence[Entry]:
        """The entries in the order of their arrival."""
        return reading(self).journal

    def append(self, entry: Entry) -> None:
        """Add an entry to the journal."""
        if entry.field is None and entry.value is None:  # without its last fields
            self.append_plain(*astuple(entry)[:6])
        else:
            self.packed += _encode(entry)
            self.entries += 1
        if entry.kind in _JUDGE or (entry.value is True and entry.kind in NUMBERED):
            self.judged = True

    def append_plain(
        self, kind: int, day: int, amount: int, event: int, content: int, named: int | str | None = None
    ) -> None:
        """Add an entry of these fields, which ends nothing and changes no other: the same as `append`, and cheaper."""
        self.packed += _encode(
            (kind, day, amount, event, content)
            if named is None
            else (kind, day, amount, event, content, named)
        )
        self.entries += 1

    def may_have_seen(self, number: int) -> bool:
        """False where certainly no entry is of this event, or names this number; faster than reading the journal."""
        return _encode(number) in self.packed


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_terms: Final = msgspec.msgpack.Decoder(Terms).decode
_decode_entries: Final = msgspec.msgpack.Decoder(list[Entry]).decode
_JUDGE: Final = frozenset(
    (Kind.SETTLED, Kind.TRANSFERRED_NPL, Kind.TRANSFERRED_PERFORMING, Kind.CORRECTED, Kind.REVERSED)
)


def began(loan_terms: Terms, entries: Iterable[Entry]) -> Loan:
    """A loan with these terms and the first entries of its journal."""
    loan = Loan(0, text_hash(loan_terms.customer), loan_terms.disbursed, _encode(loan_terms))
    for entry in entries:
        loan.append(entry)
    return loan


def place(day: int, kind: int) -> int:
    """Where an entry stands in a journal sorted by business date: the day, then the rank of its kind."""
    return day << 5 | kind


def seen(loan: Loan, event: int) -> int | None:
    """The content checksum under which this event was taken in for the loan, if it was."""
    if loan.may_have_seen(event):
        for entry in loan.journal:
            if entry.event == event:
                return entry.content
    return None


class Reading:
    """A journal as it stands, decoded once, with what follows from it; each is worked out when it is first asked for.

    However many events wait for a loan, what is known of it is read once until something more becomes known.
    """

    def __init__(self, journal: Sequence[Entry], judged: bool) -> None:
        self.journal = journal
        self._judged = judged

    @cached_property
    def effective(self) -> Sequence[Entry]:
        """The journal as it holds: by business date with a fixed tie-break.

        Corrections and reversals are worked in, and what several events tell stands there once.
        """
        entries = _worked_in(self.journal)
        if self._judged:
            entries = _once(entries, self.journal)
        return sorted(entries, key=_order)

    @cached_property
    def closes(self) -> "Closes":
        """What is outstanding at the close of each day."""
        return _closes(self.effective)

    @cached_property
    def endings(self) -> Sequence[Entry]:
        """The entries that may have ended the loan."""
        return [e for e in self.effective if e.kind in ENDINGS]

    @cached_property
    def agreed_due(self) -> int:
        """The latest due date that an extension or deferral agreed; 0 where none did."""
        agreed = (e.amount for e in self.effective if e.kind in (Kind.EXTENDED, Kind.DEFERRED))
        return max(agreed, default=0)

    @cached_property
    def instalments(self) -> int:
        """How many repayments in cash were told."""
        return sum(1 for e in self.journal if e.kind == Kind.REPAID)

    @cached_property
    def told(self) -> Mapping[int, Sequence[Entry]]:
        """The entries by the event that told them."""
        return _grouped(self.journal, attrgetter("event"))

    @cached_property
    def changes(self) -> Mapping[int, Sequence[Entry]]:
        """Corrections and reversals by the event that they change."""
        return _grouped((e for e in self.journal if e.kind >= _CORRECTED), attrgetter("named"))

    @cached_property
    def tellers(self) -> Mapping["_Payment", Sequence[Entry]]:
        """Who told each payment that has a number."""
        return _grouped((e for e in self.journal if _payment(e) is not None), _payment)

    @cached_property
    def numbered(self) -> Mapping[tuple[int, bool], Sequence[Entry]]:
        """What was told under each number of a draw (True), or of a repayment."""
        return _grouped((e for e in self.journal if _payment(e) is not None), _number)

    def of(self, event: int) -> Sequence[Entry]:
        """All that is known of one event: what it told, and what changes it."""
        return [*self.told.get(event, ()), *self.changes.get(event, ())]

    def alike(self, event: int) -> Sequence[Entry]:
        """All that is known of one event, and of whoever told the same payment."""
        payments = map(_payment, self.told.get(event, ()))
        others = {e.event for payment in payments if payment for e in self.tellers[payment]}
        return [entry for one in {event, *others} for entry in self.of(one)]

    def stands(self, event: int) -> bool:
        """Is anything left of what an event told?"""
        return bool(_worked_in(self.of(event)))


def _grouped(entries: Iterable[Entry], key: Callable[[Entry], Any]) -> dict[Any, list[Entry]]:
    found: dict[Any, list[Entry]] = {}
    for entry in entries:
        found.setdefault(key(entry), []).append(entry)
    return found


def reading(loan: Loan) -> Reading:
    """The loan's journal as it stands; the last ones are kept, so nobody may change what they hold."""
    return _read(loan.packed, loan.entries, loan.judged)


@lru_cache(maxsize=2)
def _read(packed: bytes, entries: int, judged: bool) -> Reading:
    return Reading(_decode_entries(b"\xdd" + entries.to_bytes(4, "big") + packed), judged)


def effective(loan: Loan) -> Sequence[Entry]:
    """The journal as it holds."""
    return reading(loan).effective


_CORRECTED: Final = Kind.CORRECTED.value
_order: Final = attrgetter("day", "kind", "event")
_Payment = tuple[int, int, int, int]
"""What makes two entries tell the same payment: the number, and what was declared under it."""


def _worked_in(journal: Sequence[Entry]) -> list[Entry]:
    """The entries of each event, as its corrections and reversals leave them."""
    entries = [e for e in journal if e.kind < _CORRECTED]
    if len(entries) == len(journal):
        return entries
    return _changed(entries, [e for e in journal if e.kind >= _CORRECTED])


def _payment(entry: Entry) -> _Payment | None:
    """The payment that an entry tells, where the bank gave it a number."""
    if not isinstance(entry.named, int) or entry.kind not in NUMBERED:
        return None
    return (entry.named, entry.kind, entry.day, entry.amount)


def _number(entry: Entry) -> tuple[Any, bool]:
    return (entry.named, entry.kind in DRAWS)


def _once(entries: list[Entry], journal: Sequence[Entry]) -> list[Entry]:
    """Of the entries of a payment that was told again one: rather one that was corrected or reversed in part."""
    again = {_payment(e) for e in journal if e.value is True} - {None}
    if not again:
        return entries
    declared = {e.event: e for e in journal if _payment(e) is not None}
    first: dict[_Payment | None, Entry] = {}
    others = []
    for entry in sorted(entries, key=lambda e: (e is declared.get(e.event), e.event)):
        payment = _payment(declared.get(entry.event, entry))
        if payment not in again:
            others.append(entry)
        else:
            first.setdefault(payment, entry)
    return [*others, *first.values()]


def lowest(loan: Loan, since: int) -> int:
    """The least that is outstanding at the close of any day from `since` on."""
    closes = reading(loan).closes
    behind = bisect_right(closes.days, since)
    begin = closes.balances[behind - 1] if behind else 0
    return min(begin, closes.least[behind]) if behind < len(closes.days) else begin


class Closes(NamedTuple):
    """The days on which something moves, what is outstanding at their closes, and the least of it from each on."""

    days: Sequence[int]
    balances: Sequence[int]
    least: Sequence[int]


def _closes(entries: Iterable[Entry]) -> Closes:
    balance, closes = 0, dict[int, int]()
    for entry in entries:
        balance += _moved(entry)
        closes[entry.day] = balance
    balances = list(closes.values())
    return Closes(list(closes), balances, list(accumulate(reversed(balances), min))[::-1])


def _moved(entry: Entry) -> int:
    """By how much an entry moves the balance."""
    kind = entry.kind
    return entry.amount if kind in ADDS else -entry.amount if kind in TAKES else 0


def with_change(loan: Loan, change: Entry) -> tuple[int, int]:
    """With this correction or reversal: what is outstanding in the end, and the least at the close of any day."""
    read = reading(loan)
    before = read.alike(change.named if isinstance(change.named, int) else 0)
    steps: dict[int, int] = {}
    for sign, entries in ((-1, before), (1, [*before, change])):
        for entry in Reading(entries, loan.judged).effective:
            steps[entry.day] = steps.get(entry.day, 0) + sign * _moved(entry)
    return _shifted(read.closes, steps)


def _shifted(closes: Closes, steps: Mapping[int, int]) -> tuple[int, int]:
    """The last balance and the least, 0 at the most, where on each of these days so much more is added."""
    days, balances = closes.days, [0, *closes.balances]
    begin, shift, low = 0, 0, 0
    for day in sorted(steps):
        end = bisect_left(days, day) + 1
        low = min(low, shift + min(balances[begin:end]))
        shift += steps[day]
        begin = end if day in days[end - 1 : end] else end - 1
    return balances[-1] + shift, min(low, shift + min(balances[begin:]))


def overdraws(loan: Loan, change: Entry) -> bool:
    """Would more be taken, after this correction or reversal, than there is at the close of some day?"""
    return with_change(loan, change)[1] < lowest(loan, 0)


def left_of(loan: Loan, event: int, *more: Entry) -> int:
    """What its corrections and reversals leave of an event's amount, whoever else told it too."""
    return sum(e.amount for e in _worked_in([*reading(loan).of(event), *more]) if e.event == event)


def told_besides(loan: Loan, entry: Entry) -> bool:
    """Does another event stand that tells the same payment (L13)?"""
    payment = _payment(entry)
    if payment is None or not loan.may_have_seen(payment[0]):
        return False
    read = reading(loan)
    return any(e.event != entry.event and read.stands(e.event) for e in read.tellers.get(payment, ()))


def number_flags(loan: Loan, entry: Entry) -> int:
    """What is flagged of a repayment or draw for its number: told before (V01), or told of something else (V02)."""
    payment = _payment(entry)
    if payment is None or not loan.may_have_seen(payment[0]):
        return 0
    if told_besides(loan, entry):
        return TOLD_AGAIN
    read = reading(loan)
    return flag("V02") * any(read.stands(e.event) for e in read.numbered.get(_number(entry), ()))


def _changed(entries: list[Entry], changes: list[Entry]) -> list[Entry]:
    dropped: set[int] = set()
    less: dict[int, int] = {}
    amended: dict[int, list[Entry]] = {}
    for change in sorted(changes, key=told_in_order):
        target = change.named if isinstance(change.named, int) else 0
        if change.kind == Kind.CORRECTED:
            amended.setdefault(target, []).append(change)
        elif change.amount < 0:
            dropped.add(target)
        else:
            less[target] = less.get(target, 0) + change.amount
    kept = []
    for entry in entries:
        if entry.event in dropped:
            continue
        for change in amended.get(entry.event, ()):
            entry = _corrected(entry, change)
        if entry.event in less and entry.amount:
            entry = replace(entry, amount=entry.amount - less[entry.event])
        kept.append(entry)
    return kept


def told_in_order(change: Entry) -> tuple[int, str, int]:
    """By what the later of two corrections is told: business date, then its source's clock and its id."""
    return (change.day, change.value if isinstance(change.value, str) else "", change.event)


def relabelled_in_order(entry: Entry) -> tuple[str, int, int]:
    """By what the later of two reclassifications is told: business date, source's clock and id; else its own date."""
    return (entry.named if isinstance(entry.named, str) else "", entry.day, entry.event)


def _corrected(entry: Entry, change: Entry) -> Entry:
    match change.field:
        case "principal_fen":
            return replace(entry, amount=change.amount)
        case "business_date":
            return replace(entry, day=change.amount)
        case "new_due_on":
            return replace(entry, amount=change.amount)
        case _:
            return entry


def standing(loan: Loan, event: int) -> list[Entry]:
    """The entries of one event that still stand: neither reversed nor gone."""
    return [e for e in effective(loan) if e.event == event]


def due_on(loan: Loan) -> int:
    """The due date in force, as known: the original one, or the latest that an extension or deferral agreed."""
    return max(loan.terms.due, reading(loan).agreed_due)


ENDINGS = frozenset((Kind.SETTLED, Kind.TRANSFERRED_NPL, Kind.TRANSFERRED_PERFORMING))


def settled_on(loan: Loan, endings: frozenset[Kind] = ENDINGS) -> int | None:
    """The day on which the loan was settled or transferred away, and nothing was left of it, as known."""
    days = [e.day for e in reading(loan).endings if e.kind in endings]
    return max(min(days), loan.last >> 5) if days and loan.balance <= 0 else None
