"""The command `access`: the rights of one user in Kafka."""

import argparse
import re

from puhui.commands import GOOD, WRONG, Commands, command, failed
from puhui.settings import Settings


def add(commands: Commands) -> None:
    """Add the commands of this module."""
    parser = command(
        commands,
        "access",
        run_access,
        "give a user the rights of its role in Kafka, and an institution the topic of its answers",
    )
    parser.add_argument("role", choices=("worker", "office", "institution"))
    parser.add_argument("user", help="the user, as Kafka knows it")
    parser.add_argument(
        "--institution", metavar="ID", default="", help="the 统一社会信用代码 of an institution"
    )
    parser.add_argument("--show", action="store_true", help="print the rights, and change nothing")


def run_access(given: argparse.Namespace) -> int:
    """`puhui access`: prints what was given."""
    from kafka.errors import KafkaError, SecurityDisabledError

    from streams.access import admit, rights
    from streams.connecting import NotLetIn, connection

    if (given.role == "institution") != bool(re.fullmatch("[0-9A-Z]{18}", given.institution)):
        return failed("--institution, a 统一社会信用代码, goes with the role institution and no other", WRONG)
    settings = Settings.read()
    granted = rights(given.role, given.user, settings.group, given.institution)
    try:
        if not given.show:
            admit(connection(settings), given.user, granted, given.institution)
    except NotLetIn as error:
        return failed(error)
    except SecurityDisabledError:
        return failed(
            f"Kafka at {settings.broker} has no authorizer (authorizer.class.name): there everybody may do all"
        )
    except KafkaError as error:
        return failed(f"Kafka at {settings.broker} does not give these rights: {type(error).__name__}")
    for right in granted:
        print(f"{given.user}: {right}")
    return GOOD
