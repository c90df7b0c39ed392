"""RejectSpike and UnauthenticEvents: what was refused within an hour, or not signed by whom it names."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from projections.alerts import Finding, Reading
from projections.figure import Figure
from projections.rules.catalogue import finding
from projections.views import Figures, View
from puhui.policy.periods import HOUR, moment_at


def unauthentic_findings(figures: Figures, first: int, last: int, view: View) -> Iterator[Finding]:
    """The institutions in whose name somebody sent what they did not sign, in the full hours first … last."""
    found: Counter[tuple[str, int]] = Counter()
    for hour in range(first, last + 1):
        for book, result, _case, events in figures.counted_in(hour):
            found[book, hour] += events * (result == "unauthentic")
    for (book, hour), events in sorted((+found).items()):
        yield finding(
            "UnauthenticEvents", book, moment_at(hour * HOUR).isoformat()[:13], Reading.SETTLED_BREACH,
            Figure(Fraction(events), "events"), view, figures,
            headline=f"一小时内 {events} 件未签名或签名不符", threshold="≥ 1 件（本系统设定）",
        )  # fmt: skip


def spike_findings(figures: Figures, first: int, last: int, view: View) -> Iterator[Finding]:
    """What the rule says of every institution in the full hours first … last (hours since 1970)."""
    found: dict[tuple[str, int], tuple[int, int]] = {}
    for hour in range(first, last + 1):
        for book, result, _rule, events in figures.counted_in(hour):
            if result in ("accepted", "refused", "repeated"):
                refused, received = found.get((book, hour), (0, 0))
                found[(book, hour)] = (refused + events * (result == "refused"), received + events)
    for (book, hour), (refused, received) in sorted(found.items()):
        if not refused or refused < (limits := figures.thresholds(view, book)).reject_spike_events:
            continue
        share = Fraction(refused, received)
        if share > limits.reject_spike_share:
            period = moment_at(hour * HOUR).isoformat()[:13]
            yield finding(
                "RejectSpike", book, period, Reading.SETTLED_BREACH, Figure(share, "ratio"), view, figures,
                headline=f"一小时内退回 {refused} 件，占 {float(share) * 100:.1f}%",
                threshold=f"> {float(limits.reject_spike_share) * 100:.0f}% 且 ≥ {limits.reject_spike_events} 件（本系统设定）",
            )  # fmt: skip
