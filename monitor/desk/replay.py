"""What `replay-dead-letters` and `replay-parked` ask of the writer, worked on in steps between its batches.

Each step of dead letters is one transaction: what came through is in the log, its dead letter has its trace, and how
far the request has come is written with them. So whoever is killed, the next writer goes on behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from monitor.desk.again import Asked, Read, Rereader
from monitor.desk.recording import RECORD, Recording
from monitor.desk.requests import Request, Work
from monitor.desk.writer import HomeWriter
from monitor.engine.filing import Admission
from monitor.store import deadletters
from monitor.store.audit import chain as audit
from monitor.store.audit.chain import AuditEntry
from monitor.store.deadletters import Became, Mended, RefusedAgain
from monitor.store.home import forget_meta, meta, set_meta

DEAD_LETTERS: Final = "replay-dead-letters"
PARKED: Final = "replay-parked"

_BATCH: Final = 300
_PROGRESS: Final = "request "


class Tally(msgspec.Struct):
    """What became of the dead letters of a request, and the last number that was looked at.

    `refused` counts by reason, `lost` by why they could not be looked at, `unknown` numbers of a file of mended texts
    that are no open dead letter of those chosen. `told`: what is wrong with a mapping, a line for each table.
    """

    came_through: int = 0
    repeats: int = 0
    refused: dict[str, int] = {}
    lost: dict[str, int] = {}
    last: int = 0
    unknown: int = 0
    told: list[str] = []

    def add(self, read: Read, outcome: Sequence[Admission] | None) -> None:
        """Counts one; without an outcome by what intake alone says of it."""
        if read.lost:
            self.lost[read.lost] = self.lost.get(read.lost, 0) + 1
            return
        reason = refused_for(read, outcome)
        if reason is not None:
            self.refused[reason[0]] = self.refused.get(reason[0], 0) + 1
        elif outcome is None or Admission.NEW in outcome:
            self.came_through += 1
        else:
            self.repeats += 1


def refused_for(read: Read, outcome: Sequence[Admission] | None) -> tuple[str, str] | None:
    """Reason and detail where a dead letter is refused once more."""
    if read.refusal is not None:
        return read.refusal.reason, read.refusal.detail
    for candidate, admission in zip(read.candidates, outcome or (), strict=outcome is not None):
        if admission is Admission.CONFLICT:
            return "conflicting_repeat", f"{candidate.event.source} {candidate.event.id}"
    return None


class DeadLetters:
    """The work on a request to read dead letters again."""

    def __init__(self, writer: HomeWriter, request: Request) -> None:
        """Goes on where an earlier writer was interrupted. Raises SourceError, ValueError, OSError."""
        self._writer = writer
        self._asked = msgspec.convert(request.body, Asked)
        self._key = f"{_PROGRESS}{request.id}"
        self._done = AuditEntry(
            at=0, officer=self._asked.officer, action="dead-letters.replayed", kind="dead-letters", key=request.id
        )
        with writer.reading() as connection:
            before = meta(connection, self._key)
        self._tally = Tally() if before is None else msgspec.json.decode(before, type=Tally)
        self._rereader = Rereader(self._asked, writer.pseudonyms, writer.positions)
        self._numbers = None if self._rereader.mended is None else sorted(self._rereader.mended)

    def step(self) -> dict[str, Any] | None:
        """Some hundreds of dead letters; the tally at the end."""
        letters, last = self._next()
        if last is None:
            self._writer.settle()
            return msgspec.to_builtins(self._tally)  # type: ignore[no-any-return]
        received = self._writer.clock()
        reads = [self._rereader.read(letter, received) for letter in letters]
        tally = msgspec.convert(msgspec.to_builtins(self._tally), Tally)
        tally.last = last
        tally.told = list(dict.fromkeys((*tally.told, *self._rereader.told)))

        def write(connection: Connection, admitted: Sequence[Admission]) -> None:
            mended, again = [], []
            at = 0
            for read in reads:
                outcome = admitted[at : at + len(read.candidates)]
                at += len(read.candidates)
                tally.add(read, outcome)
                reason = None if read.lost else refused_for(read, outcome)
                if reason is not None:
                    again.append(RefusedAgain(read.number, *reason))
                elif not read.lost:
                    mended.append(Mended(read.number, _became(read, outcome), read.origin))
            deadletters.settle(connection, mended, again, at=received, officer=self._asked.officer)
            done = {"from": self._tally.last + 1, "to": last, "mended": len(mended), "refused": len(again)}
            audit.append(connection, [msgspec.structs.replace(self._done, at=received, detail=done)])
            forget_meta(connection, _PROGRESS)
            set_meta(connection, self._key, msgspec.json.encode(tally).decode())

        self._writer.take_again([one for read in reads for one in read.candidates], received, write)
        self._tally = tally
        return None

    def close(self) -> None:
        """Lets go of the sources."""
        self._rereader.close()

    def _next(self) -> tuple[list[Any], int | None]:
        """The next open dead letters, and the last number that they stand for; None at the end."""
        after = self._tally.last
        with self._writer.reading() as connection:
            if self._numbers is None:
                rows = deadletters.batch(connection, self._asked.chosen, after, _BATCH)
                return rows, rows[-1].number if rows else None
            numbers = [number for number in self._numbers if number > after][:_BATCH]
            if not numbers:
                return [], None
            rows = deadletters.those(connection, numbers, self._asked.chosen)
            self._tally.unknown += len(numbers) - len(rows)
            return rows, numbers[-1]


def _became(read: Read, outcome: Sequence[Admission]) -> Became:
    """The first new event of a dead letter, else the first that had come before."""
    new = [one for one, admission in zip(read.candidates, outcome, strict=True) if admission is Admission.NEW]
    event = (new or read.candidates)[0].event
    return Became(event.subject, event.source, event.id, repeat=not new)


class Parked:
    """The work on a request to try parked subjects again."""

    def __init__(self, writer: HomeWriter, request: Request) -> None:
        """Nothing is tried yet."""
        self._writer = writer

    def step(self) -> dict[str, Any]:
        """Tries all of them at once; how many still wait, by stage."""
        self._writer.try_parked()
        return dict(Counter(stage for stage, _ in self._writer.flow.parked))

    def close(self) -> None:
        """Nothing is open."""


KINDS: Final[Mapping[str, Callable[[HomeWriter, Request], Work]]] = {
    DEAD_LETTERS: DeadLetters,
    PARKED: Parked,
    RECORD: Recording,
}
"""What a writer can be asked for, by name."""
