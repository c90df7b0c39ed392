"""无还本续贷: what is to be watched quarter by quarter (C3.8), in the official figures of closed quarters."""

from datetime import date
from typing import Any, Final

from dashboards.panels import Query, bars, gauges, series, stat, table
from dashboards.quality import POPULATIONS, tie_columns
from dashboards.style import (
    CALM,
    CHOSEN,
    COUNTY,
    EVENTS,
    GREEN,
    HOUSEHOLDS,
    LOANS,
    NONE_IS_GOOD,
    OPEN_ALERTS,
    PERCENT,
    RED,
    WAN,
    YELLOW,
    YI,
    YUAN,
    Row,
    Steps,
    choice,
    dashboard,
    metric,
    of_county,
    wan,
    yi,
)  # fmt: skip
from projections.readings import COUNTY_NAME
from puhui.policy import register

UID: Final = "puhui-renewals"
_PERIOD: Final = 'period="$period"'
_BANKS: Final = 'institution!="county"'
_STATES: Final = {
    "pinned": "正式（关账数）",
    "restated": "正式（已重述）",
    "history": "历史（接入前，按最新）",
}
_LIMIT: Final = float(register().thresholds(date.max).npr_swing_relative)
_SWING: Final[Steps] = (
    (RED, None),
    (YELLOW, -_LIMIT),
    (GREEN, -_LIMIT / 2),
    (YELLOW, _LIMIT / 2),
    (RED, _LIMIT),
)
"""A swing is as odd downwards as upwards: red from the limit of the rule NprSwing on."""


def renewals() -> Any:
    """The dashboard 无还本续贷."""
    balances = metric("official_npr_balance_yuan")
    variables = [
        choice("period", "季度", f"label_values({balances}, period)", falling=True),
        choice("institution", "主体（变动分解）", f"label_values({balances}, name)", default=COUNTY_NAME),
    ]
    what = "无还本续贷余额按季监测（C3.8）：已关账季度用正式数，本季用实时数。"
    rows = (_now(), _quarter(), _quarters(), _bridge(), _beside())
    return dashboard(UID, "普惠 · 无还本续贷", what, variables, rows)


def _official(name: str, *matchers: str, by: str) -> str:
    return f"sum by ({by}) ({metric(f'official_{name}', *matchers)})"


def _now() -> Row:
    swings = f"sum({metric('alerts', OPEN_ALERTS, rule='NprSwing')})"
    change = of_county("npr_change_judged_ratio")
    return Row("本季（全县，实时）", [
        stat("无还本续贷余额", "全县无还本续贷余额（I21），按银行报送口径，截至最近一个完整营业日。",
             Query(yi(of_county("npr_balance_yuan")), unit=YI, places=2)),
        stat("户数", "有无还本续贷余额的户数，一户在多家银行只计一次。", Query(of_county("npr_households"), unit=HOUSEHOLDS)),
        stat("笔数", "有余额的无还本续贷借据笔数。", Query(of_county("npr_loans"), unit=LOANS)),
        stat("较上季末", "余额较上季末的变动（I22），剔除口径变动后。", Query(change, unit=PERCENT, places=1), steps=_SWING),
        stat("同比", "余额较上年同日的变动（I22）。", Query(of_county("npr_growth_yoy_ratio"), unit=PERCENT, places=1)),
        stat("占普惠比", "无还本续贷余额占普惠型小微贷款余额的比重。",
             Query(of_county("npr_inclusive_share_ratio"), unit=PERCENT, places=2)),
        stat("其中存疑", "报为无还本续贷而要素不符的余额（V13），计入余额、另列提示。",
             Query(wan(of_county("npr_doubtful_yuan")), unit=WAN, places=2), steps=((GREEN, None), (YELLOW, 0.01))),
        stat("波动预警", "规则“无还本续贷余额异常波动”未结的预警条数。", Query(swings, unit=EVENTS), steps=NONE_IS_GOOD),
    ])  # fmt: skip


def _quarter() -> Row:
    def column(name: str) -> str:
        return _official(name, _PERIOD, by="name")

    columns = [
        Query(wan(column("npr_balance_yuan")), "期末余额", WAN, 2),
        Query(wan(column("npr_change_yuan")), "变动额", WAN, 2),
        Query(column("npr_change_ratio"), "环比", PERCENT, 1),
        Query(column("npr_change_judged_ratio"), "剔除口径变动后", PERCENT, 1, _SWING),
        Query(column("npr_change_without_largest_ratio"), "剔除最大一户后", PERCENT, 1),
        Query(column("npr_growth_yoy_ratio"), "同比", PERCENT, 1),
        Query(column("npr_inclusive_share_ratio"), "占普惠比", PERCENT, 2),
        Query(wan(column("npr_doubtful_yuan")), "其中存疑", WAN, 2),
        Query(column("npr_households"), "户数", HOUSEHOLDS),
    ]
    judged = _official("npr_change_judged_ratio", _PERIOD, _BANKS, by="name")
    states = f"sum by (name, period, state) ({metric('official_period_info', _PERIOD)})"
    return Row("所选季度（正式数）", [
        table("季度监测表", "所选季度各行和全县的无还本续贷余额及变动（I21、I22）；没有数据的格子为空，不是零。",
              {"name": "机构"}, columns),
        gauges("环比（剔除口径变动后）", f"绝对值达到 {_LIMIT:.0%} 且金额较大时预警；户数较少或基数较小的仅列示。",
               Query(f"sort_desc({judged})", "{{name}}", PERCENT, 1), steps=_SWING, width=14),
        table("数据状态", "正式数以关账时所知为准，经批准的重述除外；接入前的季度按最新数据。",
              {"name": "机构", "period": "季度", "state": "状态"}, [Query(states, "家数", "none")], texts=_STATES,
              width=10, height=9),
    ])  # fmt: skip


