"""What an institution's customers borrow: lines, loans, instalments, renewals, trouble; valid in date order."""

import hashlib
from collections import defaultdict
from random import Random
from typing import Final, NamedTuple

from puhui.codes import complete_usc
from tests.benchmarks.wire import Teller, iso, pairs

_KINDS: Final = ("micro", "small", "individual", "owner", "farmer", "cooperative", "medium", "large")
_WEIGHTS: Final = (26, 12, 26, 14, 12, 2, 6, 2)
_SMALL: Final = frozenset(("micro", "small", "individual", "owner"))
_PEOPLE: Final = frozenset(("individual", "owner", "farmer"))
_SIZES: Final = frozenset(("large", "medium", "small", "micro"))
_SECURITIES: Final = ("credit", "mortgage", "pledge", "guarantee")
_PRODUCTS: Final = ("经营贷款", "流动资金贷款", "固定资产贷款", "农户贷款", "创业担保贷款")
_INDUSTRIES: Final = ("A", "C", "F", "G", "H", "L", "O")
_TERMS: Final = (90, 180, 365, 365, 365, 730)
_WAN: Final = 1_000_000
"""10,000 yuan in fen."""
_CODE_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"


class Borrower(NamedTuple):
    """A customer: reference, kind, 单户授信总额 where it is told, and whether within 1000万元."""

    ref: str
    kind: str
    line: int | None
    inclusive: bool


class Sums:
    """What moved by population and day: the balances that the institution reports come out of it."""

    def __init__(self) -> None:
        self.moved: dict[str, dict[int, int]] = {"PH": defaultdict(int), "NPR": defaultdict(int)}
        self.cooperative: dict[int, int] = defaultdict(int)

    def move(self, borrower: Borrower, renewed: bool, day: int, fen: int) -> None:
        if borrower.inclusive:
            self.moved["PH"][day] += fen
        if borrower.kind == "cooperative":
            self.cooperative[day] += fen
        if renewed:
            self.moved["NPR"][day] += fen


def borrower(number: int, bank: int, random: Random) -> Borrower:
    """A customer of one bank."""
    kind = random.choices(_KINDS, _WEIGHTS)[0]
    if kind in _PEOPLE:
        ref = "p1:" + hashlib.sha256(f"{bank} {number}".encode()).hexdigest()
    else:
        digits = f"{bank:02d}{number:06d}"
        ref = complete_usc("91141024" + digits + _CODE_ALPHABET[number % 31])
    large = kind in ("medium", "large")
    line = None
    if random.random() < 0.12:
        line = random.randint(3_000, 9_000) * _WAN if large else random.randint(600, 950) * _WAN
    return Borrower(ref, kind, line, kind in _SMALL)


