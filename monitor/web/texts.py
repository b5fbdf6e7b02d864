"""Every text of the page in both languages, Chinese first. Templates take them from here by name."""

from __future__ import annotations

from typing import Final, Literal

from detectors.base import LEVEL_NAMES, Text
from monitor.metrics import Doing

Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")

HTML_LANG: Final[dict[Language, str]] = {"zh": "zh-CN", "en": "en"}

PAGE: Final = {
    "title": Text("浙江经营主体信用风险监测", "Credit-risk monitor, Zhejiang"),
    "subtitle": Text(
        "一址多照、一人多企、查无下落的早期预警",
        "Early warning: one address many licences, one person many enterprises, untraceable",
    ),
    "made_up": Text(
        "演示数据：企业、人员、地址和事件全部由程序虚构，如有雷同纯属巧合；异常模型由这些数据训练，经虚构的经办人启用。",
        "Demo data: all enterprises, persons, addresses and events are made up by a program. "
        "Any likeness to real ones is chance. The anomaly model learned from them; a made-up officer promoted it.",
    ),
    "pointer": Text(
        "信号只是供人核实的线索，不是结论；列入、处罚由执法人员依法决定。",
        "A signal is a pointer for an officer to check, never a conclusion: people list and penalise, by law.",
    ),
    "skip": Text("跳到正文", "Skip to the content"),
    "pages": Text("页面", "Pages"),
    "nav_monitor": Text("监测", "Monitor"),
    "nav_alerts": Text("预警", "Alerts"),
    "nav_tasks": Text("任务", "Tasks"),
    "nav_letters": Text("死信", "Dead letters"),
    "language": Text("语言", "Language"),
    "as_of": Text("数据截至", "As of"),
    "lost": Text("连接已断开，正在重新连接……", "Connection lost, trying again…"),
    "unscripted": Text(
        "浏览器未启用脚本：请刷新页面查看最新数据。", "Without scripts the page does not update itself: reload it."
    ),
    "news": Text("信号已更新，现有 {n} 条", "Signals updated, {n} in force"),
    "totals": Text("总量", "Totals"),
    "events": Text("事件", "Events"),
    "repeats": Text("另有重复 {n}", "and {n} repeats"),
    "enterprises": Text("经营主体", "Enterprises"),
    "rooms": Text("房间", "Rooms"),
    "persons": Text("人员", "Persons"),
    "persons_note": Text("以假名区分", "told apart by pseudonyms"),
    "rooms_note": Text("由地址文本归一", "from texts of addresses"),
    "enterprises_note": Text("含已注销、吊销", "ended ones included"),
    "dead_letters": Text("死信", "Dead letters"),
    "dead_letters_note": Text("拒收待处理，点开看原因", "refused and open: see why"),
    "parked": Text("停放", "Parked"),
    "parked_none": Text("无程序缺陷", "no defect of the program"),
    "parked_some": Text("程序缺陷，见日志", "a defect of the program: see its log"),
    "signals": Text("信号", "Signals"),
    "asking": Text("待处置预警", "Alerts to act on"),
    "open_tasks": Text("未结任务 {n}", "{n} open tasks"),
    "matrix": Text("现有信号：规则 × 等级", "Signals in force by rule and level"),
    "rule": Text("规则", "Rule"),
    "sum": Text("合计", "Total"),
    "newest": Text("最新信号", "Newest signals"),
    "newest_note": Text("最近 {n} 条，新的在前；点开看依据", "the latest {n}, newest first; open one for its evidence"),
    "no_signals": Text("暂无信号", "No signals yet"),
    "since": Text("自", "since"),
    "raised": Text("发现于", "Raised"),
    "way_out": Text("消除条件", "What would end it"),
    "deadlines": Text("期限", "Deadlines"),
    "evidence": Text("依据", "Evidence"),
    "evidence_some": Text("最近 {shown} 件，共 {n} 件", "the latest {shown} of {n}"),
    "date": Text("日期", "Date"),
    "event": Text("事件编号", "Event"),
    "source": Text("来源", "Source"),
    "of": Text("主体", "Enterprise"),
    "involved": Text("涉及经营主体", "Enterprises counted"),
    "involved_some": Text("前 {shown} 户，共 {n} 户", "{shown} of {n}"),
    "weak": Text("仅凭姓名认定，可能是同名", "Rests on a bare name: may be a namesake"),
    "stale": Text("暂停更新：等待程序修复", "Not kept up to date: waits for a fix"),
    "nameless": Text("（未提供姓名）", "(no name given)"),
    "unknown_region": Text("辖区不明", "region unknown"),
    "metrics": Text("监测指标", "Metrics"),
    "health": Text("运行状况", "Health"),
}

