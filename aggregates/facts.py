"""Facts 事实: what was accepted and stored for good, raw, in the bank's terms; no computed amount, no segment.

Stored positionally (msgpack arrays). A new field is added at the end of its class, with a default, and no tag is ever
used again: old commit records stay readable for good.
"""

from typing import Final

import msgspec
from msgspec import Struct

from aggregates.packing import packed, unpacked


class Terms(Struct, array_like=True, gc=False, frozen=True):
    """The terms of a 借据; codes as in `aggregates.codes`, days as day numbers, money in fen."""

    customer: str
    customer_kind: int
    size: int
    principal: int
    disbursed: int
    due: int
    security: int
    issuance_kind: int
    months: int
    division: str | None = None
    contract_amount: int | None = None
    contract_no: str | None = None
    product: str | None = None
    rate_pct: str | None = None
    inclusive_declared: bool | None = None
    discount: bool = False
    agri: bool = False
    inclusive_agri: bool = False
    revolving: bool = False
    annual_review: bool = False
    entrusted: bool = False
    first_time: bool | None = None
    startup: bool = False
    srdi: bool = False
    line_no: str | None = None
    industry: str | None = None
    repayment: str | None = None
    application_no: str | None = None


class Settlement(Struct, array_like=True, gc=False, frozen=True):
    """One old 借据 of a renewal: the part settled, its due date and class as declared.

    `repaid_on`: the day before the renewal on which bridge money repaid it (转贷): then the renewal settles nothing.
    """

    loan_no: str
    amount: int
    due: int | None = None
    loan_class: int = 0
    repaid_on: int | None = None


class Fact(Struct, array_like=True, gc=False, frozen=True):
    """One accepted fact: hash of source and id, checksum of its content, bits of the rules that flagged it."""

    event: int
    content: int
    flags: int


class LoanFact(Fact, array_like=True, gc=False, frozen=True):
    """A fact about one 借据 on one business date."""

    loan_no: str
    day: int


class LoanOpened(LoanFact, array_like=True, gc=False, frozen=True, tag=1):
    """期初存量."""

    terms: Terms
    outstanding: int
    due: int
    loan_class: int
    overdue_since: int | None
    extensions: int
    depth: int | None
    bought: bool


class LoanIssued(LoanFact, array_like=True, gc=False, frozen=True, tag=2):
    """发放 or, with `previous`, 续贷 in either form."""

    terms: Terms
    previous: tuple[Settlement, ...]
    increase: int
    signed: int | None


class LoanDrawn(LoanFact, array_like=True, gc=False, frozen=True, tag=3):
    """分期发放 or 利息转本金."""

    amount: int
    capitalised: bool
    draw_no: str | None = None


class LoanExtended(LoanFact, array_like=True, gc=False, frozen=True, tag=4):
    """展期; marked: counted as 无还本续贷 from its day on (转标)."""

    old_due: int
    new_due: int
    marked: bool


class RepaymentDeferred(LoanFact, array_like=True, gc=False, frozen=True, tag=5):
    """延期还本付息."""

    principal: int
    interest: int
    new_due: int | None
    executed_as: str


class LoanRepaid(LoanFact, array_like=True, gc=False, frozen=True, tag=6):
    """还款 of principal; interest, penalty and fee beside it."""

    principal: int
    kind: str
    interest: int
    penalty: int
    fee: int
    repayment_no: str | None
    new_loan_no: str | None


class LoanOverdue(LoanFact, array_like=True, gc=False, frozen=True, tag=7):
    """逾期."""

    since: int
    kind: str
    principal: int
    interest: int


class OverdueCleared(LoanFact, array_like=True, gc=False, frozen=True, tag=8):
    """逾期解除."""

    kind: str


class LoanClassified(LoanFact, array_like=True, gc=False, frozen=True, tag=9):
    """五级分类."""

    loan_class: int


class LoanReclassified(LoanFact, array_like=True, gc=False, frozen=True, tag=10):
    """口径调整 of one loan: by error from its issue on, by policy from `day` on."""

    field: str
    old: str | bool | None
    new: str | bool
    policy: bool
    ground: str | None
    told: str | None = None
    """Of several of one field the one with the last in order of text holds: business date, its source's clock, its id."""


class LoanDefaulted(LoanFact, array_like=True, gc=False, frozen=True, tag=11):
    """违约."""

    trigger: str


class LoanWrittenOff(LoanFact, array_like=True, gc=False, frozen=True, tag=12):
    """核销."""

    principal: int
    interest: int


class LoanTransferred(LoanFact, array_like=True, gc=False, frozen=True, tag=13):
    """转让."""

    principal: int
    npl: bool
    price: int | None


class LoanRecovered(LoanFact, array_like=True, gc=False, frozen=True, tag=14):
    """核销后收回."""

    amount: int


class LoanSettled(LoanFact, array_like=True, gc=False, frozen=True, tag=15):
    """结清."""

    manner: str
    new_loan_no: str | None


