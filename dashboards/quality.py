"""How banks report: 报送质量, as a row."""

from typing import Final

from dashboards.panels import Query, gauges, series, table
from dashboards.style import (
    CHOSEN,
    COUNT,
    EVENTS,
    GREEN,
    PERCENT,
    RATE,
    RED,
    SECONDS,
    YELLOW,
    YI,
    YUAN,
    Row,
    by_bank,
    metric,
    yi,
)  # fmt: skip

POPULATIONS: Final = {"PH": "普惠", "NPR": "无还本续贷"}
_RESULTS: Final = {
    "accepted": "入账",
    "refused": "退回",
    "repeated": "重复",
    "parked": "暂存",
    "forwarded": "转发",
}
_REJECTED: Final = ((GREEN, None), (YELLOW, 0.005), (RED, 0.02))
_DAYS: Final = ((GREEN, None), (YELLOW, 3 * 86_400), (RED, 10 * 86_400))


def tie_columns(kind: str, *matchers: str) -> list[Query]:
    """报送数, 系统数, 差额 by bank and population; `kind` is empty for live figures, else `official_`."""

    def side(name: str) -> str:
        return f"sum by (name, population) ({metric(f'{kind}reconciliation_{name}_yuan', *matchers)})"

    return [
        Query(yi(side("reported")), "报送数", YI, 4),
        Query(yi(side("system")), "系统数", YI, 4),
        Query(side("gap"), "差额", YUAN, 2),
    ]


def quality() -> Row:
    """How banks report."""
    lag = f"sort_desc({by_bank('reporting_lag_seconds')})"
    refused = f"sort_desc({by_bank('rejected_share_ratio')})"
    results = [
        Query(f"sum(rate({metric('events_total', result=result)}{RATE}))", title, "cps")
        for result, title in _RESULTS.items()
    ]
    return Row("报送质量", [
        table("报送数与系统数", "银行自报的余额与逐笔汇总的余额，各取最近一次报送日；疑似单位错误的不给差额（I103）。",
              {"name": "机构", "population": "口径"}, tie_columns("", CHOSEN), texts=POPULATIONS, width=14),
        gauges("拒收率（近24小时）", "近 24 小时退回事件占收到事件的比重（I104）。",
               Query(refused, "{{name}}", PERCENT, 2), steps=_REJECTED, width=10),
        gauges("报送时滞中位数", "近 31 天从业务日期到入账的天数中位数（I101）。",
               Query(lag, "{{name}}", SECONDS), steps=_DAYS, width=8),
        series("事件处理结果", "每秒处理的事件：入账、退回、重复、暂存（等待别的事件）、转发（分区有误）。", results, width=8),
        series("等待中的事件", "因缺少前序事件或机构未登记而暂存的事件条数，最多等 72 小时。",
               [Query(f"sum({metric('parked_events')})", "暂存", EVENTS)], width=4),
        series("未批准的重述", "已关账期间收到迟到事实而等待批准的重述项数。",
               [Query(f"sum({metric('restatements_open')})", "重述", COUNT)], width=4),
    ])  # fmt: skip
