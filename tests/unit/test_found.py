"""What does not fit the contract is said to the sender in Chinese and in English, not in a library's words."""

import copy
import re
from typing import Any

import msgspec
import pytest

from puhui.contract.catalogue import TYPES
from puhui.contract.codec import Malformed, decode
from puhui.contract.found import in_words
from puhui.contract.rules import RULES
from tests.events import Sender
from tests.examples import BANK, SHOP

ISSUED: dict[str, Any] = Sender(BANK).issued("L1", SHOP, "2024-03-01", 100)
DAMAGES: list[tuple[str, Any, str, str]] = [
    ("data.principal_fen", 10.5, "应为整数，报送的是小数", "a whole number is expected, and a number with a fraction was sent"),
    ("data.principal_fen", "10", "应为整数，报送的是文本", "a whole number is expected, and text was sent"),
    ("data.principal_fen", 10**16, "应为不大于1000000000000000的整数", "a whole number of at most 1000000000000000 is expected"),
    ("data.business_date", "2024/03/01", "应为存在的日期，如2024-09-30", "an existing date is expected, such as 2024-09-30"),
    ("data.business_date", "2024-02-30", "应为存在的日期，如2024-09-30", "an existing date is expected, such as 2024-09-30"),
    ("time", "2024-03-01", "应为带时区的时间，如2024-09-30T17:30:00+08:00",
     "a time with its offset is expected, such as 2024-09-30T17:30:00+08:00"),
    ("data.rate_pct", 4.35, "应为文本或空值，报送的是小数", "text or null is expected, and a number with a fraction was sent"),
    ("data.rate_pct", "4.35%", "应为百分数的数字文本，不带百分号，小数不超过8位，如\"4.35\"",
     'a decimal number as text is expected, without a percent sign and with at most 8 decimals, such as "4.35"'),
    ("data.enterprise_size", "tiny", "“tiny”不在可选值之内，可选值见该事件类型的JSON Schema",
     '"tiny" is not one of the allowed values, which the JSON Schema of this type lists'),
    ("data.loan_no", "", "文本应不少于1个字符", "text of at least 1 characters is expected"),
    ("data.loan_no", "9" * 101, "文本应不超过100个字符", "text of at most 100 characters is expected"),
    ("data", [], "应为对象，报送的是数组", "an object is expected, and an array was sent"),
    ("data.inclusive_declared", "true", "应为true或false或空值，报送的是文本", "true or false or null is expected, and text was sent"),
]  # fmt: skip
BYTES: list[tuple[bytes, str]] = [
    (b"", "内容为空"),
    (b"\xff", "不是UTF-8编码"),
    (b'{"id": 1', "JSON不完整"),
    (b"[]", "应为对象，报送的是数组"),
    (b"{,}", "不是有效的JSON（字节位置1）"),
    (b'{"a": ' + b"[" * 100_000, "嵌套过深"),
]


def answered(value: bytes, lang: str) -> str:
    found = decode("loan-events", value)
    assert isinstance(found, Malformed)
    return RULES[found.rule].reason(lang, "", field=found.field, value=found.found)


@pytest.mark.parametrize(("field", "value", "zh", "en"), DAMAGES)
def test_a_field_that_does_not_fit_is_said_in_both_languages(
    field: str, value: object, zh: str, en: str
) -> None:
    event: dict[str, Any] = copy.deepcopy(ISSUED)
    *way, name = field.split(".")
    (event["data"] if way else event)[name] = value
    sent = msgspec.json.encode(event)
    assert answered(sent, "zh") == f"字段{field}不符合约定：{zh}。"
    assert answered(sent, "en") == f"Field {field} does not fit the contract: {en}."


@pytest.mark.parametrize(("sent", "zh"), BYTES)
def test_bytes_that_are_no_event_are_said_in_chinese(sent: bytes, zh: str) -> None:
    assert answered(sent, "zh") == f"字段value不符合约定：{zh}。"


def test_a_negative_amount_is_called_so() -> None:
    event: dict[str, Any] = copy.deepcopy(ISSUED)
    event["data"]["principal_fen"] = -1
    sent = msgspec.json.encode(event)
    assert answered(sent, "zh") == "金额字段data.principal_fen不能为负数：此类业务的金额必须大于零。"
    assert (
        answered(sent, "en") == "Amount data.principal_fen cannot be negative: this kind of fact needs money."
    )


@pytest.mark.parametrize("value", ["2024-09-30", "JJ-1", "***", "Expected"])
def test_what_is_no_sentence_of_the_decoder_stays(value: str) -> None:
    assert in_words(value, "zh") == in_words(value, "en") == value


def test_every_pattern_of_the_contract_has_words() -> None:
    patterns = set(re.findall(r'"pattern":("(?:[^"\\]|\\.)*")', _schemas()))
    assert len(patterns) >= 3
    for pattern in map(msgspec.json.decode, patterns):
        assert "regex" not in in_words(f"Expected `str` matching regex {pattern!r}", "en")


def _schemas() -> str:
    return msgspec.json.encode(msgspec.json.schema_components(list(TYPES.values()))).decode()
