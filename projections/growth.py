"""Growth against targets and plans: I34, I35, I36, I37, I38, I39."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from math import ceil
from typing import Final

from aggregates.loan import Kind
from projections.figure import COUNTY, Figure, Reason, Unit, growth, null, quotient
from projections.pace import profile
from projections.reported import latest
from projections.scope import Values, at, base_day, change, households, shown_for, total, values
from projections.views import REPORTED_KEYS, Figures, View
from puhui.policy import Base, Target
from puhui.policy.expressions import Number

_ADDED_BACK: Final = (Kind.WRITTEN_OFF, Kind.TRANSFERRED_NPL)
EXEMPT: Final = "差异化考核"


def inclusive_growth(figures: Figures, institution: str, view: View) -> Figure:
    """I34 普惠型小微贷款增速, ratio [basis]: 较年初, B(PH, t) / B(PH, y0) − 1.

    Parts: yoy 同比; net_increase 较年初增量 fen; ytd_restored and yoy_restored 还原, with write-offs and npl transfers since
    the base added back.
    """
    sums = total(figures, institution, view, lambda bank: at(figures, bank, "PH", view, Base.YEAR_START))
    found = shown_for(figures, institution, "PH", view, sums.figure("ratio", growth))
    return found.with_parts(
        {
            "yoy": change(figures, institution, "PH", view, Base.SAME_DATE_LAST_YEAR),
            "net_increase": sums.figure("fen", lambda end, base: Figure(end - base, "fen")),
            "ytd_restored": _restored(figures, institution, view, Base.YEAR_START),
            "yoy_restored": _restored(figures, institution, view, Base.SAME_DATE_LAST_YEAR),
        }
    )


def _restored(figures: Figures, institution: str, view: View, base: Base) -> Figure:
    def per_bank(bank: str) -> Values:
        ends, after = at(figures, bank, "PH", view, base), base_day(base, view)
        lost = figures.flow(bank, "PH", after, view.as_of, view, [int(k) for k in _ADDED_BACK])
        gone = values(lost)
        if isinstance(ends, Reason) or isinstance(gone, Reason):
            return ends if isinstance(ends, Reason) else gone
        return (ends[0] - gone[0], ends[1])

    return total(figures, institution, view, per_bank).figure("ratio", growth)


def large_bank_growth(figures: Figures, institution: str, view: View) -> Figure:
    """I35 国有大型银行年增速, ratio [C4.3]: B(PH, t) / B(PH, y0) − 1, judged at the year's end only.

    Parts: base, fen; target, ratio; gap 与目标差 in pp; expected share of the year's net growth by the day (profile), needed =
    target × expected; pace p = growth / needed; outlook, the year's growth at this pace; shortfall fen: the net growth
    that the whole year's target still asks for. A target that is a growth itself, `growth(ALL)`, is the growth of the
    same year so far: needed is the target then, and unknown until a day of that year is reported. Null for whom no
    target binds; of the county only the shortfall is told, the sum over the banks with a target.
    """
    if institution == COUNTY:
        return null("ratio", Reason.NOT_APPLICABLE).with_parts({"shortfall": _shortfalls(figures, view)})
    target = figures.target("large_bank_inclusive_growth", institution, view)
    if target is None:
        return null("ratio", Reason.NO_TARGET)
    ends = at(figures, institution, "PH", view, Base.YEAR_START)
    if isinstance(ends, Reason):
        return null("ratio", ends)
    found = shown_for(figures, institution, "PH", view, growth(*ends))
    if found.value is None:
        return found
    own = view if found.as_of is None else view.on(found.as_of)
    limit, (expected, source) = _limit(figures, institution, target, own), profile(figures, institution, own)
    needed = _needed(target, limit, expected)
    short = None if limit is None else ceil(limit * ends[1]) - (ends[0] - ends[1])
    return found.with_parts(
        {
            "base": Figure(ends[1], "fen"),
            "target": _or_null(limit, "ratio"),
            "gap": _or_null(None if limit is None else found.value - limit, "pp"),
            "profile": Figure(expected, "ratio"),
            "needed": _or_null(needed, "ratio"),
            "pace": _pace(found.value, needed),
            "outlook": quotient(found.value, expected),
            "shortfall": _or_null(short, "fen"),
        }
    ).with_notes(source, EXEMPT if target.exempt else "")


def _needed(target: Target, limit: Fraction | None, expected: Fraction) -> Fraction | None:
    """The growth that the target asks for by the day; a growth of the same year so far is asked for whole."""
    if limit is None or not isinstance(target.value, Number):
        return limit
    return limit * expected


def _pace(achieved: Fraction | int, needed: Fraction | None) -> Figure:
    """Growth by what is needed of it; of no meaning where nothing is, or less."""
    if needed is None:
        return null("ratio", Reason.NOT_PROVIDED)
    return quotient(achieved, needed) if needed > 0 else null("ratio", Reason.NOT_APPLICABLE)


def _shortfalls(figures: Figures, view: View) -> Figure:
    """The sum of the shortfalls of the banks with a target; those whose own is unknown are named as missing."""
    parts = [
        (bank, of_bank.parts.get("shortfall") or null("fen", of_bank.reason or Reason.NO_DATA))
        for bank in figures.banks(view)
        if (of_bank := large_bank_growth(figures, bank, view)).reason is not Reason.NO_TARGET
    ]
    known = [int(part.value) for _, part in parts if part.value is not None]
    missing = tuple(bank for bank, part in parts if part.value is None)
    if known:
        return Figure(sum(known), "fen", missing=missing, of=len(parts))
    return null("fen", parts[0][1].reason or Reason.NO_DATA if parts else Reason.NO_TARGET)


def _or_null(value: Fraction | int | None, unit: Unit) -> Figure:
    """The figure; a target's value is unknown only where the growth that it names was not reported."""
    return null(unit, Reason.NOT_PROVIDED) if value is None else Figure(value, unit)


