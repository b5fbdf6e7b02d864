"""Channels of messages: read from YAML, checked by a JSON Schema; secrets stand elsewhere and are named by reference.

A reference is `{env: NAME}`, a variable of the environment, or `{file: PATH}`. A path that is not absolute begins at
the folder that `CREDIT_MONITOR_SECRETS` names, without it at the folder of the YAML file.
"""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from config import signed
from config.moments import as_datetime

Kind = Literal["in-app", "dingtalk", "wecom", "feishu", "webhook", "email", "zhezhengding", "sms"]

IN_APP: Final = "in-app"

_MINUTE: Final = 60
_REFERENCES: Final = ("env", "file")


class ChannelsError(ValueError):
    """A file of channels that cannot be used, or a secret that is not where it should be; says what to do."""


class Secret:
    """Where a secret stands. Nothing that is printed of it shows its value."""

    def __init__(self, where: str, name: str, folder: Path) -> None:
        """`where`: `env` or `file`; `folder`: where relative paths begin."""
        self.where = where
        self.name = name
        self._folder = folder

    def __repr__(self) -> str:
        """The reference."""
        return f"{self.where}:{self.name}"

    def value(self) -> str:
        """The secret as it stands now. Raises ChannelsError where it is missing or empty."""
        if self.where == "env":
            found = os.environ.get(self.name, "")
        else:
            base = os.environ.get("CREDIT_MONITOR_SECRETS")
            try:
                found = ((Path(base) if base else self._folder) / self.name).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                why = error.strerror if isinstance(error, OSError) else "not UTF-8"
                msg = (
                    f"密钥文件无法读取 / the secret {self!r} cannot be read ({why}): put it there, or name another file"
                )
                raise ChannelsError(msg) from None
        if not found:
            msg = f"密钥为空 / the secret {self!r} is missing or empty: set it"
            raise ChannelsError(msg)
        return found


class Quota(msgspec.Struct, frozen=True):
    """At most `count` sendings in any `seconds`."""

    count: int
    seconds: int


class Quiet(msgspec.Struct, frozen=True, rename={"begin": "from"}):
    """Hours of Asia/Shanghai, `HH:MM` each, perhaps over midnight; `breaks`: the level that is sent all the same."""

    begin: str
    until: str
    breaks: int = 4

    def holds(self, at: int) -> bool:
        """Whether a moment is within the hours: from the first minute on, up to and without the last."""
        clock = as_datetime(at).strftime("%H:%M")
        if self.begin <= self.until:
            return self.begin <= clock < self.until
        return clock >= self.begin or clock < self.until


QUOTAS: Final[dict[str, Quota]] = {
    "dingtalk": Quota(20, _MINUTE),
    "wecom": Quota(20, _MINUTE),
    "feishu": Quota(20, _MINUTE),
    "webhook": Quota(60, _MINUTE),
    "email": Quota(20, _MINUTE),
    "zhezhengding": Quota(20, _MINUTE),
    "sms": Quota(10, _MINUTE),
}
"""What holds where the file says nothing. Robots allow 20 a minute; the others are cautious."""


class Channel(msgspec.Struct, frozen=True):
    """One channel as written. `address` is what its kind needs, with a `Secret` wherever the file refers to one;
    `timeout` is in seconds.
    """

    name: str
    kind: Kind
    regions: tuple[str, ...] = ()
    least_level: int = 1
    language: Literal["zh", "en", "both"] = "zh"
    quota: Quota | None = None
    quiet: Quiet | None = None
    allow_hosts: tuple[str, ...] = ()
    ca_file: str | None = None
    timeout: float = 10.0
    address: dict[str, Any] = {}

    @property
    def limit(self) -> Quota:
        """The quota in force."""
        return self.quota or QUOTAS[self.kind]

    def least_level_at(self, at: int) -> int:
        """The level from which on messages are sent at a moment."""
        return self.quiet.breaks if self.quiet is not None and self.quiet.holds(at) else 1


class Channels(msgspec.Struct, frozen=True):
    """A file of channels. `page`: how messages name the page; `attempts` and `keep_hours`: when one is given up."""

    version: int
    channels: tuple[Channel, ...]
    page: str = ""
    attempts: int = 20
    keep_hours: int = 72

    @property
    def remote(self) -> tuple[Channel, ...]:
        """Those that something must be sent to: all but `in-app`."""
        return tuple(one for one in self.channels if one.kind != IN_APP)

    def named(self, name: str) -> Channel:
        """The channel of a name. Raises ChannelsError."""
        for one in self.channels:
            if one.name == name:
                return one
        known = "、".join(one.name for one in self.channels)
        msg = f"没有渠道 / there is no channel {name}; there are: {known}"
        raise ChannelsError(msg)


def load(path: Path | None = None) -> Channels:
    """The channels of a file, or the shipped ones: the pages alone. Raises ChannelsError."""
    if path is None:
        return read(files("config").joinpath("push/default.yaml").read_text(encoding="utf-8"), Path())
    try:
        return read(path.read_text(encoding="utf-8"), path.absolute().parent)
    except OSError as error:
        msg = f"渠道文件无法读取 / cannot read the file of channels {path}: {error.strerror}"
        raise ChannelsError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"渠道文件不是 UTF-8 / the file of channels {path} is not UTF-8"
        raise ChannelsError(msg) from error


def read(text: str, folder: Path) -> Channels:
    """The channels of a YAML text; relative files of secrets stand in `folder`. Raises ChannelsError."""
    try:
        plain = signed.plain_of(text)
    except ValueError as error:
        msg = f"渠道文件不是 YAML / the file of channels is not YAML: {error}"
        raise ChannelsError(msg) from error
    fault = signed.first_fault(plain, schema())
    if fault is not None:
        # The value at fault is not shown: it may be a secret that was written here by mistake.
        msg = f"渠道文件有误 / the file of channels is wrong at {fault.where}: it breaks `{fault.rule}`"
        raise ChannelsError(f"{msg}, see config/push/push.schema.json")
    channels = msgspec.convert(plain, Channels, strict=False)
    names = [one.name for one in channels.channels]
    for name in names:
        if names.count(name) > 1:
            msg = f"渠道名重复 / two channels are called {name}: rename one"
            raise ChannelsError(msg)
    referred = (msgspec.structs.replace(one, address=_referred(one.address, folder)) for one in channels.channels)
    return msgspec.structs.replace(channels, channels=tuple(referred))


def schema() -> dict[str, Any]:
    """The JSON Schema of files of channels."""
    return signed.schema_of("push/push.schema.json")


def secrets_of(value: Any) -> list[Secret]:
    """All secrets that an address refers to."""
    if isinstance(value, Secret):
        return [value]
    inner = value.values() if isinstance(value, dict) else ()
    return [secret for one in inner for secret in secrets_of(one)]


def _referred(address: dict[str, Any], folder: Path) -> dict[str, Any]:
    """An address with a `Secret` in place of every reference."""

    def one(value: Any) -> Any:
        if isinstance(value, dict) and len(value) == 1 and (where := next(iter(value))) in _REFERENCES:
            return Secret(where, value[where], folder)
        return value

    # In these two any name may stand, `env` and `file` too; what maps officers to addresses refers to nothing.
    tables = {name: {key: one(value) for key, value in address.get(name, {}).items()} for name in ("fields", "headers")}
    return {
        name: tables[name] if name in tables else value if name == "recipients" else one(value)
        for name, value in address.items()
    }
