"""The basis 依据: by which program, rules, documents and keys an installation worked, and from when on.

Each change is a fact in a book of its own, so that nobody changes a rule or a key without a trace.
"""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from aggregates.facts import BasisChanged, Record, decode_record, encode_record
from aggregates.hashing import text_hash
from aggregates.store import Store, Transaction
from aggregates.store.transaction import Commit
from projections.rules.catalogue import RULE_BOOK

BASIS_BOOK: Final = "basis"
PARTS: Final = ("program", "rule", "policy", "key")
"""What a basis is made of."""
Basis = dict[tuple[str, str], str]
"""By part and name, what stands."""


@lru_cache(maxsize=1)
def _of_the_program() -> Basis:
    found = {("program", "puhui"): version("puhui")}
    found |= {("rule", rule.name): str(rule.version) for rule in RULE_BOOK.values()}
    for file in files("puhui.policy").joinpath("data").iterdir():
        if file.name.endswith(".toml"):
            found["policy", file.name] = blake2b(file.read_bytes(), digest_size=8).hexdigest()
    return found


def basis(keys: Mapping[str, str]) -> Basis:
    """What stands now; `keys`: per sender the fingerprints of its keys."""
    return _of_the_program() | {("key", sender): shown for sender, shown in keys.items()}


def stored_basis(store: Store) -> Basis:
    """What stood last, as it is stored."""
    found: Basis = {}
    for _, state in store.records(BASIS_BOOK):
        for fact in decode_record(state).facts:
            if isinstance(fact, BasisChanged):
                found[fact.part, fact.name] = fact.value
    return {of: value for of, value in found.items() if value}


def change_basis(
    store: Store, now: Basis, by: str, instant: int, hands: Mapping[str, str] = MappingProxyType({})
) -> bool:
    """Store what is not as it was; is there anything? Superseded where another worker stores it at this moment.

    `by`: the worker that came with it; `hands`: per sender who changed its keys, where that is known.
    """
    before = stored_basis(store)
    changed = [of for of in sorted(before.keys() | now.keys()) if before.get(of) != now.get(of)]
    if not changed:
        return False
    found = store.book(BASIS_BOOK)
    _, last, recorded_at = found or (0, 0, 0)
    recorded_at = max(recorded_at + 1, instant)
    facts = [
        BasisChanged(
            text_hash(f"{part}:{name}:{last + 1}"), 0, 0, part, name, now.get((part, name), ""),
            hands.get(name, by) if part == "key" else by,
        )
        for part, name in changed
    ]  # fmt: skip
    state = encode_record(Record(recorded_at, list(facts)))
    commit = Commit(BASIS_BOOK, last + 1, recorded_at, state, b"", 0)
    store.write(Transaction(born=[] if found else [BASIS_BOOK], commits=[commit]))
    return True
