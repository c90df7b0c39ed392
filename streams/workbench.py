"""The workbench: what all who make one transaction have in common."""

from typing import NamedTuple

from streams.knowledge import Knowledge
from streams.refusing import Refuser
from streams.unit_of_work import UnitOfWork


class Workbench(NamedTuple):
    """What is known, where rows are gathered, and who refuses."""

    knowledge: Knowledge
    work: UnitOfWork
    refuser: Refuser
