"""References of synthetic institutions and customers: valid in form, of nobody."""

import hashlib
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_INNER_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)


def social_credit_code(number: int, prefix: str = "91", division: str = "141024") -> str:
    """A 统一社会信用代码 with both check characters (GB 32100, GB 11714), of no real organisation."""
    body = f"T{number:02d}".rjust(8, "0")
    remainder = 11 - sum(w * int(c, 36) for w, c in zip(_INNER_WEIGHTS, body, strict=True)) % 11
    inner = {10: "X", 11: "0"}.get(remainder, str(remainder))
    code = f"{prefix}{division}{body}{inner}"
    total = sum(_ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(code))
    return code + _ALPHABET[(31 - total % 31) % 31]


def person_ref(number: int) -> str:
    """A reference of a person: a hash under the county's key, here of a mere number."""
    return "p1:" + hashlib.sha256(f"person {number}".encode()).hexdigest()
