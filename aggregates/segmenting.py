"""In which segment a loan stands on a day: its own attributes, and its customer's line, kind and size as known."""

from typing import Final

from msgspec.structs import replace

from aggregates.codes import ISSUANCE_KIND, NO_PRINCIPAL, SECURITY
from aggregates.customer import Customer, Standing
from aggregates.facts import Terms
from aggregates.loan import Entry
from aggregates.segments import (
    AGRI,
    COOPERATIVE_COUNTED,
    DISCOUNT,
    ENTRUSTED,
    INCLUSIVE_AGRI,
    LINE_ASSUMED,
    is_cooperative,
    line_bucket,
    segment_id,
)

COOPERATIVES_FROM: Final = 20089
"""2025-01-01 as a day number: from here on 合作社 count in 普惠型小微企业贷款 (5.3, the day is ours)."""


def relabelled(own: Terms, entry: Entry) -> Terms:
    """The terms after a reclassification of the loan's own attributes."""
    new = entry.value
    match entry.field:
        case "issuance_kind":
            return replace(own, issuance_kind=ISSUANCE_KIND[str(new)])
        case "main_security":
            return replace(own, security=SECURITY[str(new)])
        case "agri":
            return replace(own, agri=bool(new))
        case "inclusive_agri_declared":
            return replace(own, inclusive_agri=bool(new))
        case _:
            return replace(own, inclusive_declared=bool(new))


def segment_on(own: Terms, doubtful: bool, standing: Standing, day: int, principal: int) -> int:
    """The segment of a loan on a day: its own attributes, and the customer's line, kind and size as known."""
    kind, size = own.customer_kind, own.size
    line, profile = standing
    if profile is not None:
        kind, size = profile.customer_kind, profile.size
    marks = (
        DISCOUNT * own.discount
        | ENTRUSTED * own.entrusted
        | AGRI * own.agri
        | INCLUSIVE_AGRI * own.inclusive_agri
        | LINE_ASSUMED * (line is None)
        | COOPERATIVE_COUNTED * (day >= COOPERATIVES_FROM and is_cooperative(kind))
    )
    bucket = line_bucket(principal if line is None else line)
    issuance = own.issuance_kind
    return segment_id(
        (
            kind, size, bucket, own.security, issuance, own.months > 12, doubtful and issuance == NO_PRINCIPAL, marks,
            own.division,
        )
    )  # fmt: skip


def days_of_change(customer: Customer, terms: Terms) -> set[int]:
    """The days on which a customer's timeline, or a date of the law, may change the segment."""
    days = customer.changes() if customer.profiles or customer.lines else set()
    if may_be_cooperative(customer, terms):
        days.add(COOPERATIVES_FROM)
    return days


def may_be_cooperative(customer: Customer, terms: Terms) -> bool:
    """Has the customer ever been a 合作社, as far as is known?"""
    if is_cooperative(terms.customer_kind):
        return True
    return any(is_cooperative(p.customer_kind) for p in customer.profiles) if customer.profiles else False
