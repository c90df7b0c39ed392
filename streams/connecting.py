"""How Kafka is reached: the one place that makes the arguments of every client, and the sentences when it fails.

kafka-python and aiokafka call them alike; Faust's own producer wants them as its credentials.
"""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Any, Final

import faust
from aiokafka.conn import create_conn
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from faust.types.auth import CredentialsT

from puhui.settings import Settings, WrongSetting
from streams.ending import Undecided, log

_PATIENCE: Final = 5000
"""Milliseconds in which a broker says whether it lets us in."""


class NotLetIn(Undecided):
    """Kafka does not know this user, or is not whom we trust; the message names the settings to look at."""


@dataclass(frozen=True)
class Connection:
    """A cluster and how it is spoken to; it never shows its password."""

    bootstrap: str
    mechanism: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    context: ssl.SSLContext | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.bootstrap

    @property
    def protocol(self) -> str:
        """The protocol as Kafka calls it."""
        return ("SASL_" if self.mechanism else "") + ("SSL" if self.context else "PLAINTEXT")


Kafka = Connection | str
"""How a cluster is reached; an address alone is spoken to in plain text."""


def connection(settings: Settings) -> Connection:
    """What the settings say; WrongSetting where they do not fit together or a file is not what it should be."""
    protocol = settings.kafka_protocol
    context = _context(settings) if protocol.endswith("ssl") else None
    if not protocol.startswith("sasl"):
        return Connection(settings.broker, context=context)
    for name in ("user", "password"):
        if not getattr(settings, f"kafka_{name}"):
            raise WrongSetting(f"PUHUI_KAFKA_{name.upper()}: PUHUI_KAFKA_PROTOCOL {protocol} needs it")
    if context is None and settings.kafka_mechanism == "plain":
        raise WrongSetting(
            "PUHUI_KAFKA_MECHANISM: `plain` without TLS would show the password to everybody on the way"
        )
    return Connection(
        settings.broker,
        settings.kafka_mechanism.upper(),
        settings.kafka_user,
        settings.kafka_password,
        context,
    )


def _context(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ca or None)
    except (ssl.SSLError, OSError):
        raise WrongSetting("PUHUI_KAFKA_CA: the file holds no certificates in PEM") from None
    context.check_hostname = settings.kafka_host_check
    if settings.kafka_certificate:
        key = settings.kafka_key or None
        try:
            # with a password, though none, it never asks for one at a terminal
            context.load_cert_chain(settings.kafka_certificate, key, password="")
        except (ssl.SSLError, OSError):
            raise WrongSetting(
                "PUHUI_KAFKA_CERTIFICATE: the file and PUHUI_KAFKA_KEY hold no certificate with its key in PEM"
            ) from None
    return context


def client_options(kafka: Kafka) -> dict[str, Any]:
    """The arguments that every client needs to reach the cluster; for those of kafka-python there are more below."""
    if isinstance(kafka, str):
        return {"bootstrap_servers": kafka}
    options: dict[str, Any] = {"bootstrap_servers": kafka.bootstrap, "security_protocol": kafka.protocol}
    if kafka.context is not None:
        options["ssl_context"] = kafka.context
    if kafka.mechanism:
        options["sasl_mechanism"] = kafka.mechanism
        options["sasl_plain_username"] = kafka.user
        options["sasl_plain_password"] = kafka.password
    return options


def prompt_options(kafka: Kafka) -> dict[str, Any]:
    """The same for kafka-python, which would let half a minute pass before it asks a broker again that was away."""
    return client_options(kafka) | {"reconnect_backoff_max_ms": 1000}


def faust_credentials(kafka: Kafka) -> CredentialsT | None:
    """The same for Faust's own producer."""
    if isinstance(kafka, str) or kafka.protocol == "PLAINTEXT":
        return None
    if not kafka.mechanism:
        return faust.SSLCredentials(kafka.context)
    return faust.SASLCredentials(
        username=kafka.user, password=kafka.password, ssl_context=kafka.context, mechanism=kafka.mechanism
    )


def prove_access(kafka: Kafka) -> None:
    """Raise NotLetIn where Kafka refuses us, or we it; a warning says at once that none of its brokers answers, and why.

    The clients themselves try again for half a minute, and then say no more than that there was no answer.
    """
    asyncio.run(_prove_access(kafka if isinstance(kafka, Connection) else Connection(kafka)))


async def _prove_access(kafka: Connection) -> None:
    options, silent = client_options(kafka), []
    for address in options.pop("bootstrap_servers").split(","):
        host, _, port = address.rpartition(":")
        try:
            found = await create_conn(host.strip("[]"), int(port), request_timeout_ms=_PATIENCE, **options)
        except (KafkaError, OSError) as error:
            why = _why_not_let_in(error, kafka)
            if why:
                raise NotLetIn(f"Kafka at {address} {why}") from None
            silent.append(f"{address} ({str(error) or type(error).__name__})")
        else:
            found.close()
            return
    log.warning("no answer from Kafka at %s: it is tried again for half a minute", ", ".join(silent))


def _why_not_let_in(error: Exception, kafka: Connection) -> str:
    """What the error says of who is let in, and which setting is wrong; empty where it says no more than "no answer"."""
    match error:
        case SaslAuthenticationFailed():
            settings = "PUHUI_KAFKA_USER, PUHUI_KAFKA_PASSWORD or PUHUI_KAFKA_MECHANISM is wrong"
            return f"does not let in the user {kafka.user}: {settings}"
        case UnsupportedSaslMechanismError():
            return f"does not take {kafka.mechanism}: PUHUI_KAFKA_MECHANISM is wrong"
        case ssl.SSLCertVerificationError():
            shown = f"shows a certificate that is not trusted ({error.verify_message})"
            return f"{shown}: PUHUI_KAFKA_CA is wrong, or this is not Kafka"
        case KafkaConnectionError() if _refused_certificate(error.__cause__):
            settings = "PUHUI_KAFKA_CERTIFICATE is missing, or from whom Kafka does not trust"
            return f"does not take our certificate: {settings}"
        case _:
            return ""


def _refused_certificate(error: BaseException | None) -> bool:
    return isinstance(error, ssl.SSLError) and "CERTIFICATE" in (error.reason or "")
