"""Difference tables of restatements 重述: the official figure beside the one that is known now."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

from projections.figure import Figure
from projections.indicators import INDICATORS
from projections.official import Difference, Official, closing_view, differences
from projections.views import Figures
from projections.wording import label, written
from puhui import money
from puhui.policy.periods import moment_at

LONGEST: Final = 40
"""Rows of one table; what is behind them is counted, not shown."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure: before, after, and the difference, as people read them."""

    title: str
    before: str
    after: str
    difference: str


@dataclass(frozen=True, slots=True)
class Table:
    """The differences of one bank: open (official against current) or approved (first closing against restated)."""

    institution: str
    name: str
    said: str
    headings: tuple[str, str]
    lines: tuple[Line, ...]
    more: int


def tables(figures: Figures, found: Official, now: int | None) -> Iterator[Table]:
    """The table of an open restatement, and the one of the latest that was approved."""
    name = figures.name(found.institution, found.view)
    if found.state == "restated" and found.view.known_at is not None:
        first = replace(found, view=closing_view(figures, found))
        said = f"重述已批准，批准时点 {moment_at(found.view.known_at):%Y-%m-%d %H:%M}"
        table = differences(figures, first, found.view.known_at)
        yield _table(found.institution, name, said, ("原关账数", "重述数"), table)
    if found.restatements:
        opened = min(row.opened_at for row in found.restatements)
        said = f"重述待批准，发起时点 {moment_at(opened):%Y-%m-%d %H:%M}；批准前正式数不变"
        table = differences(figures, found, now)
        yield _table(found.institution, name, said, ("正式数", "当前数"), table)


def _table(who: str, name: str, said: str, headings: tuple[str, str], table: list[Difference]) -> Table:
    lines = tuple(map(_line, table[:LONGEST]))
    return Table(who, name, said, headings, lines, max(0, len(table) - LONGEST))


def _line(one: Difference) -> Line:
    title = INDICATORS[one.number].title
    if one.part:
        title += "：" + "、".join(label(part) for part in one.part.split("."))
    part = one.part.rpartition(".")[2]
    before, after = (written(one.number, figure, part) for figure in (one.official, one.current))
    return Line(title, before, after, _difference(one))


def _difference(one: Difference) -> str:
    """Current − official with its sign; differences of rates are 百分点."""
    found = one.difference
    if found is None:
        return "—"
    match one.unit:
        case "fen":
            return f"{'+' if found > 0 else ''}{money.amount(int(found))}"
        case "ratio" if one.part.endswith("pace"):
            return money.rounded(Fraction(found), 3)
        case "ratio" | "pp":
            return money.points(Fraction(found))
        case _:
            sign = "+" if found > 0 else ""
            return sign + written(one.number, Figure(int(found), one.unit))
