"""Screen 2, 无还本续贷季度监测表: one quarter of every bank, from its opening to its closing balance."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from console.cells import Cell, Column, cell
from console.differences import Table, tables
from console.question import Question
from console.tieouts import TieOut, tie_outs
from projections.bridge import SET_APART, Bridge, bridge
from projections.figure import COUNTY, Figure, Reason, null
from projections.indicators import INDICATORS
from projections.official import Official, official
from projections.scope import base_day
from projections.to_come import to_come
from projections.views import Figures, View
from puhui.policy import Base, Quarter
from puhui.policy.periods import date_at

CHANGES: Final = (
    Column("期初余额", "万元", "wan"),
    Column("期末余额", "万元", "wan"),
    Column("变动额", "万元", "wan"),
    Column("环比", "", "change"),
    Column("剔除口径变动后", "", "change"),
    Column("剔除最大一户后环比", "", "change"),
    Column("同比", "", "change"),
    Column("占普惠比", "", "share"),
    Column("其中存疑", "万元", "wan"),
    Column("户数", "户", "count"),
)
STATES: Final = {
    "provisional": "暂定",
    "pinned": "正式（关账数）",
    "restated": "正式（已重述）",
    "history": "历史（接入前，按最新）",
}
"""How the state of a period's figures is called."""


@dataclass(frozen=True, slots=True)
class Row:
    """One bank, or all: what it is called, under which view it stands, its cells."""

    id: str
    name: str
    state: str
    official: Official
    style: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Quarterly:
    """The whole page of one quarter."""

    quarter: Quarter
    view: View
    running: bool
    """The quarter is not over on the view's day, or was not when this was known."""
    following: date | None
    """The day up to which the next quarter can be shown; None where none of its days is over."""
    to_come: str
    closes: str
    provisional: bool
    changes: tuple[Row, ...]
    line_columns: tuple[Column, ...]
    lines: tuple[Row, ...]
    zero: tuple[str, ...]
    """Lines of the bridge that are 0 for every bank, named once instead of a column each."""
    ties: tuple[TieOut, ...]
    restated: tuple[Table, ...]


def quarterly(figures: Figures, question: Question) -> Quarterly:
    """The quarter that holds the date asked for; without one the last quarter that is over.

    A quarter that is not closed is shown up to that date, a closed one whole, with its official figures.
    """
    live = figures.live(COUNTY, question.known_at)
    quarter = _last_over(live.day) if question.as_of is None else Quarter.of(question.as_of)
    county = _standing(figures, COUNTY, quarter, question)
    banks = _banks(figures, county, live)
    standing = [county, *(_standing(figures, bank, quarter, question) for bank in banks)]
    provisional = standing[0].state == "provisional"
    bridges = [_bridge(figures, found) for found in standing]
    columns, zero = _line_columns(bridges)
    view, last = standing[0].view, quarter.last_day
    known = date_at(figures.latest_instant() if question.known_at is None else question.known_at)
    first, *rest = range(len(standing))
    order = (*rest, first)
    return Quarterly(
        quarter, view, provisional and (view.day < last or known <= last),
        _following(quarter, live, known),
        to_come(figures, replace(view, known_at=question.known_at)),
        date_at(figures.closing(COUNTY, quarter, question.known_at)).isoformat(),
        provisional,
        tuple(_row(figures, standing[i], _changes(figures, standing[i])) for i in order),
        columns, tuple(_row(figures, standing[i], _lines(bridges[i], columns, standing[i])) for i in order), zero,
        tuple(tie_outs(figures, [standing[i] for i in rest])),
        tuple(table for i in rest for table in tables(figures, standing[i], question.known_at)),
    )  # fmt: skip


def _last_over(day: date) -> Quarter:
    """The last quarter that is over at the end of a day."""
    quarter = Quarter.of(day)
    return quarter if quarter.last_day == day else quarter.previous


def _following(quarter: Quarter, live: View, known: date) -> date | None:
    """The end of the next quarter; while that runs its latest complete day, or the last one over where a bank is behind."""
    end = min(known - timedelta(1), quarter.next.last_day)
    if end <= quarter.last_day:
        return None
    return live.day if quarter.last_day < live.day < end < quarter.next.last_day else end


def _banks(figures: Figures, county: Official, live: View) -> list[str]:
    """The banks of the total, on its day and as it knows them, and those that are known today to have been there."""
    return sorted({*figures.banks(county.view), *figures.banks(live.on(county.view.as_of))})


def _standing(figures: Figures, who: str, quarter: Quarter, question: Question) -> Official:
    found = official(figures, who, quarter, question.known_at)
    if found.state == "provisional" and question.as_of is not None:
        return replace(found, view=found.view.on(question.as_of))
    return found


def _row(figures: Figures, found: Official, cells: tuple[Cell, ...]) -> Row:
    who = found.institution
    name = "全县银行合计" if who == COUNTY else figures.name(who, found.view)
    return Row(who, name, STATES[found.state], found, "total" if who == COUNTY else "bank", cells)


def _changes(figures: Figures, found: Official) -> tuple[Cell, ...]:
    who, view = found.institution, found.view
    held, change = INDICATORS["I21"].of(figures, who, view), INDICATORS["I22"].of(figures, who, view)
    row = (
        change.parts["base"], held, change.parts["delta"], change, change.parts["judged"],
        change.parts["without_largest"], change.parts["yoy"], held.parts["share_of_inclusive"],
        held.parts["doubtful"], held.parts["households"],
    )  # fmt: skip
    return tuple(cell(column, figure, view) for column, figure in zip(CHANGES, row, strict=True))


def _bridge(figures: Figures, found: Official) -> Bridge:
    return bridge(figures, found.institution, found.view, base_day(Base.PREVIOUS_QUARTER, found.view))


def _line_columns(bridges: list[Bridge]) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """期初, every line that is not 0 everywhere, 期末; and the titles of the other lines."""
    moved: dict[str, bool] = {}
    for found in bridges:
        for line in found.lines:
            moved[line.title] = moved.get(line.title, False) or bool(line.amount)
    titles = [title for title, any_amount in moved.items() if any_amount]
    if "被续贷结清" in titles:
        titles.insert(titles.index("被续贷结清") + 1, "其中续了又续")
    shown = ("期初余额", *titles, "其中口径变动", "期末余额")
    return tuple(Column(title, "万元", "wan") for title in shown), tuple(t for t, m in moved.items() if not m)


def _lines(found: Bridge, columns: tuple[Column, ...], standing: Official) -> tuple[Cell, ...]:
    reason = found.reason or Reason.NO_DATA
    amounts: dict[str, int | None] = {line.title: line.amount for line in found.lines}
    amounts |= {"期初余额": found.opening, "期末余额": found.closing}
    if not found.reason:
        amounts |= {"其中续了又续": found.again, "其中口径变动": found.set_apart}
        for column in columns:
            amounts.setdefault(column.title, 0)
    cells = []
    for column in columns:
        amount = amounts.get(column.title)
        figure = null("fen", reason) if amount is None else Figure(amount, "fen", missing=found.missing)
        cells.append(cell(column, replace(figure, missing=()), standing.view))
    return tuple(cells)


__all__ = ["CHANGES", "SET_APART", "STATES", "Quarterly", "quarterly"]
