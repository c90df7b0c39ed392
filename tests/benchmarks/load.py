"""The load: a deterministic history of 30 institutions, made once and kept, in order of publication."""

import hashlib
import heapq
import json
import mmap
import os
import struct
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from puhui.codes import complete_usc
from tests.benchmarks import positions, stories, wire
from tests.benchmarks.positions import report
from tests.benchmarks.stories import Story, Sums
from tests.benchmarks.wire import Published, Teller, iso, midnight

INSTITUTIONS: Final = tuple(complete_usc(f"91141024MA0B{n:04d}{n % 10}") for n in range(1, 31))
PARTITIONS: Final = 8
YEARS: Final = 1_095
"""Three years of business days, in days."""
_HEAD: Final = struct.Struct("<qHH")
_WEIGHTS: Final = [1 / n for n in range(1, len(INSTITUTIONS) + 1)]
_KINDS: Final = ("rural_commercial", "city_commercial", "large_state", "village_bank", "joint_stock")


@dataclass(frozen=True)
class Load:
    """A generated history on disk; iterating reads its records."""

    path: Path
    events: int
    loans: int
    planted: dict[str, int]

    def __iter__(self) -> Iterator[Published]:
        return read(self.path)


def registrations(environment: str = "test") -> list[tuple[str, bytes]]:
    """What the office publishes first on registry-events: key and value for each institution."""
    return [(code, _registered(n, code, environment)) for n, code in enumerate(INSTITUTIONS)]


def _registered(number: int, code: str, environment: str) -> bytes:
    event = {
        "type": "cn.puhui.institution.registered.v1",
        "specversion": "1.0",
        "id": f"registered-{number}",
        "source": "urn:puhui:gov:benchmark-office",
        "time": f"{iso(0)}T08:00:00+08:00",
        "environment": environment,
        "data": {
            "business_date": iso(0),
            "institution_id": code,
            "name": f"测试机构{number + 1}",
            "kind": _KINDS[number % len(_KINDS)],
            "known_from": iso(0),
            "valid_from": "2010-01-01",
        },
    }
    return json.dumps(event, ensure_ascii=False).encode()


REGISTERED_AT: Final = midnight(0)
"""When the registrations are published, in milliseconds."""


def load(loans: int = 300_000, days: int = YEARS, environment: str = "test") -> Load:
    """The history of so many loans: out of the cache, or made now by two processes."""
    sources = "".join(Path(str(module.__file__)).read_text() for module in (positions, stories, wire))
    digest = hashlib.sha256((sources + Path(__file__).read_text()).encode()).hexdigest()[:10]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "puhui" / "benchmarks"
    path = cache / f"load-{loans}-{days}-{environment}-{digest}.bin"
    facts = path.with_suffix(".json")
    if not facts.exists():
        cache.mkdir(parents=True, exist_ok=True)
        facts.write_text(json.dumps(_make(path, loans, days, environment)))
    known = json.loads(facts.read_text())
    return Load(path, known["events"], known["loans"], known["planted"])


def _make(path: Path, loans: int, days: int, environment: str) -> dict[str, object]:
    shares = [max(1, round(loans * w / sum(_WEIGHTS))) for w in _WEIGHTS]
    planted: dict[str, int] = {}
    made = 0
    with TemporaryDirectory(dir=path.parent) as folder, ProcessPoolExecutor(2) as pool:
        one = partial(_institution, Path(folder), days, environment)
        for loans_made, wrong in pool.map(one, range(len(INSTITUTIONS)), shares):
            made += loans_made
            planted = {kind: planted.get(kind, 0) + count for kind, count in wrong.items()}
        runs = [read(run) for run in sorted(Path(folder).iterdir())]
        events = write(path, heapq.merge(*runs, key=attrgetter("at")))
    return {"events": events, "loans": made, "planted": planted}


def _institution(
    folder: Path, days: int, environment: str, number: int, loans: int
) -> tuple[int, dict[str, int]]:
    teller, sums = Teller(number, INSTITUTIONS[number], days, environment), Sums()
    story, made, customers = Story(teller, sums), 0, 0
    while made < loans:
        made += story.customer(customers)
        customers += 1
    planted = report(teller, sums)
    teller.told.sort(key=attrgetter("at"))
    write(folder / f"{number:02d}", teller.told)
    return made, planted


def write(path: Path, records: Iterator[Published] | list[Published]) -> int:
    """Write records; how many."""
    count = 0
    with path.open("wb", buffering=1 << 20) as file:
        for at, institution, value in records:
            file.write(_HEAD.pack(at, institution, len(value)) + value)
            count += 1
    return count


def read(path: Path) -> Iterator[Published]:
    """Read records, one after the other."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        place, end, size = 0, len(memory), _HEAD.size
        while place < end:
            at, institution, length = _HEAD.unpack_from(memory, place)
            place += size
            yield Published(at, institution, memory[place : place + length])
            place += length
