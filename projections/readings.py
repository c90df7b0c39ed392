"""Readings 读数: figures, counts and alerts as samples of the metrics in the table."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from aggregates.registry import REGISTRY_BOOK, Standing
from aggregates.store.transaction import RestatementRow
from projections.alerts import State
from projections.bridge import TITLES
from projections.figure import COUNTY, Figure, Reason, null
from projections.indicators import INDICATORS
from projections.metrics import BRIDGE, METRICS, PLAIN, RESULTS, TIES, UNAUTHENTIC, Measure, Metric
from projections.official import Official
from projections.quality import gaps
from projections.rules import RULE_BOOK
from projections.views import Figures, View
from projections.wording import LABELS
from puhui.policy.periods import microseconds, start_of

COUNTY_NAME: Final = "全县银行合计"
REGISTRY: Final = "registry"
"""The institution of events that are about no single one."""
_OTHERS: Final = {REGISTRY: "登记簿", "unknown": "未知机构"}
_DAY: Final = 86_400
_REJECTED: Final = "I104"
"""Counted, not computed from the ledger: it moves without a fact."""
_BY_RULE: Final = {
    "refused": "puhui_refusals_total",
    "flagged": "puhui_flags_total",
    "parked": "puhui_parkings_total",
}
_PLACES: Final = {"start": 0, **{name: place for place, name in enumerate(TITLES, 1)}, "end": len(TITLES) + 1}
_TITLES: Final = {**LABELS, "end": "期末余额"}


@dataclass(frozen=True, slots=True)
class Distribution:
    """The value of a histogram: how many were no more than each bound of the table, how many there were, and their sum."""

    within: tuple[int, ...]
    count: int
    sum: float


class Sample(NamedTuple):
    """One value of a metric, with the values of its labels in their order."""

    metric: Metric
    labels: tuple[str, ...]
    value: float | Distribution


def quantity(figure: Figure) -> float | None:
    """The value in base units: yuan, ratios, seconds, plain numbers."""
    if figure.value is None:
        return None
    if figure.unit == "fen":
        return int(figure.value) / 100
    return float(figure.value) * (_DAY if figure.unit == "days" else 1)


# live figures


def live_readings(figures: Figures, who: str, name: str) -> Iterator[Sample]:
    """The live figures of an institution or of the county; nothing once an institution is closed."""
    view = figures.live(who)
    known = figures.institutions(view).get(who)
    if known is not None and known.closed_on is not None and view.as_of >= known.closed_on:
        return
    yield _one("puhui_as_of_timestamp_seconds", (who, name), microseconds(start_of(view.day)) / 1e6)
    for measure, figure in _plain(figures, who, view, [m for m in PLAIN if m.number != _REJECTED]):
        value = quantity(figure)
        if value is not None:
            yield _one(f"puhui_{measure.name}", (who, name), value)
        if who == COUNTY and value is not None:
            yield _one("puhui_county_missing_banks", (f"puhui_{measure.name}",), len(figure.missing))
    for labels, value in _bridge(figures, who, view):
        yield _one(f"puhui_{BRIDGE.name}", (who, name, *labels), value)
    for measure, population, value in _ties(figures, who, view):
        yield _one(f"puhui_{measure.name}", (who, name, population), value)


def closed_readings(figures: Figures, found: Official, name: str) -> Iterator[Sample]:
    """The official figures of a closed quarter, and the state in which they stand."""
    who, view, period = found.institution, found.view, str(found.period)
    begun = False
    for measure, figure in _plain(figures, who, view, [m for m in PLAIN if m.closed]):
        value = quantity(figure)
        if value is not None:
            begun = True
            yield _one(f"puhui_official_{measure.name}", (who, name, period), value)
    for labels, value in _bridge(figures, who, view):
        yield _one(f"puhui_official_{BRIDGE.name}", (who, name, period, *labels), value)
    for measure, population, value in _ties(figures, who, view, view.as_of):
        yield _one(f"puhui_official_{measure.name}", (who, name, period, population), value)
    if begun:
        yield _one("puhui_official_period_info", (who, name, period, found.state), 1)


def _plain(
    figures: Figures, who: str, view: View, measures: Iterable[Measure]
) -> Iterator[tuple[Measure, Figure]]:
    """Each measure with its figure; an indicator is computed once."""
    made: dict[str, Figure] = {}
    for measure in measures:
        found = made.get(measure.number)
        if found is None:
            found = made[measure.number] = INDICATORS[measure.number].of(figures, who, view)
        if measure.part:
            found = found.parts.get(measure.part) or null("fen", found.reason or Reason.NO_DATA)
        yield measure, found


def _bridge(figures: Figures, who: str, view: View) -> Iterator[tuple[tuple[str, ...], float]]:
    """Line by line: 期初 plus what moved it is 期末; 其中 lines are left out, so that the bridge adds up."""
    found = INDICATORS["I23"].of(figures, who, view)
    for line, figure in {**found.parts, "end": found}.items():
        value = quantity(figure)
        if line in _PLACES and value is not None:
            yield (line, _TITLES[line], f"{_PLACES[line]:02d}"), value


def _ties(
    figures: Figures, who: str, view: View, day: int | None = None
) -> Iterator[tuple[Measure, str, float]]:
    """What was reported for each population on a day (by default each on its latest one), and what we have."""
    if who == COUNTY or figures.level(who, view) == "A":
        return
    for gap in gaps(figures, who, view):
        if day is not None and gap.as_of != day:
            continue
        amounts = {"reported": gap.reported, "system": gap.system, "gap": gap.gap}
        for measure in TIES:
            side, _, kind = measure.part.partition(".")
            amount = amounts[side]
            if kind == gap.measure and amount is not None:
                yield measure, gap.key, amount / (100 if kind == "balance" else 1)


# counts


def count_readings(
    figures: Figures, standing: Mapping[str, Standing], restatements: Iterable[RestatementRow],
    owns: Callable[[str], bool],
) -> Iterator[Sample]:  # fmt: skip
    """Who there is, what became of events, which alerts there are, and what waits for an approval."""
    names = {who: found.name for who, found in standing.items()}
    kinds = {who: found.kind for who, found in standing.items()} | {who: who for who in _OTHERS}
    waiting = Counter(row.book for row in restatements if row.approved_at is None)
    for who, name in (names | _OTHERS).items():
        if owns(who):
            yield _one("puhui_institution_info", (who, name, kinds[who]), 1)
    for who, name in names.items():
        if owns(who):
            yield _one("puhui_restatements_open", (who, name), waiting[who])
    for who, name in (names | {COUNTY: COUNTY_NAME}).items():
        share = quantity(INDICATORS[_REJECTED].of(figures, who, View(0))) if owns(who) else None
        if share is not None:
            yield _one("puhui_rejected_share_ratio", (who, name), share)
    yield from _events(figures, [*names, *_OTHERS], owns)
    yield from _alerts(figures, owns)


def _events(figures: Figures, names: Iterable[str], owns: Callable[[str], bool]) -> Iterator[Sample]:
    names = list(names)
    counts = Counter({(who, result): 0 for who in names for result in RESULTS})
    unauthentic = Counter({(who, case): 0 for who in names for case in UNAUTHENTIC})
    rules: Counter[tuple[str, str, str]] = Counter()
    for book, result, rule, events in figures.counted():
        who = REGISTRY if book.startswith(REGISTRY_BOOK) else book
        if result in RESULTS:
            counts[who, result] += events
        if result == "unauthentic":
            unauthentic[who, rule] += events
        if result in _BY_RULE:
            rules[result, who, rule] += events
    for (who, result), events in sorted(counts.items()):
        if owns(who):
            yield _one("puhui_events_total", (who, result), events)
    for (who, case), events in sorted(unauthentic.items()):
        if owns(who):
            yield _one("puhui_unauthentic_events_total", (who, case), events)
    for (result, who, rule), events in sorted(rules.items()):
        if owns(who):
            yield _one(_BY_RULE[result], (who, rule), events)


def _alerts(figures: Figures, owns: Callable[[str], bool]) -> Iterator[Sample]:
    counts = Counter({(rule, str(state)): 0 for rule in RULE_BOOK for state in State})
    for row in figures.store.alerts():
        if owns(row.subject):
            counts[row.rule, row.state] += 1
    for labels, alerts in counts.items():
        yield _one("puhui_alerts", labels, alerts)


def _one(metric: str, labels: tuple[str, ...], value: float) -> Sample:
    return Sample(METRICS[metric], labels, value)


__all__ = ["COUNTY_NAME", "Sample", "closed_readings", "count_readings", "live_readings", "quantity"]
