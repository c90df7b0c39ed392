"""总览: the county and its banks, alerts, the quality of what is reported, and how the workers are getting on."""

from typing import Any, Final

from dashboards.panels import Query, bars, gauges, series, stat, table
from dashboards.style import (
    BANKS,
    BYTES,
    CALM,
    COUNT,
    DATE,
    EVENTS,
    GREEN,
    HOUSEHOLDS,
    NONE_IS_GOOD,
    NOT_BELOW_ZERO,
    PERCENT,
    POINTS,
    RED,
    SECONDS,
    YELLOW,
    YI,
    Row,
    choice,
    dashboard,
    metric,
    points,
    yi,
)
from projections.alerts import OPEN, State
from projections.rules import RULE_BOOK

UID: Final = "puhui-overview"
COUNTY: Final = 'institution="county"'
CHOSEN: Final = 'name=~"$institution"'
"""Whom the reader has chosen; the county is never among the banks."""
_OPEN: Final = f'state=~"{"|".join(sorted(OPEN))}"'
_RESULTS: Final = {"accepted": "入账", "refused": "退回", "repeated": "重复", "parked": "暂存", "forwarded": "转发"}
_STAGES: Final = {"decide": "判断", "pack": "打包", "write": "写入"}
_TITLES: Final = {rule.name: rule.title for rule in RULE_BOOK.values()}
_LATE: Final = ((GREEN, None), (YELLOW, 60), (RED, 600))


def overview() -> Any:
    """The dashboard 总览."""
    kinds = 'kind!~"registry|unknown|micro_lender|guarantor.*"'
    institutions = choice(
        "institution", "机构", f"label_values({metric('institution_info', kinds)}, name)", many=True
    )
    what = "全县普惠小微贷款监测总览：主要指标、预警、报送质量与系统运行。"
    rows = (_county(), _banks(), _quarters(), _alerts(), _quality(), _running())
    return dashboard(UID, "普惠 · 总览", what, [institutions], rows)


def _one(name: str) -> str:
    return f"sum({metric(name, COUNTY)})"


def _by_bank(name: str) -> str:
    return f"sum by (name) ({metric(name, CHOSEN)})"


def _county() -> Row:
    open_alerts = f"sum({metric('alerts', _OPEN)})"
    return Row("全县", [
        stat("数据截至", "全县实时指标的业务日期：各行最近一个完整营业日中最早的一天。", Query(f"{_one('as_of_timestamp_seconds')} * 1000", unit=DATE)),
        stat("普惠型小微贷款余额", "全县银行普惠型小微企业贷款余额（I10），不含贴现。", Query(yi(_one("inclusive_balance_yuan")), unit=YI, places=2)),
        stat("普惠型小微贷款户数", "全县有余额的普惠型小微企业贷款户数（I10），一户在多家银行只计一次。", Query(_one("inclusive_households"), unit=HOUSEHOLDS)),
        stat("较年初增速", "普惠型小微贷款余额较年初增长（I34）。", Query(_one("inclusive_growth_ratio"), unit=PERCENT, places=1), steps=NOT_BELOW_ZERO),
        stat("信用贷款占比", "信用贷款占普惠型小微贷款余额的比重（I11，C1.2）。", Query(_one("unsecured_share_ratio"), unit=PERCENT, places=2)),
        stat("无还本续贷余额", "全县无还本续贷余额（I21，C3.8），按银行报送口径。", Query(yi(_one("npr_balance_yuan")), unit=YI, places=2)),
        stat("未结预警", "暂定和已确认的预警条数。", Query(open_alerts, unit=EVENTS), steps=NONE_IS_GOOD),
        stat("合计缺行", "全县合计指标中缺数据的银行家数（取缺得最多的指标）。", Query(f"max({metric('county_missing_banks')})", unit=BANKS), steps=((GREEN, None), (YELLOW, 1))),
    ])  # fmt: skip


