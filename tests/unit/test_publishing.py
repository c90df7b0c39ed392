"""What `puhui publish` says of a line that it cannot send: which field is wrong, and how."""

import pytest

from streams.publishing import Unpublishable, place


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"no event", "JSON is malformed"),
        (b"\xff\xfe{}", "JSON is malformed"),
        (b'{"x":' + b"[" * 100_000, "maximum recursion depth"),
        (b"[1]", "Expected `object`, got `array`"),
        (b'{"data": {"institution_id": "1"}}', "missing required field `type`"),
        (b'{"type": [], "data": {"institution_id": "1"}}', "Expected `str`, got `array` - at `$.type`"),
        (b'{"type": "t", "data": {}}', "missing required field `institution_id` - at `$.data`"),
        (b'{"type": "t", "data": {"institution_id": 1}}', "Expected `str`, got `int` - at `$.data.institution_id`"),
        (b'{"type": "cn.puhui.loan.lost.v1", "data": {"institution_id": "1"}}', "unknown type cn.puhui.loan.lost.v1"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_event_is_told_by_its_field(line: bytes, why: str) -> None:
    with pytest.raises(Unpublishable) as told:
        place(line)
    assert why in str(told.value)
