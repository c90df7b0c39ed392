"""One example message of each event type, as an institution or an office would publish it. All of it is invented."""

from typing import Any, Final

from puhui.codes import complete_usc
from puhui.contract.base import TYPE_PREFIX
from puhui.contract.catalogue import LOAN_TOPIC_TYPES

BANK: Final = complete_usc("91141024MA0EXAMPX".replace("X", "0"))
SHOP: Final = complete_usc("91141024MA0SHAP01".replace("S", "5"))
PERSON: Final = "p1:5f2b7c9d0e1a4b6c8d7e9f0a1b2c3d4e"
OFFICE: Final = "urn:puhui:gov:141024-FO"

_DAY: Final = "2024-06-18"
_TERMS: Final[dict[str, Any]] = {
    "loan_no": "JJ20240618001",
    "contract_no": "HT20240618001",
    "customer_ref": SHOP,
    "customer_kind": "small",
    "enterprise_size": "small",
    "product": "流动资金贷款",
    "principal_fen": 300_000_000,
    "currency": "CNY",
    "disbursed_on": _DAY,
    "original_due_on": "2025-06-17",
    "term_months": 12,
    "rate_pct": "4.35",
    "rate_base": "LPR",
    "repayment_method": "bullet",
    "main_security": "mortgage",
    "security": [{"kind": "mortgage", "sub_kind": "厂房", "appraised_fen": 520_000_000}],
    "inclusive_declared": True,
    "line_no": "SX2024001",
}
_OLD: Final[dict[str, Any]] = {
    "old_loan_no": "JJ20230620001",
    "settled_principal_fen": 300_000_000,
    "old_due_on": "2024-06-19",
    "old_class": "normal",
    "old_settled_on": _DAY,
}
_LINE: Final[dict[str, Any]] = {
    "line_no": "SX2024001",
    "customer_ref": SHOP,
    "total_line_fen": 900_000_000,
    "valid_from": _DAY,
    "valid_to": "2027-06-17",
}
_INSTITUTION: Final[dict[str, Any]] = {
    "name": "示例农村商业银行",
    "kind": "rural_commercial",
    "is_local_legal_person": True,
    "known_from": "2021-12-31",
    "valid_from": "2010-03-01",
    "level": "county",
}
_LOAN: Final = {"loan_no": "JJ20240618001"}

