"""Every event type of the contract (§2) as msgspec structures: one tagged union, decoded in one pass.

Intake decodes a line into one of these, replaces identities by pseudonyms and `time` by microseconds, and the
log stores what is left.
"""

from __future__ import annotations

import msgspec

from monitor.events import data as d
from monitor.events.acts import AlertAct, Cut, HostAct, TaskAct
from monitor.events.envelope import Event as Event


class Established(Event, tag="registration.established"):
    """设立."""

    data: d.EstablishedData


class Changed(Event, tag="registration.changed"):
    """变更."""

    data: d.ChangedData


class Deregistered(Event, tag="registration.deregistered"):
    """注销."""

    data: d.DeregisteredData


class Revoked(Event, tag="registration.revoked"):
    """吊销."""

    data: d.DocumentReasonData


class Cancelled(Event, tag="registration.cancelled"):
    """撤销登记."""

    data: d.DocumentReasonData


class Suspended(Event, tag="registration.suspended"):
    """歇业."""

    data: d.SuspendedData


class Resumed(Event, tag="registration.resumed"):
    """终止歇业."""

    data: d.SuspendedData


class ReportFiled(Event, tag="report.filed"):
    """年报已报."""

    data: d.YearData


class ReportMissed(Event, tag="report.missed"):
    """年报未报."""

    data: d.YearData


class Inspected(Event, tag="enforcement.inspected"):
    """检查结果."""

    data: d.InspectedData


class Visited(Event, tag="enforcement.visited"):
    """实地走访."""

    data: d.VisitedData


class LetterSent(Event, tag="enforcement.letter_sent"):
    """专用信函寄出."""

    data: d.NumberData


class LetterReturned(Event, tag="enforcement.letter_returned"):
    """专用信函退回."""

    data: d.NumberData


class LetterDelivered(Event, tag="enforcement.letter_delivered"):
    """专用信函签收."""

    data: d.NumberData


class Penalised(Event, tag="enforcement.penalised"):
    """行政处罚."""

    data: d.PenalisedData


class AbnormalListed(Event, tag="enforcement.abnormal_listed"):
    """列入经营异常名录."""

    data: d.ListingData


class AbnormalRemoved(Event, tag="enforcement.abnormal_removed"):
    """移出经营异常名录."""

    data: d.ListingData


class DishonestListed(Event, tag="enforcement.dishonest_listed"):
    """列入严重违法失信名单."""

    data: d.DocumentData


class DishonestRemoved(Event, tag="enforcement.dishonest_removed"):
    """移出严重违法失信名单."""

    data: d.DocumentData


class Complaint(Event, tag="complaint.received"):
    """投诉举报."""

    data: d.ComplaintData


class SamplingFailed(Event, tag="sampling.failed"):
    """抽检不合格."""

    data: d.SamplingData


class SamplingPassed(Event, tag="sampling.passed"):
    """抽检合格."""

    data: d.SamplingData


class CourtListed(Event, tag="court.defaulter_listed"):
    """列为失信被执行人."""

    data: d.CourtData


class CourtRemoved(Event, tag="court.defaulter_removed"):
    """失信被执行人移除."""

    data: d.CourtData


class TaxIrregular(Event, tag="tax.irregular"):
    """税务非正常户."""

    data: d.Empty


class TaxRegular(Event, tag="tax.regular"):
    """解除税务非正常户."""

    data: d.Empty


class CommitmentMade(Event, tag="commitment.made"):
    """信用承诺."""

    data: d.DocumentData


class CommitmentBreached(Event, tag="commitment.breached"):
    """违诺."""

    data: d.DocumentData


class Repaired(Event, tag="credit.repaired"):
    """信用修复."""

    data: d.RepairedData


class ObjectionFiled(Event, tag="objection.filed"):
    """异议申请."""

    data: d.ObjectionData


class ObjectionDecided(Event, tag="objection.decided"):
    """异议决定."""

    data: d.DecisionData


class Honoured(Event, tag="honour.awarded"):
    """表彰奖励."""

    data: d.DocumentData


class Ticked(Event, tag="clock.ticked"):
    """Time has reached `time`, nothing else happened."""

    data: d.Empty


class ConfigActivated(Event, tag="config.activated"):
    """The monitor's own: rules, scorecards or channels changed."""

    data: d.ActivatedData


class RetentionApplied(Event, tag="retention.applied"):
    """The monitor's own: lapsed adverse information was deleted from here and from everything that follows."""

    data: d.RetentionData


class MonitorLive(Event, tag="monitor.live"):
    """The monitor's own: the backfill is over."""

    data: d.LiveData


class ModelPromoted(Event, tag="model.promoted"):
    """The monitor's own: another model is in force."""

    data: d.PromotedData


PublicEvent = (
    Established
    | Changed
    | Deregistered
    | Revoked
    | Cancelled
    | Suspended
    | Resumed
    | ReportFiled
    | ReportMissed
    | Inspected
    | Visited
    | LetterSent
    | LetterReturned
    | LetterDelivered
    | Penalised
    | AbnormalListed
    | AbnormalRemoved
    | DishonestListed
    | DishonestRemoved
    | Complaint
    | SamplingFailed
    | SamplingPassed
    | CourtListed
    | CourtRemoved
    | TaxIrregular
    | TaxRegular
    | CommitmentMade
    | CommitmentBreached
    | Repaired
    | ObjectionFiled
    | ObjectionDecided
    | Honoured
    | Ticked
)
"""What anybody may send."""

OwnEvent = ConfigActivated | RetentionApplied | ModelPromoted | MonitorLive | Cut | AlertAct | TaskAct | HostAct
"""What the monitor alone writes."""

LoggedEvent = PublicEvent | OwnEvent

PUBLIC_TYPES: dict[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in PublicEvent.__args__}
OWN_TYPES: dict[str, type[Event]] = {str(kind.__struct_config__.tag): kind for kind in OwnEvent.__args__}


def type_name(event: Event) -> str:
    """The contract's name of an event's type, such as `registration.established`."""
    return str(event.__struct_config__.tag)


encode_logged = msgspec.msgpack.Encoder().encode
"""One accepted event as the log holds it: MessagePack, `time` in microseconds."""

_logged_batch = msgspec.msgpack.Decoder(list[LoggedEvent])


def decode_logged(batch: bytes) -> list[Event]:
    """The events of one block of the log, in their order."""
    return list(_logged_batch.decode(batch))
