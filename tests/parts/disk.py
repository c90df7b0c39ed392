"""A small disk that is really full: a file system of a few megabytes, mounted in a user namespace of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.parts import Absent
from tests.parts.process import Server, Unready, as_user

_BALLAST: Final = "ballast"
_MOUNT: Final = 'mount -t tmpfs -o "size=$2,mode=0777" disk "$1" && touch "$1/mounted" && exec sleep infinity'


class Forbidden(Exception):
    """The machine does not let us mount anything, not even for ourselves; the message says what it answered."""


class Disk:
    """A file system of so many megabytes: in a folder for who is inside its namespace, by a link for others."""

    def __init__(self, folder: Path, megabytes: int, user: str | None = None) -> None:
        self._holder = Server(folder / "disk.log")
        self.folder, self._size, self._user = folder / "disk", f"{megabytes}m", user

    @property
    def path(self) -> Path:
        """The file system as others see it: through the process that holds it."""
        return Path(f"/proc/{self._holder.pid}/root{self.folder}")

    def mount(self) -> None:
        """Make it; Forbidden where the machine does not let us."""
        if shutil.which("unshare") is None:
            raise Absent("unshare")
        self.folder.mkdir()
        self.folder.chmod(0o777)
        command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _MOUNT, "sh"]
        try:
            self._holder.launch([*command, str(self.folder), self._size], self._is_mounted, user=self._user)
        except Unready as error:
            raise Forbidden(f"a file system in a user namespace is forbidden here: {error}") from error

    def _is_mounted(self) -> bool:
        try:
            return (self.path / "mounted").exists()
        except PermissionError:
            return False

    def inside(self, command: Sequence[str]) -> list[str]:
        """The command as one that finds the file system in its folder, which SQLite needs: it follows links itself."""
        enter = ("nsenter", "--preserve-credentials", "--user", "--mount", "--target", str(self._holder.pid))
        return [*enter, *command]

    def remove(self) -> None:
        """Let it go with all that is on it."""
        self._holder.kill()


def fill(folder: Path, user: str | None = None) -> None:
    """Leave not one block on the file system of a folder; only its own user can write to it."""
    _run("dd", "if=/dev/zero", f"of={folder / _BALLAST}", "bs=64k", user=user)


def make_room(folder: Path, user: str | None = None) -> None:
    """Take away again what `fill` has put there."""
    _run("rm", str(folder / _BALLAST), user=user)


def _run(*command: str, user: str | None) -> None:
    subprocess.run(command, cwd="/", capture_output=True, timeout=30, check=False, **as_user(user))
