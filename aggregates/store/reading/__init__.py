"""What every database answers in the same way: each question to a store has a name."""

from abc import abstractmethod

from aggregates.store.reading.ledger import Ledger
from aggregates.store.reading.log import Log
from aggregates.store.reading.models import ReadModels
from aggregates.store.reading.outbox import Outbox
from aggregates.store.reading.parked import Parked
from aggregates.store.reading.progress import Progress
from aggregates.store.reading.refused import Refused
from aggregates.store.reading.register import Register


class Reading(Log, Register, Ledger, Parked, Refused, Outbox, ReadModels, Progress):
    """What is in a store; a row is a tuple. Everything raises StoreFailed when the database fails."""

    @abstractmethod
    def size(self) -> int:
        """Bytes on disk."""
