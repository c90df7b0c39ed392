"""The command `dashboards`: writes dashboards for Grafana and rules for Prometheus, as files they can be provisioned with."""

import argparse
import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from puhui.commands import GOOD, Commands, command, failed
from puhui.settings import Settings


def add(commands: Commands) -> None:
    """Add the command of this module."""
    what = "write the dashboards for Grafana, one JSON file each, and the rules for Prometheus"
    parser = command(commands, "dashboards", run_dashboards, what)
    parser.add_argument(
        "--out", metavar="DIR", type=Path, required=True, help="the folder, made where it is missing"
    )
    parser.add_argument(
        "--rules", metavar="DIR", type=Path, help="the folder of the rules, made where it is missing"
    )


def all_dashboards(runbook_url: str = "docs/runbook.md") -> Mapping[str, Callable[[], Any]]:
    """Every dashboard by the name of its file; they lead to the runbook at this address."""
    from dashboards.operation import UID as OPERATION
    from dashboards.operation import operation
    from dashboards.overview import UID as OVERVIEW
    from dashboards.overview import overview
    from dashboards.renewals import UID as RENEWALS
    from dashboards.renewals import renewals

    return {OVERVIEW: overview, RENEWALS: renewals, OPERATION: partial(operation, runbook_url)}


def all_rules(runbook_url: str) -> Mapping[str, Any]:
    """Recording and alerting rules by the name of their file."""
    from dashboards.alerting import prometheus_alerts, prometheus_rules

    return {"puhui-rules": prometheus_rules(), "puhui-alerts": prometheus_alerts(runbook_url)}


def run_dashboards(given: argparse.Namespace) -> int:
    """`puhui dashboards`: 3 where a folder cannot be written."""
    from dashboards.style import as_json

    settings = Settings.read()
    made = {
        given.out / f"{name}.json": as_json(make())
        for name, make in all_dashboards(settings.runbook_url).items()
    }
    if given.rules:
        made |= {
            given.rules / f"{name}.yaml": as_yaml(g) for name, g in all_rules(settings.runbook_url).items()
        }
    for path, text in made.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            return failed(f"{path.parent} cannot be written: {error.strerror}")
        print(path)
    return GOOD


def as_yaml(groups: Any) -> str:
    """The groups as Prometheus reads them: what is JSON is YAML as well."""
    return json.dumps(groups, ensure_ascii=False, indent=2) + "\n"
