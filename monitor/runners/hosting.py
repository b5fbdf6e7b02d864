"""The host list that officers keep, for the one writer of a home: rows beside the log, and the rooms of the flow."""

from __future__ import annotations

from sqlalchemy import Connection, delete

from monitor.engine.flow import Flow
from monitor.events.envelope import Event
from monitor.store.work import hosts
from monitor.store.work.host_schema import HOSTS
from monitor.supervision.hosts import after, check


def load(connection: Connection, flow: Flow) -> None:
    """The flow takes the list as it stands."""
    flow.list_hosts([entry.host() for entry in hosts.entries(connection) if not entry.ended])


def forget(connection: Connection) -> None:
    """The list is built anew from the log."""
    connection.execute(delete(HOSTS))


def refuse_unfit(connection: Connection, event: Event, now: int) -> None:
    """Raises Refused where an officer cannot list or end this."""
    check(hosts.entry(connection, event.subject), event, now)


def take_in(connection: Connection, event: Event, flow: Flow) -> None:
    """What an event of the log says of the list; a repeat changes nothing."""
    before = hosts.entry(connection, event.subject)
    now = after(before, event)
    if now is not None and now is not before:
        hosts.put(connection, now)
        load(connection, flow)
