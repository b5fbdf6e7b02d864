"""The data of every event type (contract §2). `monitor.events.types` puts them into envelopes.

A field that may be missing is `UNSET`, never `None`: `null` in a known field is an error of the sender.
"""

from __future__ import annotations

import datetime as dt
import sys
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from monitor.events.envelope import Word
from monitor.events.vocabulary import (
    AddressKind,
    DeregistrationMode,
    EnterpriseKind,
    IdType,
    InspectionResult,
    ListingGround,
    ModelKind,
    Role,
)

Text = str | UnsetType
Year = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number that 64 bits hold; the schemas say so."""

Number = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)] | UnsetType
"""A number that a double holds; the schemas say so."""

Truth = bool | UnsetType


class Address(Struct, omit_defaults=True, gc=False):
    """A registered address as the source wrote it; `region` is a 6-digit county code, maybe a retired one."""

    text: str
    region: Text = UNSET
    kind: AddressKind | UnsetType = UNSET


class Identity(Struct, omit_defaults=True, gc=False):
    """Who a person is: `id` holds over `id_number`; a bare `name` is a weak identity.

    After intake: `id` is a pseudonym (`n1:…` for a bare name), `name` at most its masked label.
    """

    id: Text = UNSET
    id_number: Text = UNSET
    id_type: IdType | UnsetType = UNSET
    name: Text = UNSET


class Person(Identity, omit_defaults=True, gc=False, kw_only=True):
    """A person in a role at the enterprise."""

    role: Role


class Empty(Struct, omit_defaults=True, gc=False):
    """Data of a type of which nothing is known beyond its happening."""


class EstablishedData(Struct, omit_defaults=True, gc=False):
    """A registration: the stock as well as what is new."""

    name: str
    kind: EnterpriseKind
    address: Address
    persons: list[Person]
    industry: Text = UNSET
    type_code: Text = UNSET
    capital: Number = UNSET
    phone: Text = UNSET
    agent: Text = UNSET


class ChangedData(Struct, omit_defaults=True, gc=False):
    """Each field that is there is the whole new value."""

    name: Text = UNSET
    address: Address | UnsetType = UNSET
    persons: list[Person] | UnsetType = UNSET
    industry: Text = UNSET
    capital: Number = UNSET
    phone: Text = UNSET


class DeregisteredData(Struct, omit_defaults=True, gc=False):
    """注销."""

    mode: DeregistrationMode | UnsetType = UNSET


class DocumentReasonData(Struct, omit_defaults=True, gc=False):
    """An act with its document and reason (吊销, 撤销)."""

    document: Text = UNSET
    reason: Text = UNSET


class SuspendedData(Struct, omit_defaults=True, gc=False):
    """歇业, to the end of the day `until`."""

    until: dt.date | UnsetType = UNSET


class YearData(Struct, gc=False):
    """An annual report, by its year."""

    year: Year


class InspectedData(Struct, omit_defaults=True, gc=False):
    """The results of one inspection, a set."""

    results: list[InspectionResult]
    plan: Text = UNSET
    random: Truth = UNSET


class VisitedData(Struct, gc=False):
    """A visit to the registered address."""

    found: bool


class NumberData(Struct, gc=False):
    """A mailing, by its number."""

    number: str


class PenalisedData(Struct, omit_defaults=True, gc=False):
    """行政处罚; `amount` in yuan."""

    document: str
    category: Text = UNSET
    amount: Number = UNSET


class ListingData(Struct, omit_defaults=True, gc=False):
    """经营异常名录, by ground."""

    ground: ListingGround
    document: Text = UNSET


class DocumentData(Struct, omit_defaults=True, gc=False):
    """An act with its document."""

    document: Text = UNSET


class ComplaintData(Struct, omit_defaults=True, gc=False):
    """12315 投诉举报; `reachable` false: the complainant or office could not reach the enterprise."""

    number: str
    category: Text = UNSET
    verified: Truth = UNSET
    reachable: Truth = UNSET


class SamplingData(Struct, omit_defaults=True, gc=False):
    """抽检."""

    document: Text = UNSET
    category: Text = UNSET


class CourtData(Struct, omit_defaults=True, gc=False):
    """失信被执行人: `person`, or the enterprise itself where absent."""

    document: Text = UNSET
    person: Identity | UnsetType = UNSET


class RepairedData(Struct, gc=False):
    """信用修复 of the named documents."""

    documents: list[str]


class ObjectionData(Struct, omit_defaults=True, gc=False):
    """异议, about a document or an alert."""

    document: Text = UNSET
    alert: Text = UNSET


class DecisionData(Struct, omit_defaults=True, gc=False):
    """The decision on an objection."""

    upheld: bool
    document: Text = UNSET
    alert: Text = UNSET


Configured = Literal["rules", "scorecards", "push"]


class ActivatedData(Struct, omit_defaults=True, gc=False):
    """What is in force from here on: its whole content, its hash, and who answers for it.

    `content` of `rules` is their text, of `scorecards` the texts by file as JSON; of `push` JSON without addresses.
    """

    content_hash: str
    officer: str
    content: str
    what: Configured = "rules"


class RetentionData(Struct, gc=False):
    """Lapsed adverse information has been deleted: what had ended before a day, in Asia/Shanghai.

    `content_hash`: SHA-256 over the names of the events that are gone, `subject source id` a line, sorted. `counts`: of
    events by type, and of `alerts`, `tasks`, `messages` and `dead-letters`.
    """

    content_hash: str
    officer: str
    before: dt.date
    counts: dict[str, int]


class LiveData(Struct, gc=False):
    """From here on alerts are for people."""

    officer: str


class PromotedData(Struct, gc=False):
    """A model in force from here on, by its content hash; the seed that it was trained with, and why it was chosen.
    `anomaly-challenger`: an anomaly model that is only asked in shadow from here on.
    """

    kind: ModelKind
    model: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    officer: Word
    reason: Word