def _quarters() -> Row:
    balance = _official("npr_balance_yuan", _BANKS, by="name, period")
    changes = [
        Query(_official("npr_change_ratio", COUNTY, by="period"), "环比（对外数）", PERCENT, 1),
        Query(_official("npr_change_judged_ratio", COUNTY, by="period"), "剔除口径变动后", PERCENT, 1),
    ]
    judged = _official("npr_change_judged_ratio", _BANKS, by="name, period")
    share = _official("npr_inclusive_share_ratio", COUNTY, by="period")
    return Row("最近十二个已关账季度（正式数）", [
        bars("季末余额", "各季末无还本续贷余额，按银行堆叠。", [Query(yi(balance), "", YI, 2)],
             along="period", across="name", stacked=True),
        bars("全县环比", "全县余额较上季末的变动：对外数，与剔除口径变动后的数。", changes, along="period"),
        bars("各行环比（剔除口径变动后）", "各行余额较上季末的变动，剔除口径变动后。", [Query(judged, "", PERCENT, 1)],
             along="period", across="name"),
        bars("占普惠比", "全县无还本续贷余额占普惠型小微贷款余额的比重。", [Query(share, "占普惠比", PERCENT, 2)], along="period"),
    ])  # fmt: skip


def _bridge() -> Row:
    lines = _official("npr_bridge_yuan", _PERIOD, CHOSEN, by="title, place")
    each = _official("npr_bridge_yuan", _PERIOD, by="name, title, place")
    residual = f"max(abs({metric('official_npr_bridge_residual_yuan')}))"
    return Row("余额变动分解（所选季度）", [
        bars("变动分解", "所选主体从期初到期末余额的逐项变动（I23），各项之和等于期末减期初。",
             [Query(wan(lines), "金额", WAN, 2)], along="title", order="place", width=16),
        table("变动分解：各行", "各行逐项变动金额；按总数报送的银行没有逐项数。",
              {"name": "机构", "place": "序号", "title": "项目"}, [Query(wan(f"({each} != 0)"), "金额", WAN, 2)],
              width=8, height=9),
        stat("分解差额", "所有已关账季度中分解不平的最大金额；应为零。", Query(residual, unit=YUAN, places=2), width=4,
             steps=((GREEN, None), (RED, 0.01))),
        stat("续了又续", "所选季度全县被续贷结清中再次续贷的金额。", width=4, steps=CALM,
             query=Query(wan(f"abs({_official('npr_settled_again_yuan', _PERIOD, COUNTY, by='period')})"), unit=WAN, places=2)),
        stat("口径变动", "所选季度全县口径变动金额：期初接入、口径调整、转标、机构合并、汇率。", width=4,
             query=Query(wan(_official("npr_set_apart_yuan", _PERIOD, COUNTY, by="period")), unit=WAN, places=2)),
        stat("部分还本续贷", "所选季度末全县部分还本续贷余额，另列、不计入无还本续贷。", width=4,
             query=Query(wan(_official("npr_partial_yuan", _PERIOD, COUNTY, by="period")), unit=WAN, places=2)),
    ])  # fmt: skip


def _beside() -> Row:
    granted = _official("npr_granted_yuan", _BANKS, by="name, period")
    doubtful = _official("npr_doubtful_yuan", _BANKS, by="name, period")
    live = f"sum by (name) ({metric('npr_balance_yuan', _BANKS)})"
    return Row("累放、存疑与核对", [
        bars("当季累放", "各季以无还本续贷方式投放的金额（I24）。", [Query(wan(granted), "", WAN, 2)],
             along="period", across="name", stacked=True),
        bars("其中存疑", "各季末报为无还本续贷而要素不符的余额（V13）。", [Query(wan(doubtful), "", WAN, 2)],
             along="period", across="name", stacked=True),
        table("报送数与系统数", "所选季度末银行自报的余额与逐笔汇总的余额（I103）。",
              {"name": "机构", "population": "口径"}, tie_columns("official_", _PERIOD), texts=POPULATIONS, width=12, height=9),
        series("余额走势", "各行无还本续贷余额，按看板取数时刻。", [Query(yi(live), "{{name}}", YI, 2)]),
    ])  # fmt: skip
