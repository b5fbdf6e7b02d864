"""Which addresses of the network messages may be sent to.

Whoever writes a file of channels, or the name server that answers for a name in it, must not make the monitor speak
to itself, to its machine's neighbours or to a cloud's metadata service. The address is looked up once, judged, and it
is the judged one that is connected to: an answer that changes in between changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

from monitor.push.channel import PushError

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

METADATA: Final = frozenset(
    ipaddress.ip_address(one) for one in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16")
)
"""Metadata services of clouds; most of these are link-local or private as well, the last one is neither."""

_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")


class Targets:
    """Judges the addresses of one channel. `allow_hosts`: host names and addresses, as they stand in its
    configuration, that may be reached although they are private, loopback, link-local or a metadata service.
    """

    def __init__(self, allow_hosts: Iterable[str] = ()) -> None:
        """Nothing is looked up yet."""
        self._allowed = frozenset(_plain(one) for one in allow_hosts)

    def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host, every one of which may be connected to. Raises PushError."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise PushError(f"找不到主机 / the host {host} is not found: check name and DNS", rests=True) from None
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        for address in addresses:
            fault = self._fault(host, ipaddress.ip_address(address))
            if fault:
                raise PushError(
                    f"{host} 指向{fault[0]}，未列入 allow_hosts / {host} is at {fault[1]}: if that is meant, name it "
                    "under allow_hosts",
                    rests=True,
                )
        return addresses

    def _fault(self, host: str, address: _Address) -> tuple[str, str] | None:
        """What is wrong with an address, zh and en."""
        inner = _inner(address)
        if inner.is_multicast or inner.is_unspecified:
            return "组播或空地址", "a multicast or unspecified address, which nothing can be sent to"
        if _plain(host) in self._allowed:
            return None
        if inner in METADATA:
            return "云元数据服务", "the metadata service of a cloud"
        if inner.is_loopback:
            return "本机", "this machine itself"
        if inner.is_link_local:
            return "链路本地地址", "a link-local address"
        if not inner.is_global:
            return "内网或保留地址", "a private or reserved address"
        return None


def _inner(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one carries packets to, else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _plain(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()