def _banks() -> Row:
    columns = [
        Query(yi(_by_bank("inclusive_balance_yuan")), "普惠余额", YI, 2),
        Query(yi(_by_bank("inclusive_net_increase_yuan")), "较年初增量", YI, 2),
        Query(_by_bank("inclusive_growth_ratio"), "较年初增速", PERCENT, 1, NOT_BELOW_ZERO),
        Query(_by_bank("inclusive_growth_yoy_ratio"), "同比", PERCENT, 1, NOT_BELOW_ZERO),
        Query(_by_bank("inclusive_households"), "户数", HOUSEHOLDS),
        Query(points(_by_bank("two_increase_growth_gap_ratio")), "两增：增速差", POINTS, 2, NOT_BELOW_ZERO),
        Query(_by_bank("two_increase_gap_households"), "两增：户数差", HOUSEHOLDS, None, NOT_BELOW_ZERO),
        Query(_by_bank("unsecured_share_ratio"), "信用占比", PERCENT, 2),
    ]
    gap = f"sort_desc({points(_by_bank('large_bank_gap_ratio'))})"
    return Row("各行", [
        table("主要指标一览表", "各行最近一个完整营业日的主要指标（I10、I34、I36、I37、I11）；没有数据的格子为空，不是零。", {"name": "机构"}, columns),
        gauges("国有大型银行增速与目标差", "普惠型小微贷款较年初增速减本年目标（I35，C4.3）；年末才作结论，平时看进度。", Query(gap, "{{name}}", POINTS, 2), steps=NOT_BELOW_ZERO),
        gauges("国有大型银行进度比", "较年初增速与当日应达增速之比（I35）：低于 1 即落后于进度。", Query(f"sort_desc({_by_bank('large_bank_pace_ratio')})", "{{name}}", COUNT, 3), steps=((RED, None), (YELLOW, 0.8), (GREEN, 1))),
        series("普惠型小微贷款余额走势", "各行普惠型小微贷款余额，按看板取数时刻。", [Query(yi(_by_bank("inclusive_balance_yuan")), "{{name}}", YI, 2)]),
        series("信用贷款占比走势", "各行信用贷款占普惠型小微贷款余额的比重，按看板取数时刻。", [Query(_by_bank("unsecured_share_ratio"), "{{name}}", PERCENT, 2)]),
    ])  # fmt: skip


def _quarters() -> Row:
    def official(name: str, *, each: bool = False) -> str:
        who = CHOSEN if each else COUNTY
        return f"sum by ({'name, ' if each else ''}period) ({metric(f'official_{name}', who)})"

    return Row("最近十二个已关账季度（正式数）", [
        bars("普惠型小微贷款余额", "各季末正式数，按银行堆叠；关账后不变，经批准重述的除外。", [Query(yi(official("inclusive_balance_yuan", each=True)), "", YI, 2)], along="period", across="name", stacked=True),
        bars("普惠型小微贷款同比增速", "全县各季末同比增速正式数（I34）。", [Query(official("inclusive_growth_yoy_ratio"), "同比", PERCENT, 1)], along="period"),
    ])  # fmt: skip


def _alerts() -> Row:
    columns = [
        Query(f'sum by (rule) ({metric("alerts", f"""state="{state}" """.strip())})', state.label, EVENTS, None, NONE_IS_GOOD if state in OPEN else CALM)
        for state in State
    ]  # fmt: skip
    return Row("预警", [
        table("预警：按规则和状态", "每条规则的预警条数；暂定和已确认的未结，季节性和户数较少的只作记录。", {"rule": "规则"}, columns, texts=_TITLES, width=14),
        series("未结预警走势", "暂定和已确认的预警条数，按看板取数时刻。", [Query(f"sum by (state) ({metric('alerts', f'''state="{state}"''')})", state.label, EVENTS) for state in State if state in OPEN], width=10, steps=NONE_IS_GOOD),
    ])  # fmt: skip


