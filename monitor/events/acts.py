"""What officers do and when alerts are worked out: the monitor's own events (contract §2), with their data.

`officer` did it, `reason` says why, `seen` is the version of the alert or task that the officer saw. The stage
`supervision` accepts or refuses an act; only what it accepted stands in the log, so a replay decides nothing again.
`subject` is the alert or task.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from monitor.events.envelope import Event, Subject, Word
from monitor.events.vocabulary import HostKind, Outcome, TaskMode

County = Annotated[str, Meta(pattern=r"^[0-9]{6}$(?!\n)")]
Codes = Annotated[list[Subject], Meta(min_length=1)]
Text = str | UnsetType


class CutData(Struct, omit_defaults=True, gc=False):
    """A cut, by its number: alerts and queue are worked out from everything before it; `classes`: every class too, not
    only those of enterprises on which a red signal arrived; `models`: what the models find too, by the anomaly model of
    this hash (`-`: none was in force, only groups were looked for); `forecast`: and what the forecast of this hash says
    (empty: none was in force).

    `begun`: every class is worked out as of this cut, and holds from the next cut on that says `taken`, or never where
    another one begins before; a class that was worked out at a cut since then holds instead. Likewise what the models
    find: by the model `models_begun` as of this cut, and it holds from the cut on that says `models_taken`.
    """

    number: int
    classes: bool = False
    models: str = ""
    begun: bool = False
    taken: bool = False
    forecast: str = ""
    models_begun: str = ""
    models_taken: bool = False


class Act(Struct, omit_defaults=True, kw_only=True, gc=False):
    """What every act has."""

    officer: Word
    seen: int
    reason: Text = UNSET


class ReasonedAct(Act, omit_defaults=True, kw_only=True, gc=False):
    """An act that needs its reason."""

    reason: Word


class SnoozeData(ReasonedAct, kw_only=True, gc=False):
    """暂缓, to the end of the day `until` in Asia/Shanghai."""

    until: dt.date


class IntoData(Act, omit_defaults=True, kw_only=True, gc=False):
    """合并 into a task."""

    into: Subject


class CreationData(Struct, omit_defaults=True, kw_only=True, gc=False):
    """A task made by hand."""

    officer: Word
    reason: Word
    region: County
    enterprises: Codes
    mode: TaskMode | UnsetType = UNSET
    due: dt.date | UnsetType = UNSET


class AssignmentData(Act, omit_defaults=True, kw_only=True):
    """指派 to two officers."""

    assignees: Annotated[list[Word], Meta(min_length=2, max_length=2)]


class TransferData(ReasonedAct, kw_only=True, gc=False):
    """移交 to another county."""

    region: County


class ClosingData(Act, omit_defaults=True, kw_only=True, gc=False):
    """The outcome of a task; a second one corrects the first. `false_alarm` needs its reason."""

    outcome: Outcome


class HostListedData(Struct, omit_defaults=True, kw_only=True, gc=False):
    """A room that lawfully has many licences, named by its own text, to the end of the day `until` in Asia/Shanghai.
    `content_hash` is of the entry, see `monitor.supervision.hosts`.
    """

    officer: Word
    reason: Word
    content_hash: Word
    text: Word
    kind: HostKind
    until: dt.date
    region: County | UnsetType = UNSET


class HostDelistedData(Struct, kw_only=True, gc=False):
    """The end of an entry before its day; `content_hash` is that of the entry."""

    officer: Word
    reason: Word
    content_hash: Word


class Cut(Event, tag="monitor.cut"):
    """The monitor's own: a cut."""

    data: CutData


class AlertAcknowledged(Event, tag="supervision.alert_acknowledged"):
    """预警签收."""

    data: Act


class AlertSnoozed(Event, tag="supervision.alert_snoozed"):
    """预警暂缓."""

    data: SnoozeData


class AlertDispatched(Event, tag="supervision.alert_dispatched"):
    """预警派发."""

    data: Act


class AlertMerged(Event, tag="supervision.alert_merged"):
    """预警并入任务."""

    data: IntoData


class AlertReopened(Event, tag="supervision.alert_reopened"):
    """预警重开."""

    data: ReasonedAct


class TaskCreated(Event, tag="supervision.task_created"):
    """人工建立任务."""

    data: CreationData


class TaskAssigned(Event, tag="supervision.task_assigned"):
    """任务指派."""

    data: AssignmentData


class TaskDispatched(Event, tag="supervision.task_dispatched"):
    """任务派发."""

    data: Act


class TaskAccepted(Event, tag="supervision.task_accepted"):
    """任务签收."""

    data: Act


class TaskVisited(Event, tag="supervision.task_visited"):
    """任务核查."""

    data: Act


class TaskReviewed(Event, tag="supervision.task_reviewed"):
    """任务复核."""

    data: Act


class TaskReturned(Event, tag="supervision.task_returned"):
    """任务退回."""

    data: ReasonedAct


class TaskMerged(Event, tag="supervision.task_merged"):
    """任务合并."""

    data: IntoData


class TaskExempted(Event, tag="supervision.task_exempted"):
    """任务免查."""

    data: ReasonedAct


class TaskTransferred(Event, tag="supervision.task_transferred"):
    """任务移交."""

    data: TransferData


class TaskClosed(Event, tag="supervision.task_closed"):
    """任务办结，或更正结果."""

    data: ClosingData


class HostListed(Event, tag="host.listed"):
    """列入托管名单；`subject` 为该处的编号."""

    data: HostListedData


class HostDelisted(Event, tag="host.delisted"):
    """移出托管名单."""

    data: HostDelistedData


AlertAct = AlertAcknowledged | AlertSnoozed | AlertDispatched | AlertMerged | AlertReopened
TaskAct = (
    TaskCreated
    | TaskAssigned
    | TaskDispatched
    | TaskAccepted
    | TaskVisited
    | TaskReviewed
    | TaskReturned
    | TaskMerged
    | TaskExempted
    | TaskTransferred
    | TaskClosed
)
HostAct = HostListed | HostDelisted
HOST_ACTS: tuple[type[Event], ...] = HostAct.__args__
ACTS: tuple[type[Event], ...] = (*AlertAct.__args__, *TaskAct.__args__, *HOST_ACTS)
"""What officers do: in no enterprise's history. All but those on the host list are kept by the stage `supervision`."""
