"""Local servers that speak the protocols of push channels, check their signatures, and fail on demand.

They compute the signatures from the platforms' documents, by themselves: nothing of the product is used here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


@dataclass
class Got:
    """A request as it came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass
class Reply:
    """What to answer; `wait` seconds before it, `drip` seconds between its bytes."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    drip: float = 0.0


Judge = Callable[[Got], Reply]


class Server:
    """An HTTP server on a free port of this machine; `got` holds what it accepted with a success in its own terms."""

    def __init__(self, judge: Judge, tls: ssl.SSLContext | None = None) -> None:
        self.judge = judge
        self.got: list[Got] = []
        self.asked: list[Got] = []
        self.at: list[float] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = Got(parts.path, query, headers, body)
                outer.at.append(time.monotonic())
                outer.asked.append(got)
                reply = outer.judge(got)
                time.sleep(reply.wait)
                packed = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                try:
                    self.send_response(reply.status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(packed)))
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    for number in range(len(packed)):
                        if reply.drip:
                            time.sleep(reply.drip)
                        self.wfile.write(packed[number : number + 1])
                except OSError:
                    self.close_connection = True

            def log_message(self, format: str, *arguments: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def texts(self) -> list[str]:
        """The words of everything that was accepted, robots'."""
        return [_words(one) for one in self.got]


def _words(got: Got) -> str:
    body = got.json
    words = body.get("text", body.get("content", {}))
    return str(words.get("content", words.get("text", "")))


