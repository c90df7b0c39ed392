"""Events of the offices 主管部门: institutions, targets, calendars, duties, periods; and reported positions."""

from datetime import date, datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from puhui.contract.base import END, Common, DecimalText, Division, Envelope, Fen, Number, Text, Usc

PERIOD: Final = r"^(19[7-9]|20[0-9]|21[0-4])[0-9](Q[1-4]|-(0[1-9]|1[0-2]))" + END
Period = Annotated[str, Meta(pattern=PERIOD)]
"""A quarter `2024Q2` or a month `2024-06`."""
InstitutionKind = Literal[
    "large_state",
    "joint_stock",
    "policy",
    "city_commercial",
    "rural_commercial",
    "village_bank",
    "micro_lender",
    "guarantor",
]


class OfficeCommon(Common, kw_only=True, gc=False):
    """What an office sends: `institution_id` is the institution concerned, or the office itself."""


class InstitutionData(OfficeCommon, kw_only=True, gc=False):
    """机构登记; `known_from` is the first day with complete data."""

    name: Text
    kind: InstitutionKind
    known_from: date
    valid_from: date
    is_local_legal_person: bool = False
    parent_id: Usc | None = None
    licence_no: Number | None = None
    code14: Annotated[str, Meta(max_length=14)] | None = None
    divisions_served: tuple[Division, ...] = ()
    ownership: Literal["government", "state", "private"] | None = None
    level: Literal["province", "city", "county"] | None = None
    inclusive_unit: bool | None = None


class InstitutionClosedData(OfficeCommon, kw_only=True, gc=False):
    """机构关闭."""

    closed_on: date
    reason: Text | None = None


class TargetScope(Struct, kw_only=True, gc=False):
    """Whom a target binds: kinds of institutions, local legal persons, or one institution."""

    institution_kinds: tuple[InstitutionKind, ...] = ()
    is_local_legal_person: bool | None = None
    institution_id: Usc | None = None


class TargetSetData(OfficeCommon, kw_only=True, gc=False):
    """目标值: a number, or an expression such as `growth(ALL)`; the past keeps its own target."""

    key: Annotated[str, Meta(min_length=1, max_length=64)]
    value: Annotated[str, Meta(min_length=1, max_length=64)]
    unit: Annotated[str, Meta(max_length=16)]
    valid_from: date
    scope: TargetScope
    valid_to: date | None = None
    exempt: bool = False
    ground: Text | None = None
    consent_document: Text | None = None
    base_rule: Literal["year_start", "same_date_last_year", "previous_quarter"] | None = None
    authority: Text | None = None
    limit_fen: Fen | None = None
    strict: bool | None = None
    cooperatives: bool | None = None
    source_sentence: Text | None = None
    document_no: Text | None = None


class DutySetData(OfficeCommon, kw_only=True, gc=False):
    """报送义务: what the institution owes, how often, and the delivery level A, B or C."""

    delivery_level: Literal["A", "B", "C"]
    what: tuple[Text, ...]
    cadence: Literal["daily", "monthly", "quarterly"]
    due_rule: Text
    valid_from: date
    valid_to: date | None = None


class PeriodClosedData(OfficeCommon, kw_only=True, gc=False):
    """期间关账 by hand, of one institution or of all; the dated rule closes a period otherwise.

    It closes at the start of a day: of the one named by `closed_at`, else of the next one; never before it is over.
    """

    period: Period
    closed_at: Annotated[datetime, Meta(tz=True)] | None = None


class RestatementData(OfficeCommon, kw_only=True, gc=False):
    """重述: opened by a late fact in a closed period, settled by approval."""

    period: Period
    reason: Text | None = None
    approved_by: Text | None = None


class CalendarDay(Struct, kw_only=True, gc=False):
    """One day that differs from the ordinary week."""

    date: date
    kind: Literal["holiday", "makeup_workday"]


class CalendarPublishedData(OfficeCommon, kw_only=True, gc=False):
    """放假安排 of one year."""

    year: Annotated[int, Meta(ge=2000, le=2100)]
    notice_no: Text
    days: tuple[CalendarDay, ...]


class PositionReportedData(Common, kw_only=True, gc=False):
    """余额报送: the bank's own figure 银行报送数 for one key on one day."""

    as_of: date
    key: Literal["PH", "FS", "ALL", "NPR", "NPL", "CREDIT"]
    value: DecimalText
    unit: Literal["元", "万元", "户", "笔"]
    measure: Literal["balance", "customers", "flow"] = "balance"
    decimals: Annotated[int, Meta(ge=0, le=4)] = 2
    currency_scope: Literal["CNY", "all"] = "all"
    kind: Literal["tie_out", "base", "total"] = "tie_out"


class InstitutionRegistered(Envelope, kw_only=True, gc=False, tag="cn.puhui.institution.registered.v1"):
    """机构登记."""

    data: InstitutionData


class InstitutionUpdated(Envelope, kw_only=True, gc=False, tag="cn.puhui.institution.updated.v1"):
    """机构变更."""

    data: InstitutionData


class InstitutionClosed(Envelope, kw_only=True, gc=False, tag="cn.puhui.institution.closed.v1"):
    """机构关闭."""

    data: InstitutionClosedData


class PolicyTargetSet(Envelope, kw_only=True, gc=False, tag="cn.puhui.policy.target_set.v1"):
    """目标值设定."""

    data: TargetSetData


class ReportingDutySet(Envelope, kw_only=True, gc=False, tag="cn.puhui.reporting.duty_set.v1"):
    """报送义务设定."""

    data: DutySetData


class PeriodClosed(Envelope, kw_only=True, gc=False, tag="cn.puhui.period.closed.v1"):
    """期间关账."""

    data: PeriodClosedData


class RestatementOpened(Envelope, kw_only=True, gc=False, tag="cn.puhui.restatement.opened.v1"):
    """重述开启."""

    data: RestatementData


class RestatementApproved(Envelope, kw_only=True, gc=False, tag="cn.puhui.restatement.approved.v1"):
    """重述批准."""

    data: RestatementData


class CalendarPublished(Envelope, kw_only=True, gc=False, tag="cn.puhui.calendar.published.v1"):
    """放假安排."""

    data: CalendarPublishedData


class PositionReported(Envelope, kw_only=True, gc=False, tag="cn.puhui.position.reported.v1"):
    """余额报送."""

    data: PositionReportedData


OfficeEvent = (
    InstitutionRegistered
    | InstitutionUpdated
    | InstitutionClosed
    | PolicyTargetSet
    | ReportingDutySet
    | PeriodClosed
    | RestatementOpened
    | RestatementApproved
    | CalendarPublished
)
