"""One institution or the county: sums over banks where sums make sense, distinct counts where they do not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from projections.figure import COUNTY, Figure, Reason, Unit, growth, null, quotient
from projections.views import Figures, View
from puhui.policy import Base

Values = tuple[int, ...] | Reason
PerBank = Callable[[str], Values]


@dataclass(frozen=True, slots=True)
class Sums:
    """What an institution has, or what the banks together have that have all of it."""

    values: tuple[int, ...] | None
    reason: Reason | None = None
    missing: tuple[str, ...] = ()
    of: int = 1

    def figure(self, unit: Unit, make: Callable[..., Figure] | None = None) -> Figure:
        """The figure that `make` makes of the values (the first of them by default), with what is missing."""
        if self.values is None:
            made = null(unit, self.reason or Reason.NO_DATA)
        else:
            made = make(*self.values) if make else Figure(self.values[0], unit)
        return replace(made, missing=self.missing, of=self.of)


def total(figures: Figures, institution: str, view: View, per_bank: PerBank) -> Sums:
    """The values of one institution; for the county their sums over the banks that have every one of them.

    The same banks stand at both ends of a change; those that lack something are named as missing.
    """
    if institution != COUNTY:
        values = per_bank(institution)
        return Sums(None, values) if isinstance(values, Reason) else Sums(values)
    banks = figures.banks(view)
    found = {bank: per_bank(bank) for bank in banks}
    known = [values for values in found.values() if not isinstance(values, Reason)]
    missing = tuple(bank for bank, values in found.items() if isinstance(values, Reason))
    if not known:
        reasons = [values for values in found.values() if isinstance(values, Reason)]
        return Sums(None, reasons[0] if reasons else Reason.NO_DATA, missing, len(banks))
    return Sums(tuple(sum(column) for column in zip(*known, strict=True)), None, missing, len(banks))


def values(*parts: Figure) -> Values:
    """The integers of several figures, or the first reason why one has none."""
    found = []
    for part in parts:
        if part.value is None:
            return part.reason or Reason.NO_DATA
        found.append(int(part.value))
    return tuple(found)


def at(figures: Figures, institution: str, population: str, view: View, *bases: Base) -> Values:
    """B(population) on the view's day, then on the base days that follow from it; totals stand as they were reported."""
    day = figures.effective_day(institution, population, view)
    if day is None:
        return Reason.NOT_PROVIDED
    days = [day, *(base_day(base, view.on(day)) for base in bases)]
    return values(*(figures.balance(institution, population, d, view) for d in days))


def base_day(base: Base, view: View) -> int:
    """The day from which a change is measured, as a day number."""
    found = base.date_for(view.day)
    return view.as_of if found is None else view.on(found).as_of


def shown_for(figures: Figures, institution: str, population: str, view: View, figure: Figure) -> Figure:
    """The figure with the day of its report, where that is not the day asked for."""
    if institution == COUNTY or figure.value is None:
        return figure
    day = figures.effective_day(institution, population, view)
    return figure if day in (None, view.as_of) else replace(figure, as_of=day)


def share(figures: Figures, institution: str, view: View, part: str, whole: str) -> Figure:
    """B(part) / B(whole) on the view's day."""

    def per_bank(bank: str) -> Values:
        return values(
            figures.balance(bank, part, view.as_of, view), figures.balance(bank, whole, view.as_of, view)
        )

    return total(figures, institution, view, per_bank).figure("ratio", quotient)


def change(figures: Figures, institution: str, population: str, view: View, base: Base) -> Figure:
    """B(population, t) / B(population, base) − 1."""
    sums = total(figures, institution, view, lambda bank: at(figures, bank, population, view, base))
    return shown_for(figures, institution, population, view, sums.figure("ratio", growth))


_HOUSEHOLDS: Final[Unit] = "households"


def households(figures: Figures, institution: str, population: str, days: Sequence[int], view: View) -> Sums:
    """N(population) on each day 户; for the county distinct over the banks that send loans singly on all these days.

    Reported numbers are never added to it: a customer of two banks is one.
    """
    if institution != COUNTY:
        found = values(*(figures.households(institution, population, day, view) for day in days))
        return Sums(None, found) if isinstance(found, Reason) else Sums(found)
    banks = figures.banks(view)
    singly = [b for b in banks if not any(figures.from_ledger(b, population, d, view) for d in days)]
    missing = tuple(bank for bank in banks if bank not in singly)
    if not singly:
        return Sums(None, Reason.NOT_ADDITIVE if banks else Reason.NO_DATA, missing, len(banks))
    versions = {bank: figures.version(bank, view) for bank in singly}
    counts = tuple(figures.ledger.distinct_customers(versions, population, day) for day in days)
    return Sums(counts, None, missing, len(banks))


def counted(figures: Figures, institution: str, population: str, view: View) -> Figure:
    """N(population) 户 on the view's day; a reported number stands on it as a reported total does."""
    found = (
        None if institution == COUNTY else figures.effective_day(institution, population, view, "customers")
    )
    days = [view.as_of if found is None else found]
    return households(figures, institution, population, days, view).figure(_HOUSEHOLDS)


def flow(
    figures: Figures, institution: str, population: str, after: int, until: int, view: View, kinds: frozenset[int],
    column: str = "amount",
) -> Sums:  # fmt: skip
    """The movements of these kinds in (after, until]: fen, or the 借据 begun."""

    def per_bank(bank: str) -> Values:
        why = figures.singly(bank, population, after, until, view)
        version = figures.version(bank, view)
        return why or (figures.ledger.flow(bank, population, after, until, version, kinds, column),)

    return total(figures, institution, view, per_bank)


def flow_households(
    figures: Figures, institution: str, population: str, after: int, until: int, view: View, kinds: frozenset[int]
) -> Figure:  # fmt: skip
    """NF 户: distinct customers with such a movement in (after, until], for the county distinct over banks."""
    banks = figures.banks(view) if institution == COUNTY else (institution,)
    why = {bank: figures.singly(bank, population, after, until, view) for bank in banks}
    missing = tuple(bank for bank, reason in why.items() if reason)
    if len(missing) == len(banks):
        return null(_HOUSEHOLDS, next((r for r in why.values() if r), Reason.NO_DATA))
    hashes = [
        figures.ledger.flow_hashes(bank, population, after, until, figures.version(bank, view), kinds)
        for bank in banks
        if why[bank] is None
    ]
    return Figure(len(np.unique(np.concatenate(hashes))), _HOUSEHOLDS, missing=missing, of=len(banks))
