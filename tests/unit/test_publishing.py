"""What `puhui publish` says of a line that it cannot send: which field is wrong, and how."""

from pathlib import Path

import pytest

from puhui.cli import main
from streams import publishing
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


@pytest.mark.parametrize(
    ("environment", "told"), [("demo", True), ("test", True), ("production", False), ("drill", False)]
)
def test_who_publishes_where_sending_sets_the_clock_is_told_that_it_did(
    environment: str, told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:  # fmt: skip
    monkeypatch.setattr(publishing, "prove_access", lambda kafka: None)
    monkeypatch.setattr(publishing, "KafkaProducer", Producer)
    file = tmp_path / "events.jsonl"
    event = '{"type": "cn.puhui.loan.repaid.v1", "environment": "%s", "data": {"institution_id": "1"}}\n'
    file.write_text((event % environment) * 2)
    assert main(["publish", str(file)]) == 0
    said = capsys.readouterr()
    assert said.out == "sent 2, acknowledged 2, failed 0\n"
    assert (
        said.err
        == (
            "puhui: 2 of them are of the environment demo or test, whose clock is the moment of sending: that installation "
            "stands at today from now on\n"
        )
        * told
    )


class Producer:
    """Kafka's producer as far as publishing uses it: all it is given is acknowledged."""

    def __init__(self, **options: object) -> None: ...

    def send(self, topic: str, **record: object) -> "Producer":
        return self

    def get(self, timeout: float) -> None: ...

    def close(self) -> None: ...
