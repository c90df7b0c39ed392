"""Events of loans 贷款: `cn.puhui.loan.*.v1`, in the bank's own terms."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

from puhui.contract.base import (
    LARGEST,
    Common,
    Count,
    CustomerKind,
    CustomerRef,
    EnterpriseSize,
    Envelope,
    Fen,
    IssuanceKind,
    LoanClass,
    Number,
    Percent,
    RenewalMode,
    SecurityKind,
    Text,
    Usc,
)

Currency = Annotated[str, Meta(min_length=3, max_length=3)]
Amount = Annotated[int, Meta(ge=-LARGEST, le=LARGEST)]


class Security(Struct, kw_only=True, gc=False):
    """One security 担保 of a loan."""

    kind: Literal["credit", "mortgage", "pledge", "guarantee"]
    sub_kind: Text | None = None
    provider_ref: CustomerRef | None = None
    guarantee_no: Number | None = None
    appraised_fen: Fen | None = None


class Settled(Struct, kw_only=True, gc=False):
    """One old 借据 that a renewal settles, with the part settled."""

    old_loan_no: Number
    settled_principal_fen: Fen
    old_due_on: date | None = None
    old_class: LoanClass | None = None
    old_settled_on: date | None = None


class Predecessor(Struct, kw_only=True, gc=False):
    """The same loan in the book that it came from (merger, purchase)."""

    institution: Usc
    loan_no: Number


class LoanCommon(Common, kw_only=True, gc=False):
    """What the data of every loan event carries: the 借据 it speaks of."""

    loan_no: Number


class Terms(LoanCommon, kw_only=True, gc=False):
    """The terms of a 借据, shared by opening_balance, issued and renewed."""

    customer_ref: CustomerRef
    customer_kind: CustomerKind
    principal_fen: Fen
    disbursed_on: date
    original_due_on: date
    main_security: SecurityKind
    currency: Currency = "CNY"
    enterprise_size: EnterpriseSize | None = None
    contract_no: Number | None = None
    application_no: Number | None = None
    product: Text | None = None
    contract_amount_fen: Fen | None = None
    term_months: Count | None = None
    rate_pct: Percent | None = None
    rate_base: Literal["LPR", "other"] | None = None
    preferential_basis: Literal["none", "relending", "subsidy", "own_list"] | None = None
    repayment_method: (
        Literal["monthly", "quarterly", "half-yearly", "yearly", "bullet", "schedule"] | None
    ) = None
    instalments: Count | None = None
    roll_rule: Text | None = None
    interest_method: Text | None = None
    security: tuple[Security, ...] = ()
    first_time_borrower: bool | None = None
    first_time_scope: Text | None = None
    registry_query_date: date | None = None
    revolving: bool = False
    annual_review: bool = False
    entrusted: bool = False
    discount: bool = False
    own_share_pct: Percent | None = None
    total_loan_fen: Fen | None = None
    inclusive_declared: bool | None = None
    agri: bool = False
    inclusive_agri_declared: bool = False
    green: bool = False
    tech: bool = False
    startup_guaranteed: bool = False
    srdi: bool = False
    fiscal_support: Text | None = None
    credit_insurance_no: Number | None = None
    insurer_ref: CustomerRef | None = None
    receivable_ref: Number | None = None
    purpose: Text | None = None
    target_industry: Annotated[str, Meta(max_length=8)] | None = None
    line_no: Number | None = None


class OpeningBalanceData(Terms, kw_only=True, gc=False, rename={"class_": "class"}):
    """期初存量: a loan that was alive when the institution joined."""

    outstanding_fen: Fen
    as_of: date
    issuance_kind: IssuanceKind = "new"
    current_due_on: date | None = None
    extension_count: Count = 0
    class_: LoanClass | None = None
    overdue_since: date | None = None
    overdue_principal_fen: Fen | None = None
    chain_depth: Count | None = None
    predecessor: Predecessor | None = None


class IssuedData(Terms, kw_only=True, gc=False):
    """发放; with `previous` it is the first leg of a renewal in two legs (放新)."""

    issuance_kind: IssuanceKind = "new"
    previous: tuple[Settled, ...] = ()
    increase_fen: Fen = 0
    contract_signed_on: date | None = None
    policy_basis: Text | None = None


class RenewedData(Terms, kw_only=True, gc=False):
    """续贷 in one event: the new 借据, what it settles and by how much it grows."""

    mode: RenewalMode
    settles: Annotated[tuple[Settled, ...], Meta(min_length=1, max_length=100)]
    issuance_kind: IssuanceKind | None = None
    increase_fen: Fen = 0
    contract_signed_on: date | None = None
    policy_basis: Text | None = None


class DrawnData(LoanCommon, kw_only=True, gc=False):
    """分期发放 (draw) or 利息转本金 (capitalised)."""

    amount_fen: Fen
    drawn_on: date
    draw_no: Number | None = None
    kind: Literal["draw", "capitalised"] = "draw"


class ExtendedData(LoanCommon, kw_only=True, gc=False):
    """展期; `marked_renewal`: the bank counts it as 无还本续贷 (同借据续期)."""

    old_due_on: date
    new_due_on: date
    agreed_on: date | None = None
    extension_seq: Count | None = None
    extended_principal_fen: Fen | None = None
    new_rate_pct: Percent | None = None
    marked_renewal: bool = False


class RepaymentDeferredData(LoanCommon, kw_only=True, gc=False):
    """延期还本付息."""

    executed_as: Literal["extension", "renewal", "reschedule"]
    request_no: Number | None = None
    deferred_principal_fen: Fen = 0
    deferred_interest_fen: Fen = 0
    old_due_on: date | None = None
    new_due_on: date | None = None
    penalty_waived: bool | None = None


class RepaidData(LoanCommon, kw_only=True, gc=False):
    """还款; `by_renewal` is the second leg of a renewal and moves nothing."""

    principal_fen: Fen
    repayment_no: Number | None = None
    value_date: date | None = None
    interest_fen: Fen = 0
    penalty_fen: Fen = 0
    fee_fen: Fen = 0
    kind: Literal[
        "scheduled",
        "early",
        "overdue",
        "compensation_by_guarantor",
        "collateral",
        "foreclosure",
        "by_renewal",
    ] = "scheduled"
    new_loan_no: Number | None = None
    initiator: Literal["borrower", "lender"] | None = None
    principal_after_fen: Fen | None = None


class OverdueData(LoanCommon, kw_only=True, gc=False):
    """逾期: the loan is past due since `overdue_since`."""

    overdue_since: date
    kind: Literal["principal", "interest", "both"] = "principal"
    overdue_principal_fen: Fen = 0
    overdue_interest_fen: Fen = 0
    days: Count | None = None


class OverdueClearedData(LoanCommon, kw_only=True, gc=False):
    """逾期解除."""

    overdue_since: date | None = None
    kind: Literal["principal", "interest", "both"] = "principal"


class ClassifiedData(LoanCommon, kw_only=True, gc=False, rename={"class_": "class"}):
    """五级分类, the bank's own judgement."""

    class_: LoanClass
    classified_on: date
    previous_class: LoanClass | None = None
    method: Literal["model", "manual"] | None = None