def _limit(figures: Figures, institution: str, target: Target, view: View) -> Fraction | None:
    """The target's value on the day; `growth(KEY)` over the target's own base, of the view's own year."""

    def growth_of(key: str) -> Fraction | None:
        day = common_day(figures, institution, view, (key, "balance"))
        if day is None or (base is Base.YEAR_START and view.on(day).day.year != view.day.year):
            return None
        ends = _ends(figures, institution, key, view.on(day), base)
        found = None if isinstance(ends, Reason) else growth(*ends).value
        return None if found is None else Fraction(found)

    base = target.base if target.base is not Base.NONE else Base.YEAR_START
    return target.limit({key: growth_of(key) for key in ("ALL", "PH", "FS")})


def _ends(figures: Figures, bank: str, population: str, view: View, base: Base) -> Values:
    days = (view.as_of, base_day(base, view))
    return values(*(figures.balance(bank, population, day, view) for day in days))


def common_day(figures: Figures, bank: str, view: View, *wanted: tuple[str, str]) -> int | None:
    """The latest day up to the view's on which all of these stand; (population, measure).

    What comes from loans stands every day; a reported total as `Positions.latest_day` says.
    """
    version, days = figures.version(bank, view), None
    for population, measure in wanted:
        if figures.from_ledger(bank, population, view.as_of, view) is Reason.NOT_PROVIDED:
            key = REPORTED_KEYS.get(population, "")
            kinds = figures.kinds(bank, view, view.as_of)
            known = set(figures.positions(bank).days(key, measure, version, kinds))
            days = known if days is None else days & known
    if days is None:
        return view.as_of
    return latest(days.__contains__, days, view.as_of)


def _day_of(figures: Figures, institution: str, view: View, *wanted: tuple[str, str]) -> int | None:
    """The same for the county: the day on which most of its banks stand, the later of two."""
    if institution != COUNTY:
        return common_day(figures, institution, view, *wanted)
    days = (common_day(figures, bank, view, *wanted) for bank in figures.banks(view))
    counts = Counter(day for day in days if day is not None)
    return max(counts, key=lambda day: (counts[day], day), default=None)


