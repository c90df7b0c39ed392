"""Real loans as events: a loan tape of small businesses, read from beside the repository, never kept in it.

A tape is no event stream, so events are derived by the rules of the data's README: issued on the day of
disbursement (else of approval), in full; a loan paid in full is repaid when its term ends; one charged off
defaults at the end of its term or when it is charged off, if that is earlier, is written off by what was charged
off, and repaid by the rest. Dollars are taken as yuan. Every loan is of one made-up small enterprise; the lenders
have made-up codes. No loan is above 10,000,000, so none needs a line to be inclusive.
"""

import csv
import os
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from puhui.codes import complete_usc
from tests.events import Event, Sender, yuan

EPOCH: Final = date(1960, 1, 1)
KNOWN_FROM: Final = "1980-01-01"
"""Before the first loan."""
_NOWHERE: Final[dict[str, Any]] = {"division_code": None}
"""California has no 行政区划代码."""


def place() -> Path:
    """Where the tape lies, if it is there."""
    shared = os.environ.get("PUHUI_SHARED") or Path(__file__).resolve().parents[1].parent / "shared"
    return Path(shared) / "data" / "sba-california.csv"


@dataclass
class Tape:
    """The events of a tape, the code of each lender, and how many rows say too little."""

    events: list[Event]
    lenders: dict[str, str]
    skipped: int

    def largest(self, name: str) -> str:
        """The lender with the most events of all whose names begin like this."""
        told = Counter(event["data"]["institution_id"] for event in self.events)
        codes = [code for lender, code in self.lenders.items() if lender.lower().startswith(name.lower())]
        return max(codes, key=lambda code: told[code])


def tape(path: Path) -> Tape:
    """The registrations of the lenders, then the events of all loans in the order of their business dates."""
    lenders: dict[str, Sender] = {}
    events: list[Event] = []
    skipped = 0
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            if not row["Bank"] or not row["DisbursementGross"]:
                skipped += 1
                continue
            lender = lenders.setdefault(row["Bank"], Sender(complete_usc(f"91141024MA0L{len(lenders):04d}1")))
            events += _loan(lender, number, row)
    events.sort(key=lambda event: str(event["data"]["business_date"]))  # of one day in the order of the tape
    registered = [
        lender.registered(KNOWN_FROM, name=name, valid_from=KNOWN_FROM, **_NOWHERE)
        for name, lender in lenders.items()
    ]
    codes = {name: lender.institution for name, lender in lenders.items()}
    return Tape([*registered, *events], codes, skipped)


def _loan(lender: Sender, number: int, row: dict[str, str]) -> Iterator[Event]:
    customer = complete_usc(f"91141024MA0K{number:04d}1")
    issued = _day(row["DisbursementDate"] or row["ApprovalDate"])
    due, amount = after_months(issued, int(row["Term"])), int(row["DisbursementGross"])
    loan = row["LoanNr_ChkDgt"]
    yield lender.issued(loan, customer, str(issued), yuan(amount), original_due_on=str(due), **_NOWHERE)
    if row["MIS_Status"] == "P I F":
        yield lender.repaid(loan, str(due), yuan(amount), **_NOWHERE)
        return
    off = _day(row["ChgOffDate"])
    defaulted: dict[str, Any] = {"loan_no": loan, "defaulted_on": str(min(due, off)), "trigger": "other"}
    yield lender.event("loan.defaulted", str(min(due, off)), **defaulted, **_NOWHERE)
    lost = min(int(row["ChgOffPrinGr"]), amount)
    yield lender.written_off(loan, str(off), yuan(lost), **_NOWHERE)
    if amount > lost:
        yield lender.repaid(loan, str(off), yuan(amount - lost), **_NOWHERE)


def _day(days: str) -> date:
    return EPOCH + timedelta(days=int(days))


def after_months(day: date, months: int) -> date:
    """So many months later; a day that the month does not have is its last one."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def later_than(events: Iterable[Event], day: date) -> list[Event]:
    """The events with a business date after a day."""
    return [event for event in events if str(event["data"]["business_date"]) > day.isoformat()]
