"""Whatever is stored otherwise than the log makes it is found, and named by its subject."""

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from aggregates import facts
from aggregates.facts import Record, decode_record, encode, encode_record
from aggregates.loan import Loan
from aggregates.packing import packed
from aggregates.store import open_store
from aggregates.store.writing import COMMIT_HEADER, MOVE, MOVE_BYTES
from projections.rebuilding import rebuild
from tests.examples import BANK, SHOP
from tests.tampering import Tampered, tampered_store


@pytest.fixture
def tampered(tmp_path: Path) -> Tampered:
    return tampered_store(tmp_path)


def test_a_changed_row_is_named_with_its_field(tampered: Tampered) -> None:
    row = msgspec.msgpack.decode(tampered.value("SELECT state FROM loan WHERE loan_no = 'D'"), type=Loan)
    opening, *others = row.journal
    changed = msgspec.structs.replace(row, balance=row.balance + 7, entries=0, packed=b"")
    for entry in (msgspec.structs.replace(opening, amount=opening.amount + 5), *others):
        changed.append(entry)
    tampered.do("UPDATE loan SET state = ? WHERE loan_no = 'D'", encode(changed))
    (first, journal), (second, balance) = tampered.found()
    assert first == second == "loan D"
    assert journal.startswith("journal[0]: stored Entry(kind=1,")
    assert balance == "balance: stored 300000007, replayed 300000000"


def test_rows_too_many_too_few_and_broken_are_named(tampered: Tampered) -> None:
    tampered.do("DELETE FROM loan WHERE loan_no = 'A'")
    tampered.do("UPDATE customer SET ref = 'nobody' WHERE ref = ?", SHOP)
    tampered.do("UPDATE loan SET state = x'C1' WHERE loan_no = 'C'")
    found = dict(tampered.found())
    assert found.pop("loan C").startswith("the row cannot be read")
    assert found == {
        "loan A": "has no row in the register",
        f"customer {SHOP}": "has no row in the register",
        "customer nobody": "is in the register, but no fact speaks of it",
    }


def test_a_ledger_without_one_commit_is_named_with_what_it_misses(tampered: Tampered) -> None:
    last = max(version for version, _ in _blocks(tampered))
    tampered.do("DELETE FROM ledger WHERE version = ?", last)
    (commit, first), (movement, what) = tampered.found()
    assert (commit, first) == (f"commit {last}", "is not in the ledger")
    assert movement.startswith("movement repaid on 2026-04-15 of customer ")
    assert what.startswith(
        f"the ledger has +200 fen and +0 loans against the replay, at version {last} (segment "
    )


def _blocks(tampered: Tampered) -> list[tuple[int, bytes]]:
    with closing(open_store(tampered.url, read_only=True)) as store:
        return [(version, bytes(moves)) for version, _, moves in store.blocks(BANK, 0)]


def test_one_movement_cut_out_of_a_merged_block_is_named(tampered: Tampered) -> None:
    version, moves = _blocks(tampered)[0]
    cut = moves[: 2 * MOVE_BYTES] + moves[3 * MOVE_BYTES :]
    tampered.do("UPDATE ledger SET moves = ? WHERE version = ?", packed(cut), version)
    found = tampered.found()
    assert found[0][0] == f"ledger block up to version {version}"
    count = len(moves) // MOVE_BYTES
    assert found[0][1] == f"its commits count {count} movements, it holds {count - 1}"
    assert found[1][0].startswith("movement opening on 2026-03-31 of customer ")
    assert "has -1600000000 fen and -1 loans against the replay" in found[1][1]
    assert all("the sums agree" in what for _, what in found[2:])


def test_a_movement_under_another_version_answers_the_past_otherwise(tampered: Tampered) -> None:
    version, _ = _blocks(tampered)[0]
    commits = tampered.value("SELECT commits FROM ledger WHERE version = ?", version)
    headers = [list(header) for header in COMMIT_HEADER.iter_unpack(commits)]
    headers[0][2], headers[1][2] = headers[0][2] + 1, headers[1][2] - 1
    packed = b"".join(COMMIT_HEADER.pack(*header) for header in headers)
    tampered.do("UPDATE ledger SET commits = ? WHERE version = ?", packed, version)
    ((subject, what),) = tampered.found()
    assert subject.startswith("movement opening on 2026-03-31")
    assert what.startswith("the sums agree, but not at each of the versions 1, 2 (")


def test_an_instant_of_knowledge_and_an_amount_that_were_changed_are_named(tampered: Tampered) -> None:
    version, moves = _blocks(tampered)[-1]
    segment, customer, day, kind, amount, loans = MOVE.unpack(moves)
    commits = tampered.value("SELECT commits FROM ledger WHERE version = ?", version)
    at, recorded, count, link = COMMIT_HEADER.unpack(commits)
    tampered.do(
        "UPDATE ledger SET commits = ?, moves = ? WHERE version = ?", COMMIT_HEADER.pack(at, recorded - 1, count, link),
        MOVE.pack(segment, customer, day, kind, amount + 50, loans), version,
    )  # fmt: skip
    (commit, instants), (movement, what) = tampered.found()
    assert (commit, instants) == (
        f"commit {version}", f"recorded_at: stored {recorded - 1}, replayed {recorded}",
    )  # fmt: skip
    assert movement.startswith("movement repaid on 2026-04-15")
    assert "has +50 fen" in what


