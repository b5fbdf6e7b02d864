"""What `produce` remembers: how far each source has reached the topic, and from where to look for what came after.

One file for each topic in a folder that one process writes. It is written whole, and only once everything before the
positions in it is acknowledged.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec

from monitor.cluster import ClusterError
from monitor.sources import Position
from monitor.store.home import HomeHeldError, HomeLock


class Sent(msgspec.Struct):
    """Everything before `positions`, by source, is in the topic before the offsets `ends`, by partition. `is_complete`:
    nothing has been sent since. `sender` stands in each message.
    """

    topic_id: str
    ends: list[int]
    positions: dict[str, Position] = {}
    sender: str = msgspec.field(default_factory=lambda: secrets.token_hex(8))
    is_complete: bool = True


class Memory:
    """The file of one topic in a state folder, held by one process."""

    def __init__(self, folder: Path, topic: str) -> None:
        """Makes the folder where it is missing. Raises ClusterError where another process holds it."""
        self._path = folder / f"{topic}.json"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = HomeLock(folder / "lock")
        except HomeHeldError as error:
            raise ClusterError(
                f"{folder}：另一个 produce 正在使用，请换 --state / another produce uses this state: stop it, or "
                "choose another --state for other sources"
            ) from error
        except OSError as error:
            raise ClusterError(
                f"{folder}：无法写入（{error.strerror}），请换 --state / cannot be written: choose another --state"
            ) from error

    def read(self, topic_id: str) -> Sent | None:
        """What is remembered, None at the first use. Raises ClusterError where it cannot be used for this topic."""
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=Sent)
        except FileNotFoundError:
            return None
        except msgspec.DecodeError as error:
            raise self._unfit("无法读取 / cannot be read") from error
        if found.topic_id != topic_id:
            raise self._unfit("主题已重建 / the topic was deleted and made anew since")
        return found

    def _unfit(self, why: str) -> ClusterError:
        return ClusterError(
            f"{self._path}：{why}；删除此文件则全部重新发送 / remove this file to send everything again: "
            "what came before counts once"
        )

    def write(self, sent: Sent) -> None:
        """Replaces what is remembered, durably."""
        made = self._path.with_suffix(".new")
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.json.encode(sent))
            file.flush()
            os.fsync(file.fileno())
        made.replace(self._path)

    def close(self) -> None:
        """Lets the next process in."""
        self._lock.release()
