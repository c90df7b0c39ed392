"""Where each book must stand at each quarter end: the plan that the lending of the quarter is fitted to."""

from random import Random
from typing import NamedTuple

from streams.simulation.days import QUARTERS, Quarter
from streams.simulation.plan import ALL_PROFILE, PROFILE, Institution, Parameters


class Parts(NamedTuple):
    """The bridge of 无还本续贷 of a quarter, where a story fixes it."""

    again: int
    """被续贷结清, and the same amount of 续贷转入 (其中续了又续)."""
    fresh: int
    """续贷转入 from loans that were no renewals."""
    repaid: int


class Target(NamedTuple):
    """The figures of one book at one quarter end, in thousands of yuan and 户."""

    ph: int
    households: int
    npr: int = 0
    credit: float = 0.0
    npl: int = 0
    parts: Parts | None = None
    npr_customers: int | None = None
    refinance: int = 0
    """借新还旧 of the quarter."""
    marked: int = 0
    """续期 within the same 借据 that the bank marks as renewals."""
    late_signed: int = 0
    """Renewals whose contract is signed after the old due date."""


def _shares(rng: Random, kind: str, local: bool) -> tuple[float, ...]:
    """The cumulative part of a year's net growth at its quarter ends, with the bank's own noise."""
    if kind == "large_state":
        noise = (0.06, 0.04, 0.02)
        inner = (PROFILE[n] * (1 + rng.uniform(-noise[n], noise[n])) for n in range(3))
        return (*inner, 1.0)
    spread = 0.1 if local else 0.25
    parts = [share * (1 + rng.uniform(-spread, spread)) for share in (0.45, 0.27, 0.16, 0.12)]
    return tuple(sum(parts[: n + 1]) / sum(parts) for n in range(4))


def _between(before: int, after: int, share: float, unit: int = 10) -> int:
    return after if share == 1.0 else round((before + (after - before) * share) / unit) * unit


def all_loans(parameters: Parameters, year: int, number: int) -> int:
    """各项贷款 at the end of a quarter, 2021 included."""
    before, after = parameters.all_loans[year - 2021 : year - 2019]
    return _between(before, after, ALL_PROFILE[number - 1])


def month_all_loans(parameters: Parameters, year: int, month: int) -> int:
    """各项贷款 at a month end, linear between the quarter ends."""
    number, into = (month + 2) // 3, (month - 1) % 3 + 1
    after = all_loans(parameters, year, number)
    before = all_loans(parameters, year, number - 1) if number > 1 else parameters.all_loans[year - 2021]
    return _between(before, after, into / 3)


def full_scope(parameters: Parameters, year: int, number: int) -> int:
    """全口径小微 at the end of a quarter: a slowly rising part of 各项贷款, so it grows a little faster."""
    quarters = (year - 2021) * 4 + number
    return round(all_loans(parameters, year, number) * parameters.fs_share * (1 + 0.003 * quarters) / 10) * 10


def base_ph(parameters: Parameters, number: int) -> int:
    """普惠 at the quarter ends of 2021, by the county's profile; 0 is the end of 2020."""
    if number == 0:
        return parameters.ph[0]
    return _between(parameters.ph[0], parameters.ph[1], PROFILE[number - 1])


_VILLAGE_2024 = (815, 812, 788, 780)


def series(rng: Random, parameters: Parameters, kind: str, local: bool) -> list[tuple[int, int]]:
    """普惠 balance and 户 at every quarter end from 2022Q1."""
    found: list[tuple[int, int]] = []
    for year in range(2022, 2026):
        shares = _shares(rng, kind, local)
        before, after = parameters.ph[year - 2021 : year - 2019]
        first, last = parameters.households[year - 2022 : year - 2020]
        for share, steady in zip(shares, PROFILE, strict=True):
            found.append((_between(before, after, share), _between(first, last, steady, 1)))
    return found[: len(QUARTERS)]


def targets(rng: Random, institution: Institution) -> dict[Quarter, Target]:
    """The plan of a bank's book of 普惠, with what the stories fix."""
    own = institution.parameters
    plan: dict[Quarter, Target] = {}
    found = series(rng, own, institution.kind, institution.is_local_legal_person)
    for quarter, (ph, households) in zip(QUARTERS, found, strict=True):
        at = quarter.place + 1
        credit = own.credit[0] + (own.credit[1] - own.credit[0]) * at / 12
        plan[quarter] = Target(ph, households, own.npr[at], credit, round(ph * own.npl / 100))
    for quarter in QUARTERS:
        plan[quarter] = _story(institution.short, quarter, plan[quarter])
    return plan


def _story(short: str, quarter: Quarter, plan: Target) -> Target:
    """What the stories fix in one quarter of one bank."""
    match short, quarter.year, quarter.number:
        case "CZ", 2024, number:
            plan = plan._replace(households=_VILLAGE_2024[number - 1])
            if number < 3:
                return plan._replace(npr_customers=(146, 141)[number - 1])
            return plan._replace(parts=Parts(2_400, 700, 18_358), npr_customers=88) if number == 3 else plan
        case "CZ", 2023, number if number > 2:
            return plan._replace(npr_customers=(154, 150)[number - 3])
        case "CS", year, number if year < 2023 or (year, number) in ((2023, 1), (2023, 2)):
            return plan._replace(npr_customers=18)
        case "NS", 2024, 4:
            return plan._replace(parts=Parts(61_500, 36_500, 19_000), refinance=5_000)
        case "NS", 2024, number:
            return plan._replace(refinance=(55_000, 55_000, 45_000)[number - 1])
        case "NS", 2023, number:
            return plan._replace(
                refinance=0 if number == 4 else 8_000,
                marked=3 if number == 2 else 0,
                late_signed=5 if number == 3 else 0,
            )
        case "NS", 2022, number:
            return plan._replace(refinance=0 if number == 4 else 6_000)
    return plan
