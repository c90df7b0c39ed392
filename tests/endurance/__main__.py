"""`make endurance`: the soak as a program; with --write its report becomes docs/soak.md."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

from tests.benchmarks.load import load
from tests.endurance.course import Course
from tests.endurance.report import report, verdicts
from tests.parts.kafka import Kafka
from tests.parts.postgres import Postgres

ROOT: Final = Path(__file__).parents[2]
_EVENTS_A_LOAN: Final = 6.2


def main() -> int:
    """Run it, and print the report; 1 where something does not hold."""
    parser = argparse.ArgumentParser(prog="make endurance", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="of flow under kills")
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument(
        "--backlog", type=float, default=0.25, help="the share of events that lies there first"
    )
    parser.add_argument(
        "--loans", type=int, help="of the history that they begin; by default all of it is told"
    )
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="postgresql")
    parser.add_argument("--workers", type=int, default=2, help="on PostgreSQL; SQLite is for one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hostile", type=Path, help="what `make soak` has printed, for the report")
    parser.add_argument("--folder", type=Path, help="where broker and stores lie meanwhile")
    parser.add_argument("--write", action="store_true", help="write docs/soak.md")
    given = parser.parse_args()
    history = load(given.loans or round(given.events / _EVENTS_A_LOAN))
    backlog, seconds = round(given.events * given.backlog), given.minutes * 60
    with (
        tempfile.TemporaryDirectory(prefix="puhui-endurance-", dir=given.folder) as folder,
        _parts(Path(folder)) as kafka,
    ):
        with _store(given.store) as store:
            workers = given.workers if store else 1
            course = Course(Path(folder), kafka, store, workers, given.seed)
            found = course.run(
                islice(history, given.events), backlog, (given.events - backlog) / seconds, seconds
            )
    text = report(
        found, f"make endurance {_shown(given)}", _demanded(found.events, given.minutes), given.hostile
    )
    print(text)
    if given.write:
        (ROOT / "docs" / "soak.md").write_text(text)
    return 0 if all(verdicts(found).values()) else 1


def _shown(given: argparse.Namespace) -> str:
    """What the run was, without the places of its files."""
    names = ("events", "loans", "minutes", "backlog", "store", "workers", "seed")
    shown = " ".join(f"--{name} {value}" for name in names if (value := getattr(given, name)) is not None)
    return f'ARGS="{shown}"'


def _demanded(events: int, minutes: float) -> str:
    return (
        "Demanded are 20,000,000 events, 30 minutes under kills and a backlog of 5,000,000: this run had "
        f"{events / 20_000_000:.0%} of the events and {minutes:g} minutes."
    )


@contextmanager
def _parts(folder: Path) -> Iterator[Kafka]:
    kafka = Kafka(folder / "kafka")
    kafka.start()
    try:
        yield kafka
    finally:
        kafka.kill()


@contextmanager
def _store(kind: str) -> Iterator[str]:
    """The address of an empty database; an empty one where the workers' own file is meant."""
    if kind == "sqlite":
        yield ""
        return
    server = Postgres()
    server.start()
    try:
        yield server.create_database()
    finally:
        server.remove()


if __name__ == "__main__":
    sys.exit(main())
