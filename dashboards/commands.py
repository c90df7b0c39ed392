"""The command `dashboards`: writes the dashboards as files that Grafana can be provisioned with."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

GOOD, FAILED = 0, 3


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command of this module."""
    what = "write the dashboards for Grafana, one JSON file each"
    parser = commands.add_parser("dashboards", help=what, description=f"{what[0].upper()}{what[1:]}.")
    parser.set_defaults(run=run_dashboards)
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="the folder, made where it is missing"
    )


def all_dashboards() -> Mapping[str, Callable[[], Any]]:
    """Every dashboard by the name of its file."""
    from dashboards.overview import UID as OVERVIEW
    from dashboards.overview import overview
    from dashboards.renewals import UID as RENEWALS
    from dashboards.renewals import renewals

    return {OVERVIEW: overview, RENEWALS: renewals}


def run_dashboards(given: argparse.Namespace) -> int:
    """`puhui dashboards`: 3 where the folder cannot be written."""
    from dashboards.style import as_json

    try:
        given.out.mkdir(parents=True, exist_ok=True)
        for name, make in all_dashboards().items():
            path = given.out / f"{name}.json"
            path.write_text(as_json(make()), encoding="utf-8")
            print(path)
    except OSError as error:
        print(f"puhui: {given.out} cannot be written: {error.strerror}", file=sys.stderr)
        return FAILED
    return GOOD