def _change_record(tampered: Tampered, version: int, amount: int) -> None:
    where = "WHERE originator_id = ? AND originator_version = ?"
    record = decode_record(tampered.value(f"SELECT state FROM stored_events {where}", BANK, version))
    (fact,) = record.facts
    assert isinstance(fact, facts.LoanRepaid)
    changed = encode_record(Record(record.recorded_at, [msgspec.structs.replace(fact, principal=amount)]))
    tampered.do(f"UPDATE stored_events SET state = ? {where}", changed, BANK, version)


def test_a_changed_commit_record_is_found_in_the_row_and_in_the_ledger(tampered: Tampered) -> None:
    version = next(v for v, f in _facts(tampered) if isinstance(f, facts.LoanRepaid))
    _change_record(tampered, version, 1)
    found = tampered.found()
    assert [(subject, what.partition(":")[0]) for subject, what in found[:2]] == [
        ("loan B", "journal[1]"),
        ("loan B", "balance"),
    ]
    assert found[2][0].startswith("movement repaid on 2026-05-11 of customer ")
    assert "has -649999999 fen" in found[2][1]


def _facts(tampered: Tampered) -> list[tuple[int, object]]:
    with closing(open_store(tampered.url, read_only=True)) as store:
        return [(v, fact) for v, state in store.records(BANK) for fact in decode_record(state).facts]


def test_a_changed_record_behind_the_watermark_is_found_in_the_ledger(tampered: Tampered) -> None:
    version = max(v for v, fact in _facts(tampered) if isinstance(fact, facts.LoanRepaid))
    _change_record(tampered, version, 333)
    ((subject, what),) = tampered.found()
    assert subject.startswith("movement repaid on 2026-04-15")
    assert "has +133 fen" in what


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (
            "DELETE FROM stored_events WHERE originator_id = ? AND originator_version = 3",
            "commit 3 is missing",
        ),
        (
            "UPDATE stored_events SET state = x'00' WHERE originator_id = ? AND originator_version = 3",
            "commit 3 cannot be replayed: ",
        ),
    ],
)
def test_a_log_that_cannot_be_replayed_is_named(tampered: Tampered, statement: str, what: str) -> None:
    tampered.do(statement, BANK)
    ((subject, told),) = tampered.found()
    assert subject == "log"
    assert told.startswith(what)
    assert told.endswith("; nothing behind it was compared")
    fresh = tampered.url.replace("store.db", "fresh.db")
    assert rebuild(tampered.url, fresh, processes=1).whole is False
    with closing(open_store(fresh)) as store:
        assert store.positions() == {}


def test_reports_restatements_and_segments_are_compared_too(tampered: Tampered) -> None:
    tampered.do("UPDATE reported SET amount = amount + 1")
    tampered.do("DELETE FROM restatement WHERE period = '2026Q3'")
    segment = int(msgspec.json.decode(tampered.value("SELECT CAST(MIN(id) AS BLOB) FROM segment")))
    tampered.do("DELETE FROM segment WHERE id = ?", segment)
    found = dict(tampered.found())
    assert found.pop(f"segment {segment:016x}") == "its attributes are not stored as they are"
    ((restatement, gone), (position, changed)) = sorted(found.items(), reverse=True)
    assert (restatement.startswith("restatement of 2026Q3 opened at version"), gone) == (
        True,
        "is not stored",
    )
    assert position == "position PH balance of 2026-06-30"
    assert "amount=5050000001" in changed


def test_a_book_that_does_not_know_its_own_log_is_named(tampered: Tampered) -> None:
    last = len({version for version, _ in _facts(tampered)})
    tampered.do("UPDATE watermark SET last = last - 1 WHERE book = ?", BANK)
    assert (
        "log",
        f"goes on behind commit {last - 1}, which is the last one as the book says",
    ) in tampered.found()
    tampered.do("UPDATE watermark SET version = last + 2, last = last + 1 WHERE book = ?", BANK)
    found = dict(tampered.found())
    assert found.pop("watermark") == f"version: stored {last + 1}, replayed {last}"
    assert all(subject.startswith(("loan ", "customer ")) for subject in found)
    tampered.do("DELETE FROM watermark WHERE book = ?", BANK)
    assert ("log", "goes on behind commit 0, which is the last one as the book says") in tampered.found()


def test_the_instant_of_the_last_commit_is_compared(tampered: Tampered) -> None:
    tampered.do("UPDATE watermark SET recorded_at = recorded_at + 1 WHERE book = ?", BANK)
    ((subject, what),) = tampered.found()
    assert (subject, what.partition(":")[0]) == ("watermark", "recorded_at")
