"""The settings of an installation: environment variables `PUHUI_…`, read once, wrong ones refused by name.

The table `SETTINGS` is the one place that knows them; the documentation is made from it.
"""

import os
import re
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple, Self, get_args
from urllib.parse import urlsplit

from puhui.contract.base import Environment


class WrongSetting(ValueError):
    """A setting cannot be understood; the message names it and says what is allowed, never what was found."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one installation."""

    broker: str
    kafka_protocol: str
    kafka_mechanism: str
    kafka_user: str
    kafka_password: str = field(repr=False)
    kafka_ca: str
    kafka_certificate: str
    kafka_key: str
    kafka_host_check: bool
    keys_file: str
    store: str = field(repr=False)
    chain_key: str = field(repr=False)
    environment: str
    partitions: int
    group: str
    member: str
    session: int
    flush_every: int
    row_memory: int
    hold_back: bool
    rules: bool
    alertmanagers: tuple[str, ...] = field(repr=False)
    console_url: str
    runbook_url: str
    restarts: int
    metrics_port: int
    http_host: str
    http_port: int
    http_token: str = field(repr=False)
    log_level: str

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read every setting; an absent or empty one has its default, a wrong or unknown one raises WrongSetting."""
        _must_be_known(name for name, text in environ.items() if text.strip())
        found: dict[str, Any] = {}
        for setting in SETTINGS:
            text = setting.given(environ)
            found[setting.field] = setting.read(text) if text else setting.default(found)
        return cls(**found)


class Setting(NamedTuple):
    """One setting: its variable, what it means, its default in words and in fact, and what is allowed."""

    name: str
    meaning: str
    shown: str
    default: Callable[[Mapping[str, Any]], Any]
    allowed: str
    parse: Callable[[str], Any]
    secret: bool = False
    """May also be given as the name of a file that holds it, in the variable `<name>_FILE`."""

    def given(self, environ: Mapping[str, str]) -> str:
        """What the environment says, or the file that it names; empty where it says nothing."""
        text = environ.get(self.name, "").strip()
        file = environ.get(f"{self.name}_FILE", "").strip() if self.secret else ""
        if not file:
            return text
        if text:
            raise WrongSetting(f"{self.name}: it is given twice, there and in {self.name}_FILE")
        try:
            return Path(file).read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise WrongSetting(f"{self.name}_FILE: the file cannot be read: {type(error).__name__}") from None

    @property
    def field(self) -> str:
        """The field of `Settings`."""
        return self.name.removeprefix("PUHUI_").lower()

    def read(self, text: str) -> Any:
        """Understand a text, or say what is allowed."""
        try:
            return self.parse(text)
        except ValueError:
            raise WrongSetting(f"{self.name}: {self.allowed} is allowed") from None


def _number(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise ValueError(text)
        return number

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(text)
        return text.lower()

    return parse


def _brokers(text: str) -> str:
    """One or more `host:port`."""
    for address in text.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not 0 < int(port) < 65536 or "/" in host:
            raise ValueError(text)
    return ",".join(address.strip() for address in text.split(","))


_NOT_ENCODED: Final = re.compile("%00|%(?![0-9A-Fa-f]{2})")


def _store(text: str) -> str:
    if text.startswith("sqlite:") and text != "sqlite:":
        return text
    parts = urlsplit(text)
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        raise ValueError(text)
    if "@" in parts.path or parts.netloc.count("@") > 1 or _NOT_ENCODED.search(text):
        raise ValueError(text)  # the database's client would show parts of the password when it complains
    _ = parts.port  # raises where it is no number
    return text


def _name(text: str) -> str:
    if len(text) > 200 or not text.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise ValueError(text)
    return text


def _host(text: str) -> str:
    if not text or any(mark in text for mark in " /,"):
        raise ValueError(text)
    return text


def _file(text: str) -> str:
    if not Path(text).is_file():
        raise ValueError(text)
    return text


def _secret(least: int) -> Callable[[str], str]:
    """A text of so many printable characters without a blank."""

    def parse(text: str) -> str:
        if not least <= len(text) <= 1000 or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError(text)
        return text

    return parse


def _on_or_off(text: str) -> bool:
    return _one_of("on", "off")(text) == "on"


def _addresses(text: str) -> tuple[str, ...]:
    """One or more addresses of servers."""
    return tuple(_address(one.strip()) for one in text.split(","))


def _address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(text)
    _ = parts.port  # raises where it is no number
    return text


def _page(text: str) -> str:
    if not text or "#" in text or any(mark.isspace() for mark in text):
        raise ValueError(text)
    return text


def _always(value: Any) -> Callable[[Mapping[str, Any]], Any]:
    return lambda found: value


_PORT: Final = _number(0, 65535)
_PORTS: Final = "a port from 1 to 65535, or 0 for none,"
_NAME: Final = "up to 200 letters, digits, points, hyphens and underscores"
_LEVELS: Final = ("debug", "info", "warning", "error")
_FILE: Final = "the path of a file that is there"
_PROTOCOLS: Final = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
_MECHANISMS: Final = ("scram-sha-512", "scram-sha-256", "plain")

SETTINGS: Final[tuple[Setting, ...]] = (
    Setting(
        "PUHUI_BROKER", "Where Kafka is.", "`127.0.0.1:9092`", _always("127.0.0.1:9092"),
        "`host:port`, or several of them with commas between,", _brokers,
    ),
    Setting(
        "PUHUI_KAFKA_PROTOCOL", "How Kafka is spoken to: `ssl` is TLS, `sasl` is with user and password.",
        "`plaintext`", _always("plaintext"), "`plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`", _one_of(*_PROTOCOLS),
    ),
    Setting(
        "PUHUI_KAFKA_MECHANISM", "How user and password are proved to Kafka; `plain` only over TLS.",
        "`scram-sha-512`", _always("scram-sha-512"), "`scram-sha-512`, `scram-sha-256` or `plain`",
        _one_of(*_MECHANISMS),
    ),
    Setting(
        "PUHUI_KAFKA_USER", "The user as whom Kafka knows this program.", "none", _always(""), _NAME, _name,
    ),
    Setting(
        "PUHUI_KAFKA_PASSWORD", "The password of that user.", "none", _always(""),
        "up to 1000 printable ASCII characters without a blank", _secret(1), secret=True,
    ),
    Setting(
        "PUHUI_KAFKA_CA", "The certificates (PEM) of whom Kafka's own certificate must come from.",
        "those that the machine trusts", _always(""), _FILE, _file,
    ),
    Setting(
        "PUHUI_KAFKA_CERTIFICATE", "The certificate (PEM) that this program shows to Kafka.", "none", _always(""),
        _FILE, _file,
    ),
    Setting(
        "PUHUI_KAFKA_KEY", "The private key (PEM, without a password) of that certificate.",
        "in the file of the certificate", _always(""), _FILE, _file,
    ),
    Setting(
        "PUHUI_KAFKA_HOST_CHECK", "Whether Kafka's certificate must be for the name under which it is called.",
        "`on`", _always(True), "`on` or `off`", _on_or_off,
    ),
    Setting(
        "PUHUI_KEYS_FILE", "The keys by which events are signed (`puhui keys`): who has a key there must sign.",
        "none: nobody signs", _always(""), "the path of a file", str,
    ),
    Setting(
        "PUHUI_STORE", "Where everything is kept: a file of SQLite for one worker, a folder of such files for the workers of this machine "
        "(one a partition), or a database of PostgreSQL for the workers of several.",
        "`sqlite:puhui.db`", _always("sqlite:puhui.db"),
        "`sqlite:<file>`, `sqlite:<folder>/` or `postgresql://<user>:<password>@<host>:<port>/<database>` (what is no letter "
        "or digit in the password as `%` and two hexadecimal digits; libpq's parameters, as `sslmode`, behind a `?`)", _store, secret=True,
    ),
    Setting(
        "PUHUI_CHAIN_KEY",
        "The key with which commits are chained (`puhui verify`): the same one for all workers of a store, from its "
        "first commit on.",
        "none: the chain finds accidents, not intent", _always(""),
        "32 to 1000 printable ASCII characters without a blank", _secret(32), secret=True,
    ),
    Setting(
        "PUHUI_ENVIRONMENT",
        "What the installation is for. Events of another environment are refused; in `demo` and `test` the timestamps "
        "of Kafka's records are the clock.",
        "`production`", _always("production"), "`production`, `drill`, `test` or `demo`",
        _one_of(*get_args(Environment)),
    ),
    Setting(
        "PUHUI_PARTITIONS",
        "How many partitions `puhui topics` gives each topic that it creates, and of how many a folder has files into which "
        "a store is copied.", "`8`", _always(8),
        "a number from 1 to 1000", _number(1, 1000),
    ),
    Setting(
        "PUHUI_GROUP", "The consumer group: all workers of one installation have the same one.",
        "`puhui-<environment>`", lambda found: f"puhui-{found['environment']}", _NAME, _name,
    ),
    Setting(
        "PUHUI_MEMBER",
        "The name of this worker in its group: another one for each worker, and the same one after a restart, so that "
        "Kafka gives it its partitions back at once.",
        "the name of the machine", lambda found: _machine(), _NAME, _name,
    ),
    Setting(
        "PUHUI_SESSION",
        "Seconds without a sign of life after which Kafka gives the partitions of a worker to the others.", "`20`",
        _always(20), "a number from 3 to 300, within what the broker allows", _number(3, 300),
    ),
    Setting(
        "PUHUI_FLUSH_EVERY",
        "After how many facts each book is written back to the register, in a backlog.",
        "`250000`", _always(250_000), "a number from 1000 to 10000000", _number(1000, 10_000_000),
    ),
    Setting(
        "PUHUI_ROW_MEMORY",
        "How many MB of memory rows of the register may take in a worker: those that were used lately, and those that are still to "
        "be written back, which is sooner where they take most of it.",
        "`80`", _always(80), "a number from 8 to 100000", _number(8, 100_000),
    ),
    Setting(
        "PUHUI_HOLD_BACK",
        "Whether what would change a closed period waits until an office approves its restatement (V07); else it is taken in "
        "at once, and the official figure stays until then.",
        "`off`", _always(False), "`on` or `off`", _on_or_off,
    ),
    Setting(
        "PUHUI_RULES", "Whether rules are evaluated and alerts are raised.", "`on`", _always(True), "`on` or `off`",
        _on_or_off,
    ),
    Setting(
        "PUHUI_ALERTMANAGERS",
        "The Alertmanagers that are told of alerts: each of them, so name all of a cluster and no balancer before it.",
        "none", _always(()), "`http://host:port` or `https://user:password@host:port/path`, or several with commas between,",
        _addresses, secret=True,
    ),
    Setting(
        "PUHUI_CONSOLE_URL", "The address under which people reach the console; alerts lead there.",
        "`http://127.0.0.1:8080`", _always("http://127.0.0.1:8080"), "`http://…` or `https://…`", _address,
    ),
    Setting(
        "PUHUI_RUNBOOK_URL", "Where people read `docs/runbook.md`; alerts lead to its headings.",
        "`docs/runbook.md`", _always("docs/runbook.md"), "an address or a path without `#`", _page,
    ),
    Setting(
        "PUHUI_RESTARTS", "How often in a row a failing worker is started again before `puhui worker` gives up.",
        "`20`", _always(20), "a number from 0 to 1000000", _number(0, 1_000_000),
    ),
    Setting(
        "PUHUI_METRICS_PORT", "The port on which figures are shown to Prometheus.", "`9464`", _always(9464), _PORTS,
        _PORT,
    ),
    Setting(
        "PUHUI_HTTP_HOST", "The address on which the console and the figures listen.", "`127.0.0.1`",
        _always("127.0.0.1"), "a name or an address of this machine", _host,
    ),
    Setting("PUHUI_HTTP_PORT", "The port of the console.", "`8080`", _always(8080), _PORTS, _PORT),
    Setting(
        "PUHUI_HTTP_TOKEN",
        "What who asks the console or the figures must show (`Authorization: Bearer …`); without one they listen on "
        "loopback only.",
        "none", _always(""), "16 to 1000 printable ASCII characters without a blank", _secret(16), secret=True,
    ),
    Setting(
        "PUHUI_LOG_LEVEL", "From which level on messages are logged.", "`info`", _always("info"),
        "`debug`, `info`, `warning` or `error`", _one_of(*_LEVELS),
    ),
)  # fmt: skip


_OF_SCRIPTS_AND_TESTS: Final = ("PUHUI_KAFKA", "PUHUI_SHARED")
"""Variables that are no settings: where tests find parts and data. `PUHUI_TEST_…` are of tests too."""


def _must_be_known(names: Iterable[str]) -> None:
    """Whoever misspells a setting would else have its default, and not be told."""
    known = {name for s in SETTINGS for name in (s.name, f"{s.name}_FILE")[: 1 + s.secret]}
    for name in sorted(set(names).difference(known, _OF_SCRIPTS_AND_TESTS)):
        if name.startswith("PUHUI_") and not name.startswith("PUHUI_TEST_"):
            near = get_close_matches(name[6:], [setting[6:] for setting in known], 1)  # all begin alike
            hint = f"is PUHUI_{near[0]} meant? All" if near else "all"
            raise WrongSetting(f"{name}: no setting is called so; {hint} are in docs/settings.md")


def _machine() -> str:
    name = "".join(mark if mark.isalnum() or mark in "-_." else "-" for mark in socket.gethostname())
    return name[:200] or "worker"
