"""The host list by room: rooms that lawfully have many licences, each named by a text of its own.

Officers' entries come before those of the rules file; of several for one room the first that has not ended holds.
"""

from __future__ import annotations

from collections.abc import Iterable

from config.moments import end_of_day
from config.ruleset import Host, Rules
from detectors.views import FOREVER
from monitor.addresses import normalise

Spans = tuple[tuple[str, int], ...]
"""Kinds of a room in the order in which they hold, each with the moment at which it ends."""


def hosts_by_room(rules: Rules, listed: Iterable[Host] = ()) -> dict[str, tuple[str, Spans]]:
    """The hosts in force by the key of their room, each with a text of it. `listed`: by officers, the newest first.
    A text that names no room lists nothing.
    """
    found: dict[str, tuple[str, Spans]] = {}
    for host in (*listed, *reversed(rules.document.hosts)):
        key = normalise(host.text, host.region).room_key
        if key is not None:
            until = FOREVER if host.until is None else end_of_day(host.until)
            text, spans = found.get(key, (host.text, ()))
            found[key] = text, (*spans, (host.kind, until))
    return found


def listed_as(spans: Spans, now: int) -> tuple[str, int] | None:
    """The kind that a listed room has at a moment, and until when; None once everything has ended."""
    return next((one for one in spans if now < one[1]), None)
