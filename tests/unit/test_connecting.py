"""Every client reaches Kafka by the same settings; what does not fit together is named, and no password is shown."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from puhui.settings import Settings, WrongSetting
from streams.broker import LOOPBACK
from streams.connecting import Connection, client_options, connection, faust_credentials, prove_access
from tests.installation import PUHUI

KNOWN = {"PUHUI_KAFKA_USER": "bank", "PUHUI_KAFKA_PASSWORD": "knows-it"}


def reached(**settings: str) -> Connection:
    return connection(Settings.read(settings))


def test_without_settings_kafka_is_spoken_to_in_plain_text() -> None:
    plain = reached()
    assert client_options(plain) == {"bootstrap_servers": "127.0.0.1:9092", "security_protocol": "PLAINTEXT"}
    assert faust_credentials(plain) is None


@pytest.mark.parametrize("settings", [{}, {"PUHUI_KAFKA_PROTOCOL": "sasl_ssl", **KNOWN}])
def test_that_no_broker_answers_is_said_at_once_with_the_reason(
    settings: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    prove_access(reached(PUHUI_BROKER="127.0.0.1:1,127.0.0.1:2", **settings))
    (said,) = caplog.messages
    assert (
        "no answer from Kafka at 127.0.0.1:1 ([Errno 111] Connect call failed ('127.0.0.1', 1)), 127.0.0.1:2 ("
        in said
    )
    assert "knows-it" not in said


def test_a_broker_that_was_away_is_asked_again_every_second() -> None:
    """kafka-python would wait twice as long each time: 10 times are 50 s then."""
    with socket.create_server((LOOPBACK, 0)) as away:
        away.settimeout(20)
        environ = {**os.environ, "PUHUI_BROKER": f"{LOOPBACK}:{away.getsockname()[1]}"}
        command = [*PUHUI, "topics", "--check"]
        with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as asking:
            for _ in range(10):
                away.accept()[0].close()
            asking.kill()


def test_user_and_password_go_to_every_client() -> None:
    kafka = reached(PUHUI_KAFKA_PROTOCOL="sasl_ssl", **KNOWN)
    options = client_options(kafka)
    assert options["security_protocol"] == "SASL_SSL"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("bank", "knows-it")
    credentials = faust_credentials(kafka)
    assert credentials is not None
    assert credentials.protocol.value == "SASL_SSL"
    assert "knows-it" not in f"{kafka!r} {credentials!r}"


def test_tls_checks_the_host_unless_told_otherwise() -> None:
    for words, checked in (("on", True), ("off", False)):
        kafka = reached(PUHUI_KAFKA_PROTOCOL="ssl", PUHUI_KAFKA_HOST_CHECK=words)
        assert client_options(kafka)["ssl_context"].check_hostname is checked
        credentials = faust_credentials(kafka)
        assert credentials is not None
        assert credentials.protocol.value == "SSL"


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"PUHUI_KAFKA_PROTOCOL": "sasl_ssl"}, "PUHUI_KAFKA_USER"),
        ({"PUHUI_KAFKA_PROTOCOL": "sasl_ssl", "PUHUI_KAFKA_USER": "bank"}, "PUHUI_KAFKA_PASSWORD"),
        ({"PUHUI_KAFKA_PROTOCOL": "sasl_plaintext", "PUHUI_KAFKA_MECHANISM": "plain", **KNOWN}, "PUHUI_KAFKA_MECHANISM"),
        ({"PUHUI_KAFKA_PROTOCOL": "ssl", "PUHUI_KAFKA_CA": "{empty}"}, "PUHUI_KAFKA_CA"),
        ({"PUHUI_KAFKA_PROTOCOL": "ssl", "PUHUI_KAFKA_CERTIFICATE": "{empty}"}, "PUHUI_KAFKA_CERTIFICATE"),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_named(settings: dict[str, str], named: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    with pytest.raises(WrongSetting, match=f"^{named}: "):
        reached(**{name: text.format(empty=empty) for name, text in settings.items()})
