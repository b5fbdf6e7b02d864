"""What intake makes of the lines of a micro-batch: candidates for the log, and dead letters with their reasons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from monitor.engine.inbox import Delivery, Refusals, Verdict
from monitor.events.intake import Candidate, Intake
from monitor.events.refusal import DeadLetter, Refusal, shown
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.runners.letters import letter_in, letter_of
from monitor.sources import Chunk

_ACCEPTED: Final = Verdict("accepted")
_REPEAT: Final = Verdict("repeat")


class DecidedChunk:
    """A chunk of a source. `candidates` are what may be accepted, `letters` what is refused."""

    def __init__(self, intake: Intake, pseudonyms: Pseudonymiser, source: str, chunk: Chunk, received: int) -> None:
        """`received`: the moment of receipt."""
        self._pseudonyms, self._source, self._chunk, self._received = pseudonyms, source, chunk, received
        self.letters: list[DeadLetter] = []
        self.candidates: list[Candidate] = []
        self._lines: list[int] = []
        problems, oversized = chunk.problems, chunk.oversized
        for index, line in enumerate(chunk.lines):
            try:
                if index in problems:
                    raise Refusal("unmapped_row", problems[index])
                if index in oversized:
                    raise Refusal("too_large", f"{oversized[index].length:,} bytes")
                candidate = intake.read(line, received)
            except Refusal as refusal:
                self._refuse(index, refusal)
                continue
            if candidate is not None:
                self.candidates.append(candidate)
                self._lines.append(index)

    def conflicting(self, place: int, refusal: Refusal) -> None:
        """The candidate at a place turned out to contradict an earlier event."""
        self._refuse(self._lines[place], refusal)

    def _refuse(self, index: int, refusal: Refusal) -> None:
        self.letters.append(letter_in(self._pseudonyms, self._source, self._chunk, index, refusal, self._received))


class DecidedDeliveries:
    """Deliveries of several senders. `verdicts` has one verdict for each line of each delivery."""

    def __init__(
        self,
        intake: Intake,
        pseudonyms: Pseudonymiser,
        refusals: Refusals,
        deliveries: Sequence[Delivery],
        received: int,
    ) -> None:
        """`refusals`: which were noted before, as a sender may repeat one; `received`: the moment of receipt."""
        self._pseudonyms, self._refusals, self._deliveries, self._received = pseudonyms, refusals, deliveries, received
        self.letters: list[DeadLetter] = []
        self.candidates: list[Candidate] = []
        self._places: list[tuple[int, int]] = []
        self.verdicts = [[_ACCEPTED] * len(delivery.lines) for delivery in deliveries]
        for number, delivery in enumerate(deliveries):
            for index, line in enumerate(delivery.lines):
                try:
                    if delivery.broken is not None:
                        raise delivery.broken
                    candidate = intake.read(line, received)
                    if candidate is None:
                        raise Refusal("not_json", "empty")
                    if not delivery.speaks_for(candidate.event.source):
                        raise Refusal("foreign_source", shown(candidate.event.source))
                except Refusal as refusal:
                    self._refuse(number, index, refusal)
                    continue
                self.candidates.append(candidate)
                self._places.append((number, index))

    def repeated(self, place: int) -> None:
        """The candidate at a place turned out to stand in the log already."""
        number, index = self._places[place]
        self.verdicts[number][index] = _REPEAT

    def conflicting(self, place: int, refusal: Refusal) -> None:
        """The candidate at a place turned out to contradict an earlier event."""
        self._refuse(*self._places[place], refusal, self.candidates[place].event.id)

    def _refuse(self, number: int, index: int, refusal: Refusal, event_id: str = "") -> None:
        self.verdicts[number][index] = Verdict("refused", event_id, refusal.reason, refusal.detail)
        delivery, line = self._deliveries[number], self._deliveries[number].lines[index]
        letter = letter_of(self._pseudonyms, delivery.origin, line, index + 1, 0, refusal, self._received)
        if self._refusals.new(delivery.origin, refusal.reason, letter.digest):
            self.letters.append(letter)
