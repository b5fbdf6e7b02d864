"""Where messages may not be sent: this machine, its neighbours, metadata services; whatever a name server says."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from monitor.push.channel import PushError
from monitor.push.http import Client
from monitor.push.targets import Targets
from tests import push_servers
from tests.push_servers import serving

FORBIDDEN = (
    *("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost", "2130706433", "0x7f.1"),
    *("10.0.0.1", "172.16.5.5", "192.168.1.1", "100.64.0.1", "fc00::1", "198.18.0.1", "::ffff:10.0.0.1"),
    *("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "169.254.1.1", "fe80::1"),
    *("2002:7f00:1::", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "2001:0:4136:e378:8000:63bf:80ff:fffe"),
)
NEVER = ("0.0.0.0", "::", "224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255")  # noqa: S104 - not listened on


def resolved(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """Lets the name server answer differently each time it is asked."""
    left = list(answers)

    def answer(host: str, port: int, *arguments: Any, **named: Any) -> list[Any]:
        found = left.pop(0) if len(left) > 1 else left[0]
        family = [socket.AF_INET6 if ":" in one else socket.AF_INET for one in found]
        return [(kind, socket.SOCK_STREAM, 6, "", (one, port)) for kind, one in zip(family, found, strict=True)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.parametrize("host", FORBIDDEN)
def test_private_addresses_are_reached_by_name_alone(host: str) -> None:
    with pytest.raises(PushError, match="allow_hosts") as caught:
        Targets().resolve(host, 80)
    assert caught.value.rests
    with pytest.raises(PushError):
        Targets(["another.example", "127.0.0.2"]).resolve(host, 80)
    assert Targets([host]).resolve(host, 80)


@pytest.mark.parametrize("host", NEVER[:-1])
def test_nothing_is_sent_to_everybody_or_nobody(host: str) -> None:
    with pytest.raises(PushError, match="multicast or unspecified"):
        Targets([host]).resolve(host, 80)


@pytest.mark.parametrize("host", ["1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_public_addresses_are_free(host: str) -> None:
    assert Targets().resolve(host, 443) == [host]


def test_names_are_compared_as_names(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved(monkeypatch, ["10.1.2.3"])
    assert Targets(["Gateway.Example "]).resolve("gateway.example.", 80) == ["10.1.2.3"]
    with pytest.raises(PushError):
        Targets(["gateway.example"]).resolve("evil-gateway.example", 80)
    with pytest.raises(PushError):
        Targets(["gateway.example"]).resolve("gateway.example.evil.example", 80)


def test_one_forbidden_address_among_several_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved(monkeypatch, ["1.1.1.1", "127.0.0.1"])
    with pytest.raises(PushError, match="this machine"):
        Targets().resolve("mixed.example", 80)


def test_an_unknown_host_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **named: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(PushError, match="not found"):
        Targets().resolve("nowhere.example", 80)


def test_a_name_that_changes_its_address_meanwhile_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(push_servers.webhook(b"x")) as server:
        # The judged look-up says a public address of documentation, every later one this machine.
        resolved(monkeypatch, ["1.1.1.1"], ["127.0.0.1"])
        tried: list[Any] = []
        real = socket.create_connection

        def connect(address: tuple[str, int], *arguments: Any, **named: Any) -> socket.socket:
            tried.append(address[0])
            if address[0] == "1.1.1.1":
                raise ConnectionRefusedError(111, "Connection refused")
            return real(address, *arguments, **named)

        monkeypatch.setattr(socket, "create_connection", connect)
        with pytest.raises(PushError, match="Connection refused"):
            Client(Targets(), timeout=1).post(f"http://rebinding.example:{server.port}/", b"{}", {})
        assert tried == ["1.1.1.1"]
        with pytest.raises(PushError, match="this machine"):
            Client(Targets(), timeout=1).post(f"http://rebinding.example:{server.port}/", b"{}", {})
        assert server.asked == []