_DATA: Final[dict[str, dict[str, Any]]] = {
    "loan.opening_balance": _TERMS
    | {"disbursed_on": "2021-03-01", "original_due_on": "2024-02-28", "term_months": 36, "as_of": _DAY}
    | {
        "outstanding_fen": 180_000_000,
        "current_due_on": "2024-08-28",
        "extension_count": 1,
        "class": "normal",
    },
    "loan.issued": _TERMS | {"issuance_kind": "new", "application_no": "SQ20240612003"},
    "loan.drawn": _LOAN | {"amount_fen": 50_000_000, "drawn_on": _DAY, "draw_no": "2", "kind": "draw"},
    "loan.renewed": _TERMS
    | {"mode": "no_principal", "settles": [_OLD], "increase_fen": 0, "contract_signed_on": "2024-06-17"},
    "loan.extended": _LOAN
    | {"old_due_on": "2025-06-17", "new_due_on": "2025-12-17", "agreed_on": _DAY, "marked_renewal": False},
    "loan.repayment_deferred": _LOAN
    | {"executed_as": "reschedule", "deferred_principal_fen": 10_000_000, "new_due_on": "2025-12-17"},
    "loan.repaid": _LOAN
    | {"repayment_no": "HK0001", "principal_fen": 20_000_000, "interest_fen": 1_087_500, "kind": "scheduled"}
    | {"initiator": "borrower", "principal_after_fen": 280_000_000},
    "loan.overdue": _LOAN
    | {"kind": "principal", "overdue_since": "2024-06-17", "overdue_principal_fen": 20_000_000, "days": 1},
    "loan.overdue_cleared": _LOAN | {"kind": "principal", "overdue_since": "2024-06-17"},
    "loan.classified": _LOAN
    | {"class": "special_mention", "previous_class": "normal", "classified_on": _DAY, "method": "manual"},
    "loan.reclassified": {"loan_no": ["JJ20240205001"], "field": "issuance_kind", "old": "refinance"}
    | {"new": "no_principal_renewal", "mode": "policy", "effective_on": _DAY, "notice": "金规〔2024〕13号"},
    "loan.defaulted": _LOAN | {"defaulted_on": _DAY, "trigger": "90_days", "exposure_fen": 280_000_000},
    "loan.written_off": _LOAN | {"principal_fen": 280_000_000, "interest_fen": 0, "approved_on": _DAY},
    "loan.transferred": _LOAN
    | {"kind": "npl", "principal_fen": 280_000_000, "price_fen": 90_000_000, "buyer_kind": "local_amc"},
    "loan.recovered": _LOAN | {"amount_fen": 5_000_000},
    "loan.settled": _LOAN | {"settled_on": _DAY, "manner": "renewal", "new_loan_no": "JJ20240618002"},
    "loan.corrected": _LOAN
    | {"corrects_event_id": "2024-000017", "field": "rate_pct", "old": "4.85", "new": "4.35"},
    "loan.reversed": _LOAN | {"reverses_event_id": "2024-000018", "full": True, "reason": "记账差错"},
    "customer.profile_changed": {"customer_ref": PERSON, "customer_kind": "individual", "valid_from": _DAY}
    | {"enterprise_size": "micro", "business_usc": SHOP, "industry": "F52", "upgraded": False},
    "credit_line.granted": _LINE | {"requested_by": "borrower"},
    "credit_line.changed": _LINE | {"total_line_fen": 1_000_000_000, "reason": "增加抵押物"},
    "credit_line.expired": _LINE | {"total_line_fen": 0},
    "position.reported": {"as_of": _DAY, "key": "PH", "value": "29050.35", "unit": "万元"}
    | {"measure": "balance", "decimals": 2, "kind": "tie_out"},
    "institution.registered": _INSTITUTION,
    "institution.updated": _INSTITUTION | {"divisions_served": ["141024", "141002"]},
    "institution.closed": {"closed_on": _DAY, "reason": "机构合并"},
    "policy.target_set": {"key": "large_bank_inclusive_growth", "value": "growth(ALL)", "unit": "percent"}
    | {"valid_from": "2024-01-01", "scope": {"institution_kinds": ["large_state"]}, "base_rule": "year_start"}
    | {"document_no": "示例〔2023〕9号"},
    "reporting.duty_set": {"delivery_level": "C", "what": ["loan", "credit_line"], "cadence": "daily"}
    | {"due_rule": "T+1", "valid_from": _DAY},
    "period.closed": {"period": "2024Q1", "closed_at": "2024-04-19T00:00:00+08:00"},
    "restatement.opened": {"period": "2024Q1", "reason": "补报一笔冲正"},
    "restatement.approved": {"period": "2024Q1", "reason": "补报一笔冲正", "approved_by": "县金融工作部门"},
    "calendar.published": {"year": 2024, "notice_no": "国办发明电〔2023〕7号"}
    | {"days": [{"date": "2024-10-01", "kind": "holiday"}, {"date": "2024-10-12", "kind": "makeup_workday"}]},
}


def example(name: str) -> dict[str, Any]:
    """A message of one event type, by its full name, in structured mode."""
    short = name.removeprefix(TYPE_PREFIX).removesuffix(".v1")
    ours = name in LOAN_TOPIC_TYPES
    return {
        "specversion": "1.0",
        "id": "2024-000021",
        "source": f"urn:puhui:inst:{BANK}" if ours else OFFICE,
        "type": name,
        "subject": f"{short.partition('.')[0]}/{BANK}",
        "time": "2024-06-18T10:30:00+08:00",
        "partitionkey": BANK,
        "environment": "production",
        "data": {"business_date": _DAY, "institution_id": BANK, "division_code": "141024", **_DATA[short]},
    }
