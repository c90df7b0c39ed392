"""What a decoder found, in words for the sender: msgspec's sentences, and our own short ones, in Chinese and English."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from puhui.contract.base import DECIMAL, PERCENT
from puhui.contract.registry import PERIOD


class _Words(NamedTuple):
    zh: str
    en: str

    def of(self, lang: str) -> str:
        return self.en if lang == "en" else self.zh


_KINDS: Final[Mapping[str, _Words]] = {
    "int": _Words("整数", "a whole number"),
    "float": _Words("小数", "a number with a fraction"),
    "str": _Words("文本", "text"),
    "bool": _Words("true或false", "true or false"),
    "null": _Words("空值", "null"),
    "object": _Words("对象", "an object"),
    "array": _Words("数组", "an array"),
    "date": _Words("日期", "a date"),
    "datetime": _Words("时间", "a time"),
}
_FORMS: Final[Mapping[str, _Words]] = {
    PERCENT: _Words(
        '应为百分数的数字文本，不带百分号，小数不超过8位，如"4.35"',
        'a decimal number as text is expected, without a percent sign and with at most 8 decimals, such as "4.35"',
    ),
    DECIMAL: _Words(
        '应为数字文本，小数不超过8位，如"1200.50"',
        'a decimal number as text is expected, with at most 8 decimals, such as "1200.50"',
    ),
    PERIOD: _Words(
        "应为季度或月份，如2024Q3、2024-09", "a quarter or a month is expected, such as 2024Q3 or 2024-09"
    ),
}
_SENTENCES: Final[tuple[tuple[str, _Words], ...]] = (
    ("Expected `([^`]+)`, got `([^`]+)`", _Words("应为{0}，报送的是{1}", "{0} is expected, and {1} was sent")),
    ("Expected `int` <= (-?\\d+)", _Words("应为不大于{0}的整数", "a whole number of at most {0} is expected")),
    ("Expected `int` >= (-?\\d+)", _Words("应为不小于{0}的整数", "a whole number of at least {0} is expected")),
    ("Expected `str` of length <= (\\d+)", _Words("文本应不超过{0}个字符", "text of at most {0} characters is expected")),
    ("Expected `str` of length >= (\\d+)", _Words("文本应不少于{0}个字符", "text of at least {0} characters is expected")),
    ("Expected `array` of length <= (\\d+)", _Words("数组应不超过{0}项", "an array of at most {0} items is expected")),
    ("Expected `array` of length >= (\\d+)", _Words("数组应不少于{0}项", "an array of at least {0} items is expected")),
    ("Invalid RFC3339 encoded date", _Words("应为存在的日期，如2024-09-30", "an existing date is expected, such as 2024-09-30")),
    (
        "Invalid RFC3339 encoded datetime",
        _Words("应为带时区的时间，如2024-09-30T17:30:00+08:00", "a time with its offset is expected, such as 2024-09-30T17:30:00+08:00"),
    ),
    (
        "Invalid enum value '?(.*?)'?",
        _Words(
            "“{0}”不在可选值之内，可选值见该事件类型的JSON Schema",
            '"{0}" is not one of the allowed values, which the JSON Schema of this type lists',
        ),
    ),
    ("(?:Integer value|Number) out of range", _Words("数字过大", "the number is too large")),
    ("Input data was truncated", _Words("JSON不完整", "the JSON ends too early")),
    ("JSON is malformed: .* \\(byte (\\d+)\\)", _Words("不是有效的JSON（字节位置{0}）", "it is not valid JSON, at byte {0}")),
    ("nested too deeply", _Words("嵌套过深", "it is nested too deeply")),
    ("not UTF-8", _Words("不是UTF-8编码", "it is not UTF-8")),
    ("empty", _Words("内容为空", "it is empty")),
    ("U\\+0000", _Words("含有空字符（U+0000）", "it holds the character U+0000")),
    ("< 0", _Words("负数", "negative")),
)  # fmt: skip
_ALL: Final[tuple[tuple[re.Pattern[str], _Words], ...]] = tuple(
    (re.compile(form, re.DOTALL), words)
    for form, words in (
        *_SENTENCES,
        *(
            (f"Expected `str` matching regex {re.escape(repr(form))}", words)
            for form, words in _FORMS.items()
        ),
    )
)


def in_words(found: str, lang: str) -> str:
    """What was found as people say it, Chinese unless `lang` is `en`; what is no sentence of a decoder stays as it is."""
    for form, words in _ALL:
        if said := form.fullmatch(found):
            return words.of(lang).format(*(_kinds(part, lang) for part in said.groups()))
    return found


def _kinds(part: str, lang: str) -> str:
    """Kinds of values by their names, as in `int | null`; anything else as it is."""
    names = part.split(" | ")
    if not all(name in _KINDS for name in names):
        return part
    return ("或" if lang != "en" else " or ").join(_KINDS[name].of(lang) for name in names)
