"""Settings are read once, with defaults that hang together; a wrong one is named, and its text is never repeated."""

from pathlib import Path

import pytest

from puhui.settings import SETTINGS, Settings, WrongSetting
from tests.pages import settings_page

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_without_any_variable_everything_has_its_default() -> None:
    settings = Settings.read({})
    assert settings.broker == "127.0.0.1:9092"
    assert settings.group == "puhui-production"
    assert settings.http_host == "127.0.0.1"
    assert settings.rules


def test_the_group_goes_with_the_environment_unless_it_is_named() -> None:
    assert Settings.read({"PUHUI_ENVIRONMENT": "demo"}).group == "puhui-demo"
    assert Settings.read({"PUHUI_ENVIRONMENT": "demo", "PUHUI_GROUP": "mine"}).group == "mine"


def test_an_empty_variable_is_an_absent_one() -> None:
    assert Settings.read({"PUHUI_PARTITIONS": " "}).partitions == 8


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("PUHUI_BROKER", "kafka.example"),
        ("PUHUI_BROKER", "one:9092,two"),
        ("PUHUI_STORE", "mysql://root:secret@db/puhui"),
        ("PUHUI_STORE", "postgresql://puhui:secret@db:many/puhui"),
        ("PUHUI_STORE", "postgresql://puhui:100%secret@db/puhui"),
        ("PUHUI_STORE", "postgresql://puhui:much@secret@db/puhui"),
        ("PUHUI_STORE", "postgresql://puhui:1/secret@db/puhui"),
        ("PUHUI_STORE", "sqlite:"),
        ("PUHUI_ENVIRONMENT", "prod"),
        ("PUHUI_PARTITIONS", "0"),
        ("PUHUI_GROUP", "two words"),
        ("PUHUI_RULES", "maybe"),
        ("PUHUI_ALERTMANAGERS", "alertmanager:9093"),
        ("PUHUI_ALERTMANAGERS", "http://one:9093,https://puhui:secret@two:many"),
        ("PUHUI_RUNBOOK_URL", "runbook.md#here"),
        ("PUHUI_HTTP_PORT", "65536"),
        ("PUHUI_LOG_LEVEL", "loud"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(name: str, text: str) -> None:
    with pytest.raises(WrongSetting) as wrong:
        Settings.read({name: text})
    assert str(wrong.value).startswith(f"{name}: ")
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("PUHUI_STOER", "PUHUI_STORE"),
        ("PUHUI_BROKERS", "PUHUI_BROKER"),
        ("PUHUI_BROKER_FILE", "PUHUI_BROKER"),
        ("PUHUI_CHAINKEY_FILE", "PUHUI_CHAIN_KEY_FILE"),
        ("PUHUI_HTTP_PROT", "PUHUI_HTTP_PORT"),
    ],
)
def test_a_setting_that_does_not_exist_is_named_with_the_nearest_one_and_the_page_of_all(
    name: str, near: str
) -> None:
    with pytest.raises(WrongSetting) as wrong:
        Settings.read({name: "knows-it"})
    assert (
        str(wrong.value) == f"{name}: no setting is called so; is {near} meant? All are in docs/settings.md"
    )


def test_a_setting_that_is_like_none_is_named_with_the_page_of_all() -> None:
    with pytest.raises(WrongSetting) as wrong:
        Settings.read({"PUHUI_XYLOPHONE_LESSONS": "knows-it"})
    assert str(wrong.value) == "PUHUI_XYLOPHONE_LESSONS: no setting is called so; all are in docs/settings.md"


@pytest.mark.parametrize("name", ["PUHUI_TEST_KILLS", "PUHUI_KAFKA", "PUHUI_SHARED", "HOME"])
def test_what_scripts_and_tests_are_told_is_no_wrong_setting(name: str) -> None:
    assert Settings.read({name: "anything"}).partitions == 8


def test_an_empty_variable_is_no_wrong_setting_whatever_it_is_called() -> None:
    assert Settings.read({"PUHUI_STOER": ""}).store == "sqlite:puhui.db"


def test_every_field_has_one_setting() -> None:
    assert [setting.field for setting in SETTINGS] != []
    assert {setting.field for setting in SETTINGS} == set(Settings.__slots__)


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not beside the tests")
def test_the_page_is_what_the_table_says() -> None:
    assert PAGE.read_text("utf-8") == settings_page()


def test_a_secret_may_stand_in_a_file_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("knows-it\n")
    settings = Settings.read({"PUHUI_KAFKA_PASSWORD_FILE": str(file), "PUHUI_HTTP_TOKEN": "0123456789abcdef"})
    assert settings.kafka_password == "knows-it"
    assert "knows-it" not in repr(settings)
    assert settings.http_token not in repr(settings)


def test_a_secret_that_is_given_twice_or_in_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for more in ({"PUHUI_KAFKA_PASSWORD": "knows-it"}, {}):
        with pytest.raises(WrongSetting, match=r"^PUHUI_KAFKA_PASSWORD") as wrong:
            Settings.read({"PUHUI_KAFKA_PASSWORD_FILE": str(tmp_path / "nowhere"), **more})
        assert "knows-it" not in str(wrong.value)
