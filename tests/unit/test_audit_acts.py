"""What officers do goes into the audit log with what it does, and so does what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from monitor.events.acts import Act, AlertAcknowledged
from monitor.runners.embedded import EmbeddedRunner
from monitor.store.audit import chain as audit
from monitor.store.audit.proof import verify
from monitor.store.work import alertreader
from monitor.supervision.alerts import Refused
from tests.unit.web_home import filled, writing


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[EmbeddedRunner]:
    with writing(filled(tmp_path)) as runner:
        yield runner


def alert(runner: EmbeddedRunner) -> dict[str, Any]:
    with runner.reading() as connection:
        return next(alertreader.read(connection))


def recorded(runner: EmbeddedRunner) -> list[dict[str, Any]]:
    """The entries about alerts."""
    with runner.reading() as connection:
        assert verify(connection).fault is None
        return [one for one in audit.exported(connection) if one["kind"] == "alert"]


def test_an_act_and_its_refusal_are_on_record(runner: EmbeddedRunner) -> None:
    first = alert(runner)
    done = runner.act(AlertAcknowledged, first["id"], Act(officer="li.lei", seen=first["seen"], reason="会去看"))
    with pytest.raises(Refused):
        runner.act(AlertAcknowledged, first["id"], Act(officer="han", seen=first["seen"]))
    accepted, refused = recorded(runner)
    names = ("officer", "action", "key", "outcome", "detail")
    assert [accepted[name] for name in names] == [
        "li.lei",
        "supervision.alert_acknowledged",
        first["id"],
        "accepted",
        {"event": done.id},
    ]
    assert [refused[name] for name in names] == ["han", accepted["action"], first["id"], "refused", {}]
    assert "会去看" not in str(recorded(runner)), "the reason stands in the log, not here"


def test_what_was_typed_in_place_of_an_id_is_not_kept(runner: EmbeddedRunner) -> None:
    with pytest.raises(Refused):
        runner.act(AlertAcknowledged, "11010519491231002X", Act(officer="li.lei", seen=1))
    (refused,) = recorded(runner)
    assert (refused["key"], refused["outcome"]) == ("", "refused")
    assert "11010519491231002X" not in str(refused)


def test_an_officer_whose_name_cannot_be_shown_does_nothing_and_the_writer_goes_on(runner: EmbeddedRunner) -> None:
    first = alert(runner)
    with pytest.raises(ValueError, match="printable"):
        runner.act(AlertAcknowledged, first["id"], Act(officer="li\nlei", seen=first["seen"]))
    assert not runner.ahead
    assert alert(runner) == first
    assert recorded(runner) == []
    runner.act(AlertAcknowledged, first["id"], Act(officer="li.lei", seen=first["seen"]))
    assert len(recorded(runner)) == 1
