"""The models in a process of their own, for as long as they work: once a day.

The state of the whole log and scikit-learn take memory and minutes of a province. A process gives both back when it
ends, holds up no event loop, and ends at once when its worker does, however that ends.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from config.ruleset import Rules
from config.settings import Settings
from monitor.cluster.modelling.found import Away, Opinion, Question, nothing
from monitor.cluster.modelling.store import ModelStore

log = logging.getLogger(__name__)

_LOOK: Final = 0.2


@dataclass(frozen=True)
class Ground:
    """What the models work with: the settings of the worker, the text of the rules, full names of topics by short ones.
    Secrets are not shown, and go to the process over a pipe.
    """

    settings: Settings
    rules: str
    topics: dict[str, str]


class ModelsProcess:
    """Starts the process and waits for its answer."""

    def __init__(self, ground: Ground) -> None:
        """`store`: the models that are shared, None where none are. Raises ValueError where it cannot be opened."""
        shared = ground.settings.cluster_models
        self.store = None if shared is None else ModelStore(shared)
        self._ground = ground

    def ask(self, question: Question, should_stop: Callable[[], bool]) -> Opinion | Away | None:
        """What the models find; None where it is stopped before. A process that dies is a defect, or has found no
        memory: it is told, and everything stays as it is for a day.
        """
        spawning = multiprocessing.get_context("spawn")
        ours, theirs = spawning.Pipe()
        process = spawning.Process(target=_answer, args=(self._ground, question, theirs), name="models", daemon=True)
        process.start()
        theirs.close()
        try:
            while not ours.poll(_LOOK):
                if should_stop():
                    process.kill()
                    return None
            found: Opinion | Away = ours.recv()
        except (EOFError, OSError):
            process.join()
            log.error(
                "模型进程意外结束（退出码 %s），其结果未更新；可能内存不足 / the process of the models ended (%s): "
                "what they find was not brought up to date; there may have been too little memory",
                *(process.exitcode,) * 2,
            )
            return nothing(question)
        finally:
            ours.close()
            process.join()
        return found


def _answer(ground: Ground, question: Question, pipe: Any) -> None:
    """What the process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # its worker ends it
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    threading.Thread(target=_end_with_its_worker, args=(pipe,), daemon=True).start()
    pipe.send(_found(ground, question))


def _found(ground: Ground, question: Question) -> Opinion | Away:
    from aiokafka.errors import KafkaError
    from sqlalchemy.exc import OperationalError

    from monitor.cluster.modelling.working import work_out  # scikit-learn and all, which a worker has no need of
    from monitor.store.errors import StoreError

    try:
        return work_out(ground.settings, Rules(ground.rules), ground.topics, question)
    except (KafkaError, StoreError, OperationalError, OSError) as error:
        return Away(str(error))
    except Exception:
        log.exception("程序缺陷：模型结果未更新 / a defect: what the models find was not brought up to date")
        return nothing(question)


def _end_with_its_worker(pipe: Connection) -> None:
    """Nothing is ever sent to this process: its pipe ends when its worker does."""
    try:
        pipe.recv()
    except (EOFError, OSError):
        os._exit(1)
