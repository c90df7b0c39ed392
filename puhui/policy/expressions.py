"""Values of targets: a decimal number, or the growth of another figure such as `growth(ALL)`; all exact."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

_NUMBER = re.compile(r"-?\d{1,20}(\.\d{1,8})?", re.ASCII)
_GROWTH = re.compile(r"growth\(\s*([A-Za-z][A-Za-z0-9_]*)\s*\)")

Growths = Mapping[str, Decimal | Fraction | None]
"""Growths 增速 by position key (ALL 各项贷款, PH 普惠 …) as ratios: 10 % is 1/10; None where not known."""


class ExpressionError(ValueError):
    """The text is neither a decimal number nor `growth(KEY)`."""


@dataclass(frozen=True, slots=True)
class Number:
    """A decimal number, in the unit of its target."""

    value: Decimal

    def __str__(self) -> str:
        return format(self.value, "f")


@dataclass(frozen=True, slots=True)
class Growth:
    """The growth of another figure over the same base, a ratio."""

    key: str

    def __str__(self) -> str:
        return f"growth({self.key})"


Expression = Number | Growth


def parse(text: str) -> Expression:
    """Read `30`, `-0.5` or `growth(ALL)`; anything else is an `ExpressionError`."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return Number(Decimal(text))
    if found := _GROWTH.fullmatch(text):
        return Growth(found.group(1))
    raise ExpressionError(f"neither a decimal number nor growth(KEY): {text!r}")


def evaluate(expression: Expression, growths: Growths, scale: Fraction = Fraction(1)) -> Fraction | None:
    """The exact value; `scale` turns a number's unit into a ratio (percent: 1/100) and leaves growths alone.

    A growth that is missing or None gives None, never 0.
    """
    match expression:
        case Number(value):
            return Fraction(value) * scale
        case Growth(key):
            known = growths.get(key)
            return None if known is None else Fraction(known)
