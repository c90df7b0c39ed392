"""What every event shares: the envelope of CloudEvents 1.0 and the common fields of its data."""

from datetime import date, datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

LARGEST: Final = 10**15
"""No single amount is larger, in fen (10万亿元): sums over a book stay within 64 bits."""
END: Final = r"(?![\s\S])"
"""Nothing follows: `$` alone would let a line's end pass, and `\\Z` is not known everywhere."""

Fen = Annotated[int, Meta(ge=0, le=LARGEST, description="integer fen (分)")]
"""Money in integer fen, never negative: a negative amount is a reversal."""
Count = Annotated[int, Meta(ge=0, le=100_000)]
"""A number of months, days, instalments, extensions."""
Usc = Annotated[str, Meta(min_length=1, max_length=32, description="统一社会信用代码")]
"""An institution, by its 统一社会信用代码; its form is judged by rule V40, not here."""
Number = Annotated[str, Meta(min_length=1, max_length=100, description="a number given by the institution")]
"""A number that the institution gives: 借据号, 合同号, 还款流水号 …"""
CustomerRef = Annotated[str, Meta(min_length=1, max_length=100)]
"""统一社会信用代码 of an organisation, or `p<key version>:` and a keyed hash of a person."""
PERCENT: Final = r"^-?[0-9]{1,6}(\.[0-9]{1,8})?" + END
Percent = Annotated[str, Meta(pattern=PERCENT, description="decimal string, percent")]
"""A rate in percent as a decimal string, never a float."""
DECIMAL: Final = r"^-?[0-9]{1,20}(\.[0-9]{1,8})?" + END
DecimalText = Annotated[str, Meta(pattern=DECIMAL)]
"""A decimal number as a string."""
Text = Annotated[str, Meta(max_length=500)]
"""A free text; no name and no identity number of a person may stand in it (V42)."""
Division = Annotated[str, Meta(min_length=6, max_length=12)]
"""行政区划代码, six digits (or nine or twelve of a township)."""

LATER: Final = Meta(extra={"later": True})
"""Marks an optional field that is added to data which were sent before: `Annotated[Text | None, LATER] = None`.

As long as it is absent, the checksum of the content is what it was without it, so repeats of old events are known again.
"""

Environment = Literal["production", "drill", "test", "demo"]
BY_RECORD_CLOCK: Final[frozenset[str]] = frozenset(("demo", "test"))
"""Environments in which the timestamps of Kafka's records are the clock."""
CustomerKind = Literal[
    "micro", "small", "medium", "large", "individual", "owner", "farmer", "cooperative", "collective", "other"
]
EnterpriseSize = Literal["large", "medium", "small", "micro", "other"]
SecurityKind = Literal["credit", "mortgage", "pledge", "guarantee", "mixed"]
LoanClass = Literal["normal", "special_mention", "substandard", "doubtful", "loss"]
IssuanceKind = Literal[
    "new", "no_principal_renewal", "partial_renewal", "refinance", "bridge", "restructure", "other"
]
RenewalMode = Literal["no_principal", "partial", "refinance", "bridge"]

TYPE_PREFIX = "cn.puhui."
INSTITUTION_SOURCE = "urn:puhui:inst:"
OFFICE_SOURCE = "urn:puhui:gov:"


class Common(Struct, kw_only=True, gc=False):
    """Fields that the data of every event may carry; `business_date` 业务日期 is the date that counts."""

    business_date: date
    institution_id: Usc
    booked_at: datetime | None = None
    branch_no: Annotated[str, Meta(max_length=64)] | None = None
    division_code: Division | None = None
    operator_system: Text | None = None
    evidence_ref: Text | None = None
    code_system: Text | None = None
    raw_code: Text | None = None


class Envelope(Struct, kw_only=True, gc=False, tag_field="type"):
    """Attributes of CloudEvents 1.0; `type` is the tag by which the data are decoded."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]
    source: Annotated[str, Meta(min_length=1, max_length=200)]
    environment: Environment
    specversion: Literal["1.0"] = "1.0"
    time: datetime | None = None
    subject: Annotated[str, Meta(max_length=300)] | None = None
    partitionkey: Annotated[str, Meta(max_length=200)] | None = None
    sequence: Annotated[str, Meta(max_length=200)] | Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    batchid: Annotated[str, Meta(max_length=200)] | None = None
