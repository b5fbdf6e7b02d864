"""The reference of classes for people, written from the cards: `docs/classes.md`."""

from __future__ import annotations

from typing import Final

from config.scorecards import DIMENSIONS, Cards, Line
from monitor.rulebook import certainty_text

_KINDS: Final = {"enterprise": "企业", "individual": "个体工商户", "cooperative": "合作社", "branch": "分支机构"}

_HEAD: Final = """# 信用风险类别 / Credit-risk classes

由 `python -m monitor.scorebook` 从评分卡生成，请勿手改。/
Generated from the scorecards by `python -m monitor.scorebook`; do not edit.

每户存续的企业、个体工商户、合作社和分支机构都有类别 A（低）至 D（高），供差异化监管参考；
不对外公布，不据此列名单、罚款或限制。
Every live enterprise, individual business, cooperative and branch has a class from A (low risk) to D (high). It is a
reference for supervision: it is not published, and lists, fines or blocks nobody.

- **得分 / score**: 各项分数之和，不低于 0；每一分都可追溯到带日期的事件。The sum of the items, never below 0; every
  point is traced to dated events. `credit-monitor explain CODE` prints the whole reckoning, the way up, and how each
  item is repaired; `credit-monitor export classes` prints JSON Lines.
- **何时计算 / when**: 每月第一次、评分卡更换时全部重算；单户在新的红色信号或 `red_detectors` 的信号出现时重算。
  All at the first judgement of a month and under other cards; one when a red signal, or one of `red_detectors`, arrives
  on it; and all at the end of `run --once`. 实时运行时分批计算，全部算完后的下一个截面起生效。
  A live monitor works all of them out in pieces, as of one cut; they hold from the next cut on after the last piece.
- **失效 / lapse**: 自发生（持续的自结束）之日起满年限的周年日零时（Asia/Shanghai）起不再计分，
  最长五年（浙江省公共信用信息管理条例第十六条）。
  What happened stops counting when its anniversary begins, five years at most; what lasts counts from its end.
- **修复 / repair**: `credit.repaired` 或被支持的异议（以最后一次决定为准）所指文书，不再计分。
  A document that was repaired, or whose objection was upheld (the latest decision holds), counts no more.
- **异议 / objection**: 待决期间标记，仍计分。It is marked and still counts until decided.
- **投诉 / complaints**: 只计查实的；同一编号以最后一次说明为准。
  Only those found true; of several events the last that says so.
- **容错 / tolerance**: 唯一的失信事实低于容错分的，结果带 `tolerated` 标记，不产生任务。
  A single fault of fewer points than the tolerance is flagged `tolerated` and makes no task.
- **不计 / never counted**: 年龄、性别、籍贯、资本变更、收入、存款、纳税额，以及仅凭姓名认定的关联。
  Age, sex, home region, changes of capital, income, deposits, tax amounts, and ties or signals that
  rest on a bare name.

评分卡文件夹 / another folder of cards: `CREDIT_MONITOR_SCORECARDS`.
"""


def classes_reference(cards: Cards) -> str:
    """The whole reference as Markdown."""
    general = cards.general
    out = [
        _HEAD,
        f"版本 / version {general.version}; 责任人 / owner: {general.owner}; 自 / from {general.valid_from}.",
        f"门槛 / thresholds: {', '.join(f'{name} ≥ {points}' for name, points in general.thresholds.items())}; "
        f"容错 / tolerance: < {general.tolerance_points}; 年限 / years: {general.lapse_years}; "
        f"一般处罚 / ordinary from {general.penalties.ordinary_from:,} 元, 严重 / severe from "
        f"{general.penalties.severe_from:,} 元; red_detectors: {', '.join(general.red_detectors)}.",
    ]
    lines = list(cards.lines())
    for card in ("", *cards.industries):
        if card:
            industry = cards.industries[card]
            matches = [*industry.matches.industries, *industry.matches.address_kinds]
            out += ["", f"## {industry.title.zh} / {industry.title.en} (`{card}.yaml`)", ""]
            out.append(f"适用 / for: {', '.join(matches)}; 责任人 / owner: {industry.owner}.")
        else:
            out += ["", f"## {general.title.zh} / {general.title.en} (`general.yaml`)"]
        out += [
            "",
            "| 维度 dimension | 项目 item | 分 points | 最多 most | 年 years | 条件 where | 依据 basis |",
            "|---|---|---|---|---|---|---|",
        ]
        out += [_row(line, cards) for line in lines if line.card == card]
    return "\n".join(out + _repairs(cards)) + "\n"


def _row(line: Line, cards: Cards) -> str:
    item = line.item
    where = [f"`{fact}`" for fact in item.facts]
    if item.levels is not None:
        where.append(f"等级 levels {', '.join(map(str, item.levels))}")
    if item.at_least > 1:
        where.append(f"至少 at least {item.at_least}")
    if item.once:
        where.append("只计一次 once")
    if item.worst_class is not None:
        where.append(f"至少 class at least {item.worst_class}")
    points = [f"{item.points:+d}", *(f"{_KINDS[kind]} {w.points:+d}" for kind, w in item.by_kind.items())]
    most = [str(item.most or "–"), *(f"{_KINDS[kind]} {w.most or '–'}" for kind, w in item.by_kind.items())]
    return (
        f"| {'/'.join(DIMENSIONS[item.dimension])} | {item.title.zh} {item.title.en} `{line.id}` | {', '.join(points)} "
        f"| {', '.join(most)} | {cards.years(line)} | {'; '.join(where)} "
        f"| {item.basis}（{certainty_text(item.certainty)}） |"
    )


def _repairs(cards: Cards) -> list[str]:
    out = [
        "",
        "## 信用修复 / Repair (`repair.yaml`)",
        "",
        "月数自该事实之日起算。Months are counted from the date of the fact; `–` where there is nothing to apply for.",
        "",
        "| 事实 fact | 办法 way | 起 from month | 止 by month | 依据 basis |",
        "|---|---|---|---|---|",
    ]
    for fact, one in cards.repair.items():
        begins = "–" if one.never else str(one.after_months or 0)
        begins += "".join(f", {name}: {months}" for name, months in one.by_industry.items())
        out.append(
            f"| `{fact}` {one.title.zh} {one.title.en} | {one.way.zh} / {one.way.en} | {begins} "
            f"| {one.most_months or '–'} | {one.basis}（{certainty_text(one.certainty)}） |"
        )
    return out


if __name__ == "__main__":
    import sys

    from config.scorecards import load

    sys.stdout.write(classes_reference(load()))
