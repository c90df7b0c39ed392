"""The embedded broker starts at once, forgets at a stop, and never outlives who started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from streams.broker import BrokerFailed, EmbeddedBroker, answers, free_port, start_broker
from streams.topics import Topic, check_topics, ensure_topics

TOPIC = [Topic("events", 1)]
STARTER = """
import time
from streams.broker import start_broker
broker = start_broker()
print(broker.port, flush=True)
time.sleep(60)
"""


def test_it_answers_when_it_has_started_and_not_when_it_has_stopped() -> None:
    with start_broker() as broker:
        assert answers(broker.port)
    assert not answers(broker.port)


def test_it_starts_on_a_given_port() -> None:
    port = free_port()
    with start_broker(port) as broker:
        assert broker.bootstrap == f"127.0.0.1:{port}"


def test_a_port_in_use_is_an_error_with_its_reason(fresh_broker: EmbeddedBroker, tmp_path: Path) -> None:
    with pytest.raises(BrokerFailed, match="Address"):
        start_broker(fresh_broker.port, log=tmp_path / "log")


def test_every_start_is_another_cluster_and_empty() -> None:
    with start_broker() as broker:
        first = ensure_topics(broker.bootstrap, TOPIC)
    with start_broker() as broker:
        second = check_topics(broker.bootstrap, TOPIC)
    assert first.cluster_id != second.cluster_id
    assert not second.topic_ids


def test_stopping_twice_is_stopping() -> None:
    broker = start_broker()
    broker.stop()
    broker.stop()
    assert broker.process.poll() is not None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_it_ends_with_its_parent_however_that_ends() -> None:
    starter = subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    port = int(starter.stdout.readline())
    assert answers(port)
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    deadline = time.monotonic() + 5
    while answers(port, 0.2):
        assert time.monotonic() < deadline, "the broker is still there"
        time.sleep(0.02)
