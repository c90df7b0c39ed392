"""The topics are made and read alike on the embedded broker and on Apache Kafka."""

from __future__ import annotations

from contextlib import closing

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient

from puhui.cli import main
from streams import topics
from streams.broker import EmbeddedBroker
from streams.connecting import prove_access
from tests.installation import wait_until
from tests.parts.kafka import Kafka


def plan(name: str, partitions: int) -> topics.Topic:
    return topics.Topic(f"topics-{name}", partitions)


def test_missing_topics_are_created_with_their_partitions(bootstrap: str) -> None:
    report = topics.ensure_topics(bootstrap, [plan("new", 3)])
    assert report.good
    assert report.created == ("topics-new",)
    assert report.partitions == {"topics-new": 3}


def test_a_second_time_creates_nothing_and_finds_the_same_ids(bootstrap: str) -> None:
    first = topics.ensure_topics(bootstrap, [plan("twice", 2)])
    second = topics.ensure_topics(bootstrap, [plan("twice", 2)])
    assert second.created == ()
    assert second.good
    assert (second.cluster_id, second.topic_ids) == (first.cluster_id, first.topic_ids)


def test_another_number_of_partitions_is_reported_and_left_alone(bootstrap: str) -> None:
    topics.ensure_topics(bootstrap, [plan("few", 2)])
    report = topics.ensure_topics(bootstrap, [plan("few", 4)])
    assert [str(difference) for difference in report.differences] == [
        "topics-few: the number of partitions should be 4 and is 2"
    ]
    assert report.partitions == {"topics-few": 2}


def test_checking_reports_a_missing_topic_and_does_not_create_it(bootstrap: str) -> None:
    for _ in range(2):
        report = topics.check_topics(bootstrap, [plan("absent", 1)])
        assert [difference.found for difference in report.differences] == ["missing"]


def test_a_topic_created_anew_has_another_id(bootstrap: str) -> None:
    first = topics.ensure_topics(bootstrap, [plan("anew", 1)])
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.delete_topics(["topics-anew"])
    admin.close()
    assert topics.ensure_topics(bootstrap, [plan("anew", 1)]).topic_ids != first.topic_ids


@pytest.mark.parts
def test_rights_are_given_only_where_kafka_asks_for_them(
    apache_kafka: Kafka, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PUHUI_BROKER", apache_kafka.bootstrap)
    assert main(["access", "worker", "somebody"]) == 3
    assert "has no authorizer" in capsys.readouterr().err


def test_end_offsets_count_what_was_sent(bootstrap: str) -> None:
    topics.ensure_topics(bootstrap, [plan("ends", 3)])
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for partition, count in ((1, 3), (2, 500)):
        for _ in range(count):
            producer.send("topics-ends", b"event", partition=partition)
    producer.close()
    ends = topics.end_offsets(bootstrap, ["topics-ends"])
    assert ends == {("topics-ends", 0): 0, ("topics-ends", 1): 3, ("topics-ends", 2): 500}
    assert set(topics.start_offsets(bootstrap, ["topics-ends"]).values()) == {0}


@pytest.mark.parts
def test_a_smaller_message_limit_is_reported(apache_kafka: Kafka) -> None:
    wanted = topics.Topic("topics-small", 1, {"max.message.bytes": "1000"})
    topics.ensure_topics(apache_kafka.bootstrap, [wanted])
    report = topics.check_topics(apache_kafka.bootstrap, [plan("small", 1)])
    assert [(difference.what, difference.found) for difference in report.differences] == [
        ("max.message.bytes", "1000")
    ]


def test_both_topics_of_events_have_the_same_partitions() -> None:
    planned = {topic.name: topic.partitions for topic in topics.topics(12)}
    assert planned == {
        "loan-events": 12,
        "registry-events": 12,
        "rejected-events": 8,
        "alerts": 1,
        "integrity": 1,
    }


@pytest.mark.parts
def test_apache_kafka_says_which_partitions_the_members_of_a_group_have(apache_kafka: Kafka) -> None:
    topics.ensure_topics(apache_kafka.bootstrap, [plan("held", 2)])
    with closing(KafkaConsumer(bootstrap_servers=apache_kafka.bootstrap, group_id="topics-group")) as member:
        member.subscribe(["topics-held"])
        wait_until(lambda: member.poll(100) == {} and bool(member.assignment()), "it has its partitions")
        held = topics.held_partitions(apache_kafka.bootstrap, "topics-group")
    assert held == {("topics-held", 0), ("topics-held", 1)}
    assert topics.held_partitions(apache_kafka.bootstrap, "topics-group") == set()


def test_the_embedded_broker_does_not_say_it(embedded_broker: EmbeddedBroker) -> None:
    assert topics.held_partitions(embedded_broker.bootstrap, "topics-group") is None


def test_one_broker_that_answers_is_enough_to_say_nothing(
    bootstrap: str, caplog: pytest.LogCaptureFixture
) -> None:
    prove_access(f"127.0.0.1:1,{bootstrap}")
    assert not [record for record in caplog.records if record.name == "puhui"]