def _gap(figures: Figures, institution: str, population: str, view: View, base: Base) -> Figure:
    """growth(population) − growth(各项贷款), over the same base, in pp."""
    day = _day_of(figures, institution, view, (population, "balance"), ("ALL", "balance"))
    if day is None:
        return null("pp", Reason.NOT_PROVIDED)
    on = view.on(day)

    def per_bank(bank: str) -> Values:
        one, whole = (_ends(figures, bank, key, on, base) for key in (population, "ALL"))
        return one if isinstance(one, Reason) else whole if isinstance(whole, Reason) else one + whole

    sums = total(figures, institution, on, per_bank)
    own = sums.figure("ratio", lambda end, base, _end, _base: growth(end, base))
    whole = sums.figure("ratio", lambda _end, _base, end, base: growth(end, base))
    found = null("pp", sums.reason or own.reason or whole.reason or Reason.NO_DATA)
    if own.value is not None and whole.value is not None:
        found = Figure(own.value - whole.value, "pp")
    found = replace(found, missing=sums.missing, of=sums.of, as_of=None if day == view.as_of else day)
    return found.with_parts({"own": own, "all": whole})


def two_increase_growth(figures: Figures, institution: str, view: View) -> Figure:
    """I36 两增—增速差, pp [C4.4]: growth(PH) − growth(ALL), the base of the policy year. Parts: own, all, ratios.

    Notes: the base; 差异化考核 where the bank is exempt by its own target.
    """
    base, notes = _assessed(figures, institution, "two_increase_growth", "I36", view)
    return _gap(figures, institution, "PH", view, base).with_notes(*notes)


def two_increase_households(figures: Figures, institution: str, view: View) -> Figure:
    """I37 两增—户数差, households [C4.4]: N(PH, t) − N(PH, base), the base of the policy year. Parts: now, base."""
    base, notes = _assessed(figures, institution, "two_increase_household", "I37", view)
    return _fewer(figures, institution, "PH", view, base).with_notes(*notes)


def _assessed(
    figures: Figures, institution: str, key: str, number: str, view: View
) -> tuple[Base, tuple[str, ...]]:
    """The base 基期 of the policy year, and what must be said of it; 较年初 where no rule is known."""
    own = None if institution == COUNTY else figures.target(key, institution, view)
    year = own or next(iter(figures.policy(view).targets(number, view.day)), None)
    base = year.base if year and year.base is not Base.NONE else Base.YEAR_START
    said = "较年初" if base is Base.YEAR_START else "同比"
    return base, (
        said,
        EXEMPT if own and own.exempt else "",
        "" if own or institution == COUNTY else "不考核",
    )


def _fewer(figures: Figures, institution: str, population: str, view: View, base: Base) -> Figure:
    day = view.as_of
    if institution != COUNTY:
        found = common_day(figures, institution, view, (population, "customers"))
        if found is None:
            return null("households", Reason.NOT_PROVIDED)
        day = found
    on = view.on(day)
    sums = households(figures, institution, population, [day, base_day(base, on)], on)

    def part(count: int) -> Figure:
        return Figure(count, "households")

    gap = sums.figure("households", lambda now, then: part(now - then))
    gap = replace(gap, as_of=None if day == view.as_of else day)
    return gap.with_parts(
        {
            "now": sums.figure("households", lambda now, then: part(now)),
            "base": sums.figure("households", lambda now, then: part(then)),
        }
    )


def full_scope_growth(figures: Figures, institution: str, view: View) -> Figure:
    """I38 小微增速差(全口径), pp [P8.1a]: 同比 of FS − 同比 of ALL. Parts: own, all, ratios.

    FS is the reported total where the bank reports one: it holds 贴现 and loans that never come singly; else the sum
    of its loans. Never one at one end and the other at the other.
    """
    return _gap(figures, institution, "FS", view, Base.SAME_DATE_LAST_YEAR)


def full_scope_households(figures: Figures, institution: str, view: View) -> Figure:
    """I39 小微户数差, households [P8.1b]: N(FS, t) − N(FS, t−1y); reported or counted as for I38. Parts: now, base."""
    return _fewer(figures, institution, "FS", view, Base.SAME_DATE_LAST_YEAR)
