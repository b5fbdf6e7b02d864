"""How the tests of channels write one, send through it, and look at a refusal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from config import channels
from config.channels import Channel
from monitor.push.channel import Letter, PushError, Receipt
from monitor.push.opening import open_line

SECRET = "SEC0123456789abcdef"  # noqa: S105 - of made-up robots
KEYS = {"TOKEN": "tok-7f31c0", "SIGN": SECRET, "APP": "app-key-77", "PASSWORD": "pass word&1"}
LETTER = Letter("id-1", "task", "T-001", "新任务 T-001", "张＊，三级", 3, "330106", ("zhang",))


def now() -> int:
    return time.time_ns() // 1000


def channel(kind: str, address: dict[str, Any], **more: Any) -> Channel:
    """A channel of a file that holds nothing else."""
    written = {"name": "one", "kind": kind, "allow_hosts": ["127.0.0.1"], "timeout": 3, "address": address, **more}
    (found,) = channels.read(json.dumps({"version": 1, "channels": [written]}), Path()).channels
    return found


def send(kind: str, address: dict[str, Any], letter: Letter = LETTER, **more: Any) -> Receipt:
    return open_line(channel(kind, address, **more), now).send(letter)


def refusal(kind: str, address: dict[str, Any], letter: Letter = LETTER, **more: Any) -> PushError:
    with pytest.raises(PushError) as caught:
        send(kind, address, letter, **more)
    told = str(caught.value)
    assert "\n" not in told
    assert not [value for value in KEYS.values() if value in told], told
    return caught.value
