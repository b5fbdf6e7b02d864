"""A certificate authority of the tests' own, and what a broker and a client get from it, by the openssl command."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple


class Pair(NamedTuple):
    """A certificate and its key, PEM."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates in a folder; `certificate` is what the others trust."""

    def __init__(self, folder: Path) -> None:
        """Makes the authority."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        made = self._path("ca")
        self.certificate, self._key = made
        _openssl(*_new_key(made.key), "-x509", "-days", "2", "-subj", "/CN=credit-monitor tests", "-out", made[0])

    def sign(self, name: str, hosts: str = "") -> Pair:
        """A certificate for a common name; `hosts` as in `DNS:localhost,IP:127.0.0.1`."""
        made = self._path(name)
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        _openssl(*_new_key(made.key), "-subj", f"/CN={name}", "-out", request)
        extensions.write_text(f"subjectAltName={hosts}\n" if hosts else "basicConstraints=CA:FALSE\n")
        signing = ("-CA", self.certificate, "-CAkey", self._key, "-CAcreateserial", "-days", "2")
        _openssl("x509", "-req", "-in", request, *signing, "-extfile", extensions, "-out", made.certificate)
        return made

    def _path(self, name: str) -> Pair:
        return Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")


def _new_key(key: Path) -> tuple[str | Path, ...]:
    return ("req", "-new", "-newkey", "rsa:2048", "-noenc", "-keyout", key)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)  # noqa: S607 (from the PATH)
