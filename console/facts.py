"""The single facts of an alert as a table for people: one column a field that any of them has, amounts in 元."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from projections.bridge import TITLES
from projections.wording import position_text
from puhui import money

_FIELDS: Final = {
    "fact": "事实", "loan_no": "借据", "key": "指标", "kind": "报送种类", "as_of": "截至日期", "business_date": "业务日期",
    "amount": "金额", "rule": "退回规则", "field": "字段", "place": "位置", "recorded_at": "记录时点", "version": "账簿版本",
    "event": "事件",
}  # fmt: skip
_WORDS: Final = TITLES | {
    "settled_again": TITLES["settled_by_renewal"], "position.reported": "余额报送", "event.refused": "退回",
    "records_archived": "此前的提交记录已归档", "tie_out": "核对数", "base": "接入前基数", "total": "总数",
}  # fmt: skip


def facts_table(facts: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The names of the columns, and a row a fact."""
    fields = [field for field in _FIELDS if any(field in fact for fact in facts)]
    return tuple(_FIELDS[field] for field in fields), tuple(
        tuple(_said(field, fact) for field in fields) for fact in facts
    )


def _said(field: str, fact: Mapping[str, Any]) -> str:
    value, measure = fact.get(field), fact.get("measure", "balance")
    if value is None:
        return "—"
    if field == "amount":
        return money.households(value) if measure == "customers" else money.yuan(value)
    if field == "key":
        return position_text(str(value), measure)
    return f"第{value}版" if field == "version" else _WORDS.get(str(value), str(value))
