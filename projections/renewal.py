"""无还本续贷: its balance, how it went from quarter to quarter, and what was granted (I21–I24)."""

from dataclasses import replace
from typing import Final

import numpy as np

from aggregates.loan import FLOWS, Kind
from projections.bridge import bridge
from projections.figure import COUNTY, Figure, Reason, growth, null, quotient
from projections.scope import (
    Values,
    at,
    base_day,
    change,
    counted,
    flow,
    flow_households,
    households,
    shown_for,
    total,
    values,
)
from projections.sums import Ints
from projections.views import Figures, View
from puhui.policy import Base

_FLOWS: Final = frozenset(int(kind) for kind in FLOWS)
_BEGUN: Final = frozenset((int(Kind.ISSUED), int(Kind.RENEWED_IN), int(Kind.INCREASE)))
"""Kinds whose first movement begins a 借据: 笔 of 累放."""
_AMOUNTS: Final = (
    ("doubtful", "NPR_DOUBTFUL"),
    ("partial", "PARTIAL"),
    ("inclusive", "NPR_PH"),
    ("medium", "NPR_MEDIUM"),
)


def balance(figures: Figures, institution: str, view: View) -> Figure:
    """I21 无还本续贷余额, fen [C3.8]: every 借据 whose issuance kind is 无还本续贷, as declared, as known.

    Parts: doubtful 其中存疑 (V13); partial 部分还本续贷, beside it and not inside; inclusive 其中普惠; medium 其中中型;
    loans 笔; households 户; share_of_inclusive 占普惠比.
    """
    parts = {name: _amount(figures, institution, key, view) for name, key in _AMOUNTS}
    parts["loans"] = total(figures, institution, view, lambda b: _loans(figures, b, view)).figure("loans")
    parts["households"] = counted(figures, institution, "NPR", view)
    parts["share_of_inclusive"] = _share(figures, institution, view)
    return _amount(figures, institution, "NPR", view).with_parts(parts)


def _amount(figures: Figures, institution: str, population: str, view: View) -> Figure:
    sums = total(figures, institution, view, lambda bank: at(figures, bank, population, view))
    return shown_for(figures, institution, population, view, sums.figure("fen"))


def _loans(figures: Figures, bank: str, view: View) -> Values:
    found = figures.loans(bank, "NPR", view.as_of, view)
    return (int(found.value),) if found.value is not None else found.reason or Reason.NO_DATA


def _share(figures: Figures, institution: str, view: View) -> Figure:
    def per_bank(bank: str) -> Values:
        part, whole = at(figures, bank, "NPR", view), at(figures, bank, "PH", view)
        return part if isinstance(part, Reason) else whole if isinstance(whole, Reason) else part + whole

    return total(figures, institution, view, per_bank).figure("ratio", quotient)


def quarterly_change(figures: Figures, institution: str, view: View) -> Figure:
    """I22 无还本续贷余额环比, ratio [C3.8]: I21(t) / I21(上季末) − 1, as printed.

    Parts: base fen; delta fen; judged 剔除口径变动后, a ratio, and judged_delta fen; set_apart 口径变动 fen;
    yoy 同比; without_largest 剔除最大一户后环比; largest, its part of the change in fen; base_households 户.
    """
    sums = total(figures, institution, view, lambda b: at(figures, b, "NPR", view, Base.PREVIOUS_QUARTER))
    printed = shown_for(figures, institution, "NPR", view, sums.figure("ratio", growth))
    day = view.as_of if printed.as_of is None else printed.as_of
    base = base_day(Base.PREVIOUS_QUARTER, view.on(day))
    count = households(figures, institution, "NPR", [base], view)
    return printed.with_parts(
        {
            "base": sums.figure("fen", lambda end, base: Figure(base, "fen")),
            "delta": sums.figure("fen", lambda end, base: Figure(end - base, "fen")),
            **_judged(figures, institution, view.on(day), base),
            "yoy": change(figures, institution, "NPR", view, Base.SAME_DATE_LAST_YEAR),
            **_without_largest(figures, institution, view.on(day), base),
            "base_households": count.figure("households"),
        }
    )


def _judged(figures: Figures, institution: str, view: View, base: int) -> dict[str, Figure]:
    found = bridge(figures, institution, view, base)
    if found.reason or found.opening is None or found.closing is None:
        why = found.reason or Reason.NO_DATA
        return {"judged": null("ratio", why), "judged_delta": null("fen", why), "set_apart": null("fen", why)}
    delta = found.closing - found.opening - found.set_apart
    parts = {
        "judged": quotient(delta, found.opening),
        "judged_delta": Figure(delta, "fen"),
        "set_apart": Figure(found.set_apart, "fen"),
    }
    of = len(figures.banks(view)) if institution == COUNTY else 1
    return {name: replace(part, missing=found.missing, of=of) for name, part in parts.items()}


