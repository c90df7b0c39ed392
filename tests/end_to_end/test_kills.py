"""A hundred kills on each store while events flow through Apache Kafka leave no trace."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests import digests
from tests.flow import flow
from tests.installation import Installation
from tests.killing import IN_FLUSH, Ended, Kill, Run, kills
from tests.parts.kafka import Kafka

pytestmark = [pytest.mark.parts, pytest.mark.slow, pytest.mark.timeout(1800)]

PARTITIONS = 4
OFTEN = {"PUHUI_FLUSH_EVERY": "3000"}
"""A write-behind every hundred facts."""
SEEDS = {"sqlite": 1, "postgresql": 2}
KILLS = int(os.environ.get("PUHUI_TEST_KILLS", "100"))
"""On each of the two stores, a multiple of fifty: at two hundred random points."""
assert KILLS % 50 == 0 < KILLS, f"PUHUI_TEST_KILLS must be a multiple of 50, it is {KILLS}"

Runs = dict[str, Future[Ended]]


@pytest.fixture(scope="module")
def second_kafka(apache_kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """Another cluster, for the runs of another store at the same time."""
    kafka = Kafka(tmp_path_factory.mktemp("kafka"))
    kafka.start()
    yield kafka
    kafka.kill()


@pytest.fixture(scope="module")
def runs(
    apache_kafka: Kafka,
    second_kafka: Kafka,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Runs]:
    """Every run under way, two at a time: a worker that starts waits half of the while."""
    records = flow(PARTITIONS)

    def played(
        kafka: Kafka, folder: Path, store: str = "", planned: tuple[Kill, ...] = (), **more: str
    ) -> Ended:
        return Run(_fresh(kafka, folder, store), records, **more).to_the_end(planned)

    stores = {"sqlite": ""}
    with suppress(pytest.skip.Exception):
        stores["postgresql"] = request.getfixturevalue("postgres").create_database()
    folders = {name: tmp_path_factory.mktemp(name) for name in ("undisturbed", "unrecovered", *stores)}
    few = kills(seed=3, in_each_place=1, anywhere=2)
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        under_way = {
            "undisturbed": first.submit(played, apache_kafka, folders["undisturbed"]),
            "unrecovered": second.submit(
                played, second_kafka, folders["unrecovered"], "", few, **OFTEN, PUHUI_TEST_NO_RECOVERY="1"
            ),
        }
        for (name, store), (pool, kafka) in zip(
            stores.items(), ((first, apache_kafka), (second, second_kafka)), strict=False
        ):
            planned = kills(SEEDS[name], in_each_place=6, anywhere=20, at_start=6, often=KILLS // 50)
            under_way[name] = pool.submit(played, kafka, folders[name], store, planned, **OFTEN)
        yield under_way
        for pool in (first, second):
            pool.shutdown(wait=False, cancel_futures=True)


def _fresh(kafka: Kafka, folder: Path, store: str) -> Installation:
    """An installation on topics that are new."""
    kafka.delete_topics()
    return Installation(folder / "installation", kafka.bootstrap, store, partitions=PARTITIONS)


@pytest.fixture
def undisturbed(runs: Runs) -> Ended:
    """The run that all others are compared with."""
    return runs["undisturbed"].result()


@pytest.fixture(params=["sqlite", "postgresql"])
def killed(request: pytest.FixtureRequest, runs: Runs) -> Ended:
    """The run with kills on one store."""
    if request.param == "postgresql":
        request.getfixturevalue("postgres")
    return runs[request.param].result()


def test_in_the_undisturbed_run_there_is_something_of_everything(undisturbed: Ended) -> None:
    """An empty part would hide a difference."""
    assert [part for part, found in undisturbed.state.items() if not found] == []
    assert undisturbed.alerts
    assert undisturbed.rejected
    assert digests.differences({"register": undisturbed.state["register"]}, undisturbed.folded) == {}


def test_kills_leave_no_trace(killed: Ended, undisturbed: Ended) -> None:
    places = Counter(kill.place for kill in killed.killed)
    assert sum(places.values()) == KILLS
    assert all(places[place] >= 5 for place in IN_FLUSH)
    assert digests.differences({"register": killed.state["register"]}, killed.folded) == {}
    assert digests.differences(killed.state, undisturbed.state) == {}
    for mine, theirs in ((killed.alerts, undisturbed.alerts), (killed.rejected, undisturbed.rejected)):
        assert mine.keys() == theirs.keys()
        assert [forms for forms in mine.values() if len(forms) > 1] == []
    print(
        f"{dict(places)} in {killed.seconds:.0f} s, {killed.flowing} events still to come at the last; "
        f"undisturbed in {undisturbed.seconds:.0f} s"
    )


def test_without_recovery_the_digests_differ_and_the_register_is_not_the_fold(
    runs: Runs, undisturbed: Ended
) -> None:
    """The negative control: what is compared above would tell."""
    ended = runs["unrecovered"].result()
    assert digests.differences({"register": ended.state["register"]}, ended.folded) != {}
    different = {part.partition(":")[0] for part in digests.differences(ended.state, undisturbed.state)}
    assert different >= {"facts", "register", "movements", "figures", "refused", "counts"}
