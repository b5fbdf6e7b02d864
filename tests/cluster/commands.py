"""The command line in the tests of the cluster: settings of the broker go along with every call."""

from __future__ import annotations

from pathlib import Path

from tests.command import Call, Commands, Ended


class ClusterCommands:
    """Calls with the settings of one cluster; `settings` are environment variables without their prefix."""

    def __init__(self, commands: Commands, **settings: str) -> None:
        self.commands = commands
        self.settings = settings

    @property
    def folder(self) -> Path:
        """Where the calls run."""
        return self.commands.folder

    def start(self, *arguments: str, stdin: bytes = b"") -> Call:
        """Starts a call."""
        return self.commands.start(*arguments, stdin=stdin, **self.settings)

    def run(self, *arguments: str, stdin: bytes = b"") -> Ended:
        """A call to its end."""
        return self.commands.run(*arguments, stdin=stdin, **self.settings)

    def good(self, *arguments: str, stdin: bytes = b"") -> str:
        """What a call that must succeed prints."""
        return self.commands.good(*arguments, stdin=stdin, **self.settings)

    def failed(self, *arguments: str) -> str:
        """The one line of a call that must fail, whatever it has printed."""
        ended = self.run(*arguments)
        assert ended.status == 1, (ended.out, ended.told)
        lines = ended.told.splitlines()
        assert lines[-1].startswith("credit-monitor: "), ended.told
        assert len(lines) == 1, ended.told
        return ended.told

    def but(self, **settings: str) -> ClusterCommands:
        """The same with some settings changed; an empty text takes one away."""
        changed = {**self.settings, **settings}
        return ClusterCommands(self.commands, **{name: value for name, value in changed.items() if value})
