"""Which events wait for what: as a set of each would say it."""

from hypothesis import given
from hypothesis import strategies as st

from aggregates.waits import Waits

CHANGES = st.lists(
    st.tuples(st.booleans(), st.sampled_from(["loan:A", "loan:B"]), st.integers(0, 3)), max_size=20
)


@given(CHANGES)
def test_what_waits_is_what_came_and_has_not_gone(changes: list[tuple[bool, str, int]]) -> None:
    waits, plain = Waits(), dict[str, set[int]]()
    for comes, wait, event in changes:
        (waits.add if comes else waits.drop)(wait, event)
        (plain.setdefault(wait, set()).add if comes else plain.get(wait, set()).discard)(event)
        assert {wait: set(waits.events(wait)) for wait in waits} == {w: e for w, e in plain.items() if e}
        assert waits.events("loan:C") == set()


def test_one_event_alone_takes_no_set() -> None:
    waits = Waits()
    waits.add("loan:A", 7)
    waits.add("loan:A", 7)
    assert dict(waits) == {"loan:A": 7}
