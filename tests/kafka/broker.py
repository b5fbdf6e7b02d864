"""A real broker in a folder of its own: Apache Kafka (KRaft, one node) on free ports of the loopback address.

A secured one demands TLS, and SCRAM or a client certificate; what an authenticated user may do its ACLs say.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from tests.kafka.certificates import Authority, Pair
from tests.kafka.jars import folder_of_jars

_CLUSTER: Final = "4L6g3nShT-eMCtK--X86sw"
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 60.0
_TAIL: Final = 3_000

ADMIN: Final = "admin"
"""The user of a secured broker whom no ACL binds."""

_COMMON: Final = {
    "process.roles": "broker,controller",
    "node.id": 1,
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL",
    "broker.session.timeout.ms": 3000,
    "broker.heartbeat.interval.ms": 500,
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    "group.min.session.timeout.ms": 1000,
    "offsets.topic.num.partitions": 4,
    "offsets.topic.replication.factor": 1,
    "transaction.state.log.num.partitions": 1,
    "transaction.state.log.replication.factor": 1,
    "transaction.state.log.min.isr": 1,
    "share.coordinator.state.topic.num.partitions": 1,
    "share.coordinator.state.topic.replication.factor": 1,
    "share.coordinator.state.topic.min.isr": 1,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
}


class Broker:
    """One broker. It keeps its ports and its data when it is stopped or killed and started again."""

    def __init__(self, folder: Path, *, secured: bool = False, users: Mapping[str, str] | None = None) -> None:
        """`folder`: an empty one for data, properties, certificates and the log. `users` of a secured broker: their
        passwords by name, ADMIN among them.
        """
        self._folder = folder
        self._port, controller, self._certified_port = free_ports(3)
        self._process: subprocess.Popen[bytes] | None = None
        self._users = dict(users or {})
        self.authority = Authority(folder / "certificates") if secured else None
        self._properties: dict[str, Any] = {
            **_COMMON,
            "log.dirs": folder / "data",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        }
        internal = f"CONTROLLER://127.0.0.1:{controller}"
        if self.authority is None:
            listener = f"PLAINTEXT://{self.address}"
            self._properties |= {
                "listeners": f"{listener},{internal}",
                "advertised.listeners": listener,
                "inter.broker.listener.name": "PLAINTEXT",
            }
        else:
            self._properties |= self._secure(self.authority, internal)

    @property
    def address(self) -> str:
        """Where clients connect: to a secured broker by SASL_SSL."""
        return f"127.0.0.1:{self._port}"

    @property
    def certified_address(self) -> str:
        """Where clients of a secured broker connect with a certificate (SSL)."""
        return f"127.0.0.1:{self._certified_port}"

    @property
    def pid(self) -> int:
        """The process; raises where none runs."""
        assert self._process is not None, "the broker does not run"
        return self._process.pid

    def _secure(self, authority: Authority, internal: str) -> dict[str, Any]:
        pair = authority.sign("broker", "DNS:localhost,IP:127.0.0.1")
        store = self._folder / "broker.pem"
        store.write_bytes(pair.key.read_bytes() + pair.certificate.read_bytes())
        listeners = f"SASL_SSL://{self.address},SSL://{self.certified_address}"
        login = "org.apache.kafka.common.security.scram.ScramLoginModule"
        return {
            "listeners": f"{listeners},{internal}",
            "advertised.listeners": listeners,
            "inter.broker.listener.name": "SASL_SSL",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
                f'{login} required username="{ADMIN}" password="{self._users[ADMIN]}";'
            ),
            "listener.name.ssl.ssl.client.auth": "required",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": store,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": authority.certificate,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # The controller's own listener is plain and reachable from this machine alone.
            "super.users": f"User:{ADMIN};User:ANONYMOUS",
        }

    def client(self, user: str = ADMIN) -> dict[str, Any]:
        """How kafka-python connects as a user."""
        plain: dict[str, Any] = {"bootstrap_servers": self.address, "client_id": "tests"}
        if self.authority is None:
            return plain
        return plain | {
            "security_protocol": "SASL_SSL",
            "ssl_cafile": str(self.authority.certificate),
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": user,
            "sasl_plain_password": self._users[user],
        }

    def certificate_of(self, name: str) -> Pair:
        """A certificate for a client of a secured broker; its principal is `User:CN=name`."""
        assert self.authority is not None, "the broker is not secured"
        return self.authority.sign(name)

    def start(self) -> None:
        """Starts it, the first time with empty data, and waits until it answers. Raises RuntimeError with its last
        words.
        """
        assert self._process is None, "the broker runs already"
        settings = self._folder / "server.properties"
        if not settings.exists():
            settings.write_text("".join(f"{name}={value}\n" for name, value in self._properties.items()), "utf-8")
            scram = (f"SCRAM-SHA-512=[name={name},password={word}]" for name, word in self._users.items())
            added = [part for one in scram for part in ("--add-scram", one)]
            self._format(settings, added)
        with self._log() as log:
            self._process = subprocess.Popen(
                [*_java("512m"), "kafka.Kafka", str(settings)], cwd=self._folder, stdout=log, stderr=log
            )
        self._wait()

    def _format(self, settings: Path, added: Sequence[str]) -> None:
        """Makes the data folder, with the users of a secured broker."""
        command = [*_java("256m"), "kafka.tools.StorageTool", "format", "-t", _CLUSTER, "-c", str(settings), *added]
        with self._log() as log:
            status = subprocess.run(command, stdout=log, stderr=log).returncode
        if status:
            raise RuntimeError(f"the broker's data folder cannot be made:\n{self.last_words()}")

    def _wait(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while True:
            if self._process is None or self._process.poll() is not None:
                self._process = None
                raise RuntimeError(f"the broker ended while it started:\n{self.last_words()}")
            if self._answers():
                return
            if time.monotonic() > until:
                self.kill()
                raise RuntimeError(f"the broker does not answer after {_START_SECONDS:.0f} s:\n{self.last_words()}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        """Whether it takes connections and answers a request for metadata."""
        try:
            socket.create_connection(("127.0.0.1", self._port), 1).close()
            admin = KafkaAdminClient(**self.client())
        except (OSError, KafkaError):
            return False
        try:
            admin.list_topics()
        except KafkaError:
            return False
        else:
            return True
        finally:
            admin.close()

    def stop(self) -> None:
        """Ends it in order; where it does not end, by force."""
        process = self._process
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def kill(self) -> None:
        """Ends it at once, as a failing machine would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def last_words(self) -> str:
        """The end of its log."""
        return (self._folder / "broker.log").read_text("utf-8", "replace")[-_TAIL:]

    def _log(self) -> Any:
        return (self._folder / "broker.log").open("ab")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _java(memory: str) -> list[str]:
    java = shutil.which("java")
    if java is None:
        raise RuntimeError("the broker needs Java 17: apt-get install default-jre-headless, or run make test-core")
    jars = os.path.join(folder_of_jars(), "*")
    level = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    return [java, f"-Xmx{memory}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", level, "-cp", jars]
