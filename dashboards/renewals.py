"""无还本续贷: what the province's document asks to be watched quarter by quarter (C3.8), in official figures."""

from datetime import date
from typing import Any, Final

from dashboards.overview import COUNTY, UID
from dashboards.panels import Query, bars, gauges, stat, table
from dashboards.style import (
    CALM,
    EVENTS,
    GREEN,
    HOUSEHOLDS,
    LOANS,
    NONE_IS_GOOD,
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
    wan,
    yi,
)
from projections.alerts import OPEN, State
from projections.readings import COUNTY_NAME
from puhui.policy import register

assert UID
