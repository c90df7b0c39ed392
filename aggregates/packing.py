"""Records and movements are packed by Zstandard; what an older program packed by zlib is read as well."""

import zlib
from typing import Final

import cramjam

_LEVEL: Final = 1
_ZLIB: Final = b"\x78"
"""With this byte begins what zlib packed; Zstandard's own first byte is 0x28."""


class Unreadable(ValueError):
    """The bytes are damaged: they were never packed like this."""


def packed(plain: bytes) -> bytes:
    """The same, shorter where it repeats itself."""
    return bytes(cramjam.zstd.compress(plain, _LEVEL))


def unpacked(stored: bytes) -> bytes:
    """What was packed; Unreadable where the bytes are damaged."""
    try:
        if stored[:1] == _ZLIB:
            return zlib.decompress(stored)
        return bytes(cramjam.zstd.decompress(stored))
    except (zlib.error, cramjam.DecompressionError) as error:
        raise Unreadable(f"packed bytes are damaged: {error}") from error
