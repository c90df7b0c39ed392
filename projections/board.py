"""The board 看板 of one reader: samples of all figures, each part kept with what it was made from.

What has not changed is not computed again: a quiet store costs two small queries, and a closed quarter is computed once.
"""

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from aggregates.codes import day_number
from aggregates.registry import Standing
from aggregates.store.transaction import RestatementRow
from projections.figure import COUNTY
from projections.metrics import PERIODS
from projections.official import official
from projections.readings import COUNTY_NAME, Sample, closed_readings, count_readings, live_readings
from projections.views import Figures, View
from puhui.policy import Quarter
from puhui.policy.periods import date_at

HISTORY_EVERY: Final = 600.0
"""Seconds between two computations of quarters that were over before a bank's data began: each new fact may move them."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Some samples, the key under which they stay right, what else moves them a little, and when they were made."""

    key: Hashable
    drift: Hashable
    made_at: float
    samples: tuple[Sample, ...]


class _Wanted(NamedTuple):
    """A part that the board should have."""

    place: tuple[str, ...]
    key: Hashable
    drift: Hashable
    make: Callable[[], Iterator[Sample]]


class _State(NamedTuple):
    """What a board is made for: whose figures, which quarters, and how far events are taken in."""

    names: Mapping[str, str]
    quarters: tuple[tuple[Quarter, tuple[str, ...]], ...]
    """The closed ones, each with those for whom it is closed."""
    now: int
    published: int
    positions: tuple[tuple[str, int], ...]
    versions: tuple[tuple[str, int], ...]
    share: Hashable

    @property
    def key(self) -> Hashable:
        """What does not change in a quiet hour."""
        parts = (self.quarters, self.published, self.positions, self.versions, self.share)
        return (tuple(self.names.items()), *parts)


class Board:
    """All samples of the institutions that one worker owns; `refresh` brings them up to date step by step.

    `clock` says the instant (µs) that decides what is closed; None: the latest knowledge.
    """

    def __init__(
        self,
        figures: Figures,
        clock: Callable[[], int | None] = lambda: None,
        history_every: float = HISTORY_EVERY,
    ) -> None:
        self._figures = figures
        self._clock = clock
        self._history_every = history_every
        self._parts: dict[tuple[str, ...], _Part] = {}
        self._seen: Hashable = None
        self.share: Hashable = None
        """For which share of the institutions the samples are."""

    def samples(self) -> Iterator[Sample]:
        """Every sample, in a fixed order of the institutions and quarters."""
        for place in sorted(self._parts):
            yield from self._parts[place].samples

    def refresh(
        self, owns: Callable[[str], bool] = lambda name: True, share: Hashable = None
    ) -> Iterator[None]:
        """Compute what has changed, newest quarters first: one part a step, so that the caller may rest in between.

        Without a change there is no step. What is owned no more is gone before the first one; `share` is another one
        whenever `owns` may answer otherwise.
        """
        self._figures.follow()
        now = self._clock() or self._figures.latest_instant()
        today, known = day_number(date_at(now)), self._figures.institutions(View(0))
        standing = {who: one.on(today) for who, one in sorted(known.items())}
        state = self._state(now, standing, owns, share)
        if state.key == self._seen:
            return
        self._seen, self.share = None, share
        wanted = list(self._wanted(state, standing, owns))
        places = {part.place for part in wanted}
        self._parts = {place: part for place, part in self._parts.items() if place in places}
        for part in wanted:
            if self._update(part):
                yield
        self._seen = state.key

    def _state(
        self, now: int, standing: Mapping[str, Standing], owns: Callable[[str], bool], share: Hashable
    ) -> _State:
        """All that the samples depend on; the names are of those who have a book, the county's stands last."""
        figures = self._figures
        names = {who: one.name for who, one in standing.items() if who in figures.ledger.books}
        if names:
            names[COUNTY] = COUNTY_NAME
        return _State(
            {who: name for who, name in names.items() if owns(who)}, _closed_quarters(figures, names, now), now,
            len(figures.registry.published), tuple(sorted(figures.store.positions().items())),
            tuple(figures.versions(View(0)).items()), share,
        )  # fmt: skip

    def _update(self, wanted: _Wanted) -> bool:
        before, now = self._parts.get(wanted.place), time.monotonic()
        right = before is not None and before.key == wanted.key
        if before and right and (before.drift == wanted.drift or now - before.made_at < self._history_every):
            return False
        self._parts[wanted.place] = _Part(wanted.key, wanted.drift, now, tuple(wanted.make()))
        return True

    # what the board should have

    def _wanted(
        self, state: _State, standing: Mapping[str, Standing], owns: Callable[[str], bool]
    ) -> Iterator[_Wanted]:
        figures = self._figures
        versions, rows = dict(state.versions), figures.store.restatements()
        counts = partial(count_readings, figures, standing, rows, owns)
        yield _Wanted(("counts",), state.key, None, counts)
        for who, name in state.names.items():
            key = (
                name,
                state.published,
                date_at(state.now),
                state.versions if who == COUNTY else versions[who],
            )
            yield _Wanted(("live", who), key, None, partial(live_readings, figures, who, name))
        for quarter, closed in state.quarters:
            for who in (who for who in closed if who in state.names):
                yield self._closed(who, quarter, state, rows, versions)

    def _closed(
        self,
        who: str,
        quarter: Quarter,
        state: _State,
        rows: list[RestatementRow],
        versions: Mapping[str, int],
    ) -> _Wanted:
        """The figures of a closed quarter: moved by the registry and by restatements; in history by every fact."""
        figures, name = self._figures, state.names[who]
        banks = figures.banks(View(day_number(quarter.last_day), state.now)) if who == COUNTY else (who,)
        restated = [row for row in rows if row.period == str(quarter) and row.book in banks]
        approved = [row.approved_at for row in restated if row.approved_at]
        known = tuple(
            figures.version(bank, View(0, at))
            for bank in banks
            for at in (figures.closing(bank, quarter, state.now), *approved)
        )
        began = {bank: figures.live_from(bank) for bank in banks}
        past = [bank for bank, at in began.items() if at is None or date_at(at) > quarter.last_day]

        def make() -> Iterator[Sample]:
            return closed_readings(figures, official(figures, who, quarter, state.now), name)

        key = (name, state.published, known, tuple(map(repr, restated)), tuple(past))
        drift = tuple(versions.get(bank, 0) for bank in past)
        return _Wanted(("official", str(quarter), who), key, drift, make)


def _closed_quarters(
    figures: Figures, names: Iterable[str], now: int
) -> tuple[tuple[Quarter, tuple[str, ...]], ...]:
    """The last quarters that are closed at an instant for anybody, newest first."""
    found: list[tuple[Quarter, tuple[str, ...]]] = []
    quarter = Quarter.of(date_at(now)).previous
    while now and names and len(found) < PERIODS:
        closed = tuple(who for who in names if figures.is_closed(who, quarter, now))
        found += [(quarter, closed)] if closed else []
        quarter = quarter.previous
    return tuple(found)
