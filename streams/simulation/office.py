"""What the county's office sends: institutions, duties, calendars, targets, the approval of a restatement."""

from typing import NamedTuple

from puhui.calendar import seed
from streams.simulation.days import OPENING, iso, ordinal
from streams.simulation.plan import DIVISION, OFFICE, Institution
from streams.simulation.stories import hour
from streams.simulation.terms import Data

SOURCE = f"urn:puhui:gov:{DIVISION}-FO"
_NOTICES = {
    2021: (2021, 12, 31),
    2022: (2021, 12, 31),
    2023: (2022, 12, 8),
    2024: (2023, 10, 25),
    2025: (2024, 11, 12),
}
"""When the notice of each year is known here."""


class Notice(NamedTuple):
    """One event of the office."""

    recorded: int
    type: str
    subject: str
    key: str
    data: Data


def notices(institutions: tuple[Institution, ...]) -> list[Notice]:
    """Everything the office sends, in any order."""
    found = [_calendar(year, ordinal(*known)) for year, known in _NOTICES.items()]
    for number, institution in enumerate(institutions):
        found += _institution(institution, number)
    by_short = {institution.short: institution for institution in institutions}
    found += [_successor(), _relaxed(by_short["CZ"]), _approved(by_short["GN"])]
    return found


def _common(day: int, concerned: str) -> Data:
    return {"business_date": iso(day), "institution_id": concerned}


def _institution(institution: Institution, number: int) -> list[Notice]:
    moment, usc = hour(OPENING, 9) + number * 60_000_000, institution.usc
    registered: Data = {
        **_common(OPENING, usc),
        "name": institution.name,
        "kind": institution.kind,
        "known_from": iso(OPENING),
        "valid_from": "2010-01-01",
        "is_local_legal_person": institution.is_local_legal_person,
        "division_code": DIVISION,
        "level": "county",
    }
    level = institution.parameters.level
    duty: Data = {
        **_common(OPENING, usc),
        "delivery_level": level,
        "what": ["position.reported"]
        if level == "A"
        else ["loan", "credit_line", "customer", "position.reported"],
        "cadence": "quarterly" if level == "A" else "daily",
        "due_rule": "季后18日" if level == "A" else "T+1",
        "valid_from": iso(OPENING),
    }
    return [
        Notice(moment, "institution.registered", f"institution/{usc}", usc, registered),
        Notice(moment + 1_000_000, "reporting.duty_set", f"duty/{usc}", usc, duty),
    ]


def _calendar(year: int, known: int) -> Notice:
    published = seed().years[year]
    days = [{"date": day.isoformat(), "kind": "holiday"} for day in sorted(published.holidays)]
    days += [{"date": day.isoformat(), "kind": "makeup_workday"} for day in sorted(published.makeup_workdays)]
    data: Data = {
        **_common(known, OFFICE),
        "year": year,
        "notice_no": f"{year}年部分节假日安排的通知",
        "days": days,
    }
    return Notice(hour(known, 8) + year * 1_000_000, "calendar.published", f"calendar/{year}", OFFICE, data)


def _successor() -> Notice:
    """The invented target that follows the 30 % from 2024 on."""
    day = ordinal(2023, 12, 20)
    data: Data = {
        **_common(day, OFFICE),
        "key": "large_bank_inclusive_growth",
        "value": "growth(ALL)",
        "unit": "percent",
        "valid_from": "2024-01-01",
        "scope": {"institution_kinds": ["large_state"]},
        "base_rule": "year_start",
        "source_sentence": "大型银行普惠型小微企业贷款增速不低于各项贷款增速（演示）",
        "document_no": "演示〔2023〕9号",
    }
    return Notice(hour(day, 10), "policy.target_set", "target/large_bank_inclusive_growth", OFFICE, data)


def _relaxed(village: Institution) -> Notice:
    """D04: 差异化考核 of the households of one bank in 2024, by consent."""
    day = ordinal(2024, 2, 5)
    data: Data = {
        **_common(day, village.usc),
        "key": "two_increase_household",
        "value": "0",
        "unit": "household",
        "valid_from": "2024-01-01",
        "valid_to": "2024-12-31",
        "scope": {"institution_id": village.usc},
        "exempt": True,
        "ground": "差异化考核",
        "consent_document": "演示〔2024〕2号",
        "base_rule": "year_start",
        "document_no": "演示〔2024〕2号",
    }
    return Notice(
        hour(day, 10), "policy.target_set", f"target/two_increase_household/{village.usc}", village.usc, data
    )


def _approved(bank: Institution) -> Notice:
    """D08: the restatement of 2024Q2 is approved."""
    day = ordinal(2024, 8, 9)
    data: Data = {
        **_common(day, bank.usc),
        "period": "2024Q2",
        "reason": "2024年6月25日一笔还款冲正",
        "approved_by": "县地方金融工作部门（演示）",
    }
    return Notice(hour(day, 10), "restatement.approved", f"restatement/{bank.usc}/2024Q2", bank.usc, data)
