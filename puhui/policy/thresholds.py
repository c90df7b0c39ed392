"""The limits of rules for which no document gives a number: ours, dated, replaceable like any target."""

from collections.abc import Callable
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


def thresholds(find: Callable[[str], Target | None]) -> Thresholds:
    """The table, each limit looked up by its key; one that is missing or no number is a LookupError."""

    def ratio(key: str) -> Fraction:
        target = find(key)
        limit = None if target is None else target.limit()
        if limit is None:
            raise LookupError(f"no number is in force for the threshold {key}")
        return limit

    def whole(key: str) -> int:
        limit = ratio(key)
        if limit.denominator != 1:
            raise LookupError(f"the threshold {key} is no whole number: {limit}")
        return limit.numerator

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
