"""The documents as data: clauses, dated targets, thresholds and periods. Pure; reads only its own files."""

from functools import cache

from puhui.policy.clauses import Clause, Document, Status, Unit, UnitName
from puhui.policy.expressions import ExpressionError, Growths
from puhui.policy.files import read
from puhui.policy.periods import Month, Period, Quarter, closes_at, closes_on, final_on
from puhui.policy.register import Register, TargetSet, UnknownKey
from puhui.policy.targets import Base, Comparator, Scope, Target
from puhui.policy.thresholds import Thresholds

__all__ = [
    "Base",
    "Clause",
    "Comparator",
    "Document",
    "ExpressionError",
    "Growths",
    "Month",
    "Period",
    "Quarter",
    "Register",
    "Scope",
    "Status",
    "Target",
    "TargetSet",
    "Thresholds",
    "Unit",
    "UnitName",
    "UnknownKey",
    "closes_at",
    "closes_on",
    "final_on",
    "register",
]


@cache
def register() -> Register:
    """The register as the package's files have it; events are added with `Register.with_target`."""
    return read()
