"""Whatever a test of this folder makes the intake refuse or park is answered in full."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from puhui.contract.rules import Disposition
from tests.outcomes import complaints

refusing: Any = import_module("streams.refusing")
parking_rows: Any = import_module("streams.parking")


@pytest.fixture(autouse=True)
def every_answer_is_complete(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look at every refusal and at every parking that the intake writes."""
    found: list[str] = []
    rejection, values_of = refusing.rejection, parking_rows.values_of

    def refused(outcome: Any, **rest: Any) -> Any:
        ends = (Disposition.REJECT, Disposition.PARK)  # what waited in vain is refused too
        found.extend(complaints(outcome.rule, outcome.field, outcome.case, outcome.values, *ends))
        return rejection(outcome, **rest)

    def parked(outcome: Any) -> str:
        found.extend(complaints(outcome.rule, outcome.field, outcome.case, outcome.values, Disposition.PARK))
        return str(values_of(outcome))

    monkeypatch.setattr(refusing, "rejection", refused)
    monkeypatch.setattr(parking_rows, "values_of", parked)
    yield
    assert not found
