"""Decide about one event of an institution: what every event must keep, then what its own kind demands.

Pure: no clock, no store, no Kafka; `Known.today` is an argument, and only rows of one book are looked at.
"""

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Final, get_args, get_type_hints

import msgspec

from aggregates import decide_changes, decide_customers, decide_loans, decide_positions
from aggregates.codes import day_number
from aggregates.customer import seen as seen_by_customer
from aggregates.decide_loans import Decider
from aggregates.facts import AnyFact, LoanExtended, flag
from aggregates.loan import seen as seen_by_loan
from aggregates.outcomes import Hashes, Known, Outcome, Refused, Repeated, Subjects
from puhui.codes import UscCheck, check_usc
from puhui.contract.base import Text
from puhui.contract.catalogue import LoanTopicEvent
from puhui.contract.customers import LineData, ProfileChangedData
from puhui.contract.lending import LoanCommon, ReclassifiedData, Terms
from puhui.contract.registry import PositionReportedData
from puhui.privacy import find_personal

DECIDERS: Final[Mapping[type, Decider]] = {
    **decide_loans.DECIDERS,
    **decide_changes.DECIDERS,
    **decide_customers.DECIDERS,
    **decide_positions.DECIDERS,
}


def _free_texts(data_class: type) -> tuple[str, ...]:
    """The fields of one data class in which anything may be written."""
    hints = get_type_hints(data_class, include_extras=True)
    return tuple(name for name, hint in hints.items() if hint == Text or Text in get_args(hint))


_TEXTS: Final = {
    get_type_hints(event)["data"]: _free_texts(get_type_hints(event)["data"])
    for event in get_args(LoanTopicEvent)
}
_GETTERS: Final = {data: attrgetter(*names) for data, names in _TEXTS.items()}


def decide(event: LoanTopicEvent, hashes: Hashes, subjects: Subjects, known: Known) -> Outcome:
    """Say what one event means for its book; a repeated event means nothing (V01)."""
    data = event.data
    repeated = _repeated(data, hashes, subjects)
    if repeated is not None:
        return repeated
    day = day_number(data.business_date)
    if day > known.today + 1:
        return Refused("V06", "data.business_date", {"value": str(data.business_date)})
    if day < known.valid_from and not isinstance(data, PositionReportedData):
        return Refused("V06", "data.business_date", {"value": str(data.business_date)})
    if known.closed_on is not None and day > known.closed_on:
        return Refused("V05", "data.institution_id", {"institution": data.institution_id})
    texts = _GETTERS[type(data)](data)
    if any(texts):
        refused = _personal(data, texts)
        if refused is not None:
            return refused
    flags = 0
    if isinstance(data, Terms | LineData | ProfileChangedData):
        refused, flags = _customer_code(data.customer_ref)
        if refused is not None:
            return refused
    outcome = DECIDERS[type(event)](data, hashes, subjects, known)
    if flags and isinstance(outcome, tuple):
        return tuple(with_flags(fact, flags) for fact in outcome)
    return outcome


def with_flags(fact: AnyFact, flags: int) -> AnyFact:
    """The same fact with further rules flagged."""
    return msgspec.structs.replace(fact, flags=fact.flags | flags)


def _repeated(data: Any, hashes: Hashes, subjects: Subjects) -> Repeated | Refused | None:
    """Was an event of this source and id taken in before for this subject (V01, V02)?"""
    content = None
    if isinstance(data, LoanCommon):
        loan = subjects.loan(data.loan_no)
        content = None if loan is None else seen_by_loan(loan, hashes.event)
    elif isinstance(data, LineData | ProfileChangedData):
        customer = subjects.customer(data.customer_ref)
        content = None if customer is None else seen_by_customer(customer, hashes.event)
    elif isinstance(data, PositionReportedData):
        found = [p.content for p in subjects.positions() if p.event == hashes.event]
        content = found[0] if found else None
    elif isinstance(data, ReclassifiedData):
        loan = subjects.loan(data.loan_no[0])
        content = None if loan is None else seen_by_loan(loan, hashes.event)
    return judged_again(content, hashes)


def judged_again(content: int | None, hashes: Hashes) -> Repeated | Refused | None:
    """What a second coming means: the same content is ignored, another one under the same id is refused."""
    if content is None:
        return None
    if content == hashes.content:
        return Repeated()
    return Refused("V02", "id", {})


def _personal(data: Any, texts: tuple[Any, ...]) -> Refused | None:
    for name, text in zip(_TEXTS[type(data)], texts, strict=True):
        if isinstance(text, str) and find_personal(text) is not None:
            return Refused("V42", f"data.{name}", {})
    return None


def _customer_code(ref: str) -> tuple[Refused | None, int]:
    """Judge an organisation's code (V40); a person's reference is `p<key version>:` and a hash."""
    if ref[:1] == "p" and ":" in ref[:6]:
        return None, 0
    check = check_usc(ref)
    if check is UscCheck.MALFORMED:
        return Refused("V40", "data.customer_ref", {"value": "***"}), 0
    return None, flag("V40") * (check is UscCheck.CHECK_FAILED)


def extension_as_told(event: Any, hashes: Hashes) -> tuple[AnyFact, ...]:
    """The fact of an extension whose old due date never became the loan's: accepted and flagged (V17)."""
    d = event.data
    return (
        LoanExtended(
            hashes.event, hashes.content, flag("V17"), d.loan_no, day_number(d.business_date),
            day_number(d.old_due_on), day_number(d.new_due_on), d.marked_renewal,
        ),
    )  # fmt: skip
