"""What of the monitor's own events belongs into the audit log: whatever has an officer, accepted or refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final, Protocol

from msgspec import structs
from sqlalchemy import Connection

from monitor.events.envelope import Event
from monitor.events.types import ConfigActivated, ModelPromoted, RetentionApplied
from monitor.store.audit import chain as audit
from monitor.store.audit.chain import AuditEntry
from monitor.supervision.alerts import Refused


class Recorder(Protocol):
    """Who may write the audit log of a home."""

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction of the home."""


_ID: Final = re.compile(r"[a-z]-[0-9a-f]{32}")


def entries_of(event: Event) -> list[AuditEntry]:
    """The entry of an event that an officer answers for, to be appended with it; none for the others. Its action is the
    type of the event, its object that of the type: alert, task, monitor, host, model, config or retention. Raises
    ValueError where the officer is not printable.
    """
    officer, at = getattr(event.data, "officer", None), event.recordedtime
    if officer is None or not isinstance(at, int):
        return []
    action = str(event.__struct_config__.tag)
    family, _, verb = action.partition(".")
    kind = verb.partition("_")[0] if family == "supervision" else family
    key = event.subject
    if isinstance(event, ConfigActivated | RetentionApplied):
        key = event.data.content_hash
    elif isinstance(event, ModelPromoted):
        key = event.data.model
    return [AuditEntry(at=at, officer=officer, action=action, kind=kind, key=key, detail={"event": event.id})]


@contextmanager
def refusals_noted(recorder: Recorder, event: Event) -> Iterator[list[AuditEntry]]:
    """The entries of an act. Where Refused is raised within, the audit log holds that it was refused, and to whom; on
    what only where that can be an id: anything else was typed by somebody.
    """
    entries = entries_of(event)
    try:
        yield entries
    except Refused:
        with recorder.writing() as connection:
            audit.append(connection, refused_of(entries))
        raise


def refused_of(entries: Iterable[AuditEntry]) -> list[AuditEntry]:
    """Entries of an act that was refused, in place of those that it would have had."""
    return [
        structs.replace(one, outcome="refused", key=one.key if _ID.fullmatch(one.key) else "", detail={})
        for one in entries
    ]
