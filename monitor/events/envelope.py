"""The envelope of every event: CloudEvents 1.0, structured JSON (contract §1)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

Word = Annotated[str, Meta(min_length=1)]
# `$` alone would let a line end through.
Subject = Annotated[str, Meta(pattern=r"^[0-9A-Za-z:._-]{4,64}$(?!\n)")]


class Event(Struct, tag_field="type", omit_defaults=True, kw_only=True, gc=False):
    """CloudEvents 1.0 envelope. `time` is RFC 3339 text as received, microseconds since 1970 in the log. No event holds
    itself, so the collector of cycles need not look at any.
    """

    id: Word
    source: Word
    subject: Subject
    time: str | int
    recordedtime: str | int | UnsetType = UNSET
    specversion: Literal["1.0"]
    data: Any
