"""A real Apache Kafka that lets in only whom it knows: the project's own commands, with the rights that they give."""

import asyncio
import base64
import io
import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import TopicAuthorizationFailedError

from aggregates.store.chain import chain_key
from puhui.cli import main
from puhui.contract.catalogue import LOAN_EVENTS, REJECTED_EVENTS
from puhui.keys import read_secrets
from puhui.settings import Settings
from streams.broker import LOOPBACK, free_port
from streams.connecting import Connection, client_options, connection
from tests.conftest import do_without
from tests.events import Event, Sender, yuan
from tests.examples import BANK, SHOP
from tests.installation import Installation
from tests.parts import Absent
from tests.parts.secure_kafka import ADMIN, Authority, SecureKafka
from tests.references import social_credit_code

pytestmark = [pytest.mark.parts, pytest.mark.slow]

OTHER = social_credit_code(2)
TOKEN = "token-that-nobody-guesses"
CHAIN_KEY = "chained-by-what-the-auditors-know"
ALERTING = "alertmanager-knows-it"
USERS = {
    ADMIN: "admin-knows-it",
    "worker": "worker-knows-it",
    "office": "office-knows-it",
    "bank": "bank-knows-it",
    "other": "other-knows-it",
}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    try:
        kafka = SecureKafka(tmp_path_factory.mktemp("secure"), USERS)
    except Absent as absent:
        do_without(absent)
    kafka.start()
    yield kafka
    kafka.kill()


def reached(kafka: SecureKafka, user: str) -> Connection:
    return connection(Settings.read({"PUHUI_BROKER": kafka.bootstrap} | kafka.settings(user)))


def puhui(kafka: SecureKafka, settings: Mapping[str, str], *words: str) -> tuple[int, str]:
    """Run one command in this process: its status, and what it says."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        for name, value in (
            {"PUHUI_BROKER": kafka.bootstrap, "PUHUI_PARTITIONS": "4"} | dict(settings)
        ).items():
            patch.setenv(name, value)
        status = main(words)
    return status, said.getvalue()


@pytest.fixture(scope="module")
def installation(kafka: SecureKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Everybody has the rights of their role, and a worker runs that has no more than its own."""
    folder = tmp_path_factory.mktemp("installation")
    password = folder / "password"
    password.write_text(USERS["worker"])
    mine = kafka.settings("worker") | {"PUHUI_KAFKA_PASSWORD": "", "PUHUI_KAFKA_PASSWORD_FILE": str(password)}
    mine |= {"PUHUI_KEYS_FILE": str(folder / "keys.json")}
    assert puhui(kafka, mine, "keys", "add", OTHER, "--copy", str(folder / "key.json"))[0] == 0
    (folder / "token").write_text(TOKEN)
    mine |= {"PUHUI_HTTP_TOKEN_FILE": str(folder / "token")}
    for name, secret in (
        ("CHAIN_KEY", CHAIN_KEY),
        ("ALERTMANAGERS", f"http://ops:{ALERTING}@{LOOPBACK}:{free_port()}"),
    ):
        (folder / name).write_text(secret)
        mine |= {f"PUHUI_{name}_FILE": str(folder / name)}
    mine |= {"PUHUI_METRICS_PORT": str(free_port()), "PUHUI_GROUP": "workers"}
    for words in (
        "topics",
        "access worker worker",
        "access office office",
        f"access institution bank --institution {BANK}",
        f"access institution other --institution {OTHER}",
    ):
        settings = kafka.settings(ADMIN) | {"PUHUI_GROUP": "workers"}
        status, said = puhui(kafka, settings, *words.split())
        assert status == 0, said
    installation = Installation(folder / "it", reached(kafka, ADMIN), settings=mine)
    worker = installation.worker("--once")
    yield installation
    worker.signal(signal.SIGTERM)
    assert worker.status == 0, worker.last_words()


def publish(
    kafka: SecureKafka, user: str, folder: Path, *events: Event, key: Path | None = None
) -> tuple[int, str]:
    file = folder / "events.jsonl"
    file.write_text("\n".join(json.dumps(event) for event in events))
    sign = ("--key-file", str(key)) if key is not None else ()
    return puhui(kafka, kafka.settings(user), "publish", *sign, str(file))


def read(kafka: SecureKafka, user: str, topic: str) -> list[dict[str, Any]]:
    """What this user finds in a topic, in the group that is its own."""
    return asyncio.run(_read(client_options(reached(kafka, user)), user, topic))


async def _read(options: dict[str, Any], user: str, topic: str) -> list[dict[str, Any]]:
    consumer = AIOKafkaConsumer(topic, group_id=user, auto_offset_reset="earliest", **options)
    try:
        await consumer.start()
        found = await consumer.getmany(timeout_ms=20_000)
    finally:
        await consumer.stop()
    return [json.loads(record.value)["data"] for records in found.values() for record in records]


