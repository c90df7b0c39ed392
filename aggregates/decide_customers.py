"""Decide about customers and their credit lines (V29, V31)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from aggregates.codes import CUSTOMER_KIND, SIZE, day_number
from aggregates.decide_alive import Decider
from aggregates.facts import LineSet, ProfileChanged, flag
from aggregates.outcomes import Hashes, Known, Outcome, Refused, Subjects
from puhui.contract import customers as c
from puhui.policy.periods import BEIJING


def told_at(booked_at: datetime | None, happened_at: datetime | None) -> int:
    """Seconds of the source's clock, at +08:00 where it names no zone: booked, else happened; 0 where it says nothing."""
    told = booked_at or happened_at
    if told is None:
        return 0
    return int((told if told.tzinfo else told.replace(tzinfo=BEIJING)).timestamp())


def _marks(d: c.ProfileChangedData) -> int:
    flags = (d.agri, d.cooperative, d.srdi, d.upgraded, d.high_tech, d.strategic_emerging, d.low_income)
    return sum(1 << bit for bit, on in enumerate(flags) if on)


def _profile(d: c.ProfileChangedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    valid_from, size = day_number(d.valid_from), SIZE[d.enterprise_size]
    customer = s.customer(d.customer_ref)
    for known in customer.profiles if customer else ():
        if known.valid_from == valid_from and known.size != size:
            return Refused("V31", "data.valid_from", {"valid_from": str(d.valid_from)})
    if d.valid_to is not None and d.valid_to < d.valid_from:
        return _backwards(d)
    return (
        ProfileChanged(
            h.event, h.content, 0, d.customer_ref, day_number(d.business_date), valid_from, told_at(d.booked_at, h.time),
            CUSTOMER_KIND[d.customer_kind], size, d.industry, _marks(d),
            None if d.valid_to is None else day_number(d.valid_to), d.owner_of or d.business_usc,
        ),
    )  # fmt: skip


def _backwards(d: c.ProfileChangedData | c.LineData) -> Refused:
    values = {"value": str(d.valid_to), "other": "data.valid_from", "other_value": str(d.valid_from)}
    return Refused("V03", "data.valid_to", values, "inconsistent")


def _below_drawn(d: c.LineData, s: Subjects) -> bool:
    """Is more drawn than the new total line (V29)?"""
    customer = s.customer(d.customer_ref)
    loans = (s.loan(no) for no in customer.loans) if customer else ()
    return d.total_line_fen < sum(loan.balance for loan in loans if loan)


def _line(expired: bool) -> Decider:
    def decide(d: c.LineData, h: Hashes, s: Subjects, k: Known) -> Outcome:
        if d.valid_to is not None and d.valid_to < d.valid_from:
            return _backwards(d)
        flags = 0 if expired else flag("V29") * _below_drawn(d, s)
        return (
            LineSet(
                h.event, h.content, flags, d.customer_ref, day_number(d.business_date), day_number(d.valid_from),
                told_at(d.booked_at, h.time), d.line_no, d.total_line_fen, expired,
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
