"""What the desk needs of the writer of a home; `monitor.runners.embedded` is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection

from config.officers import Directory
from monitor.desk.requests import Writer
from monitor.engine.filing import Admission
from monitor.engine.flow import Flow
from monitor.events.data import PromotedData
from monitor.events.envelope import Event
from monitor.events.intake import Candidate
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.sources import Position
from monitor.store.home import Home


class HomeWriter(Writer, Protocol):
    """The one writer of a home."""

    home: Home
    officers: Directory | None
    clock: Callable[[], int]
    pseudonyms: Pseudonymiser

    @property
    def flow(self) -> Flow:
        """The stages with their state."""

    @property
    def positions(self) -> Mapping[str, Position]:
        """How far each source was read."""

    def reading(self) -> AbstractContextManager[Connection]:
        """A look at the store between two transactions."""

    def writing(self) -> AbstractContextManager[Connection]:
        """A transaction apart from the state."""

    def settle(self) -> None:
        """Works out and writes everything that still waits."""

    def act(self, kind: type[Event], subject: str, data: Any) -> Event:
        """What an officer does. Raises Refused."""

    def promote(self, data: PromotedData) -> None:
        """Brings a model into force."""

    def take_again(
        self,
        candidates: Sequence[Candidate],
        received: int,
        write: Callable[[Connection, Sequence[Admission]], None],
    ) -> None:
        """Files events that intake read again; what became of each is written with them."""

    def try_parked(self) -> None:
        """Judges parked subjects once more."""
