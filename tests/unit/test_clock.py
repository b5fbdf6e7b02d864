"""The clock of intake is the machine's, but jumps of that one do not move Now."""

from __future__ import annotations

import logging

import pytest

from config.moments import HOUR, SECOND
from monitor.engine.clock import SteadyClock


class Machine:
    """A machine whose clock can be set."""

    def __init__(self) -> None:
        self.wall = 1_000 * HOUR
        self.elapsed = 5 * HOUR

    def passes(self, time: int, jump: int = 0) -> None:
        self.elapsed += time
        self.wall += time + jump

    def clock(self) -> SteadyClock:
        return SteadyClock(lambda: self.wall, lambda: self.elapsed)


@pytest.mark.parametrize("jump", [240 * HOUR, -240 * HOUR])
def test_a_jump_is_told_once_and_not_followed(jump: int, caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()
    clock = machine.clock()
    began = clock()
    machine.passes(10 * SECOND, jump)
    with caplog.at_level(logging.WARNING):
        assert clock() == began + 10 * SECOND
        machine.passes(10 * SECOND)
        assert clock() == began + 20 * SECOND
    assert len(caplog.messages) == 1
    assert "跳动" in caplog.messages[0]
    machine.passes(0, -jump)
    assert clock() == began + 20 * SECOND == machine.wall


def test_small_corrections_are_followed_but_never_back() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.passes(10 * SECOND, 3 * SECOND)
    assert clock() == machine.wall
    before = machine.wall
    machine.passes(1 * SECOND, -2 * SECOND)
    assert clock() == before


def test_by_itself_it_goes_with_the_machine() -> None:
    clock = SteadyClock()
    assert 0 <= clock() - clock() + 1 * SECOND <= 2 * SECOND
