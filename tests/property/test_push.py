"""The sender under anything that may happen: refusals, silence, kills, acknowledgements, quiet hours, storms.

Whatever the order of it: no message is lost, none is sent after it was acknowledged, no window holds more sendings than
the quota, quiet hours are kept, and a message is repeated only where a receipt was lost or a reminder is due.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from config import channels
from config.channels import Channel
from config.moments import HOUR, SECOND, parse_moment
from monitor.push.channel import Letter, PushError, Receipt
from monitor.push.opening import Line
from monitor.push.sender import Sender
from monitor.store.home import Home
from monitor.store.outgoing import outbox
from monitor.store.outgoing.messages import Message
from monitor.store.outgoing.outbox_schema import PUSH_DELIVERIES, PUSH_SENDS, PUSH_TOTALS

Fate = Literal["taken", "refused", "down", "busy", "killed before", "killed after"]
FATES: tuple[Fate, ...] = ("taken", "taken", "taken", "refused", "down", "busy", "killed before", "killed after")

QUOTA, WINDOW, BREAKS = 3, 60, 4
FILE = {
    "version": 1,
    "attempts": 6,
    "keep_hours": 48,
    "channels": [
        {
            "name": "robot",
            "kind": "wecom",
            "least_level": 2,
            "quota": {"count": QUOTA, "seconds": WINDOW},
            "quiet": {"from": "21:00", "until": "08:00", "breaks": BREAKS},
            "address": {"key": {"env": "NONE"}},
        }
    ],
}


class Killed(BaseException):
    """The process ends here."""


class Pushing(RuleBasedStateMachine):
    """One channel whose other side does what Hypothesis says."""

    @initialize(begin=st.sampled_from(["20:30", "07:30", "12:00"]))
    def start(self, begin: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="push-"))
        home = Home(self.folder)
        home.create()
        self.engine = home.writer()
        self.now = parse_moment(f"2026-03-02T{begin}:00+08:00")
        self.fates: list[Fate] = []
        self.slow = 0
        self.messages: dict[str, Message] = {}
        self.acknowledged: set[str] = set()
        self.arrived: Counter[str] = Counter()
        self.lost_receipts: Counter[str] = Counter()
        self.moments: list[int] = []
        self.broken: list[str] = []
        self.restart()

    def restart(self) -> None:
        chosen = channels.read(json.dumps(FILE), self.folder)
        self.sender = Sender(self.engine, chosen, lambda: self.now, open_one=self.opened)

    def opened(self, channel: Channel, clock: object) -> Line:
        return Line(channel, self)

    def send(self, letter: Letter) -> Receipt:
        """The other side."""
        fate = self.fates.pop(0) if self.fates else "taken"
        if fate == "killed before":
            raise Killed
        self.now += self.slow * SECOND
        self.slow = 0
        self.moments.append(self.now)
        keys = self.carried()
        within = [at for at in self.moments if at > self.now - WINDOW * SECOND]
        quiet = self.quiet_begin() and any(self.messages[key].level < BREAKS for key in keys)
        broken = {
            "a digest counts what it carries": len(keys) != letter.count,
            "nothing is sent after it was acknowledged": bool(self.acknowledged & set(keys)),
            "no window holds more than the quota": len(within) > QUOTA,
            "quiet hours are kept": quiet,
        }
        self.broken += [what for what, is_so in broken.items() if is_so]
        if fate == "refused":
            raise PushError("no")
        if fate == "down":
            raise PushError("down", rests=True)
        if fate == "busy":
            raise PushError("busy", rests=True, retry_after=90)
        self.arrived.update(keys)
        if fate == "killed after":
            self.lost_receipts.update(keys)
            raise Killed
        return Receipt("id", "ok")

    def carried(self) -> list[str]:
        with self.engine.connect() as connection:
            last = select(PUSH_SENDS.c.id).order_by(PUSH_SENDS.c.id.desc()).limit(1).scalar_subquery()
            return list(
                connection.execute(select(PUSH_DELIVERIES.c.key).where(PUSH_DELIVERIES.c.send == last)).scalars()
            )

    def quiet_begin(self) -> bool:
        """Whether it was quiet when the sending that is under way began; it may end some seconds into the hours."""
        with self.engine.connect() as connection:
            at = connection.execute(select(PUSH_SENDS.c.at).order_by(PUSH_SENDS.c.id.desc()).limit(1)).scalar_one()
        return not 8 * 60 <= (at // (60 * SECOND) + 8 * 60) % (24 * 60) < 21 * 60

    # -- what happens

    @rule(level=st.integers(1, 4), count=st.integers(1, 8), reminders=st.integers(0, 2))
    def say(self, level: int, count: int, reminders: int) -> None:
        new = [
            Message(
                f"k{len(self.messages) + n}", "task", f"T{n}", "题", "t", "文", "b", level, None, (), HOUR, reminders
            )
            for n in range(count)
        ]
        with self.engine.begin() as connection:
            assert outbox.enqueue(connection, new, self.now) == count
            assert outbox.enqueue(connection, new, self.now + 1) == 0
        self.messages |= {one.key: one for one in new}

    @precondition(lambda self: self.messages)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.messages)))
        with self.engine.begin() as connection:
            assert outbox.acknowledge(connection, key, self.now) is (key not in self.acknowledged)
        self.acknowledged.add(key)

    @rule(seconds=st.sampled_from([1, 7, 30, 59, 60, 61, 300, 3600, 5 * 3600]))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(fates=st.lists(st.sampled_from(FATES), max_size=5), slow=st.integers(0, 9))
    def work(self, fates: list[Fate], slow: int) -> None:
        self.fates, self.slow = fates, slow
        try:
            while self.sender.turn():
                pass
        except Killed:
            self.restart()
        self.fates = []

    @invariant()
    def promises_are_kept(self) -> None:
        # Told here: the sender takes whatever fails in a channel for a fault of that channel.
        assert getattr(self, "broken", []) == []

    @invariant()
    def repeats_have_a_reason(self) -> None:
        for key, times in getattr(self, "arrived", Counter()).items():
            assert times <= 1 + self.messages[key].reminders + self.lost_receipts[key]

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        try:
            for _ in range(120):  # the other side is well from here on, until everything has had its time
                self.work([], 0)
                self.now += HOUR // 2
            self.everything_ended()
            self.promises_are_kept()
        finally:
            self.engine.dispose()
            shutil.rmtree(self.folder)

    def everything_ended(self) -> None:
        with self.engine.connect() as connection:
            rows = connection.execute(select(PUSH_DELIVERIES.c.key, PUSH_DELIVERIES.c.status))
            statuses = {key: status for key, status in rows}
            totals = {row.what: row.count for row in connection.execute(select(PUSH_TOTALS))}
        for key, message in self.messages.items():
            if message.level < 2:
                assert key not in statuses
            elif key not in statuses:
                assert key in self.acknowledged
            elif statuses[key] == "sent":
                assert self.arrived[key] >= 1
            else:
                assert statuses[key] == "given_up" or key in self.acknowledged
        found = Counter(statuses.values())
        assert set(found) <= {"sent", "stopped", "given_up"}
        assert found["given_up"] == totals.get("given_up", 0)
        assert found["stopped"] == totals.get("stopped", 0)
        well = [key for key, message in self.messages.items() if message.level >= 2 and key not in self.acknowledged]
        with_reminders = {key for key in well if statuses[key] == "sent"}
        assert all(self.arrived[key] >= 1 + self.messages[key].reminders for key in with_reminders)


Pushing.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestPushing = Pushing.TestCase
