"""统一社会信用代码 and 行政区划代码."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from puhui.codes import (
    ALPHABET,
    DEMO_DIVISIONS,
    DIVISIONS,
    UscCheck,
    check_usc,
    complete_usc,
    inner_check_digit,
    normalise_usc,
)

VALID = [
    "91110000600037341L",
    "12440300MB2C92173E",
    "9114102400000T018M",
    "9114102400000T026G",
    "9214102400000T0348",
    "9314102400000T0420",
    "N214102400000T050G",
    "91141024000T001700",
    "91141024000T00357Y",
]
REAL_BUT_FAILING = [("91350100M0001TGQXM", "1"), ("91350211M0000XUF46", "R"), ("91350203M0001FUE2P", "J")]


@pytest.mark.parametrize("code", VALID)
def test_a_valid_code_passes_and_is_made_from_its_17_characters(code: str) -> None:
    assert check_usc(code) is UscCheck.VALID
    assert complete_usc(code[:17]) == code


def test_a_wrong_check_character_is_another_result_than_a_malformed_code() -> None:
    assert check_usc("12440300MB2C92173A") is UscCheck.CHECK_FAILED
    assert check_usc("12440300MB2C92173") is UscCheck.MALFORMED


@pytest.mark.parametrize(("code", "computed"), REAL_BUT_FAILING)
def test_real_codes_that_fail_the_check_are_not_malformed(code: str, computed: str) -> None:
    assert check_usc(code) is UscCheck.CHECK_FAILED
    assert complete_usc(code[:17])[17] == computed


@pytest.mark.parametrize("letter", "IOSVZ")
def test_five_letters_are_not_in_the_alphabet(letter: str) -> None:
    assert check_usc(letter + VALID[0][1:]) is UscCheck.MALFORMED


@pytest.mark.parametrize("code", ["", "91110000600037341L0", "９１110000600037341L", "91110000600037341Ｌ"])
def test_lengths_and_full_width_characters_are_refused(code: str) -> None:
    assert check_usc(code) is UscCheck.MALFORMED


def test_blanks_and_small_letters_are_mended_before_the_check() -> None:
    assert normalise_usc(" 91110000 600037341l ") == "91110000600037341L"
    assert check_usc(" 91110000 600037341l ") is UscCheck.VALID


@pytest.mark.parametrize("code", [code for code in VALID if code != VALID[1]])
def test_position_17_fits_the_organisation_code_inside(code: str) -> None:
    assert inner_check_digit(code[8:16]) == code[16]


@given(st.text(ALPHABET, min_size=17, max_size=17), st.integers(0, 16), st.sampled_from(ALPHABET))
def test_one_changed_character_never_passes(first17: str, position: int, other: str) -> None:
    code = complete_usc(first17)
    assert check_usc(code) is UscCheck.VALID
    changed = code[:position] + other + code[position + 1 :]
    assert (check_usc(changed) is UscCheck.VALID) is (changed == code)


def test_a_code_is_made_from_17_characters_only() -> None:
    with pytest.raises(ValueError, match="17"):
        complete_usc("911")


def test_hongdong_has_its_code_since_2000_and_had_another_before() -> None:
    today = DIVISIONS.find("141024", date(2022, 5, 16))
    before = DIVISIONS.find("142625", date(1999, 12, 31))
    assert today is not None
    assert before is not None
    assert today.name == before.name == "洪洞县"
    assert not DIVISIONS.is_known("142625", date(2000, 1, 1))
    assert not DIVISIONS.is_known("141024", date(1999, 12, 31))


def test_linfen_has_17_units() -> None:
    units = [code for code in DIVISIONS.rows if code.startswith("1410") and code != "141000"]
    assert len(units) == 17


def test_the_demos_county_is_known_in_the_demo_only() -> None:
    assert DEMO_DIVISIONS.is_known("141099", date(2024, 1, 1))
    assert not DIVISIONS.is_known("141099", date(2024, 1, 1))


def test_a_township_is_known_by_its_county() -> None:
    assert DIVISIONS.is_known("141024100", date(2024, 1, 1))
    assert not DIVISIONS.is_known("14102", date(2024, 1, 1))
    assert not DIVISIONS.is_known("１４１０２４", date(2024, 1, 1))
