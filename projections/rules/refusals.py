"""RejectSpike: many events of one institution refused within an hour."""

from collections.abc import Iterator
from fractions import Fraction

from projections.alerts import Finding, Reading
from projections.figure import Figure
from projections.rules.catalogue import finding
from projections.views import Figures, View
from puhui.policy.periods import moment_at

_HOUR = 3_600_000_000


def spike_findings(figures: Figures, first: int, last: int, view: View) -> Iterator[Finding]:
    """What the rule says of every institution in the full hours first … last (hours since 1970)."""
    limits = figures.policy(view).thresholds(view.day)
    counts: dict[tuple[str, int], list[int]] = {}
    for book, result, _rule, hour, events in figures.counted():
        if first <= hour <= last and result in ("accepted", "refused", "repeated"):
            cell = counts.setdefault((book, hour), [0, 0])
            cell[0] += events * (result == "refused")
            cell[1] += events
    for (book, hour), (refused, received) in sorted(counts.items()):
        share = Fraction(refused, received)
        if refused >= limits.reject_spike_events and share > limits.reject_spike_share:
            period = moment_at(hour * _HOUR).isoformat()[:13]
            yield finding(
                "RejectSpike", book, period, Reading.SETTLED_BREACH, Figure(share, "ratio"), view, figures,
                headline=f"一小时内退回 {refused} 件，占 {float(share) * 100:.1f}%",
                threshold=f"> {float(limits.reject_spike_share) * 100:.0f}% 且 ≥ {limits.reject_spike_events} 件（本系统设定）",
            )  # fmt: skip
