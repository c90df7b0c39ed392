"""Screen 1, 主要指标一览表: by bank, by kind of bank, and all of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from console.cells import Cell, Column, cell
from console.group import KINDS, OfKind
from console.question import Question
from projections.figure import COUNTY, Figure, Reason, null
from projections.growth import EXEMPT
from projections.indicators import INDICATORS
from projections.to_come import to_come
from projections.views import Figures, View
from puhui.money import percent
from puhui.policy import Month, Quarter

_LEFT_OUT: Final = ("新发利率", "不良率")
"""Columns whose areas are not built: named under the table, never shown as 0."""
_TARGET: Final = 5
"""Where the column of the target stands."""
_KEPT: Final = (EXEMPT, "不考核")
"""Notes that stand beside a figure in the table."""
COLUMNS: Final = (
    Column("普惠余额", "亿元", "yi"),
    Column("较年初增量", "亿元", "yi"),
    Column("较年初增速", "", "change"),
    Column("同比", "", "change"),
    Column("户数", "户", "count"),
    Column("全年目标差额", "亿元", "short"),
    Column("两增：增速差", "", "points"),
    Column("两增：户数差", "户", "more"),
    Column("信用占比", "", "share"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: a bank, a kind, or all."""

    id: str
    name: str
    note: str
    style: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole table with its view."""

    view: View
    provisional: bool
    to_come: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    bases: tuple[str, ...]
    """From when on 两增 is measured."""
    aimed: str
    """What the column of the target is called."""
    left_out: tuple[str, ...] = _LEFT_OUT


def overview(figures: Figures, question: Question) -> Overview:
    """The table under the view asked for; without a date as of the county's latest complete day."""
    view = figures.live(COUNTY, question.known_at)
    view = view if question.as_of is None else view.on(question.as_of)
    columns = _columns(figures, view)
    return Overview(
        view,
        provisional(figures, view),
        to_come(figures, view),
        columns,
        tuple(_rows(figures, columns, view)),
        _bases(figures, view),
        columns[_TARGET].title,
    )


def _rows(figures: Figures, columns: tuple[Column, ...], view: View) -> Iterator[Row]:
    """The banks by kind, where there are several of one below their sum; then the county."""
    count = 0
    for kind, title in KINDS.items():
        of_kind = OfKind(figures, kind)
        banks = of_kind.banks(view)
        count += len(banks)
        if len(banks) > 1:
            yield _row(of_kind, COUNTY, f"{title}小计", f"{len(banks)}家", "kind", columns, view)
        note, style = (title, "bank") if len(banks) == 1 else ("", "bank inside")
        for bank in banks:
            yield _row(figures, bank, figures.name(bank, view), note, style, columns, view)
    yield _row(figures, COUNTY, "全县银行合计", f"{count}家", "total", columns, view)


def _bases(figures: Figures, view: View) -> tuple[str, ...]:
    """What is said of the bases of 两增, each once."""
    notes = (INDICATORS["I36"].of(figures, bank, view).notes for bank in (COUNTY, *figures.banks(view)))
    return tuple(dict.fromkeys(note for of_bank in notes for note in of_bank if note not in _KEPT))


def provisional(figures: Figures, view: View) -> bool:
    """Was the period of the view's day not closed when this was known: the quarter at its end, else the month?"""
    day, quarter = view.day, Quarter.of(view.day)
    period = quarter if quarter.last_day == day else Month.of(day)
    instant = figures.latest_instant() if view.known_at is None else view.known_at
    return not figures.is_closed(COUNTY, period, instant)


def _columns(figures: Figures, view: View) -> tuple[Column, ...]:
    """The target's column bears its number where all who have a target have the same one."""
    limits = {
        part.value
        for bank in figures.banks(view)
        if (part := INDICATORS["I35"].of(figures, bank, view).parts.get("target")) and part.value is not None
    }
    if len(limits) != 1:
        return COLUMNS
    title = f"{percent(Fraction(limits.pop()), 0).removesuffix('%')}%差额"
    return tuple(Column(title, c.unit, c.form) if c.form == "short" else c for c in COLUMNS)


def _row(
    figures: Figures, who: str, name: str, note: str, style: str, columns: tuple[Column, ...], view: View
) -> Row:
    cells = zip(columns, _figures(figures, who, view), strict=True)
    return Row(who, name, note, style, tuple(cell(c, figure, view, *notes) for c, (figure, notes) in cells))


def _figures(figures: Figures, who: str, view: View) -> Iterator[tuple[Figure, tuple[str, ...]]]:
    """The figures of one row in the order of the columns, each with its notes."""

    def of(number: str) -> Figure:
        return INDICATORS[number].of(figures, who, view)

    held, grown, target = of("I10"), of("I34"), of("I35")
    yield held, ()
    yield grown.parts["net_increase"], ()
    yield grown, ()
    yield grown.parts["yoy"], ()
    yield held.parts["households"], ()
    short = target.parts.get("shortfall") or null("fen", target.reason or Reason.NO_DATA)
    limit = target.parts.get("target")
    aimed = f"目标{percent(Fraction(limit.value))}" if limit and limit.value is not None else ""
    if who == COUNTY and short.value is not None:
        aimed = f"{short.of}家有目标"
    yield short, (aimed, *(note for note in target.notes if note in _KEPT))
    for number in ("I36", "I37"):
        gap = of(number)
        yield gap, tuple(note for note in gap.notes if note in _KEPT)
    yield of("I11"), ()