def test_who_has_the_rights_sends_and_reads_what_is_its_own(
    installation: Installation, kafka: SecureKafka, tmp_path: Path
) -> None:
    bank, other = Sender(BANK), Sender(OTHER)
    assert publish(kafka, "office", tmp_path, bank.registered(), other.registered())[0] == 0
    key = installation.folder.parent / "key.json"
    for user, sender, own_key in (("bank", bank, None), ("other", other, key)):
        good = sender.issued("L1", SHOP, "2023-12-10", yuan(1_000_000))
        bad = sender.issued("L2", SHOP, "2023-12-10", 0)
        assert publish(kafka, user, tmp_path, good, bad, key=own_key)[0] == 0
    forged = other.repaid("L1", "2024-01-10", yuan(1_000_000))
    assert publish(kafka, "bank", tmp_path, forged)[0] == 0
    installation.wait_until_taken_in()
    assert installation.counted() == {"accepted": 4, "refused": 3, "unauthentic": 1}
    for user, topic, rules in (("bank", BANK, ["V04"]), ("other", OTHER, ["V04", "V05"])):
        answers = read(kafka, user, f"{REJECTED_EVENTS}.{topic}")
        assert [answer["rule"] for answer in answers] == rules
    for foreign in (f"{REJECTED_EVENTS}.{OTHER}", REJECTED_EVENTS, LOAN_EVENTS):
        with pytest.raises(TopicAuthorizationFailedError):
            read(kafka, "bank", foreign)
    status, said = publish(kafka, "bank", tmp_path, bank.registered())
    assert status == 1
    assert "TopicAuthorizationFailed" in said


def test_every_command_that_asks_kafka_has_the_rights_of_a_worker(installation: Installation) -> None:
    for words in ("positions", "topics --check", "verify --published"):
        done = installation.run(*words.split(), PUHUI_PARTITIONS="4")
        assert done.returncode == 0, done.stderr
    assert " 0 published heads" not in done.stdout


def test_no_password_no_key_and_no_token_is_shown_or_stored(installation: Installation) -> None:
    metrics = f"http://{LOOPBACK}:{installation.settings['PUHUI_METRICS_PORT']}/metrics"
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(metrics, timeout=10)
    asked = urllib.request.Request(metrics, headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(asked, timeout=10) as reply:
        shown = [reply.read()]
    assert b"puhui_ready" in shown[0]
    shown.append((installation.folder / "worker.log").read_bytes())
    assert f"who must sign: urn:puhui:inst:{OTHER}".encode() in shown[1]
    ours = psutil.Process(os.getpid()).children(recursive=True)
    shown += [" ".join(process.cmdline()).encode() for process in ours]
    assert any(b"puhui.cli worker" in line for line in shown)
    backup = installation.run("backup", str(installation.folder / "data" / "kept"))
    assert backup.returncode == 0, backup.stderr
    shown += [backup.stdout.encode(), installation.run("history").stdout.encode()]
    assert b"basis.key" in shown[-1]
    shown += [path.read_bytes() for path in (installation.folder / "data").iterdir()]
    assert not [secret for secret in secrets_of(installation) if any(secret in text for text in shown)]


def secrets_of(installation: Installation) -> list[bytes]:
    """Every secret that the worker was given, in each form in which it could be shown."""
    known, _ = read_secrets(installation.folder.parent / "keys.json")
    keys = [secret for keys in known.values() for secret in keys.values()]
    texts = [*USERS.values(), TOKEN, CHAIN_KEY, ALERTING]
    plain = [*(text.encode() for text in texts), chain_key(CHAIN_KEY), *keys]
    return [
        form
        for secret in plain
        for form in (secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"="))
    ]


def test_who_is_not_let_in_is_told_why(installation: Installation, kafka: SecureKafka) -> None:
    foreign = Authority(kafka.folder / "foreign").certificate
    for wrong, why in (
        (kafka.settings("worker", "nobody-knows-it"), "PUHUI_KAFKA_PASSWORD"),
        (kafka.settings("worker", ca=foreign), "PUHUI_KAFKA_CA"),
    ):
        worker = installation.run("worker", PUHUI_KAFKA_PASSWORD_FILE="", **wrong)
        ended = [(worker.returncode, worker.stderr), puhui(kafka, wrong, "topics")]
        ended.append(puhui(kafka, wrong, "publish", os.devnull))
        assert [status for status, _ in ended] == [4, 3, 3]
        for _, said in ended:
            assert why in said.splitlines()[-1]
            assert "knows-it" not in said


def by_certificate(kafka: SecureKafka, certificate: Path | None) -> dict[str, str]:
    """The settings for the port where Kafka knows its clients by their certificates."""
    settings = {
        "PUHUI_BROKER": f"{LOOPBACK}:{kafka.tls_port}",
        "PUHUI_KAFKA_PROTOCOL": "ssl",
        "PUHUI_KAFKA_CA": str(kafka.authority.certificate),
    }
    return settings | ({"PUHUI_KAFKA_CERTIFICATE": str(certificate)} if certificate else {})


def test_every_way_in_is_open_to_whom_it_is_for(installation: Installation, kafka: SecureKafka) -> None:
    good = [kafka.settings(ADMIN) | {"PUHUI_KAFKA_MECHANISM": name} for name in ("scram-sha-256", "plain")]
    good.append(by_certificate(kafka, kafka.authority.sign(ADMIN)))
    for settings in good:
        status, said = puhui(kafka, settings, "topics", "--check")
        assert status == 0, said
    foreign = Authority(kafka.folder / "foreign").sign(ADMIN)
    wrong = [
        (
            kafka.settings(ADMIN, "nobody-knows-it") | {"PUHUI_KAFKA_MECHANISM": "plain"},
            "PUHUI_KAFKA_PASSWORD",
        ),
        (by_certificate(kafka, None), "PUHUI_KAFKA_CERTIFICATE"),
        (by_certificate(kafka, foreign), "PUHUI_KAFKA_CERTIFICATE"),
    ]
    for settings, why in wrong:
        status, said = puhui(kafka, settings, "topics", "--check")
        assert (status, why in said) == (3, True), said
