"""What every event must keep before its own kind is looked at: dates, codes, divisions, nothing personal."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from operator import attrgetter
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from aggregates.codes import date_of
from aggregates.customer import LAST
from aggregates.facts import flag
from aggregates.outcomes import Known, Refused
from puhui.codes import UscCheck, check_usc, is_normal_usc
from puhui.contract.base import END, Text
from puhui.contract.catalogue import TYPES
from puhui.contract.lending import Terms
from puhui.privacy import find_personal

FIRST_DAY: Final = date(1970, 1, 1)
LAST_DAY: Final = date_of(LAST)
"""The days that a movement of the ledger can hold."""

#: Dates on which something has happened; the others may lie ahead.
_HAPPENED: Final = frozenset(
    ("disbursed_on", "as_of", "drawn_on", "settled_on", "classified_on", "defaulted_on", "overdue_since")
)
#: Fields that hold the code of an organisation, or the reference of a person.
_REFERENCES: Final = frozenset(("customer_ref", "insurer_ref", "buyer_ref", "business_usc", "owner_of"))
_PERSON: Final = re.compile(r"p[0-9]{1,4}:[0-9A-Za-z+/=_-]{16,88}" + END)
"""A person: the version of the county's key, and the keyed hash."""
_HASHED: Final = re.compile(r"p[0-9]{1,4}:[0-9a-f]{64}")
"""The usual one, HMAC-SHA-256 in hexadecimal: too long to be anybody's number."""
#: An institution may be older than the ledger.
_ANY_PAST: Final = frozenset(("known_from", "valid_from"))


def _data_classes() -> Iterator[type]:
    yield from dict.fromkeys(get_type_hints(event)["data"] for event in TYPES.values())


def _parts(hint: Any) -> tuple[Any, ...]:
    """The types that a field may have, without the marks on them."""
    if get_origin(hint) is Annotated:
        return _parts(get_args(hint)[0])
    found = tuple(part for arg in get_args(hint) for part in _parts(arg)) if get_args(hint) else ()
    return found or (hint,)


def _fields(data_class: type) -> dict[str, Any]:
    return get_type_hints(data_class, include_extras=True)


_TEXTS: Final[Mapping[type, tuple[str, ...]]] = {
    data: tuple(name for name, hint in _fields(data).items() if hint == Text or Text in get_args(hint))
    for data in _data_classes()
}
_TEXTS_OF: Final = {data: attrgetter(*names) for data, names in _TEXTS.items()}
#: What is stored of a repayment holds no other date than the business date.
_DATES: Final[Mapping[type, tuple[str, ...]]] = {
    data: tuple(name for name, hint in _fields(data).items() if date in _parts(hint) and name != "value_date")
    for data in _data_classes()
}
_DATES_OF: Final = {data: attrgetter(*names) for data, names in _DATES.items()}
_CODES: Final[Mapping[type, tuple[str, ...]]] = {
    data: tuple(name for name in _fields(data) if name in _REFERENCES) for data in _data_classes()
}


#: Texts that were judged good, or none: the same few products and purposes come again and again. Nothing that was
#: refused is kept.
_HARMLESS: Final[set[str | tuple[str, ...] | None]] = {None, "", ()}
#: Codes that were judged good, likewise: a customer comes with each of its loans.
_GOOD: Final[set[str]] = set()
_REMEMBERED: Final = 50_000
_SHORT: Final = 100
"""Characters up to which a text is remembered: codes are not longer, and what comes again and again seldom is."""


def _remember(judged: set[Any], value: str | tuple[str, ...] | int | None) -> None:
    """Remember what was judged good, unless it is long; a correction's value may be a number, or true or false."""
    parts = value if isinstance(value, tuple) else (value,)
    if sum(len(part) for part in parts if isinstance(part, str)) > _SHORT:
        return
    if len(judged) >= _REMEMBERED:
        judged.clear()
    judged.add(value)


def personal(data: Any) -> Refused | None:
    """Does a free text seem to hold a person's name or number (V42)?"""
    texts = _TEXTS_OF[type(data)](data)
    if _HARMLESS.issuperset(texts):
        return None
    for name, text in zip(_TEXTS[type(data)], texts, strict=True):
        for part in text if isinstance(text, tuple) else (text,):
            if isinstance(part, str) and find_personal(part) is not None:
                return Refused("V42", f"data.{name}", {})
        _remember(_HARMLESS, text)
    return None