def _quality() -> Row:
    tie = [
        Query(yi(f"sum by (name, population) ({metric(f'reconciliation_{side}_yuan', CHOSEN)})"), title, YI, 4)
        for side, title in (("reported", "报送数"), ("system", "系统数"))
    ]
    gap = f"sum by (name, population) ({metric('reconciliation_gap_yuan', CHOSEN)})"
    return Row("报送质量", [
        table("报送数与系统数", "银行自报的余额与逐笔汇总的余额，各取最近一次报送日；疑似单位错误的不给差额（I103）。", {"name": "机构", "population": "口径"}, [*tie, Query(gap, "差额", "suffix: 元", 2)], texts={"PH": "普惠", "NPR": "无还本续贷"}, width=14),
        gauges("拒收率（近24小时）", "近 24 小时退回事件占收到事件的比重（I104）。", Query(f"sort_desc({_by_bank('rejected_share_ratio')})", "{{name}}", PERCENT, 2), steps=((GREEN, None), (YELLOW, 0.005), (RED, 0.02)), width=10),
        gauges("报送时滞中位数", "近 31 天从业务日期到入账的天数中位数（I101）。", Query(f"sort_desc({_by_bank('reporting_lag_seconds')})", "{{name}}", SECONDS), steps=((GREEN, None), (YELLOW, 259_200), (RED, 864_000)), width=8),
        series("事件处理结果", "每秒处理的事件：入账、退回、重复、暂存（等待别的事件）、转发（分区有误）。", [Query(f"""sum(rate({metric('events_total', f'result="{result}"')}[$__rate_interval]))""", title, "cps") for result, title in _RESULTS.items()], width=8),
        series("等待中的事件", "因缺少前序事件或机构未登记而暂存的事件条数，最多等 72 小时。", [Query(f"sum({metric('parked_events')})", "暂存", EVENTS)], width=4),
        series("未批准的重述", "已关账期间收到迟到事实而等待批准的重述项数。", [Query(f"sum({metric('restatements_open')})", "重述", COUNT)], width=4),
    ])  # fmt: skip


def _running() -> Row:
    behind = f"sum(clamp_min({metric('partition_end_offset')} - {metric('partition_tracked_offset')}, 0))"
    stages = [
        Query(f"""sum(rate({metric('batch_seconds_total', f'stage="{stage}"')}[$__rate_interval]))""", title, PERCENT, 1)
        for stage, title in _STAGES.items()
    ]  # fmt: skip
    words = {"0": "否", "1": "是"}
    return Row("系统运行", [
        stat("运行正常", "各工作进程的位点都在前进，或没有待处理的事件。", Query(f"min({metric('healthy')})"), steps=((RED, None), (GREEN, 1)), texts=words),
        stat("已就绪", "各工作进程都已分到分区、恢复完毕并在读取。", Query(f"min({metric('ready')})"), steps=((RED, None), (GREEN, 1)), texts=words),
        stat("最久未处理", "最早一条尚未处理的事件已等待的时间。", Query(f"max({metric('oldest_unprocessed_seconds')})", unit=SECONDS), steps=_LATE),
        stat("指标新鲜度", "指标最近一次核对为最新至今的时间。", Query(f"time() - min({metric('figures_updated_timestamp_seconds')})", unit=SECONDS), steps=_LATE),
        stat("重新分配", "Kafka 把分区分给工作进程的次数。", Query(f"sum({metric('assignments_total')})", unit=COUNT)),
        stat("未写回台账", "重启时需要重放的事实条数。", Query(f"sum({metric('register_behind_facts')})", unit=EVENTS)),
        stat("内存", "各工作进程的常驻内存合计。", Query(f"sum({metric('process_resident_memory_bytes')})", unit=BYTES)),
        stat("指标更新失败", "指标更新失败的次数；失败时保留上一次的结果。", Query(f"sum({metric('figures_failures_total')})", unit=COUNT), steps=NONE_IS_GOOD),
        series("未处理的事件", "各分区末端位点与已处理位点之差的合计。", [Query(behind, "未处理", EVENTS)], steps=((GREEN, None), (YELLOW, 10_000))),
        series("批处理用时", "每秒中用于判断、打包和写入的时间。", stages, stacked=True),
    ])  # fmt: skip
