"""The command `figures`: any indicator of any institution under any view, for people or as JSON."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import msgspec

from aggregates.codes import date_of
from aggregates.store import StoreFailed, open_store
from projections.alerts import Alert
from projections.figure import COUNTY, Figure
from projections.indicators import INDICATORS, Indicator, find
from projections.official import flattened
from projections.to_come import to_come
from projections.views import Figures, View
from projections.wording import label, written
from puhui.columns import padded, width
from puhui.commands import GOOD, WRONG, Commands, command, day, failed, instant
from puhui.policy.periods import moment_at
from puhui.settings import Settings

DEMO: Final = "演示数据 · 日终批量(模拟)"
_COUNTY: Final = "全县银行合计"


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    parser = command(
        commands, "figures", run_figures, "show figures as of a business date, as known at an instant"
    )
    parser.add_argument(
        "--institution", metavar="ID", help="this one only, or `county` (default: county and all banks)"
    )
    parser.add_argument("--indicator", metavar="NAME|NUMBER", help="this one only, with its parts")
    parser.add_argument(
        "--as-of", type=day, metavar="DATE",
        help="the business date (default: the day before the institution's latest one)",
    )  # fmt: skip
    parser.add_argument(
        "--known-at", type=instant, metavar="INSTANT",
        help="as known then (default: now); without an offset it is +08:00, a date alone means its end",
    )  # fmt: skip
    parser.add_argument(
        "--bridge", action="store_true", help="the lines of I23 from the close of the quarter before"
    )
    parser.add_argument("--parts", action="store_true", help="the parts 其中 of every figure too")
    parser.add_argument("--json", action="store_true", help="answer as a JSON array")


def run_figures(given: argparse.Namespace) -> int:
    """`puhui figures`: 0, or 2 for an indicator or institution that does not exist, 3 where the store cannot be read."""
    settings = Settings.read()
    try:
        wanted = _wanted(given)
    except KeyError as error:
        return failed(f"no indicator is called {error.args[0]}: {', '.join(INDICATORS)}", WRONG)
    try:
        with closing(open_store(settings.store, read_only=True)) as store:
            figures = Figures(store)
            if not is_known(figures, given.institution):
                there = ", ".join((COUNTY, *sorted(figures.registry.institutions)))
                return failed(f"no institution is registered as {given.institution}: {there}", WRONG)
            beyond = to_come(figures, view_asked(figures, given))
            if beyond:
                print(f"puhui: {beyond}", file=sys.stderr)
            if given.json:
                print(json.dumps(figures_json(figures, given), ensure_ascii=False, indent=1))
                return GOOD
            shown = list(_shown(figures, given, wanted))
    except StoreFailed as error:
        return failed(error)
    if settings.environment == "demo":
        print(DEMO)
    print("\n\n".join("\n".join(_text(section)) for section in shown))
    return GOOD


def is_known(figures: Figures, institution: str | None) -> bool:
    """Is it the county, all, or an institution that is registered by now? At an earlier instant its figures may be null."""
    return institution in (None, COUNTY) or institution in figures.registry.institutions


def figures_json(figures: Figures, given: argparse.Namespace) -> list[dict[str, Any]]:
    """The figures asked for as plain data; a KeyError names an indicator that does not exist."""
    return [row for section in _shown(figures, given, _wanted(given)) for row in _json(section)]


def alerts_json(alerts: Iterable[Alert], given: argparse.Namespace) -> list[dict[str, Any]]:
    """The alerts of a state, a rule and an institution (each None: any) as plain data, by their keys."""
    wanted = {
        name: value for name in ("state", "rule", "subject") if (value := getattr(given, name)) is not None
    }
    return [
        msgspec.to_builtins(alert)
        for alert in sorted(alerts, key=lambda a: a.key)
        if all(str(getattr(alert, name)) == value for name, value in wanted.items())
    ]


def _wanted(given: argparse.Namespace) -> list[Indicator]:
    if given.indicator:
        return [find(given.indicator)]
    return [INDICATORS["I23"]] if given.bridge else list(INDICATORS.values())


class _Section(NamedTuple):
    """What is shown of one institution."""

    institution: str
    name: str
    view: View
    known: datetime
    rows: list[tuple[Indicator, str, Figure]]


def view_asked(figures: Figures, given: argparse.Namespace, institution: str = "") -> View:
    """The view of an institution that was asked for; without its name that of the one named, else the county's."""
    view = figures.live(institution or given.institution or COUNTY, given.known_at)
    return view if given.as_of is None else view.on(given.as_of)


def _shown(figures: Figures, given: argparse.Namespace, wanted: list[Indicator]) -> Iterator[_Section]:
    parts = bool(given.parts or given.indicator or given.bridge)
    county = view_asked(figures, given, COUNTY)
    for institution in [given.institution] if given.institution else (COUNTY, *figures.banks(county)):
        view = view_asked(figures, given, institution)
        name = _COUNTY if institution == COUNTY else figures.name(institution, view)
        known = moment_at(view.known_at if view.known_at is not None else figures.latest_instant())
        rows = []
        for indicator in wanted:
            figure = indicator.of(figures, institution, view)
            named = flattened(figure) if parts else [("", figure)]
            rows += [(indicator, part, value) for part, value in named]
        yield _Section(institution, name, view, known, rows)


def _json(section: _Section) -> Iterator[dict[str, Any]]:
    """One object a figure; a part has its name behind a dot, in `indicator` and in `number`."""
    for indicator, part, figure in section.rows:
        dotted = f".{part}" if part else ""
        yield {
            "indicator": indicator.name + dotted,
            "number": indicator.number + dotted,
            "institution": section.institution,
            "as_of": _as_of(section, figure).isoformat(),
            "known_at": section.known.isoformat(),
            "value": figure.exact,
            "unit": figure.unit,
            "reason": None if figure.reason is None else str(figure.reason),
        }


def _as_of(section: _Section, figure: Figure) -> date:
    return section.view.day if figure.as_of is None else date_of(figure.as_of)


def _text(section: _Section) -> Iterator[str]:
    """The section for people, in columns; a full-width character counts as two."""
    yield f"{section.name}　截至{section.view.day}　已知至{section.known:%Y-%m-%d %H:%M:%S}"
    lines = [
        (
            f"    {label(part)}" if part else f"  {indicator.number:<5}{indicator.title}",
            written(indicator.number, figure, part),
            _remarks(section, figure),
        )
        for indicator, part, figure in section.rows
    ]
    left, right = (max((width(line[at]) for line in lines), default=0) for at in (0, 1))
    for title, value, remarks in lines:
        yield f"{padded(title, left)}  {' ' * (right - width(value))}{value}  {remarks}".rstrip()


def _remarks(section: _Section, figure: Figure) -> str:
    found = list(figure.notes)
    if figure.as_of is not None and figure.as_of != section.view.as_of:
        found.insert(0, f"截至{date_of(figure.as_of)}")
    if figure.missing:
        found.append(f"已报{figure.of - len(figure.missing)}家/应报{figure.of}家")
    return "；".join(found)
