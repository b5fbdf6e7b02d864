"""Texts of tasks in both languages, Chinese first: see `monitor.web.texts`."""

from __future__ import annotations

from typing import Final

from detectors.base import Text
from monitor.supervision.task_moves import MOVES, STATUS_NAMES

TASKS: Final = {
    "tasks_title": Text("任务与待办", "Tasks and to-dos"),
    "tasks_subtitle": Text(
        "评分与队列只提出建议；派发、核查、办结由具名人员决定",
        "The queue proposes; a named officer dispatches, checks and closes",
    ),
    "tasks": Text("任务", "Tasks"),
    "tasks_some": Text("显示前 {shown} 项，共 {n} 项", "{shown} of {n} shown"),
    "tasks_all": Text("共 {n} 项", "{n} in all"),
    "tasks_order": Text("未结的按优先级，已结的新的在前", "open ones by priority, ended ones newest first"),
    "no_tasks": Text("没有这样的任务", "There are no such tasks"),
    "mine": Text("只看我的任务", "My tasks alone"),
    "of_officer": Text("经办人 {officer}", "of officer {officer}"),
    "held": Text("未列为任务的预警", "Alerts that are no task"),
    "held_note": Text("待处置而未成任务，按原因", "they ask for attention; by the reason"),
    "none_held": Text("没有", "None"),
    "priority": Text("优先级", "Priority"),
    "class_mix": Text("信用风险分类", "Classes"),
    "class_mix_note": Text("在营主体", "live enterprises"),
    "class_name": Text("{name} 类", "Class {name}"),
    "no_classes": Text("尚未分类", "No classes yet"),
    "due": Text("期限", "Due"),
    "provisional": Text("（暂定）", " (provisional)"),
    "overdue": Text("已逾期", "overdue"),
    "two_officers": Text("经办人（两名）", "Two officers"),
    "first_officer": Text("经办人一", "First officer"),
    "second_officer": Text("经办人二", "Second officer"),
    "outcome": Text("结果", "Outcome"),
    "former_outcomes": Text("更正前", "Before the correction"),
    "correct": Text("更正结果", "Correct the outcome"),
    "further": Text("指派、移交、并入……", "Assign, hand over, merge…"),
    "to_county": Text("移交到", "Hand over to"),
    "into_task": Text("并入任务", "Merge into"),
    "no_other_task": Text("本县没有可并入的其他未结任务", "There is no other open task in this county"),
    "came_from": Text("移交自", "Handed over by"),
    "went_into": Text("已并入", "Merged into"),
    "no_visit_left": Text("到访次数已满", "No visit left this year"),
    "agencies": Text("可联合的部门", "Agencies that would come too"),
    "not_registered": Text("（登记中没有此主体）", "(not in the register)"),
    "by_hand": Text("人工建立任务", "Make a task by hand"),
    "by_hand_note": Text("不占当日限额；须有理由", "outside the day's cap; needs a reason"),
    "enterprises_of_it": Text("统一社会信用代码", "Codes of enterprises"),
    "codes_hint": Text("一个或多个，空格分开", "one or several, with spaces between"),
    "mode": Text("方式", "Mode"),
    "due_by": Text("期限（可不填）", "Due (may be left out)"),
    "choose": Text("请选择", "Choose"),
    "create": Text("建立任务", "Make the task"),
    "todos": Text("法定待办", "Statutory to-dos"),
    "todos_note": Text("期限近的在前", "those due first come first"),
    "todos_some": Text("显示前 {shown} 件，共 {n} 件", "{shown} of {n} shown"),
    "no_todos": Text("没有法定待办", "No statutory to-do"),
    "duty": Text("事项", "Duty"),
    "opens": Text("自 {day} 起可办", "opens on {day}"),
}

OUTCOMES: Final = {
    "none_found": Text("未发现问题", "nothing found"),
    "not_disclosed": Text("未按规定公示", "not disclosed"),
    "false_disclosure": Text("公示隐瞒或虚假", "false disclosure"),
    "unreachable": Text("通过登记住所无法联系", "unreachable"),
    "corrected": Text("已责令改正", "ordered to correct"),
    "uncooperative": Text("不配合检查", "uncooperative"),
    "not_operating": Text("未开展相关经营", "not operating"),
    "pending": Text("待后续处理", "pending"),
    "false_alarm": Text("误报（须说明理由）", "false alarm (give the reason)"),
}

FLAGS: Final = {
    "control": Text("随机对照", "control sample"),
    "by_hand": Text("人工", "by hand"),
    "fallen_away": Text("预警已消除", "its alerts are gone"),
}

MODES: Final = {
    "off_site": Text("非现场", "off site"),
    "on_site": Text("现场", "on site"),
    "joint": Text("联合", "joint"),
}

STEPS: Final = {
    **{move.step: Text(move.zh, move.step.replace("_", " ")) for move in MOVES},
    "displaced": Text("让位", "made way"),
    "escalated": Text("逾期提醒", "escalated"),
    "fell_away": Text("预警消除", "alerts fell away"),
    "came_back": Text("预警恢复", "alerts came back"),
}

DO: Final = {
    "dispatched": Text("派发", "Dispatch"),
    "accepted": Text("签收", "Accept"),
    "visited": Text("核查", "Note the check"),
    "reviewed": Text("复核", "Review"),
    "closed": Text("办结", "Close"),
    "returned": Text("退回", "Return"),
    "exempted": Text("免查", "Exempt"),
    "assigned": Text("指派", "Assign"),
    "transferred": Text("移交", "Hand over"),
    "merged": Text("并入", "Merge"),
}
"""What officers do, as buttons have it."""

STATES: Final[dict[str, Text]] = {
    "open": Text("未结", "Open"),
    "overdue": Text("已逾期", "Overdue"),
    **{name: Text(zh, en.capitalize()) for name, (zh, en) in STATUS_NAMES.items()},
    "all": Text("全部", "All"),
}

TODO_STATES: Final[dict[str, Text]] = {
    "waiting": Text("未到", "waiting"),
    "open": Text("可办", "open"),
    "overdue": Text("已逾期", "overdue"),
}
