"""From settings to connections with the brokers, for each of the clients in use: kafka-python, aiokafka and Faust.

Combinations of settings that cannot work, or that look safer than they are, are refused before anything connects.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaError as AIOKafkaError
from kafka.admin import KafkaAdminClient
from kafka.errors import AuthorizationError, IncompatibleBrokerVersion, KafkaError, KafkaTimeoutError
from pydantic import SecretStr

from config.settings import Settings
from monitor.cluster import ClusterError

BOOTSTRAP_SECONDS: Final = 15.0
"""How long a first connection may take."""

_SERVER: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}")
_TELLING: Final = ("SaslAuthenticationFailed", "SaslMechanism", "IllegalSaslState", "certificate", "SSL:")
"""Words of the reasons that tell more than that a connection was lost, the most telling first."""
_REFUSAL_SECONDS: Final = 5.0
"""How long a broker may take to say why it lets nobody in."""
_CLOSING_SECONDS: Final = 1.0
_Client = TypeVar("_Client")


@dataclass(frozen=True)
class Connection:
    """How to reach the brokers; `context` where the connection is encrypted, `bootstrap_seconds` how long a first
    connection may take. Secrets are not shown.
    """

    servers: tuple[str, ...]
    protocol: str
    context: ssl.SSLContext | None
    mechanism: str | None
    user: str | None
    password: SecretStr | None
    bootstrap_seconds: float

    @classmethod
    def of(cls, chosen: Settings) -> Connection:
        """The connection that the settings describe. Raises ClusterError."""
        servers = tuple(one.strip() for one in (chosen.kafka_bootstrap or "").split(",") if one.strip())
        if not servers:
            raise ClusterError(
                "未设置 Kafka 地址 / no broker is named: set CREDIT_MONITOR_KAFKA_BOOTSTRAP=host:port[,host:port]"
            )
        wrong = [one for one in servers if not _SERVER.fullmatch(one)]
        if wrong:
            raise ClusterError(
                f"CREDIT_MONITOR_KAFKA_BOOTSTRAP：应为 host:port / is host:port, several by commas: {wrong[0]}"
            )
        _refuse_contradictions(chosen)
        protocol = chosen.kafka_security_protocol
        signs_in = protocol.startswith("SASL_")
        return cls(
            servers=servers,
            protocol=protocol,
            context=_context(chosen) if protocol.endswith("SSL") else None,
            mechanism=chosen.kafka_sasl_mechanism if signs_in else None,
            user=chosen.kafka_user if signs_in else None,
            password=chosen.kafka_password if signs_in else None,
            bootstrap_seconds=BOOTSTRAP_SECONDS,
        )

    def for_kafka_python(self) -> dict[str, Any]:
        """The keyword arguments of kafka-python's clients."""
        return self._arguments() | {
            "client_id": "credit-monitor",
            "bootstrap_timeout_ms": int(self.bootstrap_seconds * 1000),
            # A broker that starts is met soon.
            "reconnect_backoff_max_ms": 400,
        }

    def for_aiokafka(self) -> dict[str, Any]:
        """The keyword arguments of aiokafka's clients."""
        return self._arguments() | {"client_id": "credit-monitor"}

    def for_faust(self) -> dict[str, Any]:
        """The keyword arguments of a Faust app."""
        import faust  # only workers need it

        arguments: dict[str, Any] = {"broker": [f"kafka://{server}" for server in self.servers]}
        if self.mechanism is not None:
            arguments["broker_credentials"] = faust.SASLCredentials(
                username=self.user, password=self._secret(), mechanism=self.mechanism, ssl_context=self.context
            )
        elif self.context is not None:
            arguments["broker_credentials"] = faust.SSLCredentials(context=self.context)
        return arguments

    def _arguments(self) -> dict[str, Any]:
        arguments: dict[str, Any] = {"bootstrap_servers": list(self.servers), "security_protocol": self.protocol}
        if self.context is not None:
            arguments["ssl_context"] = self.context
        if self.mechanism is not None:
            arguments |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.user,
                "sasl_plain_password": self._secret(),
            }
        return arguments

    def _secret(self) -> str | None:
        return None if self.password is None else self.password.get_secret_value()

    def open(self, make: Callable[..., _Client], **more: Any) -> _Client:
        """A client of kafka-python that is connected. Raises ClusterError with the reason where there is one."""
        with heard() as reasons:
            try:
                return make(**self.for_kafka_python(), **more)
            except (KafkaTimeoutError, IncompatibleBrokerVersion) as error:
                raise ClusterError(self.unreachable(reasons)) from error

    @contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        """An administrator's client. Raises ClusterError, also for what goes wrong in using it."""
        client = self.open(KafkaAdminClient)
        try:
            with heard():
                yield client
        except KafkaError as error:
            raise self.told(error) from error
        finally:
            client.close()

    def told(self, error: KafkaError) -> ClusterError:
        """What a person should know of an error of kafka-python."""
        # Some refusals come wrapped into another error.
        if isinstance(error, AuthorizationError) or "AuthorizationFailed" in str(error):
            who = self.user or "ANONYMOUS"
            what = " ".join(str(error).split())[:200]
            return ClusterError(
                f"用户 {who} 没有权限，请授予 ACL / user {who} may not do this: grant the ACL "
                f"({type(error).__name__}: {what})"
            )
        why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return ClusterError(f"Kafka 出错，请检查代理后重试 / Kafka fails, check the brokers and run again: {why}")

    def _refusals(self) -> list[str]:
        """What the brokers answer to a sign-in by aiokafka. kafka-python drops an answer that comes together with the
        end of the connection, and a broker that refuses hangs up at once.
        """

        async def ask(server: str) -> str:
            host, _, port = server.rpartition(":")
            arguments = self.for_aiokafka() | {"request_timeout_ms": int(_REFUSAL_SECONDS * 1000)}
            del arguments["bootstrap_servers"]
            connection = AIOKafkaConnection(host.strip("[]"), int(port), **arguments)
            try:
                await connection.connect()
            except (AIOKafkaError, OSError) as error:
                return f"{type(error).__name__}: {error}"
            finally:
                closed = connection.close()
                if closed is not None:
                    await asyncio.wait([closed], timeout=_CLOSING_SECONDS)
            return "no refusal"

        async def ask_all() -> list[str]:
            return list(await asyncio.gather(*map(ask, self.servers)))

        with ThreadPoolExecutor(1) as apart:  # an event loop may be running in this thread
            return apart.submit(asyncio.run, ask_all()).result()

    def unreachable(self, reasons: list[str]) -> str:
        """What a person should know when no broker let this in; `reasons`: what kafka-python said meanwhile."""
        where = ", ".join(self.servers)
        if self.mechanism is not None and not any(word in one for word in _TELLING for one in reasons):
            reasons = [*self._refusals(), *reasons]
        telling = [one for word in _TELLING for one in reasons if word in one]
        found = " ".join([*telling, *reversed(reasons), "no answer"][0].split())
        if "SaslAuthenticationFailed" in found:
            return (
                f"{where}：用户名或密码不对 / the broker refuses user or password of "
                f"CREDIT_MONITOR_KAFKA_USER ({self.user}, {self.mechanism})"
            )
        if "IllegalSaslState" in found or "SaslMechanism" in found:
            return (
                f"{where}：代理不接受此认证方式 / the broker takes no {self.mechanism} here: check "
                "CREDIT_MONITOR_KAFKA_SASL_MECHANISM and CREDIT_MONITOR_KAFKA_SECURITY_PROTOCOL"
            )
        return (
            f"{where}：连接不上代理 / no broker answers by {self.protocol} ({found[:200]}): check that it runs, "
            "CREDIT_MONITOR_KAFKA_BOOTSTRAP, CREDIT_MONITOR_KAFKA_SECURITY_PROTOCOL and the certificates"
        )


