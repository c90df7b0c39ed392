"""The panels of Grafana that are drawn with React: stat, bargauge, timeseries, barchart, table."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from grafanalib.core import BarChart, BarGauge, Stat, Table, Target, TimeSeries

from dashboards.style import CALM, DATASOURCE, WIDTH, Placed, Steps


class Query(NamedTuple):
    """One PromQL expression, how its series or its column is called, and how its values are written."""

    expr: str
    legend: str = ""
    unit: str = "none"
    places: int | None = None
    steps: Steps = ()


def stat(
    title: str, what: str, query: Query, *, steps: Steps = CALM, width: int = 3, texts: Mapping[str, str] | None = None,
    none: str = "–", link: str = "",
) -> Placed:  # fmt: skip
    """One number, or the word that stands for it; `none` where there is no value, `link` to where one reads on."""
    panel = Stat(
        title=title, description=what, targets=_targets([query]), dataSource=DATASOURCE, graphMode="none",
        reduceCalc="lastNotNull", thresholds=_steps(steps), format=query.unit, decimals=query.places, noValue=none,
        mappings=_mappings(texts), color={"mode": "thresholds"}, links=_links(link),
    )  # fmt: skip
    return Placed(panel, width, 4)


def gauges(title: str, what: str, query: Query, *, steps: Steps = CALM, width: int = 12) -> Placed:
    """One bar a series, in the order of the query."""
    field = {"unit": query.unit, "decimals": query.places, "color": {"mode": "thresholds"}}
    reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    panel = BarGauge(
        title=title, description=what, targets=_targets([query]), dataSource=DATASOURCE, displayMode="gradient",
        thresholds=_steps(steps),
        extraJson={"fieldConfig": {"defaults": field}, "options": {"reduceOptions": reduced, "valueMode": "color"}},
    )  # fmt: skip
    return Placed(panel, width, 9)


def series(
    title: str, what: str, queries: Sequence[Query], *, steps: Steps = CALM, width: int = 12, stacked: bool = False
) -> Placed:  # fmt: skip
    """Lines over time."""
    panel = TimeSeries(
        title=title, description=what, targets=_targets(queries, instant=False), dataSource=DATASOURCE,
        unit=queries[0].unit, valueDecimals=queries[0].places, thresholds=_steps(steps), fillOpacity=10,
        thresholdsStyleMode="off" if steps is CALM else "dashed", tooltipMode="multi", legendDisplayMode="table",
        legendPlacement="right", legendCalcs=["lastNotNull"],
        stacking={"mode": "normal" if stacked else "none", "group": "A"},
        extraJson={"options": {"legend": {"showLegend": True}}},
    )  # fmt: skip
    return Placed(panel, width, 9)


def bars(
    title: str, what: str, queries: Sequence[Query], *, along: str, across: str = "", order: str = "",
    steps: Steps = CALM, width: int = 12, stacked: bool = False,
) -> Placed:  # fmt: skip
    """Bars along a label, sorted by it or by another one; `across` gives each value of a label a colour of its own."""
    changes: list[dict[str, Any]] = [{"id": "merge", "options": {}}] if len(queries) > 1 else []
    changes.append({"id": "sortBy", "options": {"fields": {}, "sort": [{"field": order or along}]}})
    if across:
        matrix = {"columnField": across, "rowField": along, "valueField": "Value"}
        changes.append({"id": "groupingToMatrix", "options": matrix})
    else:
        changes.append(_organized(queries, {}, [order] if order else []))
    defaults = {"unit": queries[0].unit, "decimals": queries[0].places}
    panel = BarChart(
        title=title, description=what, targets=_targets(queries, table=True), dataSource=DATASOURCE,
        stacking="normal" if stacked else "none", thresholdSteps=_steps(steps), transformations=changes,
        showValue="never" if across else "auto", tooltipMode="multi",
        extraJson={
            "options": {"xField": f"{along}\\{across}" if across else along},
            "fieldConfig": {"defaults": defaults},
        },
    )  # fmt: skip
    return Placed(panel, width, 9)


def table(
    title: str, what: str, heads: Mapping[str, str], queries: Sequence[Query], *, texts: Mapping[str, str] | None = None,
    width: int = WIDTH, height: int = 10, links: Mapping[str, str] | None = None,
) -> Placed:  # fmt: skip
    """One line for each set of labels, one column a query.

    `heads` names the columns of the labels, `texts` their words; `links` leads from the cells of a column elsewhere.
    """
    overrides = [_override(q.legend, _properties(q)) for q in queries]
    if texts:
        mapped: list[dict[str, Any]] = [{"id": "mappings", "value": _mappings(texts)}]
        overrides += [_override(head, mapped) for head in heads.values()]
    overrides += [
        _override(head, [{"id": "links", "value": _links(url)}]) for head, url in (links or {}).items()
    ]
    panel = Table(
        title=title, description=what, targets=_targets(queries, table=True), dataSource=DATASOURCE, unit="short",
        overrides=overrides, thresholds=_steps(CALM),
        transformations=[{"id": "merge", "options": {}}, _organized(queries, heads)],
    )  # fmt: skip
    return Placed(panel, width, height)


def _links(url: str) -> list[dict[str, Any]]:
    return [{"title": "运行手册", "url": url, "targetBlank": True}] if url else []


def _override(column: str, properties: list[dict[str, Any]]) -> dict[str, Any]:
    return {"matcher": {"id": "byName", "options": column}, "properties": properties}


def _properties(query: Query) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [{"id": "unit", "value": query.unit}]
    if query.places is not None:
        found.append({"id": "decimals", "value": query.places})
    if query.steps:
        found.append({"id": "thresholds", "value": {"mode": "absolute", "steps": _steps(query.steps)}})
        found.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    return found


def _mappings(texts: Mapping[str, str] | None) -> list[dict[str, Any]]:
    """Words in the place of values."""
    shown = {name: {"text": text, "index": at} for at, (name, text) in enumerate((texts or {}).items())}
    return [{"type": "value", "options": shown}] if shown else []


def _organized(
    queries: Sequence[Query], heads: Mapping[str, str], left_out: Iterable[str] = ()
) -> dict[str, Any]:
    """The columns under their names, the labels first, without the time."""
    values = [f"Value #{ref}" for ref in _refs(queries)] if len(queries) > 1 else ["Value"]
    names = {value: q.legend for value, q in zip(values, queries, strict=True) if q.legend}
    options = {
        "excludeByName": {"Time": True, **dict.fromkeys(left_out, True)},
        "indexByName": {name: at for at, name in enumerate([*heads, *values])},
        "renameByName": {**heads, **names},
    }
    return {"id": "organize", "options": options}


def _refs(queries: Sequence[Query]) -> list[str]:
    return [chr(ord("A") + at) for at in range(len(queries))]


def _targets(queries: Sequence[Query], *, instant: bool = True, table: bool = False) -> list[Any]:
    return [
        Target(
            expr=query.expr, legendFormat=query.legend, refId=ref, instant=instant, datasource=DATASOURCE,
            format="table" if table else "time_series",
        )
        for ref, query in zip(_refs(queries), queries, strict=True)
    ]  # fmt: skip


def _steps(steps: Steps) -> list[dict[str, Any]]:
    return [{"color": color, "value": value} for color, value in steps]
