"""How dashboards look: units, colours, the grid, the variables, and the form in which Grafana reads them.

grafanalib writes the fields of its own day. `as_json` brings them into the form of Grafana 11 (schema 39), which migrates
nothing of that version any more: data sources as objects, and no field of the Angular panels.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from grafanalib._gen import DashboardEncoder
from grafanalib.core import Dashboard, GridPos, RowPanel, Template, Templating, Time

from projections.alerts import OPEN
from projections.metrics import SERIES

SCHEMA: Final = 39
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
TAG: Final = "puhui"
WIDTH: Final = 24
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"
PERCENT, POINTS, YI, WAN, YUAN = "percentunit", "suffix: 百分点", "suffix: 亿元", "suffix: 万元", "suffix: 元"
HOUSEHOLDS, LOANS, EVENTS, BANKS = "suffix: 户", "suffix: 笔", "suffix: 条", "suffix: 家"
DATE, SECONDS, BYTES, COUNT = "time:YYYY-MM-DD", "s", "bytes", "none"

SCRAPED: Final = ("job", "instance")
"""The labels that Prometheus itself puts on what it scrapes."""
COUNTY: Final = 'institution="county"'
CHOSEN: Final = 'name=~"$institution"'
"""Whom the reader has chosen."""
OPEN_ALERTS: Final = f'state=~"{"|".join(sorted(OPEN))}"'
RATE: Final = "[$__rate_interval]"

Steps = Sequence[tuple[str, float | None]]
"""Colours with the value from which each holds; the first has none."""
CALM: Final[Steps] = ((BLUE, None),)
NONE_IS_GOOD: Final[Steps] = ((GREEN, None), (RED, 1))
NOT_BELOW_ZERO: Final[Steps] = ((RED, None), (GREEN, 0))

_OF_PANELS: Final = frozenset((
    "collapsed", "datasource", "description", "fieldConfig", "gridPos", "id", "links", "options", "panels", "targets", "title",
    "transformations", "transparent", "type",
))  # fmt: skip
_OF_TARGETS: Final = frozenset(("datasource", "expr", "format", "instant", "legendFormat", "range", "refId"))
_OF_OLD_OPTIONS: Final = frozenset(("fieldOptions", "showThresholdLabels", "showThresholdMarkers"))
_OF_VARIABLES: Final = frozenset((
    "current", "hide", "includeAll", "label", "multi", "name", "query", "refresh", "regex", "sort", "type",
))  # fmt: skip
_OF_DASHBOARDS: Final = frozenset((
    "annotations", "description", "editable", "graphTooltip", "links", "panels", "refresh", "schemaVersion", "tags",
    "templating", "time", "timepicker", "timezone", "title", "uid", "version",
))  # fmt: skip


class Placed(NamedTuple):
    """A panel with its size."""

    panel: Any
    width: int
    height: int


class Row(NamedTuple):
    """A heading and the panels under it."""

    title: str
    panels: Sequence[Placed]


def metric(name: str, *matchers: str, **equal: str) -> str:
    """A series of the table by its name without `puhui_`, with these matchers; a KeyError where there is none."""
    full = name if name in SERIES else f"puhui_{name}"
    known = {*SERIES[full].labels, *(("le",) if full.endswith("_bucket") else ()), *SCRAPED}
    wanted = [*matchers, *(f'{label}="{value}"' for label, value in equal.items())]
    unknown = [one for one in wanted if re.split("[=!]", one)[0] not in known]
    if unknown:
        raise KeyError(f"{full} has no such label: {unknown}")
    return f"{full}{{{', '.join(wanted)}}}" if wanted else full


def of_county(name: str) -> str:
    """The county's figure, from whichever worker has it."""
    return f"sum({metric(name, COUNTY)})"


def by_bank(name: str) -> str:
    """The figure of each institution that the reader has chosen."""
    return f"sum by (name) ({metric(name, CHOSEN)})"


def yi(expr: str) -> str:
    """Yuan as 亿元."""
    return f"{expr} / 1e8"


