"""What deciding about one event comes to, besides facts."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct

from aggregates.customer import Customer
from aggregates.facts import AnyFact
from aggregates.loan import Loan
from aggregates.reported import ReportedPositions
from puhui.codes import DIVISIONS, Divisions

HELD: Final = "period:"
"""How the waits begin that only an office ends, by approving the restatement of that month."""


class Refused(Struct, frozen=True):
    """The event can never become valid: the rule, the field, and the values that the answer names."""

    rule: str
    field: str
    values: Mapping[str, object] = {}
    case: str = ""


class Parked(Struct, frozen=True):
    """The event waits for what `wait` names (`loan:<no>`, `event:<hash>`, `institution:<id>`); `field` names it in the event."""

    rule: str
    field: str
    wait: str
    values: Mapping[str, object] = {}
    case: str = ""


class Repeated(Struct, frozen=True):
    """The event was taken in before; it changes nothing (V01)."""

    rule: str = "V01"


Outcome = tuple[AnyFact, ...] | Refused | Parked | Repeated


class Subjects(Protocol):
    """The rows of one book that deciding may look at; a row is fetched when it is asked for."""

    def loan(self, loan_no: str) -> Loan | None:
        """The 借据 of that number, if the book knows it."""

    def customer(self, ref: str) -> Customer | None:
        """The customer, if the book knows more of it than a name."""

    def positions(self) -> ReportedPositions:
        """What the institution reported so far."""


class Known(Struct, frozen=True):
    """What is known about the institution when an event is decided; days as day numbers."""

    today: int
    valid_from: int
    closed_on: int | None = None
    closed_until: int = -(2**31)
    live_from: int = -(2**31)
    divisions: Divisions = DIVISIONS


class Hashes(Struct, frozen=True, gc=False):
    """The event's own hash (source and id), the checksum of its canonical content, and what its envelope says of it."""

    event: int
    content: int
    source: str
    id: str = ""
    time: datetime | None = None


def wait_loan(loan_no: str) -> str:
    """What a parked event waits on when it waits for news of a loan."""
    return f"loan:{loan_no}"


def wait_event(event: int) -> str:
    """What a parked event waits on when it speaks of an event that has not come: no other news of the loan helps it."""
    return f"event:{event}"


def wait_institution(institution: str) -> str:
    """What a parked event waits on when its institution is not yet known."""
    return f"institution:{institution}"


def wait_period(month: str) -> str:
    """What a parked event waits on that would change a closed month: its office (V07)."""
    return f"{HELD}{month}"
