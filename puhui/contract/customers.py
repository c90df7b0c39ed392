"""Events of customers 客户 and credit lines 授信: what decides whether a loan is inclusive."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta

from puhui.contract.base import (
    Common,
    CustomerKind,
    CustomerRef,
    EnterpriseSize,
    Envelope,
    Fen,
    Number,
    Text,
    Usc,
)


class ProfileChangedData(Common, kw_only=True, gc=False):
    """客户画像: kind and size with the day from which they are valid."""

    customer_ref: CustomerRef
    customer_kind: CustomerKind
    valid_from: date
    enterprise_size: EnterpriseSize | None = None
    valid_to: date | None = None
    id_kind: Text | None = None
    business_usc: Usc | None = None
    industry: Annotated[str, Meta(max_length=8)] | None = None
    owner_of: Usc | None = None
    agri: bool = False
    cooperative: bool = False
    srdi: bool = False
    upgraded: bool = False
    high_tech: bool = False
    strategic_emerging: bool = False
    low_income: bool = False


class LineData(Common, kw_only=True, gc=False):
    """授信: `total_line_fen` 单户授信总额 of the customer at this bank after the event."""

    line_no: Number
    customer_ref: CustomerRef
    total_line_fen: Fen
    valid_from: date
    this_line_fen: Fen | None = None
    valid_to: date | None = None
    requested_by: Literal["borrower", "lender"] | None = None
    reason: Text | None = None


class CustomerProfileChanged(Envelope, kw_only=True, gc=False, tag="cn.puhui.customer.profile_changed.v1"):
    """客户画像变更."""

    data: ProfileChangedData


class CreditLineGranted(Envelope, kw_only=True, gc=False, tag="cn.puhui.credit_line.granted.v1"):
    """授信批准."""

    data: LineData


class CreditLineChanged(Envelope, kw_only=True, gc=False, tag="cn.puhui.credit_line.changed.v1"):
    """授信变更."""

    data: LineData


class CreditLineExpired(Envelope, kw_only=True, gc=False, tag="cn.puhui.credit_line.expired.v1"):
    """授信到期: `total_line_fen` is what is left of the customer's total."""

    data: LineData


CustomerEvent = CustomerProfileChanged | CreditLineGranted | CreditLineChanged | CreditLineExpired
