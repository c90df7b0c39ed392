"""Figures as people read them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puhui import money


@pytest.mark.parametrize(
    ("fen", "written"),
    [
        (29_050_000_000, "2.91亿元"),
        (4_490_000_000, "4,490.00万元"),
        (-1_885_800_000, "-1,885.80万元"),
        (12_345_678, "12.35万元"),
        (99_999_999, "100.00万元"),
        (5_000, "50.00元"),
        (1, "0.01元"),
        (0, "0.00元"),
    ],
)
def test_an_amount_is_written_in_the_largest_unit_it_fills(fen: int, written: str) -> None:
    assert money.amount(fen) == written


@given(st.integers(-(10**15), 10**15))
def test_an_amount_in_yuan_is_exact(fen: int) -> None:
    assert money.yuan(fen) == f"{money.rounded(Fraction(fen, 100))}元"


def test_halves_are_rounded_away_from_zero() -> None:
    assert money.wan(12_345_000) == "12.35万元"
    assert money.wan(12_335_000) == "12.34万元"
    assert money.wan(-12_345_000) == "-12.35万元"
    assert money.wan(12_344_999) == "12.34万元"


def test_nothing_is_written_as_minus_zero() -> None:
    assert money.wan(-1) == "0.00万元"


def test_a_reported_position_reads_as_in_the_return() -> None:
    assert money.wan(195_012_340_000) == "195,012.34万元"
    assert money.yuan(195_012_345_000) == "1,950,123,450.00元"


@pytest.mark.parametrize(
    ("difference", "written"),
    [
        (Fraction(-2, 100), "低2.00个百分点"),
        (Fraction(-9, 100), "低9.00个百分点"),
        (Fraction(1, 100), "+1.00百分点"),
        (Fraction(1895, 10000) - Fraction(1795, 10000), "+1.00百分点"),
        (0, "持平"),
        (Fraction(-1, 10**6), "低不足0.01个百分点"),
        (Fraction(1, 10**6), "高不足0.01个百分点"),
    ],
)
def test_a_difference_of_rates_is_written_in_points(difference: Fraction, written: str) -> None:
    assert money.points(difference) == written


@pytest.mark.parametrize(
    ("ratio", "written"),
    [
        (Fraction(-35, 100), "下降35.0%"),
        (Fraction(6, 100), "增长6.0%"),
        (Fraction(26042, 44900) - 1, "下降42.0%"),
        (Fraction(468, 1) / Fraction(2905, 10) - 1, "增长61.1%"),
        (0, "持平"),
        (Fraction(-1, 10**5), "下降不足0.1%"),
    ],
)
def test_a_change_is_growth_or_fall_and_never_a_minus_sign(ratio: Fraction, written: str) -> None:
    assert money.change(ratio) == written


def test_customers_loans_and_institutions_are_counted_each_in_its_own_word() -> None:
    assert (money.households(1250), money.loans(3), money.institutions(9)) == ("1,250户", "3笔", "9家")


def test_a_rate_is_written_in_per_cent() -> None:
    assert money.percent(Fraction(3, 10)) == "30.00%"
    assert money.percent(Fraction(1, 3), 1) == "33.3%"


def test_people_see_colours() -> None:
    assert [money.colour(severity) for severity in ("P1", "P2", "P3", "P4")] == ["红", "橙", "黄", "蓝"]


@given(st.integers(-(10**16), 10**16))
def test_yuan_loses_nothing(fen: int) -> None:
    assert round(Fraction(money.yuan(fen).removesuffix("元").replace(",", "")) * 100) == fen


@given(st.integers(-(10**18), 10**18), st.integers(0, 4))
def test_rounding_is_off_by_half_a_unit_at_most(numerator: int, places: int) -> None:
    value = Fraction(numerator, 7_000_003)
    written = Fraction(money.rounded(value, places).replace(",", ""))
    assert abs(written - value) <= Fraction(1, 2 * 10**places)
