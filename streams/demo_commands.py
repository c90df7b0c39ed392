"""Commands about the simulated county: `demo` plays it, `simulate` writes it down."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from puhui.commands import GOOD, Commands, argument, command, failed, number
from puhui.settings import Settings


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    demo = command(
        commands,
        "demo",
        run_demo,
        "play three years of a simulated county with everything embedded, then go on day by day",
    )
    demo.add_argument("--exit", action="store_true", help="stop after the box")
    demo.add_argument("--seed", type=int, default=1, metavar="N", help="another county (default: 1)")
    demo.add_argument(
        "--days-per-second", type=argument(_speed, "a number above 0, up to 1000"), default=0.25, metavar="X",
        help="simulated days a second after the box (default: 0.25)",
    )  # fmt: skip
    demo.add_argument(
        "--folder", type=Path, metavar="DIR", help="keep store and logs there (default: a temporary one)"
    )
    demo.add_argument(
        "--port",
        type=number(1, 65535),
        help="the port of the page (default: PUHUI_HTTP_PORT, or any free one)",
    )
    simulate = command(
        commands,
        "simulate",
        run_simulate,
        "write the history of a simulated county, one structured CloudEvent a line",
    )
    simulate.add_argument("--seed", type=int, default=1, metavar="N", help="another county (default: 1)")
    simulate.add_argument(
        "--environment",
        default="demo",
        choices=("demo", "test", "drill"),
        help="what the events are marked with",
    )
    simulate.add_argument(
        "--out", default="-", metavar="FILE.jsonl", help="where to; - is standard output (default)"
    )


def _speed(text: str) -> float:
    found = float(text)
    if not 0 < found <= 1000:
        raise ValueError(text)
    return found


def run_demo(given: argparse.Namespace) -> int:
    """`puhui demo`."""
    from streams.demo import Options
    from streams.demo import run_demo as run

    options = Options(given.exit, given.seed, given.days_per_second, given.folder, given.port)
    return run(options, Settings.read())


def run_simulate(given: argparse.Namespace) -> int:
    """`puhui simulate`: 3 where the file cannot be written."""
    lines = _lines(given.seed, given.environment)
    if given.out == "-":
        sys.stdout.buffer.writelines(lines)
        sys.stdout.buffer.flush()
        return GOOD
    try:
        with Path(given.out).open("wb") as out:
            out.writelines(lines)
    except OSError as error:
        return failed(f"{given.out} cannot be written: {error.strerror}")
    return GOOD


def _lines(seed: int, environment: str) -> Iterator[bytes]:
    import gc

    from streams.simulation import county

    gc.set_threshold(200_000, 50, 1000)  # the county is no garbage: looking for it costs a third
    for message in county(seed, environment=environment).history():
        yield message.value + b"\n"
