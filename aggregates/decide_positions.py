"""Decide about reported positions 余额报送: units made fen, and the unit that looks wrong (V49)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from aggregates.codes import day_number
from aggregates.decide_alive import Decider
from aggregates.decide_common import later_than
from aggregates.facts import PositionReported, flag
from aggregates.outcomes import Hashes, Known, Outcome, Refused, Subjects
from puhui.contract import registry as c

_LARGEST: Final = 10**18
"""No reported figure is larger, in fen: it is stored in 64 bits."""
_FEN: Final = {"元": 100, "万元": 1_000_000, "户": 1, "笔": 1}


def looks_like_wrong_unit(value: int, beside: int) -> bool:
    """Do two figures differ by a factor within 1 % of 10^4 or of 10^-4 (V49)?"""
    if value <= 0 or beside <= 0:
        return False
    large, small = max(value, beside), min(value, beside)
    return 9_900 * small <= large <= 10_100 * small


def _reported(d: c.PositionReportedData, h: Hashes, s: Subjects, k: Known) -> Outcome:
    money = d.unit in ("元", "万元")
    if money == (d.measure == "customers"):
        values = {"value": d.unit, "other": "data.measure", "other_value": d.measure}
        return Refused("V03", "data.unit", values, "inconsistent")
    exact = Decimal(d.value) * _FEN[d.unit]
    if exact != int(exact) or abs(exact) > _LARGEST:
        return Refused("V03", "data.value", {"value": d.value})
    amount, as_of = int(exact), day_number(d.as_of)
    if amount < 0:
        return Refused("V04", "data.value", {"value": d.value})
    if d.as_of > d.business_date:
        return later_than("data.as_of", d.as_of, d.business_date)
    suspect = money and looks_like_wrong_unit(amount, s.positions().before(d.key, d.measure, as_of))
    quantum = int(Decimal(_FEN[d.unit]).scaleb(-d.decimals) / 2) if money and d.unit == "万元" else 0
    return (
        PositionReported(
            h.event, h.content, flag("V49") * suspect, day_number(d.business_date), as_of, d.key, d.measure, d.kind,
            amount, quantum, suspect,
        ),
    )  # fmt: skip


DECIDERS: Final[Mapping[type, Decider]] = {c.PositionReported: _reported}
