"""The limits of rules for which no document gives a number: ours, dated, replaceable like any target."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from puhui.policy.targets import Target


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Ratios are exact fractions (30 % is 3/10), money is fen, the rest whole numbers."""

    npr_swing_relative: Fraction
    """NprSwing: |环比| at or above, together with `npr_swing_absolute_fen`."""
    npr_swing_absolute_fen: int
    ratio_alert_customers: int
    """Small numbers: with fewer customers in the base, or a base below `ratio_alert_fen`, listed only."""
    ratio_alert_fen: int
    npr_seasonal_share: Fraction
    """Seasonal: same sign and this part of the size in the same quarter of `npr_seasonal_years` years."""
    npr_seasonal_years: int
    large_bank_pace: Fraction
    """LargeBankBehindPace when growth falls below this part of what the profile asks for by the day."""
    county_profile: tuple[Fraction, Fraction, Fraction, Fraction]
    """Part of the year's net growth reached at the four quarter ends, for banks without three years."""
    reject_spike_share: Fraction
    """RejectSpike: rejected / received within an hour, together with `reject_spike_events` rejected."""
    reject_spike_events: int


def thresholds(find: Callable[[str], Iterable[Target | None]]) -> Thresholds:
    """The table: each limit is the first of its key's targets that is a number of its kind; LookupError where none is."""

    def ratio(key: str, integer: bool = False) -> Fraction:
        limits = (target.limit() for target in find(key) if target is not None)
        usable = (limit for limit in limits if limit is not None and not (integer and limit.denominator > 1))
        found = next(usable, None)
        if found is None:
            raise LookupError(f"no usable number for the threshold {key}")
        return found

    def whole(key: str) -> int:
        return ratio(key, integer=True).numerator

    return Thresholds(
        npr_swing_relative=ratio("npr_swing_relative"),
        npr_swing_absolute_fen=whole("npr_swing_absolute"),
        ratio_alert_customers=whole("ratio_alert_customers"),
        ratio_alert_fen=whole("ratio_alert_amount"),
        npr_seasonal_share=ratio("npr_seasonal_share"),
        npr_seasonal_years=whole("npr_seasonal_years"),
        large_bank_pace=ratio("large_bank_pace"),
        county_profile=(
            ratio("county_profile_q1"),
            ratio("county_profile_q2"),
            ratio("county_profile_q3"),
            ratio("county_profile_q4"),
        ),
        reject_spike_share=ratio("reject_spike_share"),
        reject_spike_events=whole("reject_spike_events"),
    )
