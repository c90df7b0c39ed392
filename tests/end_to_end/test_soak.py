"""A short soak: what `make soak` sends by the hundred thousand is tried in small each time."""

from pathlib import Path

import pytest

from tests.conftest import do_without
from tests.parts import Absent
from tests.parts.kafka import Kafka
from tests.soak import Soak

pytestmark = [pytest.mark.parts, pytest.mark.slow]


def test_hostile_messages_and_batches_through_a_real_kafka_stop_no_worker_and_leave_nothing_wrong(
    tmp_path: Path,
) -> None:
    try:
        kafka = Kafka(tmp_path / "kafka")
    except Absent as absent:
        do_without(absent)
    kafka.start()
    try:
        report = Soak(tmp_path, kafka, count=8_000, seed=1).run()
    finally:
        kafka.kill()
    assert min(report["outcomes"][name] for name in ("accepted", "refused", "parked", "forwarded")) > 50
    assert report["outcomes"]["not unpacked"] > 0, "no damaged batch got past Kafka"
