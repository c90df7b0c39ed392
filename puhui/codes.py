"""统一社会信用代码 (GB 32100-2015) and 行政区划代码 (GB/T 2260): what can be checked offline (6.1, 6.2)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from operator import mul

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of a code, without I, O, S, V, Z; the value of each is its index."""

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_WEIGHTS = tuple(3**position % 31 for position in range(17))
_SHAPE = re.compile(f"[{ALPHABET}]{{18}}")
_INNER_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


class UscCheck(Enum):
    """What rule V40 says of a code."""

    VALID = "valid"
    MALFORMED = "malformed"
    """Not 18 characters of the alphabet: rejected."""
    CHECK_FAILED = "check_failed"
    """The check character does not fit: flagged only, for real, legal codes fail it (early pilots)."""


def normalise_usc(code: str) -> str:
    """Upper case, without ASCII blanks; full-width characters stay as they are, and so stay wrong."""
    return "".join(c.upper() if c.isascii() else c for c in code if c not in " \t\r\n")


def check_usc(code: str) -> UscCheck:
    """Judge a code after `normalise_usc`; the region digits are not looked at, they never change."""
    if not is_normal_usc(code):
        code = normalise_usc(code)
        if not is_normal_usc(code):
            return UscCheck.MALFORMED
    return UscCheck.VALID if code[17] == _check_character(code[:17]) else UscCheck.CHECK_FAILED


def is_normal_usc(code: str) -> bool:
    """Are these 18 characters of the alphabet, as they should be written?"""
    return _SHAPE.fullmatch(code) is not None


def check_character(first17: str) -> str:
    """The 18th character: ALPHABET[(31 − S mod 31) mod 31], S the sum of values by weights 3^(i−1) mod 31.

    Anything but 17 characters of the alphabet is a ValueError.
    """
    if len(first17) != 17 or any(character not in _VALUES for character in first17):
        raise ValueError(f"not 17 characters of the alphabet: {first17!r}")
    return _check_character(first17)


def _check_character(first17: str) -> str:
    return ALPHABET[-sum(map(mul, map(_VALUES.__getitem__, first17), _WEIGHTS)) % 31]


def complete_usc(first17: str) -> str:
    """The valid code that begins with these 17 characters."""
    first17 = normalise_usc(first17)
    return first17 + check_character(first17)


def inner_check_digit(first8: str) -> str:
    """Position 17, from positions 9–16 (GB 11714-1997): 11 − Σ mod 11, ten written X and eleven 0."""
    if len(first8) != 8 or not (first8.isascii() and first8.isalnum()):
        raise ValueError(f"not 8 letters or digits: {first8!r}")
    total = sum(int(c, 36) * weight for c, weight in zip(first8, _INNER_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


_ANSWERS = 20_000


@dataclass(frozen=True, slots=True)
class Division:
    """One 行政区划 with its six digits, from one day to another, both included."""

    code: str
    name: str
    valid_from: date
    valid_to: date | None = None

    def holds(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


@dataclass(frozen=True, slots=True)
class Divisions:
    """The table that rule V41 looks a code up in."""

    rows: Mapping[str, tuple[Division, ...]] = field(default_factory=dict)
    _known: dict[tuple[str, date], bool] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, divisions: Iterable[Division]) -> "Divisions":
        return cls().and_also(divisions)

    def and_also(self, divisions: Iterable[Division]) -> "Divisions":
        """The same table with rows added."""
        rows = dict(self.rows)
        for division in divisions:
            rows[division.code] = (*rows.get(division.code, ()), division)
        return Divisions(rows)

    def find(self, code: str, on: date) -> Division | None:
        """The division with this code on that day; the 9 or 12 digits of a township find their county."""
        if not (code.isascii() and code.isdigit() and len(code) in (6, 9, 12)):
            return None
        return next((division for division in self.rows.get(code[:6], ()) if division.holds(on)), None)

    def is_known(self, code: str, on: date) -> bool:
        """Does the table hold the code on that day? The last answers are kept: the same few are asked for."""
        known = self._known.get((code, on))
        if known is None:
            if len(self._known) >= _ANSWERS:
                self._known.clear()
            known = self._known[code, on] = self.find(code, on) is not None
        return known


_FROM = date(2000, 1, 1)
_LINFEN = {
    "140000": "山西省",
    "141000": "临汾市",
    "141002": "尧都区",
    "141021": "曲沃县",
    "141022": "翼城县",
    "141023": "襄汾县",
    "141024": "洪洞县",
    "141025": "古县",
    "141026": "安泽县",
    "141027": "浮山县",
    "141028": "吉县",
    "141029": "乡宁县",
    "141030": "大宁县",
    "141031": "隰县",
    "141032": "永和县",
    "141033": "蒲县",
    "141034": "汾西县",
    "141081": "侯马市",
    "141082": "霍州市",
}

DIVISIONS = Divisions.of(Division(code, name, _FROM) for code, name in _LINFEN.items()).and_also(
    [Division("142625", "洪洞县", date(1949, 10, 1), date(1999, 12, 31))]
)
"""山西省, 临汾市 and its 17 county-level units since 2000, and what 洪洞县 was before (1949: ours)."""

DEMO_DIVISIONS = DIVISIONS.and_also([Division("141099", "示例县", _FROM)])
"""The same with the demo's invented 示例县, whose code GB/T 2260 does not have."""
