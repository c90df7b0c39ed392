"""What the county is to show: every institution with its figures at the year ends and its series by quarter.

All money of the simulation is counted in thousands of yuan. Everything here is invented.
"""

from dataclasses import dataclass, field
from random import Random

from puhui.codes import complete_usc, inner_check_digit
from puhui.contract.registry import InstitutionKind

PROFILE = (0.45, 0.72, 0.88, 1.0)
"""开门红: the part of a year's net growth of 普惠 that is reached at the quarter ends."""
ALL_PROFILE = (0.30, 0.55, 0.80, 1.0)
"""The same for 各项贷款."""
DIVISION = "141099"


def organisation_code(prefix: str, number: int) -> str:
    """A valid 统一社会信用代码 of the demo's own division: `prefix` is its first two characters."""
    body = f"{number:08d}"
    return complete_usc(f"{prefix}{DIVISION}{body}{inner_check_digit(body)}")


OFFICE = organisation_code("11", 1)
"""The county's financial office, the sender of what stands on `registry-events`."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The figures of one institution; `ph` and `all_loans` hold the ends of 2020 to 2025."""

    ph: tuple[int, ...] = ()
    households: tuple[int, ...] = ()
    """户 at the ends of 2021 to 2025."""
    all_loans: tuple[int, ...] = ()
    npr: tuple[int, ...] = ()
    """无还本续贷余额 at 2021-12-31 and the fourteen quarter ends after it."""
    rate: float = 4.0
    """新发利率 of 2024, per cent."""
    npl: float = 1.0
    """普惠不良率, per cent."""
    credit: tuple[float, float] = (0.0, 0.0)
    """信用占比 at the ends of 2021 and 2024; it rises in between."""
    mortgage: float = 0.5
    fs_share: float = 0.3
    branches: int = 3
    level: str = "C"


@dataclass(frozen=True, slots=True)
class Institution:
    """One institution of the county, with its parameters."""

    usc: str
    short: str
    """A short name in letters: the beginning of its loan numbers and event ids."""
    name: str
    kind: InstitutionKind
    is_local_legal_person: bool
    parameters: Parameters = field(repr=False)


def _backwards(last: int, growths: tuple[float, ...]) -> tuple[int, ...]:
    """Year ends from the growth of each year, the end of 2024 given; the last growth is that of 2025."""
    ends = [last]
    for percent in reversed(growths[:-1]):
        ends.insert(0, round(ends[0] / (1 + percent / 100) / 10) * 10)
    return (*ends, round(last * (1 + growths[-1] / 100) / 10) * 10)


def _households(last: int, ph: tuple[int, ...]) -> tuple[int, ...]:
    """Year ends of 户 that follow the balance, a little slower."""
    return tuple(round(last * (balance / ph[4]) ** 0.85) for balance in ph[1:])


def _smooth(first: int, last: int, rng: Random, later: tuple[int, ...]) -> tuple[int, ...]:
    """A rising series of thirteen quarter ends with noise inside, then what is given."""
    ratio = (last / first) ** (1 / 12)
    inner = tuple(round(first * ratio**n * rng.uniform(0.95, 1.05)) for n in range(1, 12))
    return (first, *inner, last, *later)


def _bank(
    number: int, short: str, name: str, kind: InstitutionKind, local: bool, parameters: Parameters
) -> Institution:
    return Institution(organisation_code("91", number), short, name, kind, local, parameters)


def _large(
    rng: Random,
    number: int,
    short: str,
    name: str,
    ph: tuple[int, ...],
    households: int,
    all_loans: int,
    growth: float,
    rate: float,
    npl: float,
    npr: tuple[int, ...] | float,
) -> Institution:
    if isinstance(npr, float):
        npr = _smooth(
            round(ph[1] * npr), round(ph[4] * npr), rng, (round(ph[4] * npr * 1.06), round(ph[4] * npr * 1.1))
        )
    totals = _backwards(all_loans, (11.5, 11.0, 10.5, growth, 8.5))
    return _bank(
        number,
        short,
        name,
        "large_state",
        False,
        Parameters(
            ph,
            _households(households, ph),
            totals,
            npr,
            rate,
            npl,
            (0.385, 0.42),
            0.55,
            round(ph[4] / all_loans + 0.1, 2),
        ),
    )


