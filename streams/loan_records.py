"""Records of loan-events: sorted out by institution, and entered into its book in their order."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from aggregates.book import Book
from aggregates.decide_common import code as judge_code
from aggregates.decide_common import personal_data
from aggregates.outcomes import Refused, wait_event, wait_loan
from aggregates.partitioning import partition_of
from aggregates.plain import days as plain_days
from aggregates.plain import repayment as plain_repayment
from aggregates.waits import Waiting
from puhui.contract.base import INSTITUTION_SOURCE
from puhui.contract.lending import LoanRepaid
from streams.arrival import Arrived, Record, Source, note_subjects
from streams.bookkeeping import Bookkeeper
from streams.forwarding import Notices, forwarded
from streams.receiving import Read, Receiver
from streams.workbench import Workbench


class _Group(NamedTuple):
    """The events of one institution in a chunk: whose they must be, and where they belong."""

    institution: str
    source: str
    home: int
    here: bool
    events: list[Read]
    loans: set[str]
    customers: set[str]


class LoanRecords:
    """Takes in what institutions sent, in one unit of work; `book` opens a book by its name."""

    def __init__(
        self, source: Source, bench: Workbench, receiver: Receiver, bookkeeper: Bookkeeper,
        book: Callable[[str], Book], notices: Notices,
    ) -> None:  # fmt: skip
        self._source = source
        self._knowledge, self._work, self._refuser = bench
        self._receiver = receiver
        self._bookkeeper = bookkeeper
        self._book = book
        self._notices = notices
        self._clocked = bench.work.by_record_clock

    def take(self, records: Sequence[Record]) -> None:
        """Group the events by institution, and decide them in their order."""
        groups: dict[str, _Group] = {}
        receive = self._receiver.read
        for record in records:
            read = receive(record)
            if read is not None:
                event: Any = read[1]
                institution = event.data.institution_id
                group = groups.get(institution)
                if group is None:
                    group = groups[institution] = self._group(institution)
                if group.here and event.source == group.source:
                    group.events.append(read)
                    if type(event) is LoanRepaid:
                        group.loans.add(event.data.loan_no)
                    else:
                        note_subjects(event.data, group.loans, group.customers)
                else:
                    self._turn_away(self._receiver.arrived(read), group)
        for institution, group in groups.items():
            if not self._knowledge.is_registered(institution):
                self._unregistered(institution, map(self._receiver.arrived, group.events))
            elif group.events:
                self._decide(group)

    def _group(self, institution: str) -> _Group:
        home = partition_of(institution, self._source.partitions)
        return _Group(
            institution,
            INSTITUTION_SOURCE + institution,
            home,
            home == self._source.partition,
            [],
            set(),
            set(),
        )

    def _turn_away(self, arrived: Arrived, group: _Group) -> None:
        """The sender is not the owner of the book, or the partition is not the institution's."""
        institution = group.institution
        if arrived.event.source != group.source:
            values = {"institution": institution, "source": arrived.event.source}
            self._refuser.refuse(None, arrived, Refused("V05", "source", values, "foreign_sender"))
            return
        refused = personal_data(arrived.event.data)
        if refused is not None:
            self._refuser.refuse(None, arrived, refused)
            return
        self._work.send([forwarded(arrived, institution, group.home, by_record_clock=self._clocked)])
        self._work.count(self._knowledge.counted_under(institution), "forwarded")
        if self._knowledge.is_registered(institution):
            self._work.send(self._notices.due(institution, self._knowledge.today))

    def _decide(self, group: _Group) -> None:
        """Decide the events of one institution; most are plain repayments."""
        book, work = self._book(group.institution), self._work
        loans = book.prefetch(group.loans, group.customers)
        known, waiting = self._knowledge.known(book), book.waiting
        refused = self._refuser.refused(book.name, [read[2] for read in group.events])
        clocked, days, plain = self._clocked, plain_days(known), 0
        group.events.reverse()
        while group.events:  # each is let go when it is decided: its memory serves what comes of it
            read = record, event, key, content = group.events.pop()
            if type(event) is LoanRepaid and key not in refused:
                data = event.data
                loan = loans.get(data.loan_no)
                if loan is not None and not (
                    waiting.count and (clocked or _is_awaited(waiting, key, data.loan_no))
                ):
                    fact = plain_repayment(data, key, content, loan, days)
                    if fact is not None:
                        book.take_repayment(fact, loan)
                        plain += 1
                        if clocked:
                            work.at(record.timestamp * 1000)
                            work.count(book.name, "accepted")
                        continue
            self._bookkeeper.enter(book, self._receiver.arrived(read), known, refused)
        if plain:
            work.changed.add(book.name)
            if not clocked:
                work.count(book.name, "accepted", events=plain)

    def _unregistered(self, institution: str, group: Iterable[Arrived]) -> None:
        """What comes before its institution waits (V05); never under a code that none can have, nor with a person."""
        impossible, _ = judge_code("data.institution_id", institution)
        for arrived in group:
            refused = impossible or personal_data(arrived.event.data)
            if refused is not None:
                self._refuser.refuse(None, arrived, refused)
                continue
            self._bookkeeper.enter_early(self._book(institution), arrived)


def _is_awaited(waiting: Waiting, event: int, loan_no: str) -> bool:
    """Does an event wait already, or anything for it or news of its loan?"""
    return event in waiting or waiting.number(wait_loan(loan_no)) > 0 or waiting.number(wait_event(event)) > 0
