"""HTTP as push needs it: one POST, to a judged address, without redirects or proxies, within a time that holds.

Built on httpcore, because its network backend is where a connection is made: there the address is judged and the
clock is watched, also against a server that sends a byte now and then. Name, `Host` and certificate stay those of
the URL.
"""

from __future__ import annotations

import email.utils
import json
import ssl
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore
import msgspec

from monitor.push.channel import PushError
from monitor.push.targets import Targets

MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read; nothing that matters stands behind them."""

LONGEST_RETRY_AFTER: Final = 6 * 3600.0

_SHOWN: Final = 200
_BUSY: Final = (429, 503)
_OF_THE_MESSAGE: Final = (400, 413, 415, 422)
"""What is said of one letter; any other refusal would meet the next one too."""


class Answer(msgspec.Struct, frozen=True):
    """What the other side answered with a status of success."""

    status: int
    body: bytes

    def fields(self) -> dict[str, Any]:
        """The JSON object in it. Raises PushError where there is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise PushError(f"应答不是 JSON 对象 / the answer is no JSON object: {self.shown}", rests=True)
        return found

    @property
    def shown(self) -> str:
        """Its beginning, in one line."""
        return _shown(self.body)


class Client:
    """Posts to servers of one channel."""

    def __init__(
        self, targets: Targets, *, timeout: float = 10.0, ca_file: str | None = None, agent: str = "credit-monitor"
    ) -> None:
        """`timeout`: seconds for everything from looking up the host to the end of the answer. `ca_file`: certificates
        that sign the server's (PEM), in place of the system's. Raises OSError where it cannot be read.
        """
        self._targets = targets
        self._timeout = timeout
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._agent = agent

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Posts a body. Raises PushError for whatever is not a success."""
        host = urlsplit(url).hostname or ""
        backend = _Backend(self._targets, time.monotonic() + self._timeout)
        sent = {"User-Agent": self._agent, "Accept": "application/json", **headers}
        try:
            with (
                httpcore.ConnectionPool(self._tls, max_connections=1, network_backend=backend) as pool,
                pool.stream("POST", url, headers=list(sent.items()), content=body) as answer,
            ):
                status, told = answer.status, dict(answer.headers)
                read = _read(answer.iter_stream())
        except (httpcore.ConnectTimeout, httpcore.ReadTimeout, httpcore.WriteTimeout, httpcore.PoolTimeout):
            raise PushError(
                f"{host} 在 {self._timeout:g} 秒内没有应答 / {host} did not answer within {self._timeout:g} s",
                rests=True,
            ) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as error:
            raise PushError(f"无法连接 / cannot talk to {host}: {_reason(error)}", rests=True) from None
        except (TypeError, ValueError):
            why = "发送内容无法写成，请检查 headers / the request cannot be written, check its headers"
            raise PushError(f"{host}：{why}", rests=True) from None
        if 200 <= status < 300:
            return Answer(status, read)
        raise _refused(host, status, told, read)


class _Backend(httpcore.NetworkBackend):
    """Connects to judged addresses alone, until a moment of the monotonic clock."""

    def __init__(self, targets: Targets, until: float) -> None:
        self._targets = targets
        self._until = until
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._targets.resolve(host, port)
        for address in addresses[:-1]:
            try:
                return _Watched(self._inner.connect_tcp(address, port, _left(self._until) / 2), self._until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return _Watched(self._inner.connect_tcp(addresses[-1], port, _left(self._until)), self._until)


class _Watched(httpcore.NetworkStream):
    """A stream that ends at a moment, however busy it is."""

    def __init__(self, inner: httpcore.NetworkStream, until: float) -> None:
        self._inner = inner
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(self._until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(self._until))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Watched(self._inner.start_tls(ssl_context, server_hostname, _left(self._until)), self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left


def _read(parts: Iterable[bytes]) -> bytes:
    read = bytearray()
    for part in parts:
        read += part
        if len(read) >= MAX_ANSWER:
            break
    return bytes(read[:MAX_ANSWER])


def _refused(host: str, status: int, headers: Mapping[bytes, bytes], body: bytes) -> PushError:
    if 300 <= status < 400:
        return PushError(
            f"{host} 要求转到别处（{status}），不予跟随，请填写最终地址 / {host} answers {status}: redirects are not "
            "followed, write the final address",
            rests=True,
        )
    after = {name.lower(): value for name, value in headers.items()}.get(b"retry-after", b"").decode("ascii", "ignore")
    text = f"{host} 应答 / answered {status}: {_shown(body)}"
    return PushError(text, retry_after=_seconds(after) if status in _BUSY else 0.0, rests=status not in _OF_THE_MESSAGE)


def _seconds(text: str) -> float:
    """Seconds of a `Retry-After`, of either form (RFC 9110, 10.2.3); 0 for anything else."""
    text = text.strip()
    if text.isdecimal():
        return min(float(text[:9]), LONGEST_RETRY_AFTER)
    try:
        at = email.utils.parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError):
        return 0.0
    return min(max(at - time.time(), 0.0), LONGEST_RETRY_AFTER)


def _shown(body: bytes) -> str:
    text = " ".join(body.decode("utf-8", "replace").split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _reason(error: BaseException) -> str:
    """What went wrong, from the innermost cause: an errno's text, or the name of the fault."""
    if isinstance(error, httpcore.LocalProtocolError):
        return "LocalProtocolError"  # its text repeats the header at fault, which may be a secret
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
