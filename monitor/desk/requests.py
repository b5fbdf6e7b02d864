"""What other processes ask of the writer of a home, through files in it; both sides.

A command writes `requests/<id>.json` whole, the writer looks there between its batches, works on the oldest in steps,
and answers with `requests/<id>.answer.json`; the command reads that and removes both. Whoever is killed, nothing is
lost: the next writer goes on where the last one had committed, and answers what is answered already only once. A
command that finds nobody writing becomes the writer for as long as its request takes.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from monitor.sources import SourceError
from monitor.store.home import Home, HomeError, HomeHeldError

log = logging.getLogger(__name__)

REQUESTS: Final = "requests"
_ANSWER: Final = ".answer.json"
_ENDING: Final = ".json"
_POLL: Final = 0.05
_LOCK_POLL: Final = 1.0
_TOLD_AFTER: Final = 10.0
_PATIENCE: Final = 300.0
"""Seconds without a sign of the writer after which a command gives up; one step of the writer may take minutes."""
_KEPT: Final = 24 * 3600.0
"""Seconds after which an answer that nobody fetched is removed."""


class Request(msgspec.Struct, frozen=True):
    """Something asked for: `kind` is a name that the writer knows, `body` what that kind needs."""

    id: str
    kind: str
    body: dict[str, Any]


class Answer(msgspec.Struct, frozen=True):
    """What came of a request; `error` says, zh and en, why nothing did; `defect`: it is a defect of the writer."""

    result: dict[str, Any] = {}
    error: str = ""
    defect: bool = False


class DefectError(HomeError):
    """The writer failed at a request as it should not: its log says how."""


class Work(Protocol):
    """A request that is being worked on."""

    def step(self) -> dict[str, Any] | None:
        """Does one piece, small beside a batch of events; the result once everything is done and committed."""

    def close(self) -> None:
        """Lets go of files, at the end or before it."""


class Writer(Protocol):
    """The process that writes a home."""

    @property
    def ahead(self) -> bool:
        """Whether its state is ahead of the store, so that it can only end."""

    def answer_requests(self) -> bool:
        """One step of what is asked for; whether there was something."""

    def close(self) -> None:
        """Lets the next writer in."""


SomeWriter = TypeVar("SomeWriter", bound=Writer)


# -- the writer's side ------------------------------------------------------------------------------------------------


class Desk(Generic[SomeWriter]):
    """Where the writer of a home takes up requests, one after the other."""

    def __init__(
        self, home: Home, kinds: Mapping[str, Callable[[SomeWriter, Request], Work]], *, alone: bool = False
    ) -> None:
        """`kinds`: what begins the work on a request, by the names of kinds. `alone`: requests of other kinds are left
        to another writer.
        """
        self._folder = home.path / REQUESTS
        self._kinds = kinds
        self._alone = alone
        self._request: Request | None = None
        self._work: Work | None = None

    def turn(self, writer: SomeWriter) -> bool:
        """One step for the oldest request; whether there was one. Looking into an empty folder costs microseconds."""
        if self._request is None:
            self._request = self._oldest()
            if self._request is None:
                return False
        request = self._request
        path = self._folder / f"{request.id}{_ENDING}"
        try:
            os.utime(path)
        except FileNotFoundError:  # withdrawn
            self.close()
            return True
        try:
            if self._work is None:
                self._work = self._begun(writer, request)
            result = self._work.step()
            answer = None if result is None else Answer(result)
        except Exception as error:
            if writer.ahead:
                raise
            defect = not isinstance(error, HomeError | SourceError | OSError | ValueError)
            if defect:
                log.exception("程序缺陷：请求未完成 / a defect: the request %s was not done", request.kind)
            answer = Answer(error=str(error) or type(error).__name__, defect=defect)
        if answer is not None:
            self.close()
            _put(self._folder / f"{request.id}{_ANSWER}", answer)
        return True

    def close(self) -> None:
        """Lays down the work at hand; the next writer goes on with it, if it was not done."""
        if self._work is not None:
            self._work.close()
        self._request = self._work = None

    def _begun(self, writer: SomeWriter, request: Request) -> Work:
        begin = self._kinds.get(request.kind)
        if begin is None:
            raise HomeError(f"写入者不认识此请求 / this writer does not know such a request: {request.kind}")
        return begin(writer, request)

    def _oldest(self) -> Request | None:
        try:
            with os.scandir(self._folder) as entries:
                names = sorted(entry.name for entry in entries)
        except FileNotFoundError:
            return None
        if not names:
            return None
        answered = {name.removesuffix(_ANSWER) for name in names if name.endswith(_ANSWER)}
        for name in names:
            if name.endswith(_ANSWER):
                self._forget(name)
            elif name.endswith(_ENDING) and name.removesuffix(_ENDING) not in answered:
                try:
                    found = msgspec.json.decode((self._folder / name).read_bytes(), type=Request)
                    if found.kind in self._kinds or not self._alone:
                        return found
                except FileNotFoundError:
                    continue
                except msgspec.DecodeError as error:
                    told = f"请求无法读取 / the request cannot be read: {error}"
                    _put(self._folder / f"{name.removesuffix(_ENDING)}{_ANSWER}", Answer(error=told))
        return None

    def _forget(self, name: str) -> None:
        """Removes an answer that nobody came for."""
        path = self._folder / name
        try:
            if time.time() - path.stat().st_mtime > _KEPT:
                (self._folder / f"{name.removesuffix(_ANSWER)}{_ENDING}").unlink(missing_ok=True)
                path.unlink()
        except FileNotFoundError:
            pass


# -- the side of the commands -----------------------------------------------------------------------------------------


def ask(
    home: Home,
    kind: str,
    body: dict[str, Any],
    become_writer: Callable[[], Writer],
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """The result of a request, done by the writer of a home or, where there is none, by this process as its writer.

    `become_writer` raises HomeHeldError while somebody else writes; `tell` is told that it takes long. Raises
    HomeError with what the writer said, DefectError where it failed, and HomeError where it says nothing for long.
    """
    request, asked, answered = _new(home, kind, body)
    try:
        _put(asked, request)  # whoever interrupts this command, at whatever moment, withdraws the request
        answer = _wait(asked, answered, become_writer, tell, _PATIENCE)
    finally:
        _withdraw(asked, answered)
    if answer is None:
        raise HomeError(
            f"写入者 {_PATIENCE:.0f} 秒没有应答，请求已撤回；请停止写入者后重试 / the writer gave no sign for "
            f"{_PATIENCE:.0f} s, the request is withdrawn: stop the writer, then run this again"
        )
    if answer.defect:
        raise DefectError(answer.error)
    if answer.error:
        raise HomeError(answer.error)
    return answer.result


def leave(home: Home, kind: str, body: dict[str, Any], become_writer: Callable[[], Writer], seconds: float) -> bool:
    """Hands in a request whose result nobody needs: done, or, where the writer gives no sign for some seconds, left
    there for it and for any later one; then False. Raises HomeError with what the writer said, and withdraws it then.
    """
    request, asked, answered = _new(home, kind, body)
    answer: Answer | None = Answer()
    try:
        _put(asked, request)
        answer = _wait(asked, answered, become_writer, lambda _: None, seconds)
    finally:
        if answer is not None:
            _withdraw(asked, answered)
    if answer is not None and answer.error:
        raise HomeError(answer.error)
    return answer is not None


def _new(home: Home, kind: str, body: dict[str, Any]) -> tuple[Request, Path, Path]:
    """A request, with the files for it and for its answer."""
    folder = home.path / REQUESTS
    folder.mkdir(mode=0o700, exist_ok=True)
    request = Request(f"{time.time_ns():020d}-{os.getpid()}", kind, body)
    return request, folder / f"{request.id}{_ENDING}", folder / f"{request.id}{_ANSWER}"


def _withdraw(asked: Path, answered: Path) -> None:
    """The request first: an answer without a request is only forgotten, a request without one is done again."""
    asked.unlink(missing_ok=True)
    answered.unlink(missing_ok=True)


def _wait(
    asked: Path,
    answered: Path,
    become_writer: Callable[[], Writer],
    tell: Callable[[str], None],
    patience: float,
) -> Answer | None:
    """The answer; None where there was no sign of the writer for `patience` seconds."""
    began = time.monotonic()
    tried = -_LOCK_POLL
    told = False
    while True:
        if answered.exists():
            return msgspec.json.decode(answered.read_bytes(), type=Answer)
        now = time.monotonic()
        if now - tried >= _LOCK_POLL:
            tried = now
            try:
                writer = become_writer()
            except HomeHeldError:
                pass
            else:
                try:
                    while not answered.exists() and writer.answer_requests():
                        pass
                finally:
                    writer.close()
                continue
        if not told and now - began > _TOLD_AFTER:
            told = True
            tell("写入者正忙，继续等待；Ctrl-C 撤回 / the writer is busy, still waiting; Ctrl-C withdraws the request")
        if time.time() - asked.stat().st_mtime > patience:
            return None
        time.sleep(_POLL)


def _put(path: Path, content: Request | Answer) -> None:
    """Writes a file whole, for its owner alone."""
    made = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(content))
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
