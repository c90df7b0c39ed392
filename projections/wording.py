"""How figures are written for people (9.1): labels of their parts, and values with their units; never fen on a screen."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Final, cast, get_args

from projections.bridge import TITLES
from projections.figure import Figure, Unit
from puhui import money

_GROWTHS: Final = frozenset(("I22", "I34", "I35"))
"""Indicators whose value is a change: 增长, 下降."""
_CHANGES: Final = frozenset(
    ("judged", "yoy", "ytd_yoy", "without_largest", "ytd_restored", "yoy_restored", "outlook", "own", "all")
)
LABELS: Final[Mapping[str, str]] = {
    **TITLES,
    "households": "户数", "loans": "笔数", "assumed": "其中额度缺省", "amount": "信用贷款余额", "change_yoy": "较上年同期",
    "flow": "当年投放口径", "share_all": "各项贷款口径", "doubtful": "其中存疑", "partial": "部分还本续贷（另列）",
    "inclusive": "其中普惠", "medium": "其中中型企业", "share_of_inclusive": "占普惠比", "base": "基数", "delta": "变动额",
    "judged": "剔除口径变动后", "judged_delta": "剔除口径变动后变动额", "set_apart": "口径变动", "yoy": "同比",
    "without_largest": "剔除最大一户后环比", "largest": "最大一户变动额", "base_households": "基期户数", "start": "期初余额",
    "settled_again": "其中续了又续", "residual": "差额", "ytd": "本年累放", "ytd_increase": "本年其中增额",
    "ytd_loans": "本年笔数", "ytd_households": "本年户数", "ytd_yoy": "本年累放同比", "net_increase": "较年初增量",
    "ytd_restored": "较年初（还原）", "yoy_restored": "同比（还原）", "target": "目标", "gap": "与目标差", "profile": "进度应达",
    "needed": "应达增速", "pace": "进度比", "outlook": "按此进度全年", "shortfall": "距全年目标增量", "own": "本口径增速",
    "all": "各项贷款增速", "now": "本期户数", "p95": "P95", "refused": "拒收", "received": "收到",
    "PH": "普惠余额差", "PH_reported": "普惠余额报送数", "NPR": "无还本续贷余额差", "NPR_reported": "无还本续贷余额报送数",
    "PH_customers": "普惠户数差", "PH_customers_reported": "普惠户数报送数", "NPR_customers": "无还本续贷户数差",
    "NPR_customers_reported": "无还本续贷户数报送数",
}  # fmt: skip
"""What a part of a figure is called."""


def label(part: str) -> str:
    """What a part is called; a rule's part is its rule."""
    return LABELS.get(part, part.removeprefix("rule_"))


def written(number: str, figure: Figure, part: str = "") -> str:
    """The value as people read it, or the reason why there is none."""
    value = figure.value
    if value is None:
        return figure.reason.text if figure.reason else "—"
    match figure.unit:
        case "fen":
            return money.amount(int(value))
        case "households":
            return money.households(int(value))
        case "loans":
            return money.loans(int(value))
        case "days":
            return f"{int(value):,}天"
        case "events":
            return f"{int(value):,}条"
        case "pp":
            return money.points(value)
        case "ratio" if part == "pace":
            return money.rounded(value, 3)
        case "ratio":
            grows = part in _CHANGES or (not part and number in _GROWTHS)
            return money.change(value) if grows else money.percent(value)


def kept_figure(exact: str | int | None, unit: str) -> Figure:
    """A figure out of the exact text in which an alert keeps it; 百分点 are kept as such."""
    known = cast(Unit, unit if unit in get_args(Unit) else "events")
    if exact is None:
        return Figure(None, known)
    value = Fraction(str(exact))
    if known == "pp":
        return Figure(value / 100, known)
    return Figure(value if known == "ratio" else int(value), known)


_KEYS: Final = {
    "PH": "普惠余额", "NPR": "无还本续贷余额", "FS": "小微贷款余额", "ALL": "各项贷款余额", "NPL": "不良贷款余额",
}  # fmt: skip
_COUNTED: Final = {"PH": "普惠户数", "NPR": "无还本续贷户数"}


def period_text(period: str) -> str:
    """A period as people write it: 2024年3季度, 2023年, 2024-05-31 普惠余额, 2024-05-31 10时."""
    if found := re.fullmatch(r"(\d{4})Q([1-4])", period):
        return f"{found[1]}年{found[2]}季度"
    if re.fullmatch(r"\d{4}", period):
        return f"{period}年"
    if found := re.fullmatch(r"(\d{4}-\d{2}-\d{2})T(\d{2})", period):
        return f"{found[1]} {found[2]}时"
    day, *rest = period.split("/")
    if len(rest) == 2:
        return f"{day} {position_text(*rest)}"
    return period


def position_text(key: str, measure: str) -> str:
    """What an institution reports under a key: 普惠余额, 普惠户数."""
    return (_COUNTED if measure == "customers" else _KEYS).get(key, key)
