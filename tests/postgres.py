"""A real PostgreSQL server for the tests: Debian's package, a folder of its own, a free port on loopback.

It is started and stopped by its process id. `initdb` and the server refuse root, so that root runs them as `nobody`.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

USER = "monitor"
_UNPRIVILEGED = "nobody"
_PATIENCE = 60.0


class PostgresMissingError(Exception):
    """No server is installed."""


def binaries() -> Path:
    """The folder of the newest server that is installed. Raises PostgresMissingError."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    on_path = shutil.which("initdb")
    for folder in [*reversed(found), *([Path(on_path).parent] if on_path else [])]:
        if (folder / "postgres").exists():
            return folder
    raise PostgresMissingError("the tests of the read model need PostgreSQL: apt-get install postgresql")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


class Postgres:
    """A server with the superuser `monitor` and the database `monitor`.

    `settings` are lines of its configuration; `authentication` those of pg_hba.conf, without a password if not given.
    """

    def __init__(
        self, *, password: str = "", settings: Mapping[str, str] | None = None, authentication: str | None = None
    ) -> None:
        self.port = free_port()
        # Not below pytest's folder, which nobody but its owner may enter.
        self.folder = Path(tempfile.mkdtemp(prefix="credit-monitor-pg-"))
        self._data = self.folder / "data"
        self._log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._as_root = os.geteuid() == 0
        # The server ends with the tests, however they end.
        self._as_user = ["setpriv", "--pdeathsig", "INT"]
        if self._as_root:
            self._as_user += [f"--reuid={_UNPRIVILEGED}", "--regid=nogroup", "--clear-groups"]
            shutil.chown(self.folder, _UNPRIVILEGED, "nogroup")
        secret = self.folder / "password"
        secret.write_text(f"{password}\n")
        secret.chmod(0o644)
        self._run(
            *("initdb", "--pgdata", str(self._data), "--username", USER, "--encoding=UTF8", "--locale=C.UTF-8"),
            *(("--pwfile", str(secret), "--auth=scram-sha-256") if password else ("--auth=trust",)),
            "--no-sync",
        )
        lines = {
            "listen_addresses": "'127.0.0.1'",
            "port": str(self.port),
            "unix_socket_directories": "''",
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "'128MB'",
            "max_connections": "200",
            **(settings or {}),
        }
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in lines.items())
        if authentication is not None:
            (self._data / "pg_hba.conf").write_text(authentication)

    @property
    def url(self) -> str:
        """The address of its database, for the superuser."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    @property
    def pid(self) -> int:
        """The process id of the server."""
        assert self._process is not None
        return self._process.pid

    def keep(self, name: str, text: str) -> Path:
        """A file that the server alone may read, such as the key of its certificate."""
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        if self._as_root:
            shutil.chown(path, _UNPRIVILEGED, "nogroup")
        return path

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_user, str(binaries() / "postgres"), "-D", str(self._data)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(),
            )
        until = time.monotonic() + _PATIENCE
        while True:
            ready = subprocess.run(
                [binaries() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False
            )
            if ready.returncode == 0:
                return
            assert self._process.poll() is None, self._log.read_text(errors="replace")
            assert time.monotonic() < until, self._log.read_text(errors="replace")
            time.sleep(0.05)

    def stop(self) -> None:
        """A fast shutdown: transactions are rolled back, connections closed."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """An immediate shutdown, as after a loss of power: the next start recovers. Its children end with it."""
        self._end(signal.SIGQUIT)

    def close(self) -> None:
        """Stops it and removes all that it wrote."""
        if self._process is not None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_PATIENCE)
            self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        ended = subprocess.run(
            [*self._as_user, str(binaries() / program), *arguments],
            cwd=self.folder,
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr


def _environment() -> dict[str, str]:
    """What a server needs of the environment; nothing of a PostgreSQL that the person who runs the tests uses."""
    return {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
