"""总览: the county and its banks, the last quarters, and alerts; how events come in is in `dashboards.quality`."""

from typing import Any, Final

from dashboards.panels import Query, bars, gauges, series, stat, table
from dashboards.quality import quality
from dashboards.style import (
    BANKS,
    CALM,
    CHOSEN,
    COUNT,
    COUNTY,
    DATE,
    EVENTS,
    GREEN,
    HOUSEHOLDS,
    NONE_IS_GOOD,
    NOT_BELOW_ZERO,
    OPEN_ALERTS,
    PERCENT,
    POINTS,
    RED,
    YELLOW,
    YI,
    Row,
    by_bank,
    choice,
    dashboard,
    metric,
    of_county,
    points,
    yi,
)  # fmt: skip
from projections.alerts import OPEN, State
from projections.rules import RULE_BOOK

UID: Final = "puhui-overview"
_NO_BANKS: Final = 'kind!~"registry|unknown|micro_lender|guarantor"'
_TITLES: Final = {rule.name: rule.title for rule in RULE_BOOK.values()}


def overview() -> Any:
    """The dashboard 总览."""
    banks = f"label_values({metric('institution_info', _NO_BANKS)}, name)"
    what = "全县普惠小微贷款监测总览：主要指标、预警与报送质量。"
    rows = (_county(), _banks(), _quarters(), _alerts(), quality())
    return dashboard(UID, "普惠 · 总览", what, [choice("institution", "机构", banks, many=True)], rows)


def _county() -> Row:
    as_of = f"{of_county('as_of_timestamp_seconds')} * 1000"
    missing = f"max({metric('county_missing_banks')})"
    return Row("全县", [
        stat("数据截至", "全县实时指标的业务日期：各行最近一个完整营业日中最早的一天。", Query(as_of, unit=DATE)),
        stat("普惠型小微贷款余额", "全县银行普惠型小微企业贷款余额（I10），不含贴现。",
             Query(yi(of_county("inclusive_balance_yuan")), unit=YI, places=2)),
        stat("普惠型小微贷款户数", "全县有余额的普惠型小微企业贷款户数（I10），一户在多家银行只计一次。",
             Query(of_county("inclusive_households"), unit=HOUSEHOLDS)),
        stat("较年初增速", "普惠型小微贷款余额较年初增长（I34）。",
             Query(of_county("inclusive_growth_ratio"), unit=PERCENT, places=1), steps=NOT_BELOW_ZERO),
        stat("信用贷款占比", "信用贷款占普惠型小微贷款余额的比重（I11，C1.2）。",
             Query(of_county("unsecured_share_ratio"), unit=PERCENT, places=2)),
        stat("无还本续贷余额", "全县无还本续贷余额（I21，C3.8），按银行报送口径。",
             Query(yi(of_county("npr_balance_yuan")), unit=YI, places=2)),
        stat("未结预警", "暂定和已确认的预警条数。",
             Query(f"sum({metric('alerts', OPEN_ALERTS)})", unit=EVENTS), steps=NONE_IS_GOOD),
        stat("合计缺行", "全县合计指标中缺数据的银行家数，取缺得最多的指标。",
             Query(missing, unit=BANKS), steps=((GREEN, None), (YELLOW, 1))),
    ])  # fmt: skip


def _banks() -> Row:
    columns = [
        Query(yi(by_bank("inclusive_balance_yuan")), "普惠余额", YI, 2),
        Query(yi(by_bank("inclusive_net_increase_yuan")), "较年初增量", YI, 2),
        Query(by_bank("inclusive_growth_ratio"), "较年初增速", PERCENT, 1, NOT_BELOW_ZERO),
        Query(by_bank("inclusive_growth_yoy_ratio"), "同比", PERCENT, 1, NOT_BELOW_ZERO),
        Query(by_bank("inclusive_households"), "户数", HOUSEHOLDS),
        Query(points(by_bank("two_increase_growth_gap_ratio")), "两增：增速差", POINTS, 2, NOT_BELOW_ZERO),
        Query(by_bank("two_increase_gap_households"), "两增：户数差", HOUSEHOLDS, None, NOT_BELOW_ZERO),
        Query(by_bank("unsecured_share_ratio"), "信用占比", PERCENT, 2),
    ]
    gap = f"sort_desc({points(by_bank('large_bank_gap_ratio'))})"
    pace = f"sort_desc({by_bank('large_bank_pace_ratio')})"
    return Row("各行", [
        table("主要指标一览表", "各行最近一个完整营业日的主要指标（I10、I34、I36、I37、I11）；没有数据的格子为空，不是零。",
              {"name": "机构"}, columns),
        gauges("国有大型银行增速与目标差", "普惠型小微贷款较年初增速减本年目标（I35，C4.3）；年末才作结论，平时看进度。",
               Query(gap, "{{name}}", POINTS, 2), steps=NOT_BELOW_ZERO),
        gauges("国有大型银行进度比", "较年初增速与当日应达增速之比（I35）：低于 1 即落后于进度。",
               Query(pace, "{{name}}", COUNT, 3), steps=((RED, None), (YELLOW, 0.8), (GREEN, 1))),
        series("普惠型小微贷款余额走势", "各行普惠型小微贷款余额，按看板取数时刻。",
               [Query(yi(by_bank("inclusive_balance_yuan")), "{{name}}", YI, 2)]),
        series("信用贷款占比走势", "各行信用贷款占普惠型小微贷款余额的比重，按看板取数时刻。",
               [Query(by_bank("unsecured_share_ratio"), "{{name}}", PERCENT, 2)]),
    ])  # fmt: skip


def _quarters() -> Row:
    balance = f"sum by (name, period) ({metric('official_inclusive_balance_yuan', CHOSEN)})"
    growth = f"sum by (period) ({metric('official_inclusive_growth_yoy_ratio', COUNTY)})"
    return Row("最近十二个已关账季度（正式数）", [
        bars("普惠型小微贷款季末余额", "各季末正式数，按银行堆叠；关账后不变，经批准重述的除外。",
             [Query(yi(balance), "", YI, 2)], along="period", across="name", stacked=True),
        bars("普惠型小微贷款同比增速", "全县各季末同比增速正式数（I34）。", [Query(growth, "同比", PERCENT, 1)], along="period"),
    ])  # fmt: skip


def _alerts() -> Row:
    columns = [
        Query(f"sum by (rule) ({metric('alerts', state=state)})", state.label, EVENTS, None,
              NONE_IS_GOOD if state in OPEN else CALM)
        for state in State
    ]  # fmt: skip
    lines = [
        Query(f"sum({metric('alerts', state=state)})", state.label, EVENTS)
        for state in State
        if state in OPEN
    ]
    return Row("预警", [
        table("预警：按规则和状态", "每条规则的预警条数；暂定和已确认的未结，季节性和基数较小的只作记录。",
              {"rule": "规则"}, columns, texts=_TITLES, width=14),
        series("未结预警走势", "暂定和已确认的预警条数，按看板取数时刻。", lines, width=10, steps=NONE_IS_GOOD),
    ])  # fmt: skip
