"""Small integers for the enumerations of the contract, as facts and segments store them."""

from datetime import date
from typing import Final

CUSTOMER_KINDS: Final = (
    "micro", "small", "medium", "large", "individual", "owner", "farmer", "cooperative", "collective", "other"
)  # fmt: skip
SIZES: Final = ("large", "medium", "small", "micro", "other")
SECURITIES: Final = ("credit", "mortgage", "pledge", "guarantee", "mixed")
ISSUANCE_KINDS: Final = (
    "new", "no_principal_renewal", "partial_renewal", "refinance", "bridge", "restructure", "other"
)  # fmt: skip
CLASSES: Final = ("normal", "special_mention", "substandard", "doubtful", "loss")

CUSTOMER_KIND: Final = {name: code for code, name in enumerate(CUSTOMER_KINDS)}
SIZE: Final[dict[str | None, int]] = {**{name: code for code, name in enumerate(SIZES)}, None: len(SIZES)}
SECURITY: Final = {name: code for code, name in enumerate(SECURITIES)}
ISSUANCE_KIND: Final = {name: code for code, name in enumerate(ISSUANCE_KINDS)}
CLASS: Final[dict[str | None, int]] = {**{name: code for code, name in enumerate(CLASSES)}, None: 0}

NO_PRINCIPAL: Final = ISSUANCE_KIND["no_principal_renewal"]
MODE: Final = {
    "no_principal": NO_PRINCIPAL,
    "partial": ISSUANCE_KIND["partial_renewal"],
    "refinance": ISSUANCE_KIND["refinance"],
    "bridge": ISSUANCE_KIND["bridge"],
}
"""The issuance kind that each mode of a renewal stands for."""

_EPOCH: Final = date(1970, 1, 1).toordinal()


def day_number(day: date) -> int:
    """Days since 1970-01-01: how facts and the ledger write a business date."""
    return day.toordinal() - _EPOCH


def date_of(day: int) -> date:
    """The business date that a day number stands for."""
    return date.fromordinal(day + _EPOCH)
