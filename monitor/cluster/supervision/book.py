"""Supervision of a cluster in its database: acts and cuts, each one transaction with all that follows from it.

Nothing is kept in memory between two transactions, so whoever owns the partition goes on where the last one ended. A
transaction names its epoch: one of an owner that has been replaced is refused (`ReplacedError`), whenever it wakes up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Engine, delete, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from config.moments import DAY
from config.officers import Directory
from config.ruleset import Rules
from config.scorecards import Cards
from monitor.cluster.hosts.host import Record
from monitor.cluster.modelling.found import Opinion, Question
from monitor.cluster.modelling.store import ModelStore
from monitor.cluster.supervision import monthly, retrying
from monitor.cluster.supervision.classing import ClusterClassing
from monitor.cluster.supervision.deciding import Deciding
from monitor.cluster.supervision.knowing import ClusterKnowing
from monitor.cluster.supervision.opinions import question_of, take_in
from monitor.cluster.supervision.promoting import PROMOTED, promote
from monitor.cluster.supervision.requests import Act, Answer, Look, Request, Retry, decode_request, encode
from monitor.cluster.wire.partitions import partition_of
from monitor.engine.own import own_event
from monitor.engine.supervising import Supervising
from monitor.events.acts import Cut, CutData
from monitor.events.envelope import Event
from monitor.events.types import encode_logged
from monitor.events.vocabulary import MONITOR_SUBJECT
from monitor.runners.classing import RED
from monitor.runners.daily import Questions
from monitor.runners.modelling import NO_MODEL
from monitor.store.audit import chain
from monitor.store.errors import GapError
from monitor.store.home import meta, set_meta
from monitor.store.postgresql import conduct
from monitor.store.postgresql.cluster_schema import BOARD_OFFSETS, FENCES
from monitor.store.postgresql.conduct_schema import ANSWERS, LETTERED, LIVE, UNLOGGED
from monitor.store.postgresql.database import answering, salt_of
from monitor.store.postgresql.places import STANDSTILL
from monitor.store.references import References
from monitor.store.schema import ENTERPRISES, META
from monitor.store.work.alert_schema import CUTS, OBJECTIONS, SIGNAL_CHANGES

TOPIC: Final = "supervision"
WRITER: Final = "supervision/0"

_LOGGED: Final = "acts and cuts"
"""Stands among the topics of BOARD_OFFSETS: the least number of the next act or cut. So pages see that it grows."""
_NOW: Final = "now of the last cut"
_ACTED: Final = "acted since the last cut"
_KEPT: Final = DAY
"""So long an answer can be asked for again."""


class ReplacedError(Exception):
    """A later owner of the partition has written: this one writes no more."""


class Unlogged(NamedTuple):
    """An event on its way to the log. `received`: when it was written, in microseconds."""

    number: int
    partition: int
    received: int
    packed: bytes


class SupervisionBook:
    """What the owner of the partition does, by some rules and cards."""

    def __init__(
        self,
        engine: Engine,
        rules: Rules,
        cards: Cards,
        officers: Directory | None,
        partitions: int,
        models: ModelStore | None = None,
    ) -> None:
        """`officers`: among whom tasks are given out; `partitions`: of the log; `models`: those that are shared."""
        self._engine = engine
        self._rules, self._cards, self._officers = rules, cards, officers
        self._partitions = partitions
        self._models = models
        self._references: References | None = None

    # -- what it rests on -----------------------------------------------------------------------------------------

    def next_offset(self) -> int:
        """Up to where requests have been answered. Raises DatabaseGoneError."""
        with answering(), self._engine.connect() as connection:
            return self._next(connection)

    def stored(self) -> Mapping[int, int]:
        """Up to where each partition of `signals` is in the database. Raises DatabaseGoneError."""
        place = BOARD_OFFSETS.c
        with answering(), self._engine.connect() as connection:
            rows = connection.execute(select(place.partition, place.next).where(place.topic == "signals"))
            return {partition: following for partition, following in rows}

    def wants_cut(self) -> bool:
        """Whether alerts are for people, and something happened since the last cut. Raises DatabaseGoneError."""
        value = {key: select(META.c.value).where(META.c.key == key).scalar_subquery() for key in ("now", _NOW)}
        acted = exists().where(META.c.key == _ACTED)
        query = select(
            or_(
                exists(select(SIGNAL_CHANGES.c.ref)),
                exists(select(OBJECTIONS.c.id).where(OBJECTIONS.c.fresh)),
                value["now"].is_distinct_from(value[_NOW]),
                exists(select(LETTERED.c.enterprise)),
                exists().where(META.c.key == monthly.FINISHED),
                acted,
            )
        ).where(exists().where(META.c.key == LIVE))
        with answering(), self._engine.connect() as connection:
            return bool(connection.execute(query).scalar())

    def unlogged(self) -> list[Unlogged]:
        """What the log has not acknowledged, in order. Raises DatabaseGoneError."""
        with answering(), self._engine.connect() as connection:
            rows = connection.execute(select(UNLOGGED).order_by(UNLOGGED.c.number))
            return [Unlogged(*row) for row in rows]

    def logged(self, last: int) -> None:
        """The log has acknowledged everything up to a number. Raises DatabaseGoneError."""
        with answering(), self._engine.begin() as connection:
            connection.execute(delete(UNLOGGED).where(UNLOGGED.c.number <= last))

    # -- acts -----------------------------------------------------------------------------------------------------

    def answer(self, epoch: int, record: Record) -> None:
        """Does what a request asks for, once, and writes its answer; a message that is none is left out. Raises
        GapError where one before it is missing, ReplacedError and DatabaseGoneError.
        """
        with self._transaction(epoch) as connection:
            due = self._next(connection)
            if record.offset > due:
                raise GapError(f"{TOPIC}/0：应为 {due}，却是 {record.offset} / {due} is due, {record.offset} came")
            if record.offset < due:
                return
            try:
                request = decode_request(record.value)
            except msgspec.DecodeError:
                pass
            else:
                if connection.execute(select(ANSWERS.c.id).where(ANSWERS.c.id == request.id)).first() is None:
                    self._begin(connection, request, record)
                connection.execute(delete(ANSWERS).where(ANSWERS.c.at < record.moment - _KEPT))
            self._advance(connection, record.offset + 1)

    def _begin(self, connection: Connection, request: Request, record: Record) -> None:
        """Answers a request, or notes it where its answer comes later."""
        if isinstance(request, Retry):
            retrying.note(connection, request.id, record.offset + 1)
        else:
            self._keep(connection, request.id, record.moment, self._answer(connection, request, record.moment))

    @staticmethod
    def _keep(connection: Connection, request: str, at: int, answer: Answer) -> None:
        connection.execute(insert(ANSWERS).values({"id": request, "at": at, "body": encode(answer)}))

    def retries(self) -> dict[str, int]:
        """The requests to try parked subjects again that wait for their answers, with their numbers. Raises
        DatabaseGoneError.
        """
        with answering(), self._engine.connect() as connection:
            return retrying.noted(connection)

    def retried(self, epoch: int, requests: Iterable[str], at: int) -> None:
        """Answers requests that every host has followed. Raises ReplacedError and DatabaseGoneError."""
        with self._transaction(epoch) as connection:
            answer = Answer(retrying.still(connection))
            for request in requests:
                self._keep(connection, request, at, answer)
                retrying.forget(connection, request)

    def _answer(self, connection: Connection, request: Act | Look, at: int) -> Answer:
        if isinstance(request, Look):
            chain.append(connection, request.entries)
            return Answer()
        if request.type == PROMOTED:
            return promote(connection, request, at, self._models, lambda event: self._log(connection, event))
        now = int(meta(connection, "now") or 0)
        supervising = self._supervising(connection, now)
        deciding = Deciding(
            connection, supervising, self._rules, self._officers, lambda event: self._log(connection, event), now
        )
        answer = deciding.answer(request, at)
        if not answer.error:
            set_meta(connection, _ACTED, "1")
        return answer

    # -- cuts -----------------------------------------------------------------------------------------------------

    def question(self, epoch: int, now: int, log: Mapping[int, int]) -> Question | None:
        """What the models are to be asked before a cut, see `question_of`. Raises DatabaseGoneError."""
        with answering(), self._engine.connect() as connection:
            return question_of(connection, epoch, now, log)

    def cut(self, epoch: int, now: int, at: int, holds: Callable[[], bool], opinion: Opinion | None = None) -> bool:
        """Works out a cut at Now, of which what has arrived says at least `now`; `at`: the machine's time; `opinion`:
        what the models found, where they were asked. False, and nothing is done, where `holds` says that not everything
        is applied any more. Raises ReplacedError and DatabaseGoneError.
        """
        with self._transaction(epoch) as connection:
            conduct.cut_alone(connection)
            if not holds():
                return False
            conduct.append_audited(connection)
            moment = max(now, int(meta(connection, "now") or 0))
            supervising = self._supervising(connection, moment)
            classing = ClusterClassing(self._cards, self._rules, self._known_by(connection))
            due, cuts = classing.due(connection, moment), supervising.cuts
            asked = Questions("") if opinion is None else opinion.asked
            models = "" if opinion is None else asked.model or NO_MODEL
            data = CutData(cuts + 1, due.every, models, due.begun, due.taken, asked.forecast)
            number = self._log(connection, own_event(Cut, MONITOR_SUBJECT, data, at=moment, now=at))
            if opinion is not None:
                take_in(connection, self._known_by(connection), self._rules, opinion, number)
            cutting = supervising.cut(connection, moment, self._rules)
            worsened = cutting.worsened(RED, self._cards.general.red_detectors)
            classing.turn(connection, moment, cuts, worsened, due)
            supervising.queue(connection, moment, number, self._rules, cutting, at)
            set_meta(connection, _NOW, meta(connection, "now") or "")
            connection.execute(delete(META).where(META.c.key == _ACTED))
            connection.execute(delete(LETTERED))
            return True

    def classes_wait(self) -> bool:
        """Whether pieces are left of classes that a cut has begun. Raises DatabaseGoneError."""
        with answering(), self._engine.connect() as connection:
            return self._pieces(connection) is not None

    def class_some(self, epoch: int) -> None:
        """Works out the next of them, if any are left. Raises ReplacedError and DatabaseGoneError."""
        with self._transaction(epoch) as connection:
            pieces = self._pieces(connection)
            if pieces is not None:
                ClusterClassing(self._cards, self._rules, self._known_by(connection)).piece(connection, pieces)

    def _pieces(self, connection: Connection) -> monthly.Pieces | None:
        """What is being worked out by the cards in force and is not finished."""
        found = monthly.going_on(connection)
        return None if found is None or found.finished or found.cards != self._cards.content_hash else found

    # -- inside a transaction -------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self, epoch: int) -> Iterator[Connection]:
        """A transaction of the owner of an epoch; owners take turns. Raises ReplacedError."""
        with answering(), self._engine.begin() as connection:
            statement = insert(FENCES).values(topic=TOPIC, partition=0, writer=WRITER, epoch=epoch)
            newest = func.greatest(FENCES.c.epoch, statement.excluded.epoch)
            held = connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["topic", "partition", "writer"], set_={"epoch": newest}
                ).returning(FENCES.c.epoch)
            ).scalar_one()
            if held != epoch:
                raise ReplacedError
            connection.execute(select(func.set_config("idle_in_transaction_session_timeout", f"{STANDSTILL}s", True)))
            yield connection

    def _supervising(self, connection: Connection, now: int) -> Supervising:
        """Made anew for each transaction: what it remembers of tasks is only what it has read itself."""
        knowing = ClusterKnowing(self._known_by(connection), connection, now)
        supervising = Supervising(knowing.events_of, knowing.ref_of, knowing.knowledge, _lettered(connection))
        supervising.cuts = int(meta(connection, CUTS) or 0)
        return supervising

    def _known_by(self, connection: Connection) -> References:
        if self._references is None:
            self._references = References(salt_of(connection))
        return self._references

    def _log(self, connection: Connection, event: Event) -> int:
        """Puts an event among those that go to the log; its number."""
        received = int(event.recordedtime) if isinstance(event.recordedtime, int) else 0
        # By the clock, so that numbers go on above all that were ever given, also after a restore of the database.
        number = max(self._next(connection, _LOGGED), received)
        self._advance(connection, number + 1, _LOGGED)
        row = Unlogged(number, partition_of(event.subject, self._partitions), received, encode_logged(event))
        connection.execute(insert(UNLOGGED).values(tuple(row)))
        return number

    def _next(self, connection: Connection, topic: str = TOPIC) -> int:
        place = BOARD_OFFSETS.c
        found = connection.execute(select(place.next).where(place.topic == topic, place.partition == 0)).scalar()
        return 0 if found is None else int(found)

    def _advance(self, connection: Connection, following: int, topic: str = TOPIC) -> None:
        statement = insert(BOARD_OFFSETS).values(topic=topic, partition=0, next=following)
        connection.execute(
            statement.on_conflict_do_update(index_elements=["topic", "partition"], set_={"next": following})
        )


def _lettered(connection: Connection) -> set[str]:
    """To which enterprises letters were sent since the last cut."""
    query = select(ENTERPRISES.c.code).join(LETTERED, LETTERED.c.enterprise == ENTERPRISES.c.ref)
    return set(connection.execute(query).scalars())
