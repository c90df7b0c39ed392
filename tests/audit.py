"""Known vulnerabilities of what the lock files list: `python -m tests.audit`.

Ends with 1 where a listed version has one. Where the advisories are out of reach, which a question about a single
package tells, it says that nothing was audited and ends with 0.
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).parent.parent
LOCKS: Final = (ROOT / "requirements.lock", ROOT / "requirements-dev.lock")
_QUESTION: Final = (
    "--require-hashes",
    "--disable-pip",
    "--progress-spinner=off",
    "--format=json",
    "--desc=off",
)


class Vulnerability(msgspec.Struct, frozen=True):
    """One advisory that concerns a version."""

    id: str
    fix_versions: list[str]


class Dependency(msgspec.Struct, frozen=True):
    """One listed package, audited or not."""

    name: str
    version: str = ""
    skip_reason: str = ""
    vulns: list[Vulnerability] = []


class Report(msgspec.Struct, frozen=True):
    """What pip-audit answers."""

    dependencies: list[Dependency]


class Unreachable(Exception):
    """There is nobody to ask; the message says why."""


def ask(locks: Sequence[Path]) -> Report:
    """Have the lock files audited; `Unreachable` where not one package could be."""
    command = [
        str(Path(sys.executable).with_name("pip-audit")),
        *_QUESTION,
        *(f"--requirement={lock}" for lock in locks),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return read(done.stdout, done.stderr)


def read(answer: str, complaint: str) -> Report:
    """Understand an answer; `Unreachable` where it says nothing about any package."""
    try:
        report = msgspec.json.decode(answer, type=Report)
    except msgspec.DecodeError:
        raise Unreachable((complaint.strip().splitlines() or ["no answer"])[-1]) from None
    if all(dependency.skip_reason for dependency in report.dependencies):
        raise Unreachable(report.dependencies[0].skip_reason if report.dependencies else "nothing is listed")
    return report


def verdict(report: Report) -> tuple[int, list[str]]:
    """The exit status, and what to say."""
    skipped = [dependency.name for dependency in report.dependencies if dependency.skip_reason]
    bad = [
        f"{dependency.name} {dependency.version}: {known.id}, {_fixed(known)}"
        for dependency in report.dependencies
        for known in dependency.vulns
    ]
    audited = f"{len(report.dependencies) - len(skipped)} packages audited, {len(bad)} known vulnerabilities"
    return int(bool(bad)), [*bad, audited, *(f"not audited: {name}" for name in skipped)]


def _fixed(known: Vulnerability) -> str:
    return f"fixed in {', '.join(known.fix_versions)}" if known.fix_versions else "not fixed yet"


def first_of(lock: Path) -> str:
    """The first package that a lock lists, with its hashes."""
    lines = lock.read_text("utf-8").splitlines(keepends=True)
    end = next(number for number, line in enumerate(lines) if not line.endswith("\\\n"))
    return "".join(lines[: end + 1])


def main() -> int:
    """Audit everything, after one question that tells whether it can be done."""
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as one:
        one.write(first_of(LOCKS[0]))
        one.flush()
        try:
            ask([Path(one.name)])
            status, lines = verdict(ask(LOCKS))
        except Unreachable as why:
            status, lines = 0, [f"NOT AUDITED, no advisories can be had here: {why}"]
    print("\n".join(lines))
    return status


if __name__ == "__main__":
    sys.exit(main())
