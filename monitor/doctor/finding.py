"""What the doctor finds: one line about one thing, with what to do where something must be done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec

State = Literal["ok", "warning", "wrong"]


class Finding(msgspec.Struct, frozen=True):
    """`check`: the name of the check. `warning`: it works, but somebody should look; `wrong`: it must be mended.
    `told`: what was found and what to do, zh and en.
    """

    check: str
    state: State
    told: str


def ok(check: str, told: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", told)


def warning(check: str, told: str) -> Finding:
    """Somebody should look."""
    return Finding(check, "warning", told)


def wrong(check: str, told: str) -> Finding:
    """Something must be mended."""
    return Finding(check, "wrong", told)


def examined(check: str, findings: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """The findings of a check; one that fails itself is a finding too, and the others are looked at all the same."""
    try:
        yield from findings()
    except Exception as error:
        yield wrong(check, " ".join(str(error).split()) or type(error).__name__)
