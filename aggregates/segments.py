"""Segments 分类: the set of attributes by which loans are counted, and the populations over them."""

from bisect import bisect_left
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec

from aggregates.codes import CUSTOMER_KIND, ISSUANCE_KIND, NO_PRINCIPAL, SECURITY

TEN_MILLION: Final = 1_000_000_000
"""1000万元 in fen: the limit of 单户授信总额 of 普惠型小微企业贷款, inclusive (5.3)."""

_BUCKET_LIMITS: Final = (
    100_000_000,
    500_000_000,
    TEN_MILLION - 1,
    TEN_MILLION,
    2 * TEN_MILLION,
    3 * TEN_MILLION,
)
#: The highest bucket that is within 1000万元（含）; a strict authority stops one below.
INCLUSIVE_BUCKET: Final = 3

DISCOUNT: Final = 1
AGRI: Final = 2
INCLUSIVE_AGRI: Final = 4
LINE_ASSUMED: Final = 8
COOPERATIVE_COUNTED: Final = 16
ENTRUSTED: Final = 32


class Segment(NamedTuple):
    """The attributes by which a loan is counted on one day; codes as in `aggregates.codes`."""

    customer_kind: int
    size: int
    bucket: int
    security: int
    issuance_kind: int
    long_term: bool
    doubtful: bool
    marks: int
    division: str | None


Attributes = tuple[int, int, int, int, int, bool, bool, int, str | None]
"""The fields of a `Segment` in its order: a plain tuple is cheaper to look up."""

_IDS: Final[dict[Attributes, int]] = {}
_ATTRIBUTES: Final[dict[int, Segment]] = {}


def segment_id(segment: Attributes) -> int:
    """A positive 63-bit hash of the attributes: the same in every run and every worker."""
    found = _IDS.get(segment)
    if found is None:
        digest = blake2b(msgspec.msgpack.encode(segment), digest_size=8).digest()
        found = _IDS[segment] = int.from_bytes(digest, "big") >> 1
        _ATTRIBUTES[found] = Segment(*segment)
    return found


def attributes(identity: int) -> Segment | None:
    """The attributes of a segment that this process has met, and not forgotten; the store knows the others."""
    return _ATTRIBUTES.get(identity)


def met() -> int:
    """How many segments are remembered."""
    return len(_ATTRIBUTES)


def forget() -> None:
    """Forget all segments, between two transactions: an id is made again, and what has moved in one is stored."""
    _IDS.clear()
    _ATTRIBUTES.clear()


def encode_segment(segment: Segment) -> bytes:
    """The attributes as they are stored beside the id."""
    return msgspec.msgpack.encode(segment)


def decode_segment(stored: bytes) -> Segment:
    """The attributes out of the store."""
    return Segment(*msgspec.msgpack.decode(stored))


def line_bucket(total_fen: int) -> int:
    """The bucket of 单户授信总额: ≤100万, ≤500万, <1000万, =1000万, ≤2000万, ≤3000万, more."""
    return bisect_left(_BUCKET_LIMITS, total_fen)


_SMALL_KINDS: Final = frozenset(CUSTOMER_KIND[k] for k in ("micro", "small", "individual", "owner"))
_COOPERATIVES: Final = frozenset(CUSTOMER_KIND[k] for k in ("cooperative", "collective"))


def is_cooperative(customer_kind: int) -> bool:
    """Does the dated switch 合作社 (5.3) concern this kind of customer?"""
    return customer_kind in _COOPERATIVES


def is_small(s: Segment) -> bool:
    """FS 全口径小微企业贷款: small and micro enterprises, 个体工商户, 小微企业主 (5.2)."""
    return s.customer_kind in _SMALL_KINDS or bool(s.marks & COOPERATIVE_COUNTED)


def is_inclusive(s: Segment) -> bool:
    """PH 普惠型小微企业贷款, without bill discount and entrusted loans (5.3, I10)."""
    return is_small(s) and s.bucket <= INCLUSIVE_BUCKET and not s.marks & (DISCOUNT | ENTRUSTED)


_CREDIT: Final = SECURITY["credit"]
_MEDIUM: Final = CUSTOMER_KIND["medium"]
_PARTIAL: Final = ISSUANCE_KIND["partial_renewal"]
_ANY_RENEWAL: Final = frozenset(
    ISSUANCE_KIND[k] for k in ("no_principal_renewal", "partial_renewal", "refinance", "bridge")
)

POPULATIONS: Final[Mapping[str, Callable[[Segment], bool]]] = {
    "ALL1": lambda s: True,
    "PH": is_inclusive,
    "FS": is_small,
    "NPR": lambda s: s.issuance_kind == NO_PRINCIPAL,
    "NPR_DOUBTFUL": lambda s: s.issuance_kind == NO_PRINCIPAL and s.doubtful,
    "NPR_MEDIUM": lambda s: s.issuance_kind == NO_PRINCIPAL and s.customer_kind == _MEDIUM,
    "NPR_PH": lambda s: s.issuance_kind == NO_PRINCIPAL and is_inclusive(s),
    "PARTIAL": lambda s: s.issuance_kind == _PARTIAL,
    "PH_ASSUMED": lambda s: is_inclusive(s) and bool(s.marks & LINE_ASSUMED),
    "PH_CREDIT": lambda s: s.security == _CREDIT and is_inclusive(s),
    "PH_LONG": lambda s: s.long_term and is_inclusive(s),
    "PH_RENEWED": lambda s: s.issuance_kind in _ANY_RENEWAL and is_inclusive(s),
}
"""Populations by key; ALL1 is every singly sent loan (各项贷款 itself is a reported total)."""
