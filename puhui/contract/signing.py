"""Signatures of events: who has a key signs the bytes that are sent with HMAC-SHA-256, in a header of the record.

The header `puhui-signature` is `<id of the key>:<64 hexadecimal digits>`.
"""

import hmac
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Final

SIGNATURE: Final = "puhui-signature"
_NAME: Final = itemgetter(0)

Headers = Sequence[tuple[str, bytes | None]]


class Key:
    """One key: its id, and signing with it; it never shows its secret."""

    __slots__ = ("_begun", "id")

    def __init__(self, identity: str, secret: bytes) -> None:
        self.id = identity
        self._begun = hmac.new(secret, digestmod="sha256")  # a copy of it is twice as fast as a new one

    def signature(self, value: bytes, headers: Headers = ()) -> bytes:
        """The header's content for a record of this value; of the headers only `ce_…` count."""
        return f"{self.id}:{self._hex(signed(value, headers))}".encode()

    def has_signed(self, hexadecimal: str, value: bytes, headers: Headers = ()) -> bool:
        """Are these the digits that belong to the record?"""
        return hmac.compare_digest(self._hex(signed(value, headers)), hexadecimal)

    def _hex(self, content: bytes) -> str:
        found = self._begun.copy()
        found.update(content)
        return found.hexdigest()


def signed(value: bytes, headers: Headers = ()) -> bytes:
    """The bytes that are signed: the value; in binary mode behind its attributes, or they could be exchanged.

    For each header `ce_…`, in the order of the names: name, a byte 0, content, a byte 0.
    """
    attributes = [header for header in headers if header[0].startswith("ce_")] if headers else []
    if not attributes:
        return value
    parts: Iterable[tuple[str, bytes | None]] = sorted(attributes, key=_NAME)
    return b"".join(name.encode() + b"\0" + (content or b"") + b"\0" for name, content in parts) + value


def signature_in(headers: Headers) -> tuple[str, str] | None:
    """The id of a key and the digits, as the header has them; None where there is no such header."""
    for name, content in headers:
        if name == SIGNATURE:
            identity, _, digits = (content or b"").decode("ascii", "replace").partition(":")
            return identity, digits if digits.isascii() else ""
    return None
