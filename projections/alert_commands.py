"""The command `alerts`: what is open, and on demand everything that was ever raised, for people or as JSON."""

import argparse
import json
from collections.abc import Iterable, Iterator
from contextlib import closing

from aggregates.registry import Registry, read_registry
from aggregates.store import StoreFailed, open_store
from projections.alerts import Alert, State, read_alerts
from projections.commands import DEMO, alerts_json
from projections.judging import JUDGED
from projections.rules.catalogue import RULE_BOOK
from projections.telling import grounds, headline, in_order
from puhui.commands import GOOD, Commands, command, failed
from puhui.settings import Settings


def add(commands: Commands) -> None:
    """Add the command of this module."""
    parser = command(commands, "alerts", run_alerts, "list the open alerts with what they rest on")
    parser.add_argument("--state", choices=[str(state) for state in State], help="in this state only")
    parser.add_argument("--rule", choices=list(RULE_BOOK), help="of this rule only")
    parser.add_argument("--institution", metavar="ID", dest="subject", help="of this institution only")
    parser.add_argument("--all", action="store_true", help="what was withdrawn or only recorded too")
    parser.add_argument("--json", action="store_true", help="answer as a JSON array")


def run_alerts(given: argparse.Namespace) -> int:
    """`puhui alerts`: 0, or 3 where the store cannot be read."""
    settings = Settings.read()
    try:
        with closing(open_store(settings.store, read_only=True)) as store:
            found = list(_wanted(read_alerts(store).values(), given))
            registry = read_registry(store)
            instant = store.mark(JUDGED) or 0
    except StoreFailed as error:
        return failed(error)
    if given.json:
        print(json.dumps(alerts_json(found, given), ensure_ascii=False, indent=1))
        return GOOD
    if settings.environment == "demo":
        print(DEMO)
    print("\n\n".join(_told(found, registry, instant)) or "没有预警")
    return GOOD


def _wanted(alerts: Iterable[Alert], given: argparse.Namespace) -> Iterator[Alert]:
    """The alerts asked for; those that are not open only where they are asked for."""
    for alert in alerts:
        fits = (
            alert.rule == (given.rule or alert.rule)
            and alert.subject == (given.subject or alert.subject)
            and alert.state == (given.state or alert.state)
        )
        if fits and (alert.is_open or given.all or given.state):
            yield alert


def _told(alerts: Iterable[Alert], registry: Registry, instant: int) -> Iterator[str]:
    for alert in sorted(alerts, key=in_order):
        first = headline(alert, registry, max(instant, alert.updated_at))
        yield "\n".join([first, *(f"  {text}" for text in grounds(alert))])
