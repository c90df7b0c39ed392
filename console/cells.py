"""Cells of tables: figures in the unit of their column, or why there is none (9.1); never fen, never 0 for nothing."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal

from aggregates.codes import date_of
from projections.figure import Figure
from projections.views import View
from puhui import money

Form = Literal["yi", "wan", "yuan", "change", "share", "points", "count", "more", "short"]
"""How a column writes its figures: in 亿元, 万元 or 元; a change 增长/下降; a share; 百分点; a number; a number with
its sign; what is short of a target or above it."""
_SIZES: Final = {"yi": money.YI, "wan": money.WAN, "yuan": money.YUAN, "short": money.YI}


@dataclass(frozen=True, slots=True)
class Column:
    """A heading with its unit; the unit stands once, in the heading."""

    title: str
    unit: str = ""
    form: Form = "count"

    @property
    def label(self) -> str:
        """The heading in one piece, as a narrow page repeats it beside each value."""
        return f"{self.title}（{self.unit}）" if self.unit else self.title


@dataclass(frozen=True, slots=True)
class Cell:
    """One value as it is printed, and what must be said of it."""

    column: Column
    text: str
    notes: tuple[str, ...] = ()
    null: bool = False


def cell(column: Column, figure: Figure, view: View, *more: str) -> Cell:
    """The cell of a figure; its own date and its completeness are noted where they differ from the table's."""
    notes = [note for note in more if note]
    if figure.value is None:
        return Cell(column, figure.reason.text if figure.reason else "—", tuple(notes), null=True)
    if figure.as_of is not None and figure.as_of != view.as_of:
        notes.append(f"截至{date_of(figure.as_of)}")
    if figure.missing:
        notes.append(f"已报{figure.of - len(figure.missing)}家/应报{figure.of}家")
    return Cell(column, form(figure.value, column.form), tuple(notes))


def form(value: Fraction | int, how: Form) -> str:
    """A value in the form of its column."""
    match how:
        case "yi" | "wan" | "yuan":
            return scaled(value, _SIZES[how])
        case "short":
            word = "差" if value > 0 else "超"
            return "持平" if not value else f"{word}{scaled(abs(Fraction(value)), _SIZES[how])}"
        case "change":
            return money.change(value)
        case "share":
            return f"{money.rounded(Fraction(value) * 100)}%"
        case "points":
            return money.points(value)
        case "more":
            return f"{int(value):+,}" if value else "0"
        case _:
            return f"{int(value):,}"


def scaled(value: Fraction | int, size: int) -> str:
    """Fen in a larger unit with two decimals; what is not zero is never written as zero."""
    text = money.rounded(Fraction(value) / size)
    return f"{'负' if value < 0 else ''}不足0.01" if value and text == "0.00" else text
