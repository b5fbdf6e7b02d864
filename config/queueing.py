"""How the targeted-supervision queue is filled: part of the rules that an owner signs (`queue:` in a rules file).

Points are summed to a priority; days are working days where they say so. What each default rests on stands beside it in
`config/rules/default.yaml`.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from config.workdays import Deadline, add_working_days

Class = Literal["A", "B", "C", "D"]
Receiver = Literal["assignees", "county_head", "city"]

Count = Annotated[int, Meta(ge=0)]
Days = Annotated[int, Meta(ge=1)]
Points = Annotated[float, Meta(ge=0)]
Share = Annotated[float, Meta(gt=0, lt=1)]

CLASSES: Final[tuple[Class, ...]] = ("A", "B", "C", "D")
"""From low to high risk."""


class LevelPoints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points for the highest level of a subject's alerts."""

    notice: Points = 10
    yellow: Points = 25
    orange: Points = 45
    red: Points = 70

    @property
    def by_level(self) -> tuple[float, ...]:
        """By the number of the level, from 0, which is none."""
        return (0.0, self.notice, self.yellow, self.orange, self.red)


class ClassPoints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points for the credit-risk class; a subject of several enterprises has that of the worst."""

    A: Points = 0
    B: Points = 5
    C: Points = 15
    D: Points = 25


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points for each of something, up to the most that it can give."""

    each: Points
    most: Points

    def points(self, number: float) -> float:
        """Those that so many give."""
        return min(number * self.each, self.most)


class HarmPoints(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Points for harm: penalties, complaints and failed samples of the last year, and a sensitive industry, which is
    named by the beginning of its GB/T 4754 code.
    """

    penalties: Counted = Counted(3, 9)
    complaints: Counted = Counted(1, 8)
    failed_samples: Counted = Counted(4, 8)
    sensitive_industry: Points = 8
    sensitive_industries: tuple[str, ...] = ("C13", "C14", "C15", "C27", "F512", "F515", "F522", "F525", "H62")


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a priority is the sum of. `second_opinion`: for each level of each model's finding; `forecast`: in `rank`,
    for a chance of 1; `forecast_in_task`: the same in the priority of a task; `weak_identity` and `opening_stock` are
    taken off.
    """

    level: LevelPoints = LevelPoints()
    cls: ClassPoints = msgspec.field(name="class", default=ClassPoints())
    further_alert: Counted = Counted(4, 12)
    age_day: Counted = Counted(0.5, 15)
    enterprise: Counted = Counted(0.5, 15)
    harm: HarmPoints = HarmPoints()
    second_opinion: Counted = Counted(4, 12)
    forecast: Points = 60
    forecast_in_task: Points = 12
    weak_identity: Points = 10
    opening_stock: Points = 10


class LevelDays(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Working days until a task is due, by the highest level of its alerts."""

    notice: Days = 30
    yellow: Days = 15
    orange: Days = 7
    red: Days = 3

    def days(self, level: int) -> int:
        """Working days for a level; without alerts those of a notice."""
        return (self.notice, self.notice, self.yellow, self.orange, self.red)[level]


class Escalation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is told of a task that is overdue by more than `after` working days."""

    after: Count
    tell: Annotated[tuple[Receiver, ...], Meta(min_length=1)]


class Quiet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """无事不扰: these classes are left in peace, but for an alert of the level or the detectors that lift it."""

    classes: tuple[Class, ...] = ("A",)
    lifted_at_level: Annotated[int, Meta(ge=1, le=4)] = 4
    lifted_by: tuple[str, ...] = ("complaint-surge",)


class JointRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another agency that would come as well: named by detectors, or by the beginnings of GB/T 4754 codes."""

    agency: Annotated[str, Meta(min_length=1)]
    detectors: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()


class Control(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Random tasks a county and day on enterprises without alerts, within `new_tasks_a_day`. `seed` draws them."""

    each_day: Count = 1
    seed: Annotated[str, Meta(min_length=1)] = "control-2026"


class Tuning(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When closed tasks are enough to propose a threshold: outcomes, and the share of false alarms that is borne."""

    least_outcomes: Days = 30
    false_alarms_borne: Share = 0.3
    confidence: Share = 0.95


class QueuePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of the queue that is policy. `unknown_class` is the class of an enterprise that has none yet;
    `second_opinions` are the detectors that raise a priority and never make a task by themselves.
    """

    new_tasks_a_day: Count = 20
    visits_a_year: Count = 2
    visit_window_days: Days = 365
    unknown_class: Class = "B"
    second_opinions: tuple[str, ...] = ("anomaly", "shell-cluster")
    off_site_classes: tuple[Class, ...] = ("A", "B")
    quiet: Quiet = Quiet()
    weights: Weights = Weights()
    due_working_days: LevelDays = LevelDays()
    escalation: tuple[Escalation, ...] = (
        Escalation(0, ("assignees",)),
        Escalation(3, ("assignees", "county_head")),
        Escalation(7, ("county_head", "city")),
    )
    joint: tuple[JointRule, ...] = (
        JointRule("税务 / tax", detectors=("shell-cluster", "phoenix")),
        JointRule("教育 / education", industries=("P83",)),
        JointRule("卫生健康 / health", industries=("Q84",)),
        JointRule("住房城乡建设 / housing and construction", industries=("E47", "K70")),
    )
    control: Control = Control()
    objection_working_days: Days = 5
    objection_most_working_days: Days = 20
    tuning: Tuning = Tuning()

    def __post_init__(self) -> None:
        """Refuses policies that contradict themselves."""
        steps = [step.after for step in self.escalation]
        if steps != sorted(set(steps)):
            msg = "escalation: each step needs a larger `after` than the one before"
            raise ValueError(msg)
        if self.control.each_day > self.new_tasks_a_day:
            msg = "control.each_day cannot exceed new_tasks_a_day: control tasks are among them"
            raise ValueError(msg)
        if self.objection_most_working_days < self.objection_working_days:
            msg = "objection_most_working_days cannot be below objection_working_days"
            raise ValueError(msg)

    def due(self, level: int, today: dt.date) -> Deadline:
        """The last day for a task that is made today."""
        return add_working_days(today, self.due_working_days.days(level))
