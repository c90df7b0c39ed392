"""A real Apache Kafka of one node (KRaft: broker and controller in one process) in a folder of its own."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from kafka.admin import KafkaAdminClient

from streams.broker import LOOPBACK, answers, free_port
from streams.topics import check_topics
from tests.parts import Absent
from tests.parts.process import Server, Unready

VERSION = "4.3.1"  # as in scripts/kafka-pom.xml
_FAST_START = ["-Xmx768M", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"]
_LOGGING = """\
rootLogger.level = warn
rootLogger.appenderRef.o.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} %m%n
"""
#: One replica of everything; groups form at once; a killed broker is forgotten soon, so that it can return.
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "auto.create.topics.enable": "false",
    "log.retention.ms": "-1",
}


def jars_folder() -> Path:
    """Find Apache Kafka's jars, or raise `Absent`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("PUHUI_KAFKA") or cache / "puhui" / f"kafka-{VERSION}")
    if not (folder / f"kafka_2.13-{VERSION}.jar").exists():
        raise Absent(f"Apache Kafka {VERSION}")
    if shutil.which("java") is None:
        raise Absent("a Java runtime")
    return folder


class Kafka:
    """A broker that can be stopped, killed, frozen, and started again on the same ports and data."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.jars = jars_folder()
        self.folder = folder
        self.port, self._controller_port = free_port(), free_port()
        self.server = Server(folder / "server.log")
        self._settings = {**_SETTINGS, **self._places(), **(settings or {})}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "log4j2.properties").write_text(_LOGGING)

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def producer_jar_classpath(self) -> str:
        """The class path of Kafka's own console producer and consumer."""
        return os.pathsep.join(str(jar) for jar in sorted(self.jars.glob("*.jar")))

    def start(self) -> None:
        """Start the broker, on its data if it has any, and return when it answers."""
        lines = [f"{name}={value}" for name, value in self._settings.items()]
        (self.folder / "server.properties").write_text("\n".join(lines) + "\n")
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()
        self.server.launch(self.java("kafka.Kafka", "server.properties"), self._is_ready)

    def stop(self) -> None:
        """Stop the broker in good order."""
        self.server.signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker at once; what it acknowledged is in the operating system's cache and stays."""
        self.server.kill()

    def pause(self) -> None:
        """Freeze the broker."""
        self.server.pause()

    def resume(self) -> None:
        """Let a frozen broker go on."""
        self.server.resume()

    def java(self, main: str, *arguments: str) -> list[str]:
        """Make the command that runs one of Kafka's own programs."""
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        return ["java", *_FAST_START, logging, "-cp", self.producer_jar_classpath, main, *arguments]

    def produce(self, topic: str, lines: str, *options: str) -> None:
        """Send lines with Kafka's own console producer and return when they are acknowledged."""
        self._run("org.apache.kafka.tools.ConsoleProducer", topic, options, lines)

    def consume(self, topic: str, count: int, *options: str) -> list[str]:
        """Read so many records from the beginning with Kafka's own console consumer."""
        options = ("--from-beginning", "--max-messages", str(count), "--timeout-ms", "20000", *options)
        return self._run("org.apache.kafka.tools.consumer.ConsoleConsumer", topic, options).splitlines()

    def delete_topics(self) -> None:
        """Delete our topics, and return when they are gone."""
        with closing(KafkaAdminClient(bootstrap_servers=self.bootstrap)) as admin:
            if there := list(check_topics(self.bootstrap).topic_ids):
                admin.delete_topics(there)
        deadline = time.monotonic() + 60
        while check_topics(self.bootstrap).topic_ids:
            assert time.monotonic() < deadline, "the topics are not deleted in time"
            time.sleep(0.05)

    def _run(self, main: str, topic: str, options: tuple[str, ...], text: str = "") -> str:
        command = self.java(main, "--bootstrap-server", self.bootstrap, "--topic", topic, *options)
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise RuntimeError(f"{main}: {done.stderr[-2000:]}")
        return done.stdout

    def _is_ready(self) -> bool:
        return answers(self.port)

    def _places(self) -> dict[str, str]:
        broker, controller = f"{LOOPBACK}:{self.port}", f"{LOOPBACK}:{self._controller_port}"
        return {
            "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{broker}",
            "controller.quorum.voters": f"1@{controller}",
            "log.dirs": str(self.folder / "data"),
        }

    def _format_options(self) -> list[str]:
        """What else the folder is formatted with."""
        return []

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(b"\x10" + uuid.uuid4().bytes[1:])[
            :22
        ].decode()  # no "-" in front
        format = ("format", "-t", cluster_id, "-c", "server.properties", *self._format_options())
        command = self.java("kafka.tools.StorageTool", *format)
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unready(f"Apache Kafka's folder cannot be formatted: {done.stdout}{done.stderr}")
