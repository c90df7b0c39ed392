"""A real PostgreSQL in a folder of its own, thrown away afterwards."""

from __future__ import annotations

import itertools
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

import psycopg

from streams.broker import LOOPBACK, free_port
from tests.parts import Absent
from tests.parts.process import Server, Unready, as_user

_OLDEST = 15
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}


def programs() -> Path:
    """Find the folder with the newest PostgreSQL server that is new enough, or raise `Absent`."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).parent] if on_path else []
    candidates += Path("/usr/lib/postgresql").glob("*/bin")
    known = [(_major(folder), folder) for folder in candidates if (folder / "initdb").exists()]
    if not known or max(known)[0] < _OLDEST:
        raise Absent(f"PostgreSQL {_OLDEST} or newer")
    return max(known)[1]


class Postgres:
    """A server that can be stopped gently or as by a crash, and started again on the same data."""

    def __init__(self, settings: dict[str, str] | None = None) -> None:
        self._programs = programs()
        # Not pytest's folder: nobody else may enter that, and the server refuses to run as root.
        self.folder = Path(tempfile.mkdtemp(prefix="puhui-postgres-"))
        self.port = free_port()
        self.server = Server(self.folder / "server.log")
        self.user = _unprivileged() if os.getuid() == 0 else None
        self._settings = {"listen_addresses": LOOPBACK, "unix_socket_directories": str(self.folder)}
        self._settings |= {"port": str(self.port), **(settings or {})}
        self._names = (f"test_{number}" for number in itertools.count(1))
        if self.user:
            shutil.chown(self.folder, self.user)
        self._initialise()

    def start(self) -> None:
        """Start the server, with recovery if it was not stopped gently, and return when it answers."""
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self._programs / "postgres"), "-D", str(self.folder / "data"), *options]
        self.server.launch(command, self._answers, user=self.user, end=signal.SIGQUIT)

    def stop(self, mode: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """Stop the server; `immediate` is like a crash: no checkpoint, recovery at the next start."""
        self.server.signal(_SIGNALS[mode])

    def remove(self) -> None:
        """Stop the server and remove all it had."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def address(self, database: str = "postgres") -> str:
        """Return the connection string of a database, over TCP."""
        return f"postgresql://postgres@{LOOPBACK}:{self.port}/{database}"

    def create_database(self) -> str:
        """Create an empty database and return its connection string."""
        name = next(self._names)
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.address(name)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.address(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _initialise(self) -> None:
        command = [str(self._programs / "initdb"), "--pgdata", str(self.folder / "data")]
        command += ["--username", "postgres", "--auth", "trust"]
        command += ["--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, **as_user(self.user)
        )
        if done.returncode:
            raise Unready(f"PostgreSQL's folder cannot be initialised: {done.stderr}")


def _major(folder: Path) -> int:
    said = subprocess.run([folder / "initdb", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"\d+", said)
    return int(found.group()) if found else 0


def _unprivileged() -> str:
    users = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in users else "nobody"
