"""Is the answer to a sender complete: the rule has that case, and every placeholder has its value?"""

from collections.abc import Mapping

from puhui.contract.rules import RULES


def complaints(rule: str, field: str, case: str, values: Mapping[str, object]) -> list[str]:
    """What is wrong with an outcome; nothing where its texts can be written in full."""
    if rule not in RULES:
        return [f"{rule} is no rule"]
    if case not in {known.name for known in RULES[rule].cases}:
        return [f"{rule} has no case {case!r}"]
    texts = RULES[rule].case(case)
    wanted = texts.reason.placeholders | texts.what_to_do.placeholders
    given = {name for name, value in {"field": field, **values}.items() if value not in (None, "", [], ())}
    return [f"{rule} {case}: {{{name}}} is not given" for name in sorted(wanted - given)]