DEAD_LETTERS: Final = {
    "dead_letters_title": Text("死信", "Dead letters"),
    "dead_letters_subtitle": Text(
        "不合契约而拒收的输入：原因、来源与修复", "Input refused: why, from where, how to mend it"
    ),
    "open_now": Text("待处理", "Open"),
    "open_note": Text("按来源与原因，点数字只看这些", "by source and reason; a number shows those alone"),
    "all_shown": Text("全部原因与来源", "all reasons and sources"),
    "only": Text("只看", "Only"),
    "show_all": Text("看全部", "Show all"),
    "none_open": Text("没有待处理的死信", "No dead letter is open"),
    "other_sources": Text("其他 {n} 个来源", "{n} other sources"),
    "by_day": Text("近 30 天每日拒收", "Refused on each of the last 30 days"),
    "by_day_note": Text("深色为仍待处理", "dark: still open"),
    "of_day": Text("{day}：拒收 {count}，待处理 {open}", "{day}: {count} refused, {open} open"),
    "most": Text("单日最多 {n}", "most on a day: {n}"),
    "newest_letters": Text("最新的待处理死信", "The newest that are open"),
    "newest_letters_note": Text(
        "最近 {n} 件；证件号等已转为假名或隐去", "the latest {n}; numbers are pseudonyms or hidden"
    ),
    "place": Text("第 {line} 行，偏移 {offset}", "line {line}, offset {offset}"),
    "received_at": Text("接收于", "Received"),
    "tries": Text("已试 {n} 次", "tried {n} times"),
    "masked": Text("原文无法识读，已遮盖；全文见来源", "could not be read, so it is masked: the source has it"),
    "how_to_mend": Text("如何修复", "How to mend them"),
    "step_fix": Text(
        "先修好原因：升级程序，或改正映射；然后重读（有写入者时由其代办）：",
        "Mend the cause first, by a new version or a better mapping; then read them again (a running writer does it):",
    ),
    "step_table": Text("来自表格的行，给出改好的映射：", "Rows of tables, by the mended mapping:"),
    "step_edit": Text(
        "或改正文本：导出，改好其中的 text，只留改过的行，再交回：",
        "Or mend the texts: export, edit `text`, keep the lines that you mended, and hand them back:",
    ),
    "step_look": Text("先看看哪些能通过，不写入：", "See first what would come through; nothing is written:"),
    "unanswered": Text("数据库没有应答，请稍后刷新", "The database does not answer: reload in a moment"),
}

DOING: Final[dict[Doing, Text]] = {
    "opening": Text("正在打开", "Opening"),
    "generating": Text("正在生成虚构数据", "Making up a province"),
    "reading": Text("正在读入事件", "Reading events"),
    "live": Text("实时监测中", "Live"),
}

LEVELS: Final = {level: Text(zh, en) for level, (zh, en) in LEVEL_NAMES.items()}

DUTIES: Final = {
    "second_letter": Text("寄出第二封专用信函：{opens} 至 {due}", "Send the second letter: {opens} to {due}"),
    "listing": Text("列入经营异常名录：{due} 之前", "List as abnormal: by {due}"),
}
PROVISIONAL: Final = Text("（该年放假安排未公布，暂按周末推算）", " (provisional: that year's calendar is not known)")


def duty_text(deadline: dict[str, str | bool], language: Language) -> str:
    """A deadline of a signal (see `detectors.base.Deadline`) as a sentence."""
    text: str = getattr(DUTIES[str(deadline["duty"])], language).format(**deadline)
    return text + (getattr(PROVISIONAL, language) if deadline.get("provisional") else "")