class ReclassifiedData(Common, kw_only=True, gc=False):
    """口径调整: mode `error` restates to the issuance date, `policy` posts on `effective_on`."""

    loan_no: Annotated[tuple[Number, ...], Meta(min_length=1, max_length=1000)]
    field: Literal["issuance_kind", "inclusive_declared", "agri", "main_security", "inclusive_agri_declared"]
    old: Text | bool | None
    new: Text | bool
    effective_on: date
    mode: Literal["error", "policy"] | None = None
    rule: Text | None = None
    notice: Text | None = None


class DefaultedData(LoanCommon, kw_only=True, gc=False):
    """违约; moves no balance."""

    defaulted_on: date
    trigger: Literal["90_days", "insolvency", "judgement", "other"]
    customer_ref: CustomerRef | None = None
    exposure_fen: Fen | None = None


class WrittenOffData(LoanCommon, kw_only=True, gc=False):
    """核销."""

    principal_fen: Fen
    interest_fen: Fen = 0
    approved_on: date | None = None
    still_pursued: bool | None = None


class TransferredData(LoanCommon, kw_only=True, gc=False):
    """转让: 不良转让 (npl) or 正常资产转让 (performing)."""

    kind: Literal["npl", "performing"]
    principal_fen: Fen
    price_fen: Fen | None = None
    buyer_ref: CustomerRef | None = None
    buyer_kind: Literal["local_amc", "national_amc", "other"] | None = None
    batch_no: Number | None = None
    recourse: bool | None = None


