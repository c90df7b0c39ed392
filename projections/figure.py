"""Figures: an exact value with its unit and what belongs to it, or no value and the reason why."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import ROUND_HALF_UP, Decimal, localcontext
from enum import Enum
from fractions import Fraction
from typing import Final, Literal

Unit = Literal["fen", "ratio", "pp", "households", "loans", "days", "events"]
"""fen: integer 分. ratio: 3/10 is 30 %. pp: a difference of two ratios, 1/100 is 1 百分点."""

COUNTY: Final = "county"
"""In the place of an institution: all banks of the county together."""

_PLACES: Final = Decimal("0.0000000001")


class Reason(Enum):
    """Why there is no value; never 0 in its place."""

    NOT_PROVIDED = "未提供 (not provided)"
    BASE_UNKNOWN = "接入前基数未知 (base unknown before the opening date)"
    ZERO_DENOMINATOR = "分母为零 (denominator 0)"
    UNIT_SUSPECTED = "疑似单位错误 (unit suspected)"
    NO_TARGET = "无适用目标 (no target)"
    NOT_REGISTERED = "机构未登记 (not registered)"
    CLOSED = "机构已撤销 (institution closed)"
    NOT_APPLICABLE = "不适用 (not applicable)"
    NOT_ADDITIVE = "户数不可跨行相加 (households do not add up over banks)"
    NO_DATA = "无数据 (no data)"

    def __str__(self) -> str:
        return self.value

    @property
    def text(self) -> str:
        """The Chinese words alone."""
        return self.value.split(" ")[0]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, or None with its reason; `parts` are 其中 and variants, by name.

    `as_of` is the business date of the value where it is not the one asked for (a reported total carried on);
    `missing` names the institutions that a county's figure lacks, `of` is how many it should have.
    """

    value: int | Fraction | None
    unit: Unit
    reason: Reason | None = None
    as_of: int | None = None
    parts: Mapping[str, "Figure"] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    of: int = 1

    def with_parts(self, parts: Mapping[str, "Figure"]) -> "Figure":
        """The same figure with these parts beside those that it has."""
        return replace(self, parts={**self.parts, **parts})

    def with_notes(self, *notes: str) -> "Figure":
        """The same figure with these notes behind its own."""
        return replace(self, notes=(*self.notes, *(n for n in notes if n)))

    @property
    def exact(self) -> int | str | None:
        """For JSON: integers as they are, ratios as decimal strings, pp as a decimal string in 百分点."""
        if self.value is None or (isinstance(self.value, int) and self.unit not in ("ratio", "pp")):
            return None if self.value is None else int(self.value)
        return decimal_text(Fraction(self.value) * (100 if self.unit == "pp" else 1))


def null(unit: Unit, reason: Reason) -> Figure:
    """No value, and why."""
    return Figure(None, unit, reason)


def quotient(over: int | Fraction | None, under: int | Fraction | None, unit: Unit = "ratio") -> Figure:
    """A quotient, exact; null where the denominator is 0."""
    if over is None or under is None:
        return null(unit, Reason.NO_DATA)
    return (
        null(unit, Reason.ZERO_DENOMINATOR) if not under else Figure(Fraction(over) / Fraction(under), unit)
    )


def growth(end: int, base: int) -> Figure:
    """The end over the base − 1, exact; null where the base is 0."""
    return quotient(end - base, base)


def decimal_text(value: Fraction) -> str:
    """A ratio as a decimal with at most ten places, rounded half away from zero; no exponent, no trailing zeros."""
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        text = f"{exact.quantize(_PLACES, ROUND_HALF_UP):f}"
    text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
