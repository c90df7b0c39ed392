"""A real Apache Kafka that lets in only whom it knows: TLS, SCRAM users, and an authorizer."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Mapping
from pathlib import Path

from streams.broker import LOOPBACK, free_port
from tests.parts import Absent
from tests.parts.kafka import Kafka

ADMIN = "admin"


class Authority:
    """A certificate authority in a folder, and the certificates that it signs."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            raise Absent("openssl")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.certificate = folder / "ca.pem"
        self._key = folder / "ca.key"
        extensions = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign")
        self._make(self._key, self.certificate, "/CN=authority", extensions)

    def sign(self, name: str) -> Path:
        """A certificate for the loopback interface, with its key, in one file."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.crt"
        signer = ("-CA", str(self.certificate), "-CAkey", str(self._key))
        self._make(key, certificate, f"/CN={name}", (f"subjectAltName=IP:{LOOPBACK}",), *signer)
        both = self.folder / f"{name}.pem"
        both.write_text(key.read_text() + certificate.read_text())
        return both

    @staticmethod
    def _make(key: Path, certificate: Path, subject: str, extensions: tuple[str, ...], *signer: str) -> None:
        command = ["openssl", "req", "-x509", "-noenc", "-days", "2", "-newkey", "ec"]
        command += ["-pkeyopt", "ec_paramgen_curve:P-256"]
        command += ["-subj", subject, "-keyout", str(key), "-out", str(certificate), *signer]
        for extension in extensions:
            command += ["-addext", extension]
        subprocess.run(command, check=True, capture_output=True)


class SecureKafka(Kafka):
    """A broker that speaks SASL over TLS, and on a second port TLS with certificates of its clients.

    `admin` may do everything, nobody else may do anything yet.
    """

    def __init__(self, folder: Path, users: Mapping[str, str]) -> None:
        self.users = users
        self.authority = Authority(folder / "certificates")
        self.certificate = self.authority.sign("broker")
        self.tls_port = free_port()
        super().__init__(folder)

    def settings(self, user: str, password: str = "", ca: Path | None = None) -> dict[str, str]:
        """The settings with which this user reaches the broker."""
        return {
            "PUHUI_KAFKA_PROTOCOL": "sasl_ssl",
            "PUHUI_KAFKA_USER": user,
            "PUHUI_KAFKA_PASSWORD": password or self.users[user],
            "PUHUI_KAFKA_CA": str(ca or self.authority.certificate),
        }

    def _is_ready(self) -> bool:
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        try:
            with socket.create_connection((LOOPBACK, self.port), 2) as raw:
                with context.wrap_socket(raw, server_hostname=LOOPBACK):
                    return True
        except OSError:
            return False

    def _places(self) -> dict[str, str]:
        places = {name: text.replace("PLAINTEXT:", "SASL_SSL:") for name, text in super()._places().items()}
        for name in ("listeners", "advertised.listeners"):
            places[name] += f",SSL://{LOOPBACK}:{self.tls_port}"
        login = "org.apache.kafka.common.security.{}LoginModule required"
        scram, plain = login.format("scram.Scram"), login.format("plain.Plain")
        return places | {
            "listener.security.protocol.map": "SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT",
            "listener.name.ssl.ssl.client.auth": "required",
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f'{scram} username="{ADMIN}" '
            f'password="{self.users[ADMIN]}";',
            "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": f"{scram};",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{plain} user_{ADMIN}="{self.users[ADMIN]}";',
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self.certificate),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.certificate),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": f"User:{ADMIN};User:CN={ADMIN};User:ANONYMOUS",  # the controller's own listener
        }

    def _format_options(self) -> list[str]:
        return [
            word
            for name, password in self.users.items()
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
            for word in ("--add-scram", f"{mechanism}=[name={name},password={password}]")
        ]
