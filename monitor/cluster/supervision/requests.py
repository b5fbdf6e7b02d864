"""What is asked of supervision: messages of the topic `supervision`, and their answers in the database.

A request has an id of its own. Its answer is written in the transaction that does it, so a request that is sent again,
because its answer was lost, is answered as before and does nothing twice.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from monitor.store.audit.chain import AuditEntry


class Act(msgspec.Struct, frozen=True, tag="act", tag_field="what"):
    """What an officer does: `type`, `subject` and `data` of the event (contract §2)."""

    id: str
    type: str
    subject: str
    data: dict[str, Any]


class Look(msgspec.Struct, frozen=True, tag="audit", tag_field="what"):
    """What an officer saw: entries for the audit log."""

    id: str
    entries: list[AuditEntry]


class Retry(msgspec.Struct, frozen=True, tag="parked", tag_field="what"):
    """Parked subjects are to be tried again. The answer, how many still wait by stage, comes once every host has."""

    id: str


class Answer(msgspec.Struct, frozen=True):
    """What came of a request; `error` says, zh and en, why nothing did."""

    result: dict[str, Any] = {}
    error: str = ""


Request = Act | Look | Retry

encode: Final = msgspec.json.Encoder().encode
decode_request: Final = msgspec.json.Decoder(Act | Look | Retry).decode
decode_answer: Final = msgspec.json.Decoder(Answer).decode