def institutions(rng: Random) -> tuple[Institution, ...]:
    """All institutions of the county, their series fixed by the generator's own noise."""
    post = (47, 58.5, 69.5, 50.75, 56.5, 70.3, 83, 59.75, 63, 79, 94, 64.9, 72.8, 86, 98)
    post_npr = tuple(round(million * 1000) for million in post)
    agri = (20_000, 21_500, 23_000, 24_500, 25_600, 26_700, 27_800, 28_800, 29_900, 31_000, 32_000, 32_000,
            36_500, 44_800, 47_000, 49_000)[1:]  # fmt: skip
    city = (22_000, 22_600, 23_400, 22_900, 23_200, 23_500, 24_000, 15_600, 16_200, 16_700, 17_600, 18_300,
            19_500, 20_200, 20_900)  # fmt: skip
    rural = (205_000, 213_000, 221_000, 224_000, 232_000, 243_000, 251_000, 254_000, 262_000, 272_000, 281_000,
             290_500, 468_000, 474_000, 470_000)  # fmt: skip
    village = (38_500, 39_400, 40_300, 39_800, 40_900, 41_900, 42_600, 42_100, 43_000, 44_000, 44_900, 26_042,
               26_000, 26_300, 26_700)  # fmt: skip
    return (
        _large(rng, 101, "GN", "国农支行", (214_200, 287_000, 408_000, 542_000, 640_000, 722_000), 1150,
               3_400_000, 10, 3.5, 1.0, agri),
        _large(rng, 102, "GG", "国工支行", (161_900, 217_000, 300_000, 393_000, 460_000, 516_000), 620,
               2_700_000, 9, 3.4, 0.9, 0.05),
        _large(rng, 103, "GJ", "国建支行", (185_900, 251_000, 364_000, 487_000, 580_000, 652_000), 980,
               3_100_000, 10, 3.4, 0.8, 0.07),
        _large(rng, 104, "GZ", "国中支行", (116_500, 155_000, 203_000, 245_630, 280_000, 310_000), 380,
               1_700_000, 9, 3.5, 1.2, 0.08),
        _large(rng, 105, "YC", "邮储类支行", (211_300, 281_000, 374_000, 487_000, 560_000, 622_000), 1750,
               2_200_000, 11, 4.3, 1.7, post_npr),
        _bank(106, "NF", "农发类支行", "policy", False, Parameters(
            (23_000, 22_000, 20_000, 20_000, 20_000, 20_000), (8,) * 5,
            _backwards(1_100_000, (9, 9, 9, 10, 8)), (0,) * 15, 3.2, 0.0, (0.0, 0.0), 0.5, 0.06, 1, "A")),
        _bank(107, "CS", "城商行支行", "city_commercial", False, Parameters(
            (88_000, 102_000, 121_000, 138_000, 150_000, 161_000), _households(190, (0, 102_000, 121_000, 138_000, 150_000, 161_000)),
            _backwards(900_000, (9, 9, 8.5, 8, 7)), city, 4.9, 2.3, (0.30, 0.33), 0.45, 0.30, 2)),
        _bank(108, "NS", "汾源农商行", "rural_commercial", True, Parameters(
            (1_350_000, 1_507_000, 1_688_000, 1_840_000, 1_950_000, 2_060_000),
            _households(4900, (0, 1_507_000, 1_688_000, 1_840_000, 1_950_000, 2_060_000)),
            _backwards(7_400_000, (7, 7, 6, 5, 5)), rural, 6.1, 3.6, (0.155, 0.17), 0.3, 0.42, 14)),
        _bank(109, "CZ", "槐乡村镇银行", "village_bank", True, Parameters(
            (197_000, 214_000, 233_000, 245_000, 250_000, 258_000), (800, 808, 817, 780, 792),
            (404_600, 421_400, 442_400, 455_700, 460_443, 469_000), village, 7.0, 4.8, (0.15, 0.17), 0.3, 0.66, 3)),
        _bank(110, "XA", "槐乡甲小额贷款公司", "micro_lender", False, Parameters(
            (75_000, 78_000, 82_000, 86_000, 90_000, 92_000), (96, 101, 106, 110, 112),
            (75_000, 78_000, 82_000, 86_000, 90_000, 92_000), (0,) * 15, 12.6, 14.0, (0.10, 0.11), 0.2, 0.0, 1)),
        _bank(111, "XB", "槐乡乙小额贷款公司", "micro_lender", False, Parameters(
            (44_000, 45_000, 47_000, 49_000, 50_000, 51_000), (62, 65, 68, 70, 71),
            (44_000, 45_000, 47_000, 49_000, 50_000, 51_000), (0,) * 15, 14.4, 18.0, (0.10, 0.11), 0.2, 0.0, 1)),
    )  # fmt: skip


FARMERS = Parameters(
    (1_580_000, 1_690_000, 1_830_000, 1_970_000, 2_100_000, 2_210_000),
    (13_100, 13_900, 14_700, 15_500, 16_100),
    rate=6.4,
    npl=3.0,
    credit=(0.30, 0.32),
    mortgage=0.03,
    branches=14,
)
"""农户 of 汾源农商行, apart from 普惠型小微企业."""