def personal_data(data: Any) -> Refused | None:
    """The same, in texts and in references (V42): what is put aside undecided must not hold a person either."""
    refused = personal(data)
    if refused is None:
        refused, _ = codes(data)
    return refused if refused is not None and refused.rule == "V42" else None


def out_of_time(data: Any, known: Known) -> Refused | None:
    """Is a date beside the business date one that the ledger cannot hold, or has what happened not happened yet (V06)?"""
    names = _DATES[type(data)]
    if len(names) == 1:
        return None
    today = date_of(known.today + 1)
    for name, value in zip(names, _DATES_OF[type(data)](data), strict=True):
        if value is None or FIRST_DAY <= value <= (today if name in _HAPPENED else LAST_DAY):
            continue
        refused = out_of_range(f"data.{name}", value)
        return refused or later_than(f"data.{name}", value, date_of(known.today))
    for part in getattr(data, "settles", None) or getattr(data, "previous", None) or ():
        for name in ("old_due_on", "old_settled_on"):
            value = getattr(part, name)
            refused = None if value is None else out_of_range(f"data.settles.{name}", value)
            if refused is not None:
                return refused
    return None


def published_out_of_range(data: Any) -> Refused | None:
    """The same for what an office publishes, which may lie ahead."""
    for name in _DATES[type(data)]:
        value = getattr(data, name)
        if value is None or (name in _ANY_PAST and value <= LAST_DAY):
            continue
        refused = out_of_range(f"data.{name}", value)
        if refused is not None:
            return refused
    return None


def out_of_range(field: str, value: date) -> Refused | None:
    """A date that no movement can have."""
    if FIRST_DAY <= value <= LAST_DAY:
        return None
    values = {"value": str(value), "first": str(FIRST_DAY), "last": str(LAST_DAY)}
    return Refused("V06", field, values, "out_of_range")


def later_than(field: str, value: date, limit: date) -> Refused:
    """A date after the last one that is possible."""
    return Refused("V06", field, {"value": str(value), "limit": str(limit)}, "later_than")


def codes(data: Any) -> tuple[Refused | None, int]:
    """Judge the codes of organisations (V40); what looks like a person's number there is refused by V42."""
    flags = 0
    for name in _CODES[type(data)]:
        ref = getattr(data, name)
        if ref is not None:
            refused, found = code(f"data.{name}", ref)
            if refused is not None:
                return refused, 0
            flags |= found
    if isinstance(data, Terms):
        for security in data.security:
            if security.provider_ref is not None:
                refused, found = code("data.security.provider_ref", security.provider_ref)
                if refused is not None:
                    return refused, 0
                flags |= found
    return None, flags


def code(field: str, ref: str) -> tuple[Refused | None, int]:
    """Judge one code; a person's reference is `p<key version>:` and a hash."""
    if ref in _GOOD or _HASHED.fullmatch(ref):
        return None, 0
    check = check_usc(ref)
    normal = is_normal_usc(ref)
    if check is UscCheck.VALID and normal:
        _remember(_GOOD, ref)
        return None, 0
    if find_personal(ref) is not None or find_personal(ref.rpartition(":")[2]) is not None:
        return Refused("V42", field, {}), 0
    if _PERSON.match(ref):
        return None, 0
    if check is UscCheck.CHECK_FAILED and normal:
        return None, flag("V40")
    return Refused("V40", field, {"value": ref}, "malformed"), 0


def division_flag(data: Any, known: Known) -> int:
    """Is the division code in the table on the business date (V41)? Flagged only."""
    division = data.division_code
    if division is None or known.divisions.is_known(division, data.business_date):
        return 0
    return flag("V41")


def before_institution(data: Any, known: Known) -> Refused:
    """The business date lies before the institution existed (V06)."""
    values = {"business_date": str(data.business_date), "valid_from": str(date_of(known.valid_from))}
    return Refused("V06", "data.business_date", values, "before_institution")


def in_future(data: Any, known: Known) -> Refused:
    """The business date lies beyond tomorrow (V06)."""
    values = {"business_date": str(data.business_date), "today": str(date_of(known.today))}
    return Refused("V06", "data.business_date", values, "future")


def closed_before(data: Any) -> Refused:
    """The institution was closed before the business date (V05)."""
    values = {"institution": data.institution_id, "business_date": str(data.business_date)}
    return Refused("V05", "data.institution_id", values, "closed")