def _refuse_contradictions(chosen: Settings) -> None:
    """Raises ClusterError for settings that do not go together."""
    protocol = chosen.kafka_security_protocol
    files = {
        "CA_FILE": chosen.kafka_ca_file,
        "CERTIFICATE_FILE": chosen.kafka_certificate_file,
        "KEY_FILE": chosen.kafka_key_file,
    }
    given = [name for name, file in files.items() if file is not None]
    if given and not protocol.endswith("SSL"):
        raise _contradiction(
            given[0], f"未加密的 {protocol} 用不到 / is of no use with {protocol}: set SSL or SASL_SSL"
        )
    if (chosen.kafka_certificate_file is None) != (chosen.kafka_key_file is None):
        other = "KEY_FILE" if chosen.kafka_key_file is None else "CERTIFICATE_FILE"
        raise _contradiction(other, "证书与密钥须成对 / certificate and key go together: set both")
    if protocol.startswith("SASL_"):
        if not chosen.kafka_user or chosen.kafka_password is None or not chosen.kafka_password.get_secret_value():
            missing = "PASSWORD" if chosen.kafka_user else "USER"
            raise _contradiction(missing, f"{protocol} 需要用户名和密码 / {protocol} needs user and password")
        if protocol == "SASL_PLAINTEXT" and chosen.kafka_sasl_mechanism == "PLAIN":
            raise _contradiction(
                "SASL_MECHANISM",
                "PLAIN 会明文传送密码 / PLAIN would send the password unencrypted: use SASL_SSL or SCRAM",
            )
    elif chosen.kafka_user or chosen.kafka_password is not None:
        name = "USER" if chosen.kafka_user else "PASSWORD"
        raise _contradiction(name, f"{protocol} 不认证用户 / {protocol} signs nobody in: set SASL_SSL, or remove it")


def _contradiction(name: str, why: str) -> ClusterError:
    return ClusterError(f"CREDIT_MONITOR_KAFKA_{name}：{why}")


def _context(chosen: Settings) -> ssl.SSLContext:
    """The TLS context of the settings. Raises ClusterError."""
    authority, certificate, key = chosen.kafka_ca_file, chosen.kafka_certificate_file, chosen.kafka_key_file
    try:
        context = ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise _contradiction(
            "CA_FILE", f"无法读取 / cannot be read as PEM certificates: {authority} ({error})"
        ) from error
    if certificate is not None and key is not None:
        try:
            # A key with a password is refused: asking for it would stop an unattended start.
            context.load_cert_chain(certificate, key, password=lambda: b"")
        except (OSError, ssl.SSLError) as error:
            raise _contradiction(
                "CERTIFICATE_FILE",
                f"证书与密钥无法读取或不成对 / cannot be read as PEM, or is not of the key: {certificate}, {key} "
                f"({error})",
            ) from error
    return context


class _Listener(logging.Handler):
    """Keeps what a library says of its troubles."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps one saying."""
        self.said.append(record.getMessage())
        del self.said[:-200]


@contextmanager
def heard() -> Iterator[list[str]]:
    """What kafka-python says meanwhile: it repeats a trouble many times and raises none of its reasons. Kept from the
    screen, where one line is to stand.
    """
    logger, listener = logging.getLogger("kafka"), _Listener()
    propagated = logger.propagate
    logger.addHandler(listener)
    logger.propagate = False
    try:
        yield listener.said
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagated
