"""E-mail by SMTP: one message to all recipients of a letter, with a `Message-ID` that is the same at every attempt."""

from __future__ import annotations

import contextlib
import hashlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from config.channels import Channel
from config.moments import as_datetime
from monitor.push.channel import Letter, PushError, Receipt, addresses_of
from monitor.push.targets import Targets

_PORTS: Final = {"tls": 465, "starttls": 587, "none": 25}


class Mail:
    """A mail server at `host`: `security` is `tls` (the default), `starttls` or `none`."""

    def __init__(self, channel: Channel, targets: Targets, clock: Callable[[], int]) -> None:
        """`clock`: microseconds since 1970, for the date. Raises OSError where the `ca_file` cannot be read."""
        self._address = channel.address
        self._targets = targets
        self._clock = clock
        self._timeout = channel.timeout
        self._security = channel.address.get("security", "tls")
        self._tls = ssl.create_default_context(cafile=channel.ca_file)

    def send(self, letter: Letter) -> Receipt:
        """Sends a letter; it is taken where the server takes it for one recipient at least. Raises PushError."""
        recipients = addresses_of(letter, self._address["recipients"], self._address.get("default", []))
        message = self._message(letter, recipients)
        host = self._address["host"]
        try:
            with self._connected() as server:
                return self._given(server, message, recipients)
        except smtplib.SMTPResponseException as error:
            said = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
            raise self._refused(error.smtp_code, said) from None
        except (TimeoutError, smtplib.SMTPServerDisconnected):
            told = f"{host} 没有应答或断开了连接 / {host} did not answer within {self._timeout:g} s, or hung up"
            raise PushError(told, rests=True) from None
        except OSError as error:  # smtplib's own faults are of this kind too
            why = error.strerror or type(error).__name__
            raise PushError(f"无法连接 / cannot talk to {host}: {why}", rests=True) from None

    def _message(self, letter: Letter, recipients: list[str]) -> EmailMessage:
        message = EmailMessage(policy=SMTP)  # lines end as the protocol wants it
        sender = self._address["sender"]
        message["From"] = Address(addr_spec=sender)
        message["To"] = [Address(addr_spec=one) for one in recipients]
        message["Subject"] = " ".join(letter.title.split())
        message["Date"] = format_datetime(as_datetime(self._clock()))
        name = hashlib.sha256(letter.id.encode()).hexdigest()[:32]
        message["Message-ID"] = f"<{name}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message

    def _connected(self) -> smtplib.SMTP:
        host, port = self._address["host"], self._address.get("port", _PORTS[self._security])
        if self._security == "tls":
            server: smtplib.SMTP = _JudgedTls(self._targets, host, port, timeout=self._timeout, context=self._tls)
        else:
            server = _Judged(self._targets, host, port, timeout=self._timeout)
        try:
            if self._security == "starttls":
                server.starttls(context=self._tls)
            server.ehlo_or_helo_if_needed()
            if "user" in self._address:
                server.login(self._address["user"], self._address["password"].value())
        except BaseException:
            server.close()
            raise
        return server

    def _given(self, server: smtplib.SMTP, message: EmailMessage, recipients: list[str]) -> Receipt:
        self._agreed(server.mail(self._address["sender"]))
        answers = [server.rcpt(one) for one in recipients]
        refused = [one for one in answers if one[0] not in (250, 251)]
        if len(refused) == len(answers):
            raise self._refused(*refused[0])
        said = self._agreed(server.data(message.as_bytes()))
        left_out = f"；{len(refused)} 个收件人被拒 / {len(refused)} recipients were refused" if refused else ""
        return Receipt(id=str(message["Message-ID"]), answer=said + left_out)

    def _agreed(self, answer: tuple[int, bytes]) -> str:
        code, said = answer
        if not 200 <= code < 300:
            raise self._refused(code, said)
        return f"{code} {' '.join(said.decode('utf-8', 'replace').split())}"

    def _refused(self, code: int, said: bytes) -> PushError:
        text = " ".join(said.decode("utf-8", "replace").split())[:200]
        of_this_letter = code in (550, 551, 552, 553, 554)
        return PushError(f"邮件服务器拒绝 / the mail server refuses: {code} {text}", rests=not of_this_letter)


class _Judged(smtplib.SMTP):
    """SMTP over a connection to a judged address; the name stays that of the server. `timeout` holds for the whole
    conversation: then the connection is shut down, however busy it is.
    """

    def __init__(self, targets: Targets, host: str, port: int, *, timeout: float) -> None:
        self._targets = targets
        self._watched: socket.socket | None = None
        with self._closed_where_it_fails():
            super().__init__(host, port, timeout=timeout)

    @contextlib.contextmanager
    def _closed_where_it_fails(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made = _connect(self._targets.resolve(host, port), port, timeout)
        # A second handle of the same connection: TLS takes the first one over.
        self._watched = made.dup()
        self._timer = threading.Timer(timeout, _shut_down, (self._watched,))
        self._timer.daemon = True
        self._timer.start()
        return made

    def close(self) -> None:
        super().close()
        if self._watched is not None:
            self._timer.cancel()
            self._timer.join()
            self._watched.close()
            self._watched = None


class _JudgedTls(smtplib.SMTP_SSL, _Judged):
    """The same under TLS from the first byte."""

    def __init__(self, targets: Targets, host: str, port: int, *, timeout: float, context: ssl.SSLContext) -> None:
        self._targets = targets
        self._watched = None
        with self._closed_where_it_fails():
            smtplib.SMTP_SSL.__init__(self, host, port, timeout=timeout, context=context)


def _connect(addresses: list[str], port: int, timeout: float) -> socket.socket:
    """A connection to the first address that takes one. Raises OSError."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), timeout / 2)
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), timeout)


def _shut_down(watched: socket.socket) -> None:
    with contextlib.suppress(OSError):
        watched.shutdown(socket.SHUT_RDWR)