@contextmanager
def serving(judge: Callable[[Server], Judge], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server that judges as `judge(server)` says."""
    server = Server(lambda got: Reply(500), tls)
    server.judge = judge(server)
    try:
        yield server
    finally:
        server.close()


def _hmac(key: bytes, text: bytes) -> str:
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


# -- robots -----------------------------------------------------------------------------------------------------------


def dingtalk(token: str, secret: str) -> Callable[[Server], Judge]:
    """DingTalk's robot: timestamp in milliseconds within an hour, signature over it and the secret."""

    def judging(server: Server) -> Judge:
        def judge(got: Got) -> Reply:
            at = got.query.get("timestamp", "0")
            signed = _hmac(secret.encode(), f"{at}\n{secret}".encode())
            if got.query.get("access_token") != token:
                return Reply(body={"errcode": 300001, "errmsg": "token is not exist"})
            if got.query.get("sign") != signed or abs(int(at) / 1000 - time.time()) > 3600:
                return Reply(body={"errcode": 310000, "errmsg": f"sign not match for {token}"})
            if got.json["msgtype"] != "text" or not got.json["text"]["content"]:
                return Reply(body={"errcode": 40035, "errmsg": "wrong message"})
            server.got.append(got)
            return Reply(body={"errcode": 0, "errmsg": "ok"})

        return judge

    return judging


def wecom(key: str) -> Callable[[Server], Judge]:
    """WeCom's robot: a key, and at most 2,048 bytes of text."""

    def judging(server: Server) -> Judge:
        def judge(got: Got) -> Reply:
            if got.query.get("key") != key:
                return Reply(body={"errcode": 93000, "errmsg": "invalid webhook url"})
            if len(got.json["text"]["content"].encode()) > 2048:
                return Reply(body={"errcode": 40058, "errmsg": "content exceed max length"})
            server.got.append(got)
            return Reply(body={"errcode": 0, "errmsg": "ok"})

        return judge

    return judging


def feishu(token: str, secret: str) -> Callable[[Server], Judge]:
    """Feishu's robot: the signature stands in the body, its key is timestamp (seconds) and secret."""

    def judging(server: Server) -> Judge:
        def judge(got: Got) -> Reply:
            if got.path != f"/hook/{token}":
                return Reply(body={"code": 19001, "msg": "param invalid: incoming webhook access token invalid"})
            at = got.json.get("timestamp", "0")
            if got.json.get("sign") != _hmac(f"{at}\n{secret}".encode(), b"") or abs(int(at) - time.time()) > 3600:
                return Reply(body={"code": 19021, "msg": "sign match fail or timestamp is not within one hour"})
            server.got.append(got)
            return Reply(body={"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"})

        return judge

    return judging


# -- webhook, 浙政钉, SMS ---------------------------------------------------------------------------------------------


def webhook(secret: bytes) -> Callable[[Server], Judge]:
    """A receiver of Standard Webhooks."""

    def judging(server: Server) -> Judge:
        def judge(got: Got) -> Reply:
            head = got.headers
            signed = f"{head.get('webhook-id')}.{head.get('webhook-timestamp')}.".encode() + got.body
            if head.get("webhook-signature") != f"v1,{_hmac(secret, signed)}":
                return Reply(401, {"error": "bad signature"})
            server.got.append(got)
            return Reply(202, {"ok": True})

        return judge

    return judging


@dataclass
class Gateway:
    """The gateway of 浙政钉. `token` is what it gives; a call with another one is refused."""

    key: str
    secret: str
    token: str = "first"  # noqa: S105 - of a made-up gateway
    tokens_given: int = 0

    def __call__(self, server: Server) -> Judge:
        def judge(got: Got) -> Reply:
            head, form = got.headers, got.form
            lines = ["POST", head["x-hmac-auth-timestamp"], head["x-hmac-auth-nonce"], got.path]
            lines.append("&".join(f"{name}={value}" for name, value in sorted(form.items())))
            good = head.get("x-hmac-auth-signature") == _hmac(self.secret.encode(), "\n".join(lines).encode())
            if head.get("apikey") != self.key or not good or head.get("x-hmac-auth-version") != "1.0":
                return Reply(body={"success": False, "Code": "403", "Message": f"signature error for {self.key}"})
            if got.path == "/gettoken.json":
                if form != {"appkey": self.key, "appsecret": self.secret}:
                    return Reply(body={"success": False, "Message": "wrong app"})
                self.tokens_given += 1
                data = {"accessToken": self.token, "expiresIn": 7200}
                return Reply(body={"success": True, "content": {"success": True, "data": data}})
            if form.get("access_token") != self.token:
                content = {"success": False, "responseMessage": "token expired"}
                return Reply(body={"success": True, "content": content})
            server.got.append(got)
            return Reply(body={"success": True, "content": {"success": True, "msgId": f"m{len(server.got)}"}})

        return judge


def sms(key: str) -> Callable[[Server], Judge]:
    """A gateway for text messages that takes a form or JSON with a key."""

    def judging(server: Server) -> Judge:
        def judge(got: Got) -> Reply:
            fields = got.json if got.headers["content-type"].startswith("application/json") else got.form
            if fields.get("appkey", got.headers.get("x-key")) != key:
                return Reply(body={"result": {"code": 17}, "text": f"no such key; numbers {fields.get('phones')}"})
            server.got.append(got)
            return Reply(body={"result": {"code": 0}, "serial": f"s{len(server.got)}"})

        return judge

    return judging


# -- mail -------------------------------------------------------------------------------------------------------------


def _free_port() -> int:
    """The controller looks for its own server at the port it was given, so it must be given a real one."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class MailServer:
    """An SMTP server on a free port; `got` holds the messages, `refused` the recipients that it does not take."""

    def __init__(
        self,
        user: str | None = None,
        password: str | None = None,
        refused: tuple[str, ...] = (),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.got: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self._refused = refused

        def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
            good = (data.login, data.password) == ((user or "").encode(), (password or "").encode())
            return AuthResult(success=good, handled=False)

        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=_free_port(),
            authenticator=authenticate if user else None,
            auth_require_tls=False,
            tls_context=tls,
        )
        self._controller.start()
        self.port = self._controller.port

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self._refused:
            return f"550 5.1.1 <{address}> no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.got.append(BytesParser(EmailMessage, policy=default).parsebytes(envelope.content))
        self.recipients.append(list(envelope.rcpt_tos))
        return f"250 2.0.0 Ok: queued as Q{len(self.got)}"

    def close(self) -> None:
        self._controller.stop()
