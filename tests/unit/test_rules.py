"""The table of validation rules: complete, and plain in both languages."""

import re

import pytest

from puhui.contract.rules import RULES, Case, Disposition, Rule, Text
from tests.outcomes import placeholders

NUMBERS = [
    f"V{n:02d}"
    for span in (range(1, 26), range(29, 33), range(40, 43), range(45, 48), range(49, 50))
    for n in span
]
CASES = [(rule, case) for rule in RULES.values() for case in rule.cases]
EVERY_CASE = pytest.mark.parametrize(
    ("rule", "case"), CASES, ids=lambda x: getattr(x, "number", None) or x.name or "usual"
)

REJECT, PARK, FLAG, IGNORE = Disposition.REJECT, Disposition.PARK, Disposition.FLAG, Disposition.IGNORE
DISPOSITIONS = {
    "V01": {IGNORE},
    "V02": {REJECT, FLAG},
    "V05": {PARK, REJECT},
    "V06": {REJECT},
    "V07": {FLAG, PARK},
    "V09": {PARK},
    "V10": {PARK},
    "V12": {REJECT, FLAG},
    "V13": {FLAG},
    "V14": {REJECT, PARK, FLAG},
    "V15": {REJECT, FLAG},
    "V16": {REJECT},
    "V17": {PARK, FLAG},
    "V19": {PARK, REJECT},
    "V20": {FLAG},
    "V24": {PARK, IGNORE, REJECT},
    "V31": {REJECT},
    "V40": {REJECT, FLAG},
    "V41": {FLAG},
    "V42": {REJECT},
    "V45": {PARK, FLAG},
    "V46": {FLAG, REJECT},
    "V47": {REJECT},
    "V49": {FLAG},
}


def test_every_rule_is_there() -> None:
    assert list(RULES) == NUMBERS
    assert all(rule.number == number for number, rule in RULES.items())


def test_names_tell_the_rules_apart() -> None:
    names = [rule.name for rule in RULES.values()]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]+", name) for name in names)


@pytest.mark.parametrize("number", DISPOSITIONS)
def test_a_rule_does_with_an_event_what_the_notes_say(number: str) -> None:
    assert {case.disposition for case in RULES[number].cases} == DISPOSITIONS[number]


def test_the_cases_of_a_rule_have_names_of_their_own() -> None:
    for rule in RULES.values():
        assert len({case.name for case in rule.cases}) == len(rule.cases)


@EVERY_CASE
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_template_renders_with_all_its_values(rule: Rule, case: Case, lang: str) -> None:
    values = {name: f"<{name}>" for name in placeholders(case)}
    told = rule.explain(lang, case.name, **values)
    assert "{" not in told
    assert "not given" not in told
    assert "未注明）" not in told
    assert all(value in told for value in values.values())


@EVERY_CASE
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_template_raises_or_shows_braces_when_values_are_missing(
    rule: Rule, case: Case, lang: str
) -> None:
    told = rule.explain(lang, case.name)
    assert not re.search(r"[{}]|None", told)
    assert len(told) > 10


@EVERY_CASE
def test_both_languages_speak_of_the_same_values(rule: Rule, case: Case) -> None:
    for text in (case.reason, case.what_to_do):
        assert set(re.findall(r"\{(\w+)\}", text.zh)) == set(re.findall(r"\{(\w+)\}", text.en))


@EVERY_CASE
def test_chinese_is_chinese_and_english_is_english(rule: Rule, case: Case) -> None:
    for text in (case.reason, case.what_to_do):
        assert re.search(r"[\u4e00-\u9fff]", text.zh)
        assert text.zh.endswith("。")
        assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", text.en)
        assert text.en.endswith((".", "?"))


def test_a_rule_is_explained_in_plain_chinese() -> None:
    told = RULES["V19"].explain("zh", amount="12.00万元", loan_no="J001", outstanding="10.00万元")
    assert told.startswith("还款本金12.00万元超过借据J001的余额10.00万元。")


def test_a_case_is_explained_by_its_own_text() -> None:
    assert "续贷" in RULES["V09"].explain("zh", "unknown_successor", loan_no="A", new_loan_no="B")
    assert RULES["V09"].explain("zh", "no_such_case", loan_no="A") == RULES["V09"].explain("zh", loan_no="A")


def test_values_are_put_in_as_they_are() -> None:
    assert "{loan_no}" in Text("{value}", "{value}").render("zh", {"value": "{loan_no}", "loan_no": "J1"})
    assert Text("{a}", "{a}").render("zh", {"a": ["x", "y"]}) == "x、y"
    assert Text("{a}", "{a}").render("en", {"a": 0}) == "0"


def test_values_may_have_any_name() -> None:
    told = RULES["V03"].explain("en", self="x", lang="y", case="z", field="principal_fen", value="1.5")
    assert "principal_fen" in told


def test_an_unknown_language_is_answered_in_chinese() -> None:
    assert RULES["V01"].explain("fr") == RULES["V01"].explain("zh")


def test_the_rules_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        RULES["V99"] = RULES["V01"]  # type: ignore[index]  # that it cannot be done is the test
