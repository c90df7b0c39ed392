"""The chain 哈希链: every commit of a book carries a hash of itself and of the one before it.

With a key nobody without it can change, remove, insert or re-order a commit unseen; without one it finds accidents.
Each link lies in the ledger, beside its movements; the facts that it covers lie in the log.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from aggregates.store.transaction import Commit

LINK_BYTES: Final = 16
FIRST: Final = b""
"""What stands for the link before a book's first commit."""
HEADS: Final = "integrity:"
"""Begins the marks that say which commit of a book was published last, and on which day."""
KEPT: Final = 10_000
"""Books of which a store keeps the last link in memory; those of the others are read when they are written again."""
_encode: Final = msgspec.msgpack.Encoder().encode


def chain_key(secret: str) -> bytes:
    """The key that a secret of any length stands for; empty for none."""
    return blake2b(secret.encode(), digest_size=32, person=b"puhui chain key").digest() if secret else b""


def fingerprint(key: bytes) -> str:
    """The name of a key, which does not tell it."""
    return blake2b(b"puhui", digest_size=8, key=key).hexdigest() if key else "none"


def link(
    key: bytes, before: bytes, book: str, version: int, recorded_at: int, state: bytes, moves: bytes
) -> bytes:
    """The link of one commit behind another one's."""
    covered = _encode((before, book, version, recorded_at, state, moves))
    return blake2b(covered, digest_size=LINK_BYTES, key=key).digest()


class Chain:
    """The links of what one store writes; `read` says the stored link of a book's version."""

    def __init__(self, key: bytes, read: Callable[[str, int], bytes]) -> None:
        self._key = key
        self._read = read
        self._heads: dict[str, tuple[int, bytes]] = {}
        self.kept = KEPT

    def links(self, commits: Sequence[Commit]) -> list[bytes]:
        """The links of commits that are to be written together; nothing is kept before they are."""
        made: list[bytes] = []
        ahead: dict[str, tuple[int, bytes]] = {}
        for c in commits:
            version, before = ahead.get(c.book) or self._heads.get(c.book) or (0, FIRST)
            if version != c.version - 1:
                before = self._read(c.book, c.version - 1) if c.version > 1 else FIRST
            made.append(link(self._key, before, c.book, c.version, c.recorded_at, c.state, c.moves))
            ahead[c.book] = (c.version, made[-1])
        return made

    def written(self, commits: Sequence[Commit], links: Sequence[bytes]) -> None:
        """These commits are in the store now."""
        if len(self._heads) > self.kept:
            self._heads.clear()
        self._heads.update((c.book, (c.version, made)) for c, made in zip(commits, links, strict=True))
