"""The limits that no document states: dated, marked as ours, replaceable like any target."""

from dataclasses import fields
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

import projections
from puhui.policy import (
    Scope,
    TargetSet,
    Thresholds,
    register,
)

RURAL = ("汾源农商行", "rural_commercial", True)
VILLAGE = ("槐乡村镇银行", "village_bank", True)


def test_the_thresholds_are_those_of_the_notes_and_marked_as_ours() -> None:
    limits = register().thresholds(date(2024, 9, 30))
    assert limits.npr_swing_relative == Fraction(30, 100)
    assert limits.npr_swing_absolute_fen == 500_000_000
    assert limits.ratio_alert_customers == 30
    assert (limits.npr_seasonal_share, limits.npr_seasonal_years) == (Fraction(7, 10), 2)
    assert limits.large_bank_pace == Fraction(8, 10)
    assert (limits.reject_spike_share, limits.reject_spike_events) == (Fraction(2, 100), 20)
    assert limits.county_profile == (Fraction(45, 100), Fraction(72, 100), Fraction(88, 100), Fraction(1))
    assert all(t.ours for t in register().all_targets if t.key.startswith(("npr_", "reject_", "county_")))


@pytest.mark.parametrize("limit", [field.name for field in fields(Thresholds)])
def test_every_threshold_has_a_reader(limit: str) -> None:
    sources = Path(str(projections.__file__)).parent.glob("**/*.py")
    assert any(f".{limit}" in source.read_text("utf-8") for source in sources)


def test_what_a_document_states_is_not_ours() -> None:
    assert not any(
        t.ours for t in register().all_targets if t.key.startswith(("large_bank_inclusive", "two_increase"))
    )


def test_a_threshold_can_be_replaced_like_any_target() -> None:
    after = register().with_target(
        TargetSet(key="npr_swing_relative", value="25", valid_from=date(2025, 1, 1))
    )
    assert after.thresholds(date(2024, 12, 31)).npr_swing_relative == Fraction(30, 100)
    assert after.thresholds(date(2025, 1, 1)).npr_swing_relative == Fraction(25, 100)


def test_one_institution_can_have_a_threshold_of_its_own() -> None:
    own = TargetSet(
        key="npr_swing_relative", value="50", valid_from=date(2024, 1, 1), scope=Scope(institution=VILLAGE[0])
    )
    after = register().with_target(own)
    assert after.thresholds(date(2024, 9, 30), *VILLAGE).npr_swing_relative == Fraction(1, 2)
    assert after.thresholds(date(2024, 9, 30), *RURAL).npr_swing_relative == Fraction(3, 10)


@pytest.mark.parametrize(
    ("value", "unit"), [("600000000", "fen"), ("6000000", "元"), ("600", "万元"), ("0.06", "亿元")]
)
def test_a_threshold_of_money_may_be_given_in_the_units_of_people(value: str, unit: str) -> None:
    new = TargetSet(key="npr_swing_absolute", value=value, unit=unit, valid_from=date(2024, 1, 1))
    assert register().with_target(new).thresholds(date(2024, 9, 30)).npr_swing_absolute_fen == 600_000_000


@pytest.mark.parametrize(
    ("value", "ends"),
    [
        pytest.param("600000000", date(2024, 6, 30), id="its replacement has ended"),
        pytest.param("600000000.5", None, id="no whole number"),
        pytest.param("growth(ALL)", None, id="no number at all"),
    ],
)
def test_a_threshold_without_a_usable_replacement_is_that_of_the_files(value: str, ends: date | None) -> None:
    new = TargetSet(key="npr_swing_absolute", value=value, valid_from=date(2024, 1, 1), valid_to=ends)
    assert register().with_target(new).thresholds(date(2024, 9, 30)).npr_swing_absolute_fen == 500_000_000
