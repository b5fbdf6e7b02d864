"""The command line as real processes, without paying for its imports each time.

A server, one beside each process of tests, imports the command once and forks for every call: what comes of a fork is a
process of its own, with its own files, settings and working folder, and can be killed like any other.
`python -m tests.command` is the server, `Commands` its client.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Ended:
    """What became of a call: `status` as a shell shows it, minus the signal where one ended it."""

    status: int
    out: bytes
    told: str


class Call:
    """A call that is running."""

    def __init__(self, commands: Commands, pid: int, out: Path, told: Path) -> None:
        self.pid = pid
        self._commands = commands
        self._out, self._told = out, told

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Sends a signal; a process that has ended stays until it is waited for, so that its number is its own."""
        os.kill(self.pid, number)

    def told(self) -> str:
        """What it has written on standard error so far."""
        return self._told.read_text(encoding="utf-8")

    def printed(self) -> str:
        """What it has written on standard output so far."""
        return self._out.read_text(encoding="utf-8")

    def wait(self) -> Ended:
        """Waits for the end."""
        status: int = self._commands.ask({"wait": self.pid})["status"]
        return Ended(status, self._out.read_bytes(), self.told())


class _Server:
    """The server of this process of tests: started at the first call, ended with the process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.command"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        atexit.register(self._close)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One question and its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        reply: dict[str, Any] = json.loads(self._process.stdout.readline())
        return reply

    def _close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


_server = cache(_Server)


class Commands:
    """Starts calls of the command in a folder.

    `patches`: values of module variables for the calls to come, by their full names, so that what happens after
    millions of events happens after some.
    """

    def __init__(self, folder: Path, streams: Path) -> None:
        """`folder`: where the calls run; `streams`: an empty folder for what they print."""
        self.folder = folder
        self.patches: dict[str, Any] = {}
        self._streams = streams
        self._count = 0

    def start(self, *arguments: str, stdin: bytes = b"", **settings: str) -> Call:
        """Starts a call; `settings` are environment variables without their prefix."""
        self._count += 1
        given, out, told = (self._streams / f"{self._count}.{name}" for name in ("in", "out", "err"))
        given.write_bytes(stdin)
        for stream in (out, told):
            stream.touch(mode=0o600)  # a call may be killed before it opens them
        reply = self.ask(
            {
                "arguments": arguments,
                "folder": str(self.folder),
                "settings": {f"CREDIT_MONITOR_{name.upper()}": value for name, value in settings.items()},
                "streams": [str(given), str(out), str(told)],
                "patches": self.patches,
            }
        )
        return Call(self, reply["pid"], out, told)

    def run(self, *arguments: str, stdin: bytes = b"", **settings: str) -> Ended:
        """A call to its end."""
        return self.start(*arguments, stdin=stdin, **settings).wait()

    def good(self, *arguments: str, stdin: bytes = b"", **settings: str) -> str:
        """What a call that must succeed prints."""
        ended = self.run(*arguments, stdin=stdin, **settings)
        assert ended.status == 0, ended.told
        return ended.out.decode()

    def bad(self, *arguments: str, stdin: bytes = b"", **settings: str) -> str:
        """The one line of a call that must fail."""
        ended = self.run(*arguments, stdin=stdin, **settings)
        assert (ended.status, ended.out) == (1, b""), ended.told
        assert ended.told.startswith("credit-monitor: ")
        assert ended.told.count("\n") == 1
        return ended.told

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        """The JSON Lines that a call prints."""
        return [json.loads(one) for one in self.good(*arguments).splitlines()]

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """One question to the server."""
        return _server().ask(request)


def serve() -> None:
    """Answers questions on standard input until it is closed."""
    import monitor.cli
    import monitor.cluster.forwarding
    import monitor.cluster.produce
    import monitor.cluster.supervision.asking
    import monitor.cluster.supervision.monthly
    import monitor.push.sender
    import monitor.web.app
    import monitor.web.intake

    for question in sys.stdin:
        request = json.loads(question)
        if "wait" in request:
            reply = {"status": os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])}
        else:
            pid = os.fork()
            if pid == 0:
                _become(request)
                _call(monitor.cli.main)
            reply = {"pid": pid}
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


def _become(request: Mapping[str, Any]) -> None:
    """The streams, the folder and the settings of a call, in its own process."""
    for descriptor, path in enumerate(request["streams"]):
        opened = os.open(path, os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.chdir(request["folder"])
    os.environ.update(request["settings"])
    for name, value in request["patches"].items():
        module, _, variable = name.rpartition(".")
        assert hasattr(sys.modules[module], variable), name
        setattr(sys.modules[module], variable, value)
    sys.argv = ["credit-monitor", *request["arguments"]]


def _call(main: Any) -> None:
    """Runs the command and ends the process as the interpreter would."""
    status: Any = 0
    try:
        main()
    except SystemExit as done:
        status = 0 if done.code is None else done.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve()
