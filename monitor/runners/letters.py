"""Dead letters as the embedded runner writes them: what was refused, where it stood, and why."""

from __future__ import annotations

import hashlib

from monitor.events.refusal import DeadLetter, Refusal, readable_text
from monitor.identifiers.pseudonyms import Pseudonymiser
from monitor.sources import Chunk


def letter_of(
    pseudonyms: Pseudonymiser, source: str, line: bytes, number: int, offset: int, refusal: Refusal, received: int
) -> DeadLetter:
    """The dead letter of a line, by its number and offset in a source; identities in its text are masked."""
    text, masked = readable_text(line, pseudonyms)
    return DeadLetter(
        source=source,
        line=number,
        offset=offset,
        received=received,
        reason=refusal.reason,
        detail=refusal.detail,
        text=text,
        masked=masked,
        digest=hashlib.sha256(line).hexdigest(),
    )


def letter_in(
    pseudonyms: Pseudonymiser, source: str, chunk: Chunk, index: int, refusal: Refusal, received: int
) -> DeadLetter:
    """The dead letter of a line of a chunk."""
    line, number, offset = chunk.lines[index], chunk.number(index), chunk.offset(index)
    letter = letter_of(pseudonyms, source, line, number, offset, refusal, received)
    oversized = chunk.oversized.get(index)
    if oversized is not None:
        letter.digest = oversized.digest
    return letter
