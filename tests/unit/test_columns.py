"""Text in columns, where a full-width character takes two places."""

import pytest

from puhui.columns import padded, width, wrapped


@pytest.mark.parametrize(
    ("text", "places"), [("", 0), ("abc", 3), ("余额", 4), ("I21 余额（元）", 14), ("—", 1)]
)
def test_places_of_a_text(text: str, places: int) -> None:
    assert width(text) == places
    assert width(padded(text, 20)) == 20


@pytest.mark.parametrize(
    ("text", "places", "lines"),
    [
        ("余额 下降42.0%", 20, ["余额 下降42.0%"]),
        ("余额 下降42.0%", 10, ["余额 下降", "  42.0%"]),
        ("无还本续贷，余额", 12, ["无还本续贷，", "  余额"]),
        ("无还本续贷余额。", 10, ["无还本续贷", "  余额。"]),
        ("   基数 4,490.00万元", 12, ["   基数", "  4,490.00万", "  元"]),
        ("averyveryverylongword", 8, ["averyveryverylongword"]),
    ],
)
def test_lines_of_so_many_places(text: str, places: int, lines: list[str]) -> None:
    assert wrapped(text, places, "  ") == lines
