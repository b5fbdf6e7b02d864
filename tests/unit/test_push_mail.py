"""E-mail against a real SMTP server; and TLS, of mail and of HTTP: the name is checked, the address connected to."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config import channels
from monitor.push.channel import Letter
from monitor.push.opening import open_line
from tests import push_servers
from tests.push_servers import MailServer, serving
from tests.unit.push_channels import KEYS, SECRET, channel, now, refusal, send


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def mail(server: MailServer, **more: Any) -> dict[str, Any]:
    people = {"zhang": "zhang@example.org", "li": "li@example.org"}
    return {
        **{"host": "127.0.0.1", "port": server.port, "security": "none", "sender": "monitor@example.org"},
        **{"recipients": people, **more},
    }


@pytest.fixture
def post() -> Iterator[MailServer]:
    server = MailServer("monitor", KEYS["PASSWORD"], refused=("li@example.org",))
    yield server
    server.close()


def test_mail_is_sent_with_a_steady_id(post: MailServer) -> None:
    login = {"user": "monitor", "password": {"env": "PASSWORD"}}
    both = Letter("id-1", "task", "T-001", "新任务", "张＊", 3, recipients=("zhang", "li"))
    first, second = (send("email", mail(post, **login), both) for _ in range(2))
    assert first.id == second.id == post.got[0]["Message-ID"]
    assert "queued as Q1" in first.answer
    assert "1 recipients were refused" in first.answer
    assert post.recipients == [["zhang@example.org"]] * 2
    assert post.got[0]["Subject"] == "新任务"
    assert post.got[0].get_content().split() == ["新任务", "张＊"]


def test_mail_with_a_wrong_password_or_for_nobody_is_no_receipt(post: MailServer) -> None:
    error = refusal("email", mail(post, user="monitor", password={"env": "SIGN"}))
    assert error.rests
    assert "535" in str(error)
    login = {"user": "monitor", "password": {"env": "PASSWORD"}}
    error = refusal("email", mail(post, **login), Letter("i", "task", "T", "x", "", 1, recipients=("li",)))
    assert not error.rests
    assert "550" in str(error)
    assert "li@example.org" not in str(error)
    assert post.got == []


def test_mail_asks_for_tls_and_does_not_go_without(post: MailServer) -> None:
    login = {"user": "monitor", "password": {"env": "PASSWORD"}}
    assert refusal("email", mail(post, security="starttls", **login)).rests
    assert refusal("email", mail(post, security="tls", **login)).rests
    assert post.got == []


def test_a_mail_server_that_drips_or_is_gone_is_given_up_in_time(post: MailServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def drip() -> None:
            taken, _ = listener.accept()
            with taken:
                while not stop.wait(0.05):
                    try:
                        taken.sendall(b"2")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        address = {**mail(post), "port": listener.getsockname()[1]}
        assert refusal("email", address, timeout=0.5).rests
        assert time.monotonic() - began < 2
        stop.set()
        thread.join()
    assert "Connection refused" in str(refusal("email", address, timeout=0.5))


# -- TLS


@pytest.fixture(scope="module")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a certificate for `localhost` that signs itself."""
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", "key.pem", "-out", "cert.pem"),
        ],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    return folder


def served(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_a_certificate_is_checked_for_the_name_although_the_address_is_connected_to(certified: Path) -> None:
    with serving(push_servers.webhook(SECRET.encode()), served(certified)) as server:
        address = {"url": f"https://localhost:{server.port}", "secret": {"env": "SIGN"}}
        trust: dict[str, Any] = {"ca_file": str(certified / "cert.pem"), "allow_hosts": ["localhost", "127.0.0.1"]}
        assert send("webhook", address, **trust).id == "id-1"
        assert server.got[0].headers["host"] == f"localhost:{server.port}"
        by_number = {**address, "url": f"https://127.0.0.1:{server.port}"}
        assert "certificate" in str(refusal("webhook", by_number, **trust)).lower()
        assert refusal("webhook", address, allow_hosts=["localhost"]).rests
        assert len(server.got) == 1


def test_mail_goes_over_tls_to_the_server_that_is_named(certified: Path) -> None:
    server = MailServer(tls=served(certified))
    address = {**mail(server), "host": "localhost", "security": "starttls"}
    trust: dict[str, Any] = {"ca_file": str(certified / "cert.pem"), "allow_hosts": ["localhost", "127.0.0.1"]}
    try:
        assert send("email", address, **trust).answer.startswith("250")
        refusal("email", {**address, "host": "127.0.0.1"}, **trust)
        refusal("email", address, allow_hosts=["localhost"])
        assert len(server.got) == 1
    finally:
        server.close()


def test_certificates_that_cannot_be_read_are_said_at_once() -> None:
    with pytest.raises(channels.ChannelsError, match="ca_file"):
        open_line(channel("webhook", {"url": "https://localhost", "secret": {"env": "SIGN"}}, ca_file="none.pem"), now)