def _without_largest(figures: Figures, institution: str, view: View, base: int) -> dict[str, Figure]:
    """The change without the customer that has the largest part of it, at both ends; banks of totals only are missing."""
    banks = figures.banks(view) if institution == COUNTY else (institution,)
    why = {bank: figures.singly(bank, "NPR", base, view.as_of, view) for bank in banks}
    known = [bank for bank in banks if why[bank] is None]
    if not known:
        reason = next((r for r in why.values() if r), Reason.NO_DATA)
        return {"without_largest": null("ratio", reason), "largest": null("fen", reason)}
    ends = _by_customer(figures, known, [base, view.as_of], view)
    steps = ends[:, 1] - ends[:, 0]
    delta = int(steps.sum())
    parts = {"without_largest": null("ratio", Reason.NOT_APPLICABLE), "largest": Figure(0, "fen")}
    if len(steps) and delta:
        place = int(np.argmax(steps) if delta > 0 else np.argmin(steps))
        opening, closing = (int(column.sum() - column[place]) for column in (ends[:, 0], ends[:, 1]))
        parts = {"without_largest": growth(closing, opening), "largest": Figure(int(steps[place]), "fen")}
    lacking = tuple(bank for bank in banks if why[bank] is not None)
    return {name: replace(part, missing=lacking, of=len(banks)) for name, part in parts.items()}


def _by_customer(figures: Figures, banks: list[str], days: list[int], view: View) -> Ints:
    """Balances of 无还本续贷 by customer × day, a customer of several banks once."""
    found = [_with_balance(figures, bank, days, view) for bank in banks]
    _, numbers = np.unique(np.concatenate([hashes for hashes, _ in found]), return_inverse=True)
    balances = np.zeros((int(numbers.max(initial=-1)) + 1, len(days)), dtype=np.int64)
    np.add.at(balances, numbers, np.concatenate([rows for _, rows in found]))
    return balances


def _with_balance(figures: Figures, bank: str, days: list[int], view: View) -> tuple[Ints, Ints]:
    """The customers of one bank that have a balance on any of the days, few among all, and their balances."""
    hashes, rows = figures.ledger.customer_balances(bank, "NPR", days, figures.version(bank, view))
    having = rows.any(axis=1)
    return hashes[having], rows[having]


def bridge_figure(figures: Figures, institution: str, view: View) -> Figure:
    """I23 无还本续贷余额变动分解, fen [C3.8]: the closing balance; its lines, from the close of the quarter before.

    Parts: start 期初余额, the lines of `projections.bridge` (its `opening` is 期初接入), settled_again 其中续了又续,
    residual (0 by construction). At level A null, 未提供.
    """
    found = bridge(figures, institution, view, base_day(Base.PREVIOUS_QUARTER, view))
    if found.reason or found.closing is None:
        return null("fen", found.reason or Reason.NO_DATA)
    parts = {"start": Figure(found.opening, "fen")}
    parts |= {line.name: Figure(line.amount, "fen") for line in found.lines}
    parts["settled_again"] = Figure(found.again, "fen")
    parts["residual"] = Figure(found.residual, "fen")
    of = len(figures.banks(view)) if institution == COUNTY else 1
    return Figure(found.closing, "fen", parts=parts, missing=found.missing, of=of)


def granted(figures: Figures, institution: str, view: View) -> Figure:
    """I24 无还本续贷累放, fen [C11.5]: disbursed as 无还本续贷 in the quarter, by the class of the day.

    Parts: increase 其中增额; loans 笔; households 户 (NF); yoy 同比; and the same of the year so far: ytd, ytd_increase,
    ytd_loans, ytd_households, ytd_yoy.
    """
    quarter = _granted(figures, institution, view, Base.PREVIOUS_QUARTER)
    year = _granted(figures, institution, view, Base.YEAR_START)
    parts = {name: part for name, part in quarter.items() if name != "amount"}
    parts |= {"ytd" if name == "amount" else f"ytd_{name}": part for name, part in year.items()}
    return quarter["amount"].with_parts(parts)


def _granted(figures: Figures, institution: str, view: View, base: Base) -> dict[str, Figure]:
    after, day = base_day(base, view), view.as_of
    then = view.on(base_day(Base.SAME_DATE_LAST_YEAR, view))
    increase = frozenset((int(Kind.INCREASE),))
    return {
        "amount": flow(figures, institution, "NPR", after, day, view, _FLOWS).figure("fen"),
        "increase": flow(figures, institution, "NPR", after, day, view, increase).figure("fen"),
        "loans": flow(figures, institution, "NPR", after, day, view, _BEGUN, "loans").figure("loans"),
        "households": flow_households(figures, institution, "NPR", after, day, view, _FLOWS),
        "yoy": _granted_yoy(figures, institution, view, (after, day), (base_day(base, then), then.as_of)),
    }


def _granted_yoy(
    figures: Figures, institution: str, view: View, now: tuple[int, int], then: tuple[int, int]
) -> Figure:
    """累放 of one window against that of the year before, over the banks that have both."""

    def per_bank(bank: str) -> Values:
        return values(*(figures.flow(bank, "NPR", *window, view, _FLOWS) for window in (now, then)))

    return total(figures, institution, view, per_bank).figure("ratio", growth)
