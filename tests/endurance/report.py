"""The report of a soak: docs/soak.md."""

import json
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from statistics import mean, median
from typing import Any, Final

import psutil

from tests.endurance.course import FRESH, Outcome, Sample

GROWTH: Final = 0.05
"""By so much the memory in the last third of the quiet run may lie above that in the second."""
SOON: Final = 10.0
"""Seconds after the end of a backlog within which no event may be late any more."""
_LINES: Final = 24


def verdicts(found: Outcome) -> dict[str, bool]:
    """What a soak must show, and whether it has."""
    second, last = _thirds(found.of("quiet"))
    return {
        "figures, facts, rows and alerts are those of the quiet run": found.shaken == found.quiet,
        "answers and alerts on Kafka have the same ids, each one form under kills": all(same for _, same in found.messages.values()),
        f"memory in the last third within {GROWTH:.0%} of that in the second": last <= second * (1 + GROWTH),
        f"no event waits more than {FRESH:g} s from {SOON:g} s after the backlog on": _late_until(found) <= SOON,
    }  # fmt: skip


def report(found: Outcome, made_by: str, demanded: str, hostile: Path | None) -> str:
    """The page."""
    lines = [
        "# Soak",
        "",
        f"Made by `{made_by}` on {date.today().isoformat()}. {_machine()}",
        "",
        *_told(found, demanded),
        "",
        "| what must hold | held |",
        "|---|---|",
        *(f"| {what} | {'yes' if held else '**no**'} |" for what, held in verdicts(found).items()),
        "",
        "## Over time",
        "",
        "Memory is what the kernel can take from nobody (resident, without what lies in files), by worker; a worker that has",
        "just been killed has none. Wait: how long the event that has waited longest was on Kafka, at worst since the line before.",
        "",
        "| minute | phase | published | taken in | wait, s | memory, MB |",
        "|---|---|---|---|---|---|",
        *_course(found.samples),
        "",
        *_kills(found),
        "",
        "## Digests",
        "",
        "Of each part: how many things, and the sum of their hashes, which is the same in whatever order they came.",
        "",
        "| part | under kills | quiet |",
        "|---|---|---|",
        *(f"| {part} | `{of}` | `{found.quiet[part]}` |" for part, of in found.shaken.items()),
        "",
        *(f"Messages on `{topic}`: {count:,} ids." for topic, (count, _) in found.messages.items()),
    ]
    if hostile is not None:
        lines += ["", *_hostile(json.loads(hostile.read_text()))]
    return "\n".join(lines) + "\n"


def _told(found: Outcome, demanded: str) -> Iterator[str]:
    calm = [sample.delay for sample in found.of("calm")]
    second, last = _thirds(found.of("quiet"))
    shaken = found.of("kills")
    yield (
        f"{found.events:,} events. {found.backlog:,} of them lay on Kafka when the workers began: worked off in "
        f"{found.worked_off:.0f} s, {found.backlog / found.worked_off:,.0f} events/s. Then events flowed: no event was late "
        f"(more than {FRESH:g} s) from {_late_until(found):.0f} s after the backlog's end on, the median of the longest wait "
        f"of each second was {median(calm or [0.0]):.2f} s. {len(found.strikes)} kills followed in "
        f"{(shaken[-1].at - shaken[0].at) / 60 if shaken else 0:.1f} minutes of flow. One worker on SQLite then took the same topic "
        f"in undisturbed, in {_lasted(found.of('quiet')) / 60:.1f} minutes; its memory was {second:.0f} MB in the second third and "
        f"{last:.0f} MB in the last."
    )
    yield ""
    yield demanded


def _late_until(found: Outcome) -> float:
    """Seconds after the end of the backlog at which an event was late for the last time before the kills."""
    calm = found.of("calm")
    late = [sample.at for sample in calm if sample.delay > FRESH]
    return late[-1] - calm[0].at if late else 0.0


def _thirds(samples: Sequence[Sample]) -> tuple[float, float]:
    """The mean of a worker's memory in the second and in the last third of a phase, in MB."""
    used = [sum(sample.memory) for sample in samples if all(sample.memory)] or [0.0]
    third = max(1, len(used) // 3)
    return mean(used[third : 2 * third] or used), mean(used[-third:])


def _lasted(samples: Sequence[Sample]) -> float:
    return samples[-1].at - samples[0].at if samples else 0.0


def _course(samples: Sequence[Sample]) -> Iterator[str]:
    step = max(1, len(samples) // _LINES)
    for end in range(step, len(samples) + 1, step):
        part = samples[end - step : end]
        s, wait = part[-1], max(sample.delay for sample in part)
        shown = "" if s.phase in ("backlog", "quiet") else f"{wait:.1f}"
        memory = ", ".join(f"{used:.0f}" for used in s.memory)
        yield f"| {s.at / 60:.1f} | {s.phase} | {s.published:,} | {s.taken:,} | {shown} | {memory} |"


def _kills(found: Outcome) -> Iterator[str]:
    what: dict[str, list[float]] = {}
    for strike in found.strikes:
        what.setdefault(strike.what, []).append(found.back_after(strike))
    yield "| killed (SIGKILL) | times | until no event was late, s: median | longest |"
    yield "|---|---|---|---|"
    for name, back in sorted(what.items()):
        yield f"| {name} | {len(back)} | {median(back):.1f} | {max(back):.1f} |"


def _hostile(told: dict[str, Any]) -> Iterable[str]:
    outcomes = ", ".join(f"{name} {number:,}" for name, number in told["outcomes"].items())
    memory = ", ".join(map(str, told["memory by tenths, MB"]))
    return (
        "## Hostile messages",
        "",
        f"`make soak`, {told['messages']:,} messages in {told['seconds']} s, in every codec, signed and unsigned, some batches "
        f"damaged: the worker did not end, every record came to one end ({outcomes}), {told['facts']:,} facts are all such as the rules "
        f"allow, the register is the fold of its log. Memory in the tenths of the run, MB: {memory}; in the last third "
        f"within 5% of that in the second: {'yes' if told['flat'] else '**no**'}.",
    )


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores, which the broker, the database, the publisher and all workers share, {memory:.0f} GiB, "
        f"{platform.system()}; Python {platform.python_version()}."
    )
