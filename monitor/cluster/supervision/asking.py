"""What commands and pages ask of a cluster's supervision: sent over Kafka, answered in the database."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import select

from config.settings import Settings
from monitor.cluster.connection import Connection
from monitor.cluster.sending import Sender, StoppedError
from monitor.cluster.supervision.book import TOPIC
from monitor.cluster.supervision.requests import Act, Answer, Look, Request, Retry, decode_answer, encode
from monitor.cluster.topics import name_of, require
from monitor.cluster.wire.batches import Message
from monitor.store.audit.chain import AuditEntry
from monitor.store.errors import ActRefusedError, StoreError
from monitor.store.postgresql.conduct_schema import ANSWERS
from monitor.store.postgresql.database import Database, answering

PATIENCE: Final = 30.0
"""Seconds without an answer, after which whoever asks is told that none came."""

_LOOK_PATIENCE: Final = 5.0
_RETRY_PATIENCE: Final = 120.0
_POLL: Final = 0.1
_CONNECTING: Final = 5.0


class UnansweredError(StoreError):
    """No answer came in time; whether it will be done is not known."""


def act(chosen: Settings, database: Database, asked: Mapping[str, Any], patience: float = PATIENCE) -> dict[str, Any]:
    """Has an act done: `type`, `subject` and `data` of the event (contract §2). Raises ActRefusedError,
    UnansweredError, ClusterError and StoreError.
    """
    return Asking(chosen, database, patience).ask(Act(secrets.token_hex(16), **asked))


def record(chosen: Settings, database: Database, entries: Sequence[AuditEntry]) -> None:
    """Has entries appended to the audit log; durable once it returns. UnansweredError: they are with the brokers, and
    will be appended later. Raises as `act`.
    """
    Asking(chosen, database, _LOOK_PATIENCE).ask(Look(secrets.token_hex(16), list(entries)))


def retry(chosen: Settings, database: Database) -> dict[str, int]:
    """Has parked subjects tried again; how many still wait, by stage. Raises as `act`."""
    return Asking(chosen, database, _RETRY_PATIENCE).ask(Retry(secrets.token_hex(16)))


class Office:
    """Where the page of a cluster sends what officers do there; `store` is what it shows."""

    def __init__(self, chosen: Settings, store: Database) -> None:
        """Nothing is asked yet."""
        self.store = store
        self._chosen = chosen

    def ask(self, asked: Mapping[str, Any], patience: float) -> dict[str, Any]:
        """Has an act done, see `act`."""
        return act(self._chosen, self.store, asked, patience)


class Asking:
    """Asks supervision through the brokers and the database of some settings."""

    def __init__(self, chosen: Settings, database: Database, patience: float = PATIENCE) -> None:
        """Raises ClusterError where no broker is named, or the topic is missing."""
        self._connection = replace(Connection.of(chosen), bootstrap_seconds=_CONNECTING)
        require(chosen, [TOPIC])
        self._topic = name_of(chosen, TOPIC)
        self._database = database
        self._patience = patience

    def ask(self, request: Request) -> dict[str, Any]:
        """What came of a request. The same one may be asked again: it is done once. Raises as `act`."""
        until = time.monotonic() + self._patience
        self._send(request, lambda: time.monotonic() > until)
        while (answer := self.answer_of(request)) is None:
            if time.monotonic() > until:
                raise _unanswered()
            time.sleep(_POLL)
        if answer.error:
            raise ActRefusedError(answer.error)
        return answer.result

    def answer_of(self, request: Request) -> Answer | None:
        """The answer, None while there is none. Raises DatabaseGoneError."""
        with answering(), self._database.reader().connect() as connection:
            body = connection.execute(select(ANSWERS.c.body).where(ANSWERS.c.id == request.id)).scalar()
        return None if body is None else decode_answer(body)

    def _send(self, request: Request, is_over: Callable[[], bool]) -> None:
        sender = Sender(self._connection, self._topic, [0], should_stop=is_over, tell=lambda text: None)
        try:
            sender.send(Message(0, encode(request), [], 1))
            sender.settle()
        except StoppedError:
            raise _unanswered() from None
        finally:
            sender.close()


def _unanswered() -> UnansweredError:
    return UnansweredError(
        "节点没有应答，结果不明：请检查 worker 后查看再试 / the workers have not answered, whether it was done is not "
        "known: see that workers run, look again, then try again"
    )
