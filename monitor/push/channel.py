"""What every channel is: something that takes a letter and gives a receipt, or says why not."""

from __future__ import annotations

from typing import Protocol

import msgspec

from monitor.store.outgoing.dispatch import EVERYBODY


class PushError(Exception):
    """A letter that was not taken; the text says why, zh and en, without secrets.

    `retry_after`: seconds that the other side asks to wait. `rests`: the fault is of the channel, other letters would
    fare the same. `nobody`: nothing was sent, because the channel knows nobody whom the letter is for.
    """

    def __init__(self, text: str, *, retry_after: float = 0.0, rests: bool = False, nobody: bool = False) -> None:
        """`text`: one line."""
        super().__init__(" ".join(text.split()))
        self.retry_after = retry_after
        self.rests = rests
        self.nobody = nobody


class Letter(msgspec.Struct, frozen=True):
    """A message, or a digest of several, in the words of one channel. `id` is the same at every attempt, so that the
    other side can tell a repeat; `recipients`: officers' ids; `count`: how many messages it stands for.
    """

    id: str
    kind: str
    number: str
    title: str
    body: str
    level: int
    region: str | None = None
    recipients: tuple[str, ...] = ()
    count: int = 1

    @property
    def text(self) -> str:
        """Title and body."""
        return f"{self.title}\n{self.body}" if self.body else self.title


class Receipt(msgspec.Struct, frozen=True):
    """That a letter was taken: the other side's id of it, where it gives one, and what it answered."""

    id: str = ""
    answer: str = ""


class Adapter(Protocol):
    """How one kind of channel sends."""

    def send(self, letter: Letter) -> Receipt:
        """Sends a letter. Raises PushError, and ChannelsError where a secret is missing."""


def cut(text: str, most: int) -> str:
    """A text of at most so many bytes in UTF-8, with an ellipsis where it was longer."""
    packed = text.encode("utf-8", "replace")
    if len(packed) <= most:
        return packed.decode()
    return packed[: most - 3].decode("utf-8", "ignore") + "…"


def addresses_of(letter: Letter, recipients: dict[str, str], default: list[str]) -> list[str]:
    """The addresses of a letter's recipients, of the default ones where it names nobody. Raises PushError, `nobody`,
    where the channel knows none of them.
    """
    names = [name for one in letter.recipients or (EVERYBODY,) for name in (default if one == EVERYBODY else [one])]
    found = [recipients[one] for one in names if one in recipients]
    if not found:
        raise PushError(
            "渠道没有这些人员的地址 / the channel knows the address of none of its recipients: add them to its "
            "`recipients`",
            nobody=True,
        )
    return list(dict.fromkeys(found))
