"""`POST /api/v1/acts`: what an officer at the page does with an alert or a task, asked of the writer of the home or
of the workers of a cluster.

There is no sign-in yet. So acts are taken only where the page listens on this machine alone, as the command line of
the same machine takes them, and only from the page itself: a foreign site that a visitor has open can send neither
this content type nor a foreign `Origin` (Fetch standard, W3C Fetch Metadata). The stage `supervision` decides; faults
are told as problem+json.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from monitor.cluster import ClusterError
from monitor.desk.acting import ACT
from monitor.desk.requests import DefectError, Writer, ask
from monitor.events.envelope import Event, Subject
from monitor.events.types import OWN_TYPES
from monitor.store.errors import ActRefusedError, StoreError
from monitor.store.home import Home, HomeError, HomeHeldError
from monitor.store.reader import Store, looking
from monitor.store.work import alertreader, taskreader
from monitor.web.faults import TRY_AGAIN, Fault, body_of, problem
from monitor.web.openapi import JSON
from monitor.web.shield import LOOPBACK_HOSTS

log = logging.getLogger(__name__)

KINDS: Final[dict[str, type[Event]]] = {
    name: kind for name, kind in OWN_TYPES.items() if name.startswith("supervision.")
}
"""What may be asked for, by the types of the events."""

MAX_BODY: Final = 64 * 1024
MOST_WAITING: Final = 8
"""Acts that wait for the writer at a time."""

LONGEST_NAME: Final = 64
LONGEST_REASON: Final = 1_000

PATIENCE: Final = 10.0
"""Seconds after which an act that the writer has not answered is withdrawn."""

_LOOPBACK_NAMES: Final = frozenset(name.strip("[]") for name in LOOPBACK_HOSTS)


class Office(Protocol):
    """Where acts go at the page of a cluster: to its workers."""

    @property
    def store(self) -> Store:
        """What the page shows."""

    def ask(self, asked: Mapping[str, Any], patience: float) -> dict[str, Any]:
        """Has an act done. Raises ActRefusedError where it is refused; StoreError and ClusterError where it is not
        known whether it was done.
        """


class Desk(msgspec.Struct, frozen=True):
    """Where acts go: the home whose writer decides about them, or the office of a cluster. `here`: the page listens on
    this machine alone.
    """

    home: Home | Office
    here: bool


class Asked(msgspec.Struct, frozen=True):
    """The body of a request."""

    type: str
    subject: Subject
    data: dict[str, Any]


class _UnansweredError(StoreError):
    """The writer has not answered in time."""


def act_routes(desk: Desk) -> APIRouter:
    """The route by which officers act."""
    router = APIRouter(prefix="/api/v1")
    waiting = 0

    @router.post("/acts")
    async def acts(request: Request) -> Response:
        nonlocal waiting
        try:
            asked = await _asked(request, desk)
            if waiting >= MOST_WAITING:
                raise Fault(503, "等待办理的操作过多，请稍后重试 / too many acts wait: try again later", TRY_AGAIN)
            waiting += 1
            try:
                now = await run_in_threadpool(_done, desk.home, asked)
            finally:
                waiting -= 1
        except Fault as fault:
            return fault.answer()
        except ClientDisconnect:
            return problem(400, "请求中断 / the request broke off")
        except Exception:
            log.exception("程序缺陷：操作没有正常结束 / a defect: an act did not end as it should")
            return problem(
                500,
                "程序缺陷，操作没有正常结束：请先查看结果，并把监测的日志报告给维护人员 / a defect of the program: the "
                "act did not end as it should. Look at what came of it, and report the log of the monitor",
            )
        return Response(msgspec.json.encode(now), media_type=JSON)

    return router


async def _asked(request: Request, desk: Desk) -> Asked:
    """What is asked for, in a form that the stage can decide about. Raises Fault."""
    if not desk.here:
        raise Fault(
            403,
            "页面可从别的机器访问，尚无登录：请在本机用命令行办理，见 credit-monitor alert --help / the page can be "
            "reached from other machines and has no sign-in yet: use the command line, see credit-monitor alert --help",
        )
    if not _of_this_page(request):
        raise Fault(403, "只接受来自本页面的操作 / acts are taken from this page alone: open it and act there")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON or request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Fault(415, f"请用 {JSON}，不压缩 / send {JSON}, not compressed")
    return checked(await body_of(request, MAX_BODY))


def _of_this_page(request: Request) -> bool:
    """Whether no other site sent it. What is no browser sends neither header."""
    host = request.headers.get("host", "")
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    origin = request.headers.get("origin")
    return (
        name in _LOOPBACK_NAMES
        and (origin is None or origin == f"{request.url.scheme}://{host}")
        and request.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    )


def checked(body: bytes) -> Asked:
    """An act whose data fit its type, with a name that can be read. Raises Fault."""
    try:
        asked = msgspec.json.decode(body, type=Asked)
        kind = KINDS.get(asked.type)
        if kind is None:
            raise ValueError(f"没有此操作 / there is no such act: {asked.type[:100]}")
        fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
        msgspec.convert(asked.data, fields["data"])
    except (ValueError, RecursionError) as error:
        raise Fault(422, f"操作不合格式 / the act is not well formed: {error}") from None
    officer = str(asked.data["officer"]).strip()
    if not officer or len(officer) > LONGEST_NAME or not officer.isprintable():
        raise Fault(
            422,
            f"请填写执法人员姓名或编号，最多 {LONGEST_NAME} 字 / give the officer's name or number, at most "
            f"{LONGEST_NAME} characters, all of them printable",
        )
    reason = str(asked.data.get("reason", "")).strip()
    if len(reason) > LONGEST_REASON or not reason.isprintable():
        raise Fault(
            422,
            f"理由最多 {LONGEST_REASON} 字，不含控制字符 / a reason has at most {LONGEST_REASON} characters, all of "
            "them printable",
        )
    given = {**asked.data, "officer": officer, **({"reason": reason} if "reason" in asked.data else {})}
    try:
        msgspec.convert(given, fields["data"])
    except ValueError:
        raise Fault(422, "请说明理由 / give the reason") from None
    return Asked(asked.type, asked.subject, given)


def _done(home: Home | Office, asked: Asked) -> dict[str, Any]:
    """The alert or task as it is after the act. Raises Fault."""
    try:
        if isinstance(home, Home):
            return _as_it_is(home, _by_the_writer(home, asked))
        return _as_it_is(home.store, _by_workers(home, asked))
    except (StoreError, ClusterError, SQLAlchemyError, OSError):
        raise Fault(
            503,
            "监测未在写入或正忙，结果不明：请刷新查看后再试 / the monitor does not write now, or is busy; whether it "
            "was done is not known: look again, then try again",
            TRY_AGAIN,
        ) from None


def _by_workers(office: Office, asked: Asked) -> str:
    """The subject of an act that the workers of a cluster have done. Raises Fault."""
    try:
        return str(office.ask(msgspec.to_builtins(asked), PATIENCE)["subject"])
    except ActRefusedError as refused:
        raise Fault(409, str(refused)) from None


def _by_the_writer(home: Home, asked: Asked) -> str:
    """The subject of an act that the writer of a home has done. Raises Fault."""
    until = time.monotonic() + PATIENCE

    def never_the_writer() -> Writer:
        raise _UnansweredError if time.monotonic() > until else HomeHeldError

    try:
        result = ask(home, ACT, msgspec.to_builtins(asked), never_the_writer, log.info)
    except DefectError as defect:
        raise RuntimeError(str(defect)) from defect  # no refusal, nor a store that does not answer
    except HomeError as refused:
        raise Fault(409, str(refused)) from None
    return str(result["subject"])


def _as_it_is(store: Store, subject: str) -> dict[str, Any]:
    with looking(store) as reader:
        found = alertreader.one(reader.connection, subject) or taskreader.one(reader.connection, subject)
    return found or {"subject": subject}
