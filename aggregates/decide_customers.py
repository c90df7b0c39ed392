"""Decide about customers and their credit lines (V31, V40)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aggregates.codes import CUSTOMER_KIND, SIZE, day_number
from aggregates.decide_loans import Decider
from aggregates.facts import LineSet, ProfileChanged
from aggregates.outcomes import Hashes, Known, Outcome, Refused, Subjects
from puhui.contract import customers as c


def told_at(booked_at: datetime | None) -> int:
    """Seconds of the source's clock; 0 where it says nothing."""
    return 0 if booked_at is None else int(booked_at.timestamp())


def _marks(d: c.ProfileChangedData) -> int:
    flags = (d.agri, d.cooperative, d.srdi, d.upgraded, d.high_tech, d.strategic_emerging, d.low_income)
    return sum(1 << bit for bit, on in enumerate(flags) if on)


def _profile(d: c.ProfileChangedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    valid_from, size = day_number(d.valid_from), SIZE[d.enterprise_size]
    customer = s.customer(d.customer_ref)
    for known in customer.profiles if customer else ():
        if known.valid_from == valid_from and known.size != size:
            return Refused(
                "V31", "data.valid_from", {"customer_ref": d.customer_ref, "value": str(d.valid_from)}
            )
    return (
        ProfileChanged(
            h.event, h.content, 0, d.customer_ref, day_number(d.business_date), valid_from, told_at(d.booked_at),
            CUSTOMER_KIND[d.customer_kind], size, d.industry, _marks(d),
            None if d.valid_to is None else day_number(d.valid_to),
        ),
    )  # fmt: skip


def _line(expired: bool) -> Decider:
    def decide(d: c.LineData, h: Hashes, s: Subjects, k: Known) -> Outcome:
        return (
            LineSet(
                h.event, h.content, 0, d.customer_ref, day_number(d.business_date), day_number(d.valid_from),
                told_at(d.booked_at), d.line_no, d.total_line_fen, expired,
                None if d.valid_to is None else day_number(d.valid_to),
            ),
        )  # fmt: skip

    return decide


DECIDERS: Final[Mapping[type, Decider]] = {
    c.CustomerProfileChanged: _profile,
    c.CreditLineGranted: _line(False),
    c.CreditLineChanged: _line(False),
    c.CreditLineExpired: _line(True),
}
