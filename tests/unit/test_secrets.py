"""No command says a secret of its settings: not in its help, and not when the store is away."""

from base64 import b64encode
from pathlib import Path

import pytest

from puhui.cli import main
from puhui.keys import write_secrets
from puhui.settings import SETTINGS, Settings, WrongSetting
from streams.broker import free_port
from tests.examples import BANK

CANARY = "canary-that-sings-to-nobody-at-all"
ASK = (
    "keys list", f"keys add {BANK} --copy copy.json", "figures", "alerts", "rejected", "parked", "rebuild", "audit", "history",
    "verify", "migrate", "backup kept", "restore kept", "archive --before 2020 --to kept",
)  # fmt: skip
"""What needs no Kafka: how it is reached is tried with a real one (`tests.end_to_end.test_who_may_send`)."""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is secret is the canary, and nothing is where the settings say."""
    nobody = f"127.0.0.1:{free_port()}"
    given = {setting.name: CANARY for setting in SETTINGS if setting.secret}
    given |= {
        "PUHUI_STORE": f"postgresql://puhui:{CANARY}@{nobody}/puhui",
        "PUHUI_ALERTMANAGERS": f"http://puhui:{CANARY}@{nobody}",
        "PUHUI_BROKER": nobody, "PUHUI_KAFKA_USER": "worker", "PUHUI_KAFKA_PROTOCOL": "sasl_plaintext",
        "PUHUI_KEYS_FILE": str(tmp_path / "keys.json"), "PUHUI_METRICS_PORT": "0", "PUHUI_RESTARTS": "0",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    write_secrets(tmp_path / "keys.json", {f"urn:puhui:inst:{BANK}": {"k1": CANARY.encode()}})


@pytest.mark.usefixtures("settings")
@pytest.mark.parametrize("words", ASK)
def test_a_command_that_fails_or_explains_itself_says_no_secret(
    words: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    main(words.split())
    with pytest.raises(SystemExit):
        main([words.split()[0], "--help"])
    said = "".join(capfd.readouterr()) + caplog.text
    assert "usage: " in said
    assert not any(secret in said for secret in (CANARY, b64encode(CANARY.encode()).decode().rstrip("=")))


def test_a_wrong_secret_is_named_and_not_repeated() -> None:
    for setting in (setting for setting in SETTINGS if setting.secret):
        with pytest.raises(WrongSetting, match=f"^{setting.name}: ") as wrong:
            Settings.read({setting.name: f"{CANARY} and\n{CANARY}"})
        assert CANARY not in repr(wrong.value)
