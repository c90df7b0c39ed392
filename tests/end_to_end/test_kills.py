"""Fifty kills while events flow through Apache Kafka leave no trace, on either store."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient

from streams.topics import check_topics
from tests import digests
from tests.flow import Record, flow
from tests.installation import Installation, wait_until
from tests.killing import ANYWHERE, AT_START, IN_FLUSH, Ended, Run, kills
from tests.parts.kafka import Kafka
from tests.parts.postgres import Postgres

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(1200)]

PARTITIONS = 4
OFTEN = {"PUHUI_FLUSH_EVERY": "3000"}
"""A write-behind every hundred facts."""


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return flow(PARTITIONS)


def an_installation(kafka: Kafka, folder: Path, store: str = "") -> Installation:
    """An installation on topics that are new."""
    there = list(check_topics(kafka.bootstrap).topic_ids)
    with closing(KafkaAdminClient(bootstrap_servers=kafka.bootstrap)) as admin:
        if there:
            admin.delete_topics(there)
    wait_until(lambda: not check_topics(kafka.bootstrap).topic_ids, "the topics are deleted")
    return Installation(folder / "installation", kafka.bootstrap, store, partitions=PARTITIONS)


@pytest.fixture(scope="module")
def undisturbed(
    apache_kafka: Kafka, records: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> Ended:
    """The run that all others are compared with."""
    folder = tmp_path_factory.mktemp("undisturbed")
    return Run(an_installation(apache_kafka, folder), records).to_the_end()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path / 'puhui.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    yield server.create_database()


def test_in_the_undisturbed_run_there_is_something_of_everything(undisturbed: Ended) -> None:
    """An empty part would hide a difference."""
    assert [part for part, found in undisturbed.state.items() if not found] == []
    assert undisturbed.alerts
    assert undisturbed.rejected
    assert digests.differences({"register": undisturbed.state["register"]}, undisturbed.folded) == {}


def test_fifty_kills_leave_no_trace(
    undisturbed: Ended, apache_kafka: Kafka, records: list[Record], store: str, tmp_path: Path
) -> None:
    planned = kills(seed=len(store), in_each_place=6, anywhere=20, at_start=6)
    ended = Run(an_installation(apache_kafka, tmp_path, store), records, **OFTEN).to_the_end(planned)
    places = Counter(kill.place for kill in ended.killed)
    assert sum(places.values()) == 50
    assert all(places[place] >= 5 for place in (*IN_FLUSH, ANYWHERE, AT_START))
    assert digests.differences({"register": ended.state["register"]}, ended.folded) == {}
    assert digests.differences(ended.state, undisturbed.state) == {}
    for mine, theirs in ((ended.alerts, undisturbed.alerts), (ended.rejected, undisturbed.rejected)):
        assert mine.keys() == theirs.keys()
        assert [forms for forms in mine.values() if len(forms) > 1] == []
    print(f"{dict(places)} in {ended.seconds:.0f} s, undisturbed in {undisturbed.seconds:.0f} s")


def test_without_recovery_the_digests_differ_and_the_register_is_not_the_fold(
    undisturbed: Ended, apache_kafka: Kafka, records: list[Record], tmp_path: Path
) -> None:
    """The negative control: what is compared above would tell."""
    run = Run(an_installation(apache_kafka, tmp_path), records, **OFTEN, PUHUI_TEST_NO_RECOVERY="1")
    ended = run.to_the_end(kills(seed=1, in_each_place=1, anywhere=2))
    assert digests.differences({"register": ended.state["register"]}, ended.folded) != {}
    different = digests.differences(ended.state, undisturbed.state)
    assert {part.partition(":")[0] for part in different} >= {"facts", "register", "movements", "figures"}