class Story:
    """Tells the life of a bank's loans."""

    def __init__(self, teller: Teller, sums: Sums) -> None:
        self.teller, self.sums, self.random = teller, sums, teller.random

    def customer(self, number: int) -> int:
        """All loans of one more customer; how many."""
        random, tell = self.random, self.teller.tell
        who = borrower(number, self.teller.number, random)
        first = random.randint(12, self.teller.days - 1)
        if who.line is not None:
            line = {"line_no": f"SX{number:08d}", "customer_ref": who.ref}
            dated = {"total_line_fen": who.line, "valid_from": iso(first - 10)}
            tell(first - 10, "credit_line.granted", pairs(line | dated))
            if random.random() < 0.3:
                dated = {"total_line_fen": who.line * 21 // 20, "valid_from": iso(first + 200)}
                tell(first + 200, "credit_line.changed", pairs(line | dated))
        if random.random() < 0.08:
            self._profile(who, who.kind, first - 8)
            if who.kind == "micro" and random.random() < 0.5:
                self._profile(who, "small", first + 150)
        loans = random.choice((1, 1, 2))
        for turn in range(loans):
            loans += self._loan(who, first if turn == 0 else random.randint(first, self.teller.days - 1))
        return loans

    def _profile(self, who: Borrower, kind: str, day: int) -> None:
        size = {"enterprise_size": kind} if kind in _SIZES else {}
        fields = {"customer_ref": who.ref, "customer_kind": kind, "valid_from": iso(day), **size}
        self.teller.tell(day, "customer.profile_changed", pairs(fields))

    def _loan(self, who: Borrower, day: int) -> int:
        """One loan with what follows on it; how many renewals that were."""
        random, tell, move = self.random, self.teller.tell, self.sums.move
        loan_no, term, renewals, marked = self.teller.loan_no(), random.choice(_TERMS), 0, False
        wan = random.randint(1_500, 8_000) if who.kind in ("medium", "large") else random.randint(1, 300)
        left, due = wan * _WAN, day + term
        security = random.choice(_SECURITIES)
        tell(day, "loan.issued", self._terms(who, loan_no, left, day, due, security, '"issuance_kind":"new"'))
        move(who, False, day, left)
        while True:
            left = self._instalments(who, loan_no, day, term, left, marked)
            if due >= self.teller.days:
                return renewals
            luck = random.random()
            if luck >= 0.16:
                self._end(who, loan_no, due, left, luck, marked)
                return renewals
            renewals += 1
            old, loan_no, day, term = loan_no, self.teller.loan_no(), due, random.choice(_TERMS[1:])
            mode, was, marked = ("no_principal", marked, True) if luck < 0.12 else ("partial", marked, False)
            rest = 0 if mode == "no_principal" else left // 4
            due = day + term
            settles = (
                f'"mode":"{mode}","settles":[{{"old_loan_no":"{old}","settled_principal_fen":{left - rest}}}]'
            )
            if rest:
                tell(day - 1, "loan.repaid", f'"loan_no":"{old}","principal_fen":{rest},"kind":"early"')
                move(who, was, day - 1, -rest)
            left -= rest
            tell(day, "loan.renewed", self._terms(who, loan_no, left, day, due, security, settles))
            move(who, was, day, -left)
            move(who, marked, day, left)

    def _terms(
        self, who: Borrower, loan_no: str, fen: int, day: int, due: int, security: str, rest: str
    ) -> str:
        pledged = "" if security == "credit" else f'"security":[{{"kind":"{security}"}}],'
        size = {"enterprise_size": who.kind} if who.kind in _SIZES else {}
        fields: dict[str, object] = {
            "loan_no": loan_no,
            "contract_no": f"HT{loan_no}",
            "customer_ref": who.ref,
            "customer_kind": who.kind,
            **size,
            "principal_fen": fen,
            "disbursed_on": iso(day),
            "original_due_on": iso(due),
            "main_security": security,
            "product": _PRODUCTS[fen // _WAN % 5],
            "rate_pct": f"{3 + fen // _WAN % 40 / 10:.2f}",
            "repayment_method": "schedule",
            "inclusive_declared": who.inclusive,
            "target_industry": _INDUSTRIES[fen // _WAN % 7],
        }
        return pairs(fields) + "," + pledged + rest

    def _instalments(self, who: Borrower, loan_no: str, day: int, term: int, left: int, marked: bool) -> int:
        """Repay in parts; what is left at the end."""
        count = max(0, int(self.random.gauss(6.2, 2)))
        for number in range(count):
            on, part = day + term * (number + 1) // (count + 1), max(1, left // 12)
            told = self.teller.tell(
                on, "loan.repaid",
                f'"loan_no":"{loan_no}","principal_fen":{part},"interest_fen":{part // 100},"kind":"scheduled"',
            )  # fmt: skip
            if not told:
                break
            self.sums.move(who, marked, on, -part)
            left -= part
        return left

    def _end(self, who: Borrower, loan_no: str, due: int, left: int, luck: float, marked: bool) -> None:
        """The last payment: on time, after an extension, late, or never."""
        tell, loan = self.teller.tell, f'"loan_no":"{loan_no}",'
        if luck < 0.22:
            tell(due, "loan.extended", f'{loan}"old_due_on":"{iso(due)}","new_due_on":"{iso(due + 90)}"')
            due += 90
        elif luck > 0.88:
            overdue = f'"overdue_since":"{iso(due)}","overdue_principal_fen":{left},"days":1'
            tell(due + 1, "loan.overdue", loan + overdue)
            if luck > 0.94:
                for days, value in ((31, "special_mention"), (91, "substandard")):
                    on = due + days
                    tell(on, "loan.classified", f'{loan}"class":"{value}","classified_on":"{iso(on)}"')
                if luck > 0.97 and tell(due + 300, "loan.written_off", f'{loan}"principal_fen":{left}'):
                    self.sums.move(who, marked, due + 300, -left)
                return
            due += 20
        if tell(due, "loan.repaid", f'{loan}"principal_fen":{left},"interest_fen":{left // 100}'):
            self.sums.move(who, marked, due, -left)
