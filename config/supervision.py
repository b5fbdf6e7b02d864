"""How alerts are quieted and cleared: part of the rules that an owner signs (`alerts:` in a rules file)."""

from __future__ import annotations

from typing import Final

import msgspec

from config.moments import HOUR

_SECONDS: Final = 1_000_000


class Inhibition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Alerts of the detectors `by` quiet those of the detectors `quiets` on enterprises that they count, where their
    level is at least as high.
    """

    by: tuple[str, ...]
    quiets: tuple[str, ...]


class AlertPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Hours and seconds are of Now. `group_wait`, `group_interval` and `repeat` as in Alertmanager: before the first
    message on a group, between two with news, and between two without, while something is open.
    """

    clear_after_hours: int = 24
    group_wait_seconds: int = 30
    group_interval_seconds: int = 300
    repeat_hours: int = 24
    least_level_pushed: int = 2
    inhibitions: tuple[Inhibition, ...] = (
        Inhibition(("shell-cluster",), ("anomaly",)),
        Inhibition(("address-at-risk", "one-address-many-licences", "one-person-many-enterprises"), ("linked-risk",)),
    )

    @property
    def clear_after(self) -> int:
        """For how long a signal must stay away before its alert clears, in microseconds."""
        return self.clear_after_hours * HOUR

    @property
    def group_wait(self) -> int:
        """In microseconds."""
        return self.group_wait_seconds * _SECONDS

    @property
    def group_interval(self) -> int:
        """In microseconds."""
        return self.group_interval_seconds * _SECONDS

    @property
    def repeat(self) -> int:
        """In microseconds."""
        return self.repeat_hours * HOUR
