"""Structure of lending 信贷结构: I10, I11, I12, I16, I26."""

from aggregates.loan import FLOWS
from projections.figure import Figure, Reason, null, quotient
from projections.scope import (
    Values,
    at,
    base_day,
    counted,
    flow,
    flow_households,
    households,
    share,
    shown_for,
    total,
    values,
)
from projections.views import Figures, View
from puhui.policy import Base


def inclusive_balance(figures: Figures, institution: str, view: View) -> Figure:
    """I10 普惠型小微企业贷款余额, fen [basis]: B(PH) without bill discount.

    Parts: households 户数; assumed 其中额度缺省, loans whose customer has no line, so the loan amount is its line.
    """
    found = total(figures, institution, view, lambda bank: at(figures, bank, "PH", view)).figure("fen")
    return shown_for(figures, institution, "PH", view, found).with_parts(
        {
            "households": counted(figures, institution, "PH", view),
            "assumed": total(figures, institution, view, lambda b: at(figures, b, "PH_ASSUMED", view)).figure("fen"),
        }
    )  # fmt: skip


def unsecured_share(figures: Figures, institution: str, view: View) -> Figure:
    """I11 信用贷款占比, ratio [C1.2, C16.7]: B(PH ∧ 信用) / B(PH).

    Parts: amount; change_yoy 较上年同期 in pp; flow 当年投放口径; share_all 各项贷款口径, from reported totals.
    """
    return share(figures, institution, view, "PH_CREDIT", "PH").with_parts(
        {
            "amount": total(figures, institution, view, lambda b: at(figures, b, "PH_CREDIT", view)).figure("fen"),
            "change_yoy": _share_change(figures, institution, view, "PH_CREDIT"),
            "flow": flow_share(figures, institution, view, "PH_CREDIT"),
            "share_all": _reported_share(figures, institution, view),
        }
    )  # fmt: skip


def _share_change(figures: Figures, institution: str, view: View, part: str) -> Figure:
    """B(part) / B(PH) less that of the same date last year, over the banks that have both."""
    days = (view.as_of, base_day(Base.SAME_DATE_LAST_YEAR, view))

    def per_bank(bank: str) -> Values:
        return values(*(figures.balance(bank, key, day, view) for day in days for key in (part, "PH")))

    def made(over: int, under: int, over_then: int, under_then: int) -> Figure:
        return _difference(quotient(over, under), quotient(over_then, under_then))

    return total(figures, institution, view, per_bank).figure("pp", made)


def _difference(now: Figure, before: Figure) -> Figure:
    """The difference of two ratios, in pp."""
    if now.value is None or before.value is None:
        return Figure(None, "pp", now.reason or before.reason)
    return Figure(now.value - before.value, "pp")


def flow_share(figures: Figures, institution: str, view: View, part: str) -> Figure:
    """F(part) / F(PH) of the year so far, by the class of the day of disbursement."""
    after, kinds = base_day(Base.YEAR_START, view), frozenset(int(k) for k in FLOWS)
    over = flow(figures, institution, part, after, view.as_of, view, kinds)
    under = flow(figures, institution, "PH", after, view.as_of, view, kinds)
    if over.values is None:
        return under.figure("ratio")
    granted = over.values[0]
    return under.figure("ratio", lambda whole: quotient(granted, whole))


def _reported_share(figures: Figures, institution: str, view: View) -> Figure:
    def per_bank(bank: str) -> Values:
        found = figures.effective_day(bank, "ALL", view)
        day = view.as_of if found is None else found
        row = figures.reported(bank, "CREDIT", "balance", day, view, figures.kinds(bank, view, day))
        whole = figures.balance(bank, "ALL", day, view)
        return values(Figure(row.amount, "fen") if row else null("fen", Reason.NOT_PROVIDED), whole)

    return total(figures, institution, view, per_bank).figure("ratio", quotient)


def unsecured_borrowers(figures: Figures, institution: str, view: View) -> Figure:
    """I12 获得信用贷款户数, households [C1.3]: N(PH ∧ 信用).

    Parts: flow NF 当年获得户数; change_yoy 较上年同期, 户.
    """
    last_year = base_day(Base.SAME_DATE_LAST_YEAR, view)
    found = households(figures, institution, "PH_CREDIT", [view.as_of], view).figure("households")
    both = households(figures, institution, "PH_CREDIT", [view.as_of, last_year], view)
    after, kinds = base_day(Base.YEAR_START, view), frozenset(int(k) for k in FLOWS)
    return found.with_parts(
        {
            "flow": flow_households(figures, institution, "PH_CREDIT", after, view.as_of, view, kinds),
            "change_yoy": both.figure("households", lambda now, then: Figure(now - then, "households")),
        }
    )


def long_share(figures: Figures, institution: str, view: View) -> Figure:
    """I16 中长期贷款占比, ratio [C11.5]: B(PH ∧ 原始期限 >12 个月) / B(PH). Part: flow 当年投放口径."""
    found = share(figures, institution, view, "PH_LONG", "PH")
    return found.with_parts({"flow": flow_share(figures, institution, view, "PH_LONG")})


def renewed_share(figures: Figures, institution: str, view: View) -> Figure:
    """I26 续贷转贷占比(余额), ratio [C3.1]: B(PH, 无还本 + 部分还本 + 借新还旧 + 转贷) / B(PH)."""
    return share(figures, institution, view, "PH_RENEWED", "PH")