def wan(expr: str) -> str:
    """Yuan as 万元."""
    return f"{expr} / 1e4"


def points(expr: str) -> str:
    """A difference of ratios as 百分点."""
    return f"{expr} * 100"


# dashboards


def choice(
    name: str, label: str, query: str, *, default: str = "", many: bool = False, falling: bool = False
) -> Any:
    """A variable whose values Prometheus knows."""
    return Template(
        name=name, label=label, query=query, dataSource=DATASOURCE, multi=many, includeAll=many,
        default="$__all" if many else default, refresh=2, sort=2 if falling else 1,
    )  # fmt: skip


def dashboard(uid: str, title: str, what: str, variables: Sequence[Any], rows: Iterable[Row]) -> Any:
    """A dashboard of rows, from top to bottom; the data source is its first variable."""
    source = Template(name="datasource", label="数据源", query="prometheus", type="datasource")
    return Dashboard(
        title=title, uid=uid, description=what, tags=[TAG], timezone="Asia/Shanghai", schemaVersion=SCHEMA,
        time=Time("now-24h", "now"), refresh="1m", graphTooltip=1, panels=_laid_out(rows), version=1,
        templating=Templating(list=[source, *variables]),
        links=[{"title": "普惠", "type": "dashboards", "tags": [TAG], "keepTime": True}],
    ).auto_panel_ids()  # fmt: skip


def _laid_out(rows: Iterable[Row]) -> list[Any]:
    """Panels from left to right, a new line where one does not fit."""
    placed: list[Any] = []
    top = 0
    for row in rows:
        placed.append(RowPanel(title=row.title, gridPos=GridPos(h=1, w=WIDTH, x=0, y=top)))
        top, left, tallest = top + 1, 0, 0
        for panel, width, height in row.panels:
            if left + width > WIDTH:
                top, left, tallest = top + tallest, 0, 0
            panel.gridPos = GridPos(h=height, w=width, x=left, y=top)
            placed.append(panel)
            left, tallest = left + width, max(tallest, height)
        top += tallest
    return placed


# the form of schema 39


def as_json(board: Any) -> str:
    """The dashboard as Grafana reads it; the same text whenever the dashboard is the same."""
    plain: dict[str, Any] = json.loads(json.dumps(board.to_json_data(), cls=DashboardEncoder))
    found = {name: value for name, value in plain.items() if name in _OF_DASHBOARDS}
    found["panels"] = [_panel(panel) for panel in plain["panels"]]
    found["templating"] = {"list": [_variable(variable) for variable in plain["templating"]["list"]]}
    return json.dumps(found, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _panel(plain: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in plain.items() if name in _OF_PANELS and value is not None}
    if plain["type"] == "row":
        return {name: found[name] for name in ("collapsed", "gridPos", "id", "panels", "title", "type")}
    found["targets"] = [
        {
            name: value
            for name, value in (target | {"range": not target["instant"]}).items()
            if name in _OF_TARGETS
        }
        for target in plain["targets"]
    ]
    defaults = {name: value for name, value in found["fieldConfig"]["defaults"].items() if value is not None}
    custom = defaults.get("custom", {})
    if "displayMode" in custom:
        custom["cellOptions"] = {"type": custom.pop("displayMode")}
    found["fieldConfig"] = {"overrides": [], **found["fieldConfig"], "defaults": defaults}
    found["options"] = {k: v for k, v in found["options"].items() if k not in _OF_OLD_OPTIONS}
    return found


def _variable(plain: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in plain.items() if name in _OF_VARIABLES}
    value = plain["current"].get("value")
    found["current"] = {"text": "All" if value == "$__all" else value, "value": value} if value else {}
    if plain["type"] == "query":
        found["datasource"], found["definition"] = plain["datasource"], plain["query"]
        name = "PrometheusVariableQueryEditor-VariableQuery"
        found["query"] = {"qryType": 1, "query": plain["query"], "refId": name}
    return {name: value for name, value in found.items() if value is not None}