class RecoveredData(LoanCommon, kw_only=True, gc=False):
    """核销后收回; moves no balance."""

    amount_fen: Fen


class SettledData(LoanCommon, kw_only=True, gc=False):
    """结清; manner `renewal` is the second leg of a renewal and moves nothing."""

    settled_on: date
    manner: Literal["repaid", "renewal", "written_off", "transferred", "other"]
    new_loan_no: Number | None = None


class CorrectedData(LoanCommon, kw_only=True, gc=False):
    """更正 of one field of an earlier event, with effect from that event's own date."""

    corrects_event_id: Annotated[str, Meta(min_length=1, max_length=200)]
    field: Literal[
        "principal_fen", "business_date", "original_due_on", "new_due_on", "main_security", "rate_pct"
    ]
    old: Text | Amount | None
    new: Text | Amount


class ReversedData(LoanCommon, kw_only=True, gc=False):
    """冲正 of an earlier event, whole or in part; nothing is deleted."""

    reverses_event_id: Annotated[str, Meta(min_length=1, max_length=200)]
    full: bool = True
    amount_fen: Fen | None = None
    reason: Text | None = None


class LoanOpeningBalance(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.opening_balance.v1"):
    """期初存量."""

    data: OpeningBalanceData


class LoanIssued(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.issued.v1"):
    """发放."""

    data: IssuedData


class LoanDrawn(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.drawn.v1"):
    """分期发放."""

    data: DrawnData


class LoanRenewed(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.renewed.v1"):
    """续贷."""

    data: RenewedData


class LoanExtended(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.extended.v1"):
    """展期."""

    data: ExtendedData


class LoanRepaymentDeferred(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.repayment_deferred.v1"):
    """延期还本付息."""

    data: RepaymentDeferredData


class LoanRepaid(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.repaid.v1"):
    """还款."""

    data: RepaidData


class LoanOverdue(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.overdue.v1"):
    """逾期."""

    data: OverdueData


class LoanOverdueCleared(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.overdue_cleared.v1"):
    """逾期解除."""

    data: OverdueClearedData


class LoanClassified(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.classified.v1"):
    """五级分类."""

    data: ClassifiedData


class LoanReclassified(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.reclassified.v1"):
    """口径调整."""

    data: ReclassifiedData


class LoanDefaulted(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.defaulted.v1"):
    """违约."""

    data: DefaultedData


class LoanWrittenOff(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.written_off.v1"):
    """核销."""

    data: WrittenOffData


class LoanTransferred(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.transferred.v1"):
    """转让."""

    data: TransferredData


class LoanRecovered(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.recovered.v1"):
    """核销后收回."""

    data: RecoveredData


class LoanSettled(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.settled.v1"):
    """结清."""

    data: SettledData


class LoanCorrected(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.corrected.v1"):
    """更正."""

    data: CorrectedData


class LoanReversed(Envelope, kw_only=True, gc=False, tag="cn.puhui.loan.reversed.v1"):
    """冲正."""

    data: ReversedData


LendingEvent = (
    LoanOpeningBalance
    | LoanIssued
    | LoanDrawn
    | LoanRenewed
    | LoanExtended
    | LoanRepaymentDeferred
    | LoanRepaid
    | LoanOverdue
    | LoanOverdueCleared
    | LoanClassified
    | LoanReclassified
    | LoanDefaulted
    | LoanWrittenOff
    | LoanTransferred
    | LoanRecovered
    | LoanSettled
    | LoanCorrected
    | LoanReversed
)
