"""Whatever comes in whatever order: people are told of what is open, of what is over, and of nothing twice."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.notice import Identity, identity
from streams.alertmanager import AHEAD
from streams.notifying import AGAIN, CLOSINGS, Delivery, Standing
from tests.alerts import BREACH, CALM, HOUR, Alerted

SEVERITIES: Final = ("P1", "P2", "P4")
STEPS: Final = st.one_of(
    st.tuples(st.just("breach"), st.sampled_from(("bank", "other")), st.sampled_from(SEVERITIES)),
    st.tuples(st.just("calm"), st.sampled_from(("bank", "other"))),
    st.tuples(st.just("work"), st.integers(1, 8)),
    st.tuples(st.just("away"), st.sampled_from((1.0, 59.0, CLOSINGS, HOUR))),
    st.tuples(st.just("kill")),
    st.tuples(st.just("restart Alertmanager")),
)
_NUMBER: Final = count()


@dataclass
class People:
    """An Alertmanager as its source tells: alerts in memory alone, what was told on disk."""

    ends: dict[Identity, float] = field(default_factory=dict)
    told: dict[Identity, str] = field(default_factory=dict)
    heard: Counter[tuple[Identity, str]] = field(default_factory=Counter)

    def look(self, now: float) -> None:
        """Tell what has changed since it was told last; the end of what nobody was told of is no news."""
        for name, ends in self.ends.items():
            state = "firing" if ends > now else "resolved"
            if self.told.get(name, "resolved") != state:
                self.told[name] = state
                self.heard[name, state] += 1


class World:
    """Rules that read, a sender that is killed, an Alertmanager that forgets, and time."""

    def __init__(self, path: Path) -> None:
        self.it, self.people, self.opened = Alerted(path), People(), Counter[Identity]()
        self.mark: int | None = None
        self.kill()

    def kill(self) -> None:
        self.standing = Standing(self.it.store, self.mark)
        self.mark = self.standing.version if self.mark is None else self.mark
        self.delivery = Delivery(self.standing, self.mark)

    def work(self, looks: int) -> None:
        """The sender looks at the store so often, every quarter of a minute."""
        for _ in range(looks):
            self.standing.follow()
            due = list(self.delivery.due(self.it.now))
            for one in due:
                self.people.ends[one.name] = (
                    self.it.now + AHEAD if one.closing is None else one.closing.at / 1e6
                )
            self.delivery.told(due, self.it.now)
            self.delivery.advance(self.it.now)
            self.mark = self.delivery.mark
            self.people.look(self.it.now)
            self.it.now += AGAIN / 4

    def breach(self, bank: str, severity: str) -> None:
        before = self.it.alerts.get(bank)
        self.it.read(BREACH, bank, severity=severity)
        now = self.it.alerts[bank]
        self.opened[identity(now)] += not (before and before.is_open and before.severity == severity)

    def calm(self, bank: str) -> None:
        if bank in self.it.alerts:
            self.it.read(CALM, bank)

    def take(self, step: tuple[object, ...]) -> None:
        match step:
            case ("breach", str(bank), str(severity)):
                self.breach(bank, severity)
            case ("calm", str(bank)):
                self.calm(bank)
            case ("work", int(looks)):
                self.work(looks)
            case ("away", float(seconds)):
                self.it.now += seconds
                self.people.look(self.it.now)
            case ("kill",):
                self.kill()
            case _:
                self.people.ends.clear()
        self.it.now += 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=25))
def test_people_know_what_is_open_and_are_told_of_nothing_twice(
    tmp_path: Path, steps: list[tuple[object, ...]]
) -> None:
    world = World(tmp_path / f"{next(_NUMBER)}.db")
    for step in steps:
        world.take(step)
    world.work(8)
    open_now = {identity(alert) for alert in world.it.alerts.values() if alert.is_open}
    assert {name for name, state in world.people.told.items() if state == "firing"} == open_now
    for name, times in world.opened.items():
        assert world.people.heard[name, "firing"] <= times
        assert world.people.heard[name, "resolved"] <= world.people.heard[name, "firing"]
    assert {name for name, _ in world.people.heard} <= world.opened.keys()
