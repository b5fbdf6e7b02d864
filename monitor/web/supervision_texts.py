"""Texts of the page `/supervision` in both languages, Chinese first: see `monitor.web.texts`."""

from __future__ import annotations

from typing import Final

from detectors.base import Text

SUPERVISION: Final = {
    "supervision_title": Text("预警", "Alerts"),
    "supervision_subtitle": Text(
        "预警只提示核查，处置由具名人员决定", "Alerts ask for a check; what is done, a named officer decides"
    ),
    "officer": Text("执法人员", "Officer"),
    "officer_hint": Text("姓名或编号", "name or number"),
    "officer_note": Text("尚无登录，以此记入经过", "no sign-in yet: acts are noted under it"),
    "officer_missing": Text("请先在页首填写执法人员", "Give the officer's name at the top of the page first"),
    "elsewhere": Text(
        "此页面可从别的机器访问，尚无登录：只能查看；办理请在本机用 credit-monitor alert。",
        "This page can be reached from other machines and has no sign-in yet: it only shows. "
        "To act, use credit-monitor alert on the machine itself.",
    ),
    "unsupervised": Text(
        "集群的日志尚未上线：worker 加 --live 之后研判预警。",
        "The log of the cluster is not live yet: alerts are worked out once a worker runs with --live.",
    ),
    "drifted": Text(
        "异常模型已偏离训练时的数据（{n} 项；{worst}），其预警可能失准：请重新训练，比较后由经办人启用。",
        "The anomaly model no longer fits the present ({n} beyond the limits: {worst}); its alerts may miss: "
        "train again, compare, and have an officer promote the better.",
    ),
    "drifted_p": Text("p 值偏离均匀 {value}", "p-values {value} from uniform"),
    "county": Text("辖区", "County"),
    "every_county": Text("全省", "All counties"),
    "every_state": Text("状态", "Status"),
    "only": Text("只看", "Only"),
    "show_all": Text("看全部", "Show all"),
    "asking_matrix": Text("待处置：规则 × 等级", "Asking for attention, by rule and level"),
    "asking_note": Text("点数字只看这些", "a number shows those alone"),
    "alerts": Text("预警", "Alerts"),
    "alerts_some": Text("等级高的在前；显示前 {shown} 条，共 {n} 条", "highest level first; {shown} of {n} shown"),
    "alerts_all": Text("等级高的在前；共 {n} 条", "highest level first; {n} in all"),
    "no_alerts": Text("没有这样的预警", "There are no such alerts"),
    "not_chosen": Text("已不在所选范围，合上后移去", "not among those chosen any more: goes when closed"),
    "number_of": Text("编号", "Id"),
    "compared": Text("比对", "Compared"),
    "of_value": Text("现值 {}", "value {}"),
    "of_usual": Text("同类通常 {}", "usual among peers {}"),
    "ties": Text("共用", "Shared"),
    "tie_room": Text("处所", "Room"),
    "tie_person": Text("牵头人员", "Lead person"),
    "tie_count": Text("{n} 户", "{n} enterprises"),
    "of_threshold": Text("阈值 {}", "threshold {}"),
    "of_contribution": Text("贡献 {}", "contribution {}"),
    "its_task": Text("任务", "Task"),
    "more": Text("再显示 20 条", "Show 20 more"),
    "history": Text("经过", "History"),
    "what": Text("事项", "What"),
    "who_and_why": Text("人员与说明", "Who and why"),
    "quiet_until": Text("暂缓至", "Snoozed until"),
    "quieted_by": Text("由此预警抑制", "Inhibited by"),
    "before": Text("此前的预警", "The one before"),
    "rule_hash": Text("规则文件", "Rules"),
    "reason": Text("理由或说明", "Reason or note"),
    "until": Text("暂缓至", "Snooze until"),
    "do_acknowledged": Text("签收", "Acknowledge"),
    "do_dispatched": Text("派发", "Dispatch"),
    "do_snoozed": Text("暂缓", "Snooze"),
    "do_reopened": Text("重开", "Reopen"),
    "done": Text("已办理：{act}", "Done: {act}"),
    "unsent": Text("没有送达：请检查监测是否在运行", "Not sent: is the monitor running?"),
    "loading": Text("正在读取……", "Loading…"),
    "scripts": Text(
        "浏览器未启用脚本：可看筛选结果，不能办理。", "Without scripts you can look, by the links, but not act."
    ),
}

STATE_NAMES: Final = {
    "asking": Text("待处置", "Asking for attention"),
    "open": Text("待签收", "Open"),
    "acknowledged": Text("已签收", "Acknowledged"),
    "dispatched": Text("已派发", "Dispatched"),
    "quiet": Text("已安静", "Quieted"),
    "resolved": Text("已办结", "Resolved"),
    "cleared": Text("已消除", "Cleared"),
    "all": Text("全部", "All"),
}

FLAG_NAMES: Final = {
    "snoozed": Text("暂缓", "snoozed"),
    "inhibited": Text("被抑制", "inhibited"),
    "disputed": Text("异议未决", "disputed"),
    "stale": Text("暂停更新", "stale"),
    "opening_stock": Text("存量", "opening stock"),
}

STEP_NAMES: Final = {
    "opened": Text("生成", "opened"),
    "returned": Text("再次出现", "came again"),
    "fell_away": Text("信号消失", "signal fell away"),
    "came_back": Text("信号恢复", "signal came back"),
    "raised": Text("等级升高", "level rose"),
    "lowered": Text("等级降低", "level fell"),
    "snooze_ended": Text("暂缓到期", "snooze ended"),
    "cleared": Text("消除", "cleared"),
    "inhibited": Text("被抑制", "inhibited"),
    "uninhibited": Text("抑制解除", "no longer inhibited"),
    "disputed": Text("提出异议", "disputed"),
    "undisputed": Text("异议已决", "objection decided"),
    "acknowledged": Text("签收", "acknowledged"),
    "snoozed": Text("暂缓", "snoozed"),
    "dispatched": Text("派发", "dispatched"),
    "withdrawn": Text("派发撤回", "dispatch withdrawn"),
    "resolved": Text("办结", "resolved"),
    "reopened": Text("重开", "reopened"),
}
"""The entries of an alert's history (see `monitor.supervision.alerts`)."""