class LoanCorrected(LoanFact, array_like=True, gc=False, frozen=True, tag=16):
    """更正 of one field of the fact `target`, whose day it bears; of several that told last holds."""

    target: int
    field: str
    new: str | int
    told: int | None = None
    """The business date of the correction itself; None in facts of before it was kept."""
    said: str | None = None
    """Of several of one business date the one with the last in order of text holds: its source's clock, then its id."""


class LoanReversed(LoanFact, array_like=True, gc=False, frozen=True, tag=17):
    """冲正 of the fact `target`; `amount` None: all of it."""

    target: int
    amount: int | None


class CustomerFact(Fact, array_like=True, gc=False, frozen=True):
    """A fact about one customer, valid from a day; `told`: seconds of the source's clock, a tie-break."""

    customer: str
    day: int
    valid_from: int
    told: int


class ProfileChanged(CustomerFact, array_like=True, gc=False, frozen=True, tag=20):
    """客户画像."""

    customer_kind: int
    size: int
    industry: str | None
    marks: int
    valid_to: int | None
    owns: str | None = None


class LineSet(CustomerFact, array_like=True, gc=False, frozen=True, tag=21):
    """授信总额 of the customer from a day on."""

    line_no: str
    total: int
    expired: bool
    valid_to: int | None


class PositionReported(Fact, array_like=True, gc=False, frozen=True, tag=30):
    """余额报送: the bank's own figure, in fen, 户 or 笔; `quantum`: half of the reporting unit ties."""

    day: int
    as_of: int
    key: str
    measure: str
    kind: str
    amount: int
    quantum: int
    suspect: bool


class ParkingEnded(Fact, array_like=True, gc=False, frozen=True, tag=40):
    """A parked event waited too long and was refused."""

    rule: str


class RestatementOpened(Fact, array_like=True, gc=False, frozen=True, tag=41):
    """重述开启: a late fact changed a closed period."""

    period: str


class RegistryFact(Fact, array_like=True, gc=False, frozen=True, tag=50):
    """What an office published, with the data as they came (canonical JSON); `source`: which office."""

    kind: str
    institution: str
    day: int
    data: str
    source: str = ""


class AlertChanged(Fact, array_like=True, gc=False, frozen=True, tag=60):
    """An alert came to a state; `alert` holds it whole (canonical JSON)."""

    rule: str
    subject: str
    period: str
    state: str
    alert: str


class PeriodPinned(Fact, array_like=True, gc=False, frozen=True, tag=61):
    """期间关账 by the dated rule: the versions of all books that the period's official figures are made from."""

    period: str
    closed_at: int
    versions: dict[str, int]


class BasisChanged(Fact, array_like=True, gc=False, frozen=True, tag=62):
    """依据变更: from now on this part of what is judged by stands so; `by`: the worker that came with it, or who changed a key.

    `part` is `program`, `rule` (its version), `policy` (a file's digest) or `key` (fingerprints); no value: it is gone.
    """

    part: str
    name: str
    value: str
    by: str


class RecordsArchived(Fact, array_like=True, gc=False, frozen=True, tag=63):
    """归档: the commit records of a book up to a version are in an archive, and dropped from the store.

    `link`: that of the last of them; `ledger`: a digest of all that the ledger has up to it, and keeps; `year`: they are of
    the years before it.
    """

    book: str
    upto: int
    link: bytes
    ledger: bytes
    year: int
    file: str
    by: str


AnyFact = (
    LoanOpened | LoanIssued | LoanDrawn | LoanExtended | RepaymentDeferred | LoanRepaid | LoanOverdue
    | OverdueCleared | LoanClassified | LoanReclassified | LoanDefaulted | LoanWrittenOff | LoanTransferred
    | LoanRecovered | LoanSettled | LoanCorrected | LoanReversed | ProfileChanged | LineSet | PositionReported
    | ParkingEnded | RestatementOpened | RegistryFact | AlertChanged | PeriodPinned
    | BasisChanged | RecordsArchived
)  # fmt: skip


class Record(Struct, array_like=True, gc=False, frozen=True):
    """A commit record: the facts that one transaction gave one book, with the instant of knowledge (µs)."""

    recorded_at: int
    facts: list[AnyFact]


encode: Final = msgspec.msgpack.Encoder().encode
_decode_record: Final = msgspec.msgpack.Decoder(Record).decode
_WORTH_IT: Final = 400
"""Bytes from which on a commit record is packed: facts of one batch are much alike."""
_PLAIN: Final = 0x92


def encode_record(record: Record) -> bytes:
    """A commit record as it is stored; a long one is packed."""
    plain = encode(record)
    return packed(plain) if len(plain) > _WORTH_IT else plain


def decode_record(stored: bytes) -> Record:
    """A commit record out of the store; a plain one begins as an array of two, a packed one never."""
    return _decode_record(stored if stored[0] == _PLAIN else unpacked(stored))


def flag(rule: str) -> int:
    """The bit of one rule (`V13`) in a fact's flags."""
    return 1 << int(rule[1:])


TOLD_AGAIN: Final = flag("V01")
"""The flag of a repayment or draw that another event had told before: it counts once (L13)."""


def flagged(flags: int) -> tuple[str, ...]:
    """The rules whose bits are set."""
    return tuple(f"V{n:02d}" for n in range(1, 64) if flags >> n & 1)
