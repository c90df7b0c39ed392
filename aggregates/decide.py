"""Decide about one event of an institution: what every event must keep, then what its own kind demands.

Pure: no clock, no store, no Kafka; `Known.today` is an argument, and only rows of one book are looked at.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from aggregates import (
    decide_changes,
    decide_customers,
    decide_grants,
    decide_loans,
    decide_positions,
    decide_repayments,
)
from aggregates import decide_common as common
from aggregates.codes import day_number
from aggregates.customer import seen as seen_by_customer
from aggregates.decide_alive import Decider
from aggregates.facts import AnyFact, LoanExtended, flag
from aggregates.loan import seen as seen_by_loan
from aggregates.outcomes import Hashes, Known, Outcome, Refused, Repeated, Subjects
from puhui.contract.catalogue import Event, LoanTopicEvent
from puhui.contract.customers import LineData, ProfileChangedData
from puhui.contract.lending import LoanCommon, ReclassifiedData, RepaidData
from puhui.contract.registry import PositionReportedData

DECIDERS: Final[Mapping[type, Decider]] = {
    **decide_grants.DECIDERS,
    **decide_loans.DECIDERS,
    **decide_repayments.DECIDERS,
    **decide_changes.DECIDERS,
    **decide_customers.DECIDERS,
    **decide_positions.DECIDERS,
}


def decide(event: LoanTopicEvent, hashes: Hashes, subjects: Subjects, known: Known) -> Outcome:
    """Say what one event means for its book; a repeated event means nothing (V01)."""
    data = event.data
    repeated = taken_before(event, hashes, subjects)
    if repeated is not None:
        return repeated
    day = day_number(data.business_date)
    if day < 0:
        return common.out_of_range("data.business_date", data.business_date) or ()
    if day > known.today + 1:
        return common.in_future(data, known)
    if day < known.valid_from and not isinstance(data, PositionReportedData):
        return common.before_institution(data, known)
    if known.closed_on is not None and day > known.closed_on:
        return common.closed_before(data)
    refused = common.personal(data)
    if refused is not None:
        return refused
    flags = 0
    if type(data) is not RepaidData:
        refused, flags = _judged(data, known)
        if refused is not None:
            return refused
    outcome = DECIDERS[type(event)](data, hashes, subjects, known)
    if flags and isinstance(outcome, tuple):
        return tuple(with_flags(fact, flags) for fact in outcome)
    return outcome


def _judged(data: Any, known: Known) -> tuple[Refused | None, int]:
    """What is looked at in every event but a repayment: further dates, codes, the division (V06, V40, V41)."""
    refused = common.out_of_time(data, known)
    if refused is not None:
        return refused, 0
    refused, flags = common.codes(data)
    return refused, flags | common.division_flag(data, known)


def with_flags(fact: AnyFact, flags: int) -> AnyFact:
    """The same fact with further rules flagged."""
    return msgspec.structs.replace(fact, flags=fact.flags | flags)


def taken_before(event: LoanTopicEvent, hashes: Hashes, subjects: Subjects) -> Repeated | Refused | None:
    """Was an event of this source and id taken in before for this subject (V01, V02)?"""
    data: Any = event.data
    content = None
    if isinstance(data, LoanCommon):
        loan = subjects.loan(data.loan_no)
        content = None if loan is None else seen_by_loan(loan, hashes.event)
    elif isinstance(data, LineData | ProfileChangedData):
        customer = subjects.customer(data.customer_ref)
        content = None if customer is None else seen_by_customer(customer, hashes.event)
    elif isinstance(data, PositionReportedData):
        content = subjects.positions().content(hashes.event)
    elif isinstance(data, ReclassifiedData):
        loan = subjects.loan(data.loan_no[0])
        content = None if loan is None else seen_by_loan(loan, hashes.event)
    return None if content is None else judged_again(content, hashes, event)


def judged_again(content: int | None, hashes: Hashes, event: Event) -> Repeated | Refused | None:
    """What a second coming means: the same content is ignored, another one under the same id is refused."""
    if content is None:
        return None
    if content == hashes.content:
        return Repeated()
    return Refused("V02", "id", {"event_id": event.id, "subject": subject_of(event.data)})


def subject_of(data: Any) -> str:
    """What an event speaks of, as its sender calls it: the loan, the customer, the reported key, the institution."""
    loan_no = getattr(data, "loan_no", None)
    if loan_no is not None:
        return str(loan_no if isinstance(loan_no, str) else loan_no[0])
    return str(getattr(data, "customer_ref", None) or getattr(data, "key", None) or data.institution_id)


def extension_as_told(event: Any, hashes: Hashes) -> tuple[AnyFact, ...]:
    """The fact of an extension whose old due date never became the loan's: accepted and flagged (V17)."""
    d = event.data
    return (
        LoanExtended(
            hashes.event, hashes.content, flag("V17"), d.loan_no, day_number(d.business_date),
            day_number(d.old_due_on), day_number(d.new_due_on), d.marked_renewal,
        ),
    )  # fmt: skip
