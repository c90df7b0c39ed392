"""Whatever is sent, the intake never fails, counts each message once, and takes no fact that the rules do not allow."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregates.store import open_store
from puhui.contract.catalogue import REJECTED_EVENTS
from puhui.keys import Keys
from tests.desk import instant
from tests.hostile import allowed
from tests.hostile.answers import check_answer
from tests.hostile.messages import SECRETS, Hostile, Wire
from tests.worker import PARTITIONS, DirectWorker

BEGIN: Final = instant("2024-07-01") // 1000
EVERY: Final = 10_000
"""Milliseconds between two messages: in 50,000 of them six days go by, and what waits does so in vain after three."""


class Besieged:
    """A worker on SQLite under hostile messages, and what became of them."""

    def __init__(self, folder: Path, seed: Random) -> None:
        self.url = f"sqlite:{folder / 'besieged.db'}"
        self.worker = DirectWorker(open_store(self.url), flush_every=3_000)
        self.worker.intake.keys = Keys(SECRETS)
        self.hostile = Hostile(seed, partitions=PARTITIONS)
        self.sent = 0
        self.answers: Counter[str] = Counter()
        self.take(self.hostile.first())

    def take(self, messages: Sequence[Wire]) -> None:
        """The messages arrive together; each must end, and each answer be one that may be given."""
        self.worker.fetch(
            (((m.topic, m.partition), (m.key, m.value, m.headers)) for m in messages), at=self._now()
        )
        self.sent += len(messages)
        store = self.worker.store
        left = store.outbox(10 * len(messages))
        for row in left:
            if row.topic == REJECTED_EVENTS:
                self.answers[check_answer(row.value)] += 1
        for topic in {row.topic for row in left}:
            store.forget(topic, [row.id for row in left if row.topic == topic])

    def _now(self) -> int:
        return BEGIN + self.sent * EVERY

    def ended(self) -> Counter[str]:
        """Check all that is stored; how many messages came to which end."""
        worker, found = self.worker, allowed.outcomes(self.worker.store)
        assert found.total() == self.sent, found
        assert allowed.only_allowed_facts(worker.store) >= found["accepted"]
        allowed.bridges_close(worker.store)
        worker.intake.flush_all()
        allowed.register_is_the_fold(worker.store, self.url)
        worker.intake.expire(self._now() * 1000 + 80 * 3_600_000_000)
        assert not worker.store.parked()
        worker.store.close()
        return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_fifty_thousand_hostile_messages_do_no_harm(tmp_path: Path, seed: int) -> None:
    dice = Random(seed)
    besieged = Besieged(tmp_path, Random(seed))
    while besieged.sent < 50_000:
        besieged.take(list(besieged.hostile.messages(dice.choice((1, 10, 300, 1_500)))))
    found = besieged.ended()
    assert min(found.values()) > 100, found
    assert len(besieged.answers) > 15, besieged.answers


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False), st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_a_few_hostile_messages_do_no_harm(dice: Random, batches: list[int]) -> None:
    with TemporaryDirectory() as folder:
        besieged = Besieged(Path(folder), dice)
        for count in batches:
            besieged.take(list(besieged.hostile.messages(count)))
        besieged.ended()
