"""Is the answer to a sender as the table of rules says: that case, what becomes of the event, every placeholder's value?"""

import re
from collections.abc import Mapping

from puhui.contract.rules import RULES, Case, Disposition


def placeholders(case: Case) -> set[str]:
    """The names of the values that the texts of a case speak of, in either language."""
    texts = (case.reason.zh, case.reason.en, case.what_to_do.zh, case.what_to_do.en)
    return set(re.findall(r"\{([a-z_]+)\}", " ".join(texts)))


def complaints(
    rule: str, field: str, case: str, values: Mapping[str, object], *became: Disposition
) -> list[str]:
    """What is wrong with an outcome; nothing where one of these may become of it, and its texts can be written in full."""
    if rule not in RULES:
        return [f"{rule} is no rule"]
    if case not in {known.name for known in RULES[rule].cases}:
        return [f"{rule} has no case {case!r}"]
    texts = RULES[rule].case(case)
    if texts.disposition not in became:
        return [f"{rule} {case}: the table says {texts.disposition}"]
    given = {name for name, value in {"field": field, **values}.items() if value not in (None, "", [], ())}
    return [f"{rule} {case}: {{{name}}} is not given" for name in sorted(placeholders(texts) - given)]
