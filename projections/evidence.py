"""Evidence down to the single fact: what moved a figure most, as known under its view."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from heapq import nlargest
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from aggregates.codes import date_of, day_number
from aggregates.facts import LoanFact
from aggregates.store import Store
from projections.alerts import Evidence, Finding
from projections.contributing import Contribution, Row, Span, facts_behind, largest
from projections.figure import Reason
from projections.scope import base_day
from projections.views import Figures, View
from puhui.contract.signing import SIGNATURE
from puhui.policy import Base
from puhui.policy.periods import HOUR, microseconds, moment_at

SHOWN: Final = 12
"""How many facts an alert carries; all others can be asked for by the same view."""
_LATEST: Final = 20_000
"""Refusals of a book, the newest first, among which those of an hour are looked for: a day of them."""
ABOUT_RENEWALS: Final = ("I21", "I22", "I23")
ABOUT_CUSTOMERS: Final = ("I37",)
_ABOUT_GROWTH: Final = ("I35", "I36", *ABOUT_CUSTOMERS)


def facts_of(store: Store, figures: Figures, finding: Finding) -> tuple[dict[str, Any], ...] | None:
    """The facts that a finding rests on: the largest of a change's time, the last reports of the day that does not fit, or
    the last refusals of an hour. None for a change at a bank that does not send loans singly (level A).
    """
    version = finding.evidence.versions.get(finding.subject, 0)
    if finding.rule in ("ReconciliationGap", "UnitSuspected"):
        return tuple(_reports(figures, finding, version))
    if finding.rule in ("RejectSpike", "UnauthenticEvents"):
        return tuple(_refusals(store, finding))
    moved = measured(finding.evidence)
    return _contributions(store, figures, finding, *moved) if moved else ()


def _refusals(store: Store, finding: Finding) -> Iterator[dict[str, Any]]:
    began = microseconds(datetime.fromisoformat(f"{finding.period}:00+08:00"))
    rows = [row for row in store.refused(finding.subject, _LATEST) if began <= row.at < began + HOUR]
    if finding.rule == "UnauthenticEvents":
        rows = [row for row in rows if row.field == SIGNATURE]
    for row in sorted(rows, key=lambda row: (-row.at, row.place))[:SHOWN]:
        yield {
            "fact": "event.refused", "rule": row.rule, "field": row.field, "place": row.place,
            "recorded_at": moment_at(row.at).isoformat(timespec="seconds"), "event": f"{row.event:016x}",
        }  # fmt: skip


def _reports(figures: Figures, finding: Finding, version: int) -> Iterator[dict[str, Any]]:
    day, key, measure = finding.period.split("/")
    as_of = day_number(date.fromisoformat(day))
    of_the_day = figures.positions(finding.subject).of_day(key, measure, as_of, version)
    for row in of_the_day[-SHOWN:]:
        yield {
            "fact": "position.reported", "key": key, "measure": measure, "as_of": day, "amount": row.amount,
            "kind": row.kind, "version": row.version, "event": f"{row.event:016x}",
        }  # fmt: skip


def measured(kept: Evidence) -> tuple[str, Base] | None:
    """Of which population an alert's figure is, and from which base its change is measured; None where it is of none."""
    if kept.indicator in ABOUT_RENEWALS:
        return "NPR", Base.PREVIOUS_QUARTER
    if kept.indicator in _ABOUT_GROWTH:
        return "PH", Base.SAME_DATE_LAST_YEAR if "同比" in kept.notes else Base.YEAR_START
    return None


def _contributions(
    store: Store, figures: Figures, finding: Finding, population: str, base: Base
) -> tuple[dict[str, Any], ...] | None:
    """The facts that moved a balance most since its base, by amount: of a growth that was missed those that took from it,
    of customers that were missed those of who has left.
    """
    book, kept = finding.subject, finding.evidence
    view = View.of(date.fromisoformat(kept.as_of), None, kept.versions)
    version, after = figures.version(book, view), base_day(base, view)
    if figures.singly(book, population, after, view.as_of, view) is Reason.NOT_PROVIDED:
        return None
    who = _gone(figures, kept, view, book) if kept.indicator in ABOUT_CUSTOMERS else None
    span = Span(book, population, after, view.as_of, version, kept.indicator in _ABOUT_GROWTH, who)
    found = list(facts_behind(store, figures.ledger, book, largest(figures.ledger, span, SHOWN)))
    told = [one for contribution, rows in found for one in _told(contribution, rows)]
    first = store.first_record(book) or 1
    archived = any(row.version < first for _, rows in found for row, _ in rows)
    missing = [{"fact": "records_archived", "version": first - 1}] if archived else []
    return (*missing, *nlargest(SHOWN, told, key=itemgetter("amount")))


def _gone(figures: Figures, kept: Evidence, view: View, book: str) -> NDArray[np.bool_]:
    """For each customer of a book: did it have a balance at the base of this evidence, and has none any more?"""
    population, base = measured(kept) or ("PH", Base.YEAR_START)
    days = [base_day(base, view), view.as_of]
    _, ends = figures.ledger.customer_balances(book, population, days, figures.version(book, view))
    left: NDArray[np.bool_] = (ends[:, 0] > 0) & (ends[:, 1] <= 0)
    return left


def _told(
    contribution: Contribution, rows: Sequence[tuple[Row, LoanFact | None]]
) -> Iterator[dict[str, Any]]:
    """A contribution for people and machines: each of its facts, or where some was taken back what is left of it.

    `fact` is the line of the bridge; 借据 and event stand where it can be said which loan's fact made it.
    """
    by_fact: dict[int, tuple[Row, LoanFact | None, int]] = {}
    for nth, (row, fact) in enumerate(sorted(rows, key=lambda one: -abs(one[0].amount))):
        key = fact.event if fact else nth
        first, _, amount = by_fact.get(key, (row, fact, 0))
        by_fact[key] = (first, fact, amount + row.amount)
    told = list(by_fact.values())
    if sum(row.amount for row, _ in rows) != contribution.net:
        row, fact, _ = told[0]
        told = [(row, fact if len(told) == 1 else None, contribution.net)]
    for row, fact, amount in told:
        shown = {
            "fact": row.kind.name.lower(), "business_date": date_of(row.day).isoformat(), "amount": abs(amount),
            "version": row.version,
        }  # fmt: skip
        yield shown if fact is None else shown | {"loan_no": fact.loan_no, "event": f"{fact.event:016x}"}
