"""The rules reference for people, written from the detectors and the rules file: `docs/rules.md` and `rules`."""

from __future__ import annotations

from typing import Any, Final

from config.ruleset import Rules
from detectors.base import LEVEL_NAMES, Certainty, Detector
from detectors.registry import all_detectors

_CERTAINTY: Final[dict[Certainty, str]] = {
    "statute": "法规原文 / read in the statute",
    "document": "政府文件原文 / read in a government document",
    "secondary": "二手来源 / secondary source",
    "unverified": "待核实 / not verified",
    "proposal": "本项目建议，待签发 / proposed here, to be signed",
}

_SUBJECTS: Final = {
    "address": "地址 / address",
    "person": "人员 / person",
    "enterprise": "经营主体 / enterprise",
    "group": "团伙 / group",
}


def certainty_text(certainty: Certainty) -> str:
    """How certain the basis of a rule is, in words."""
    return _CERTAINTY[certainty]


def rules_reference(rules: Rules) -> str:
    """The whole reference as Markdown."""
    head = (
        "# 规则参考 / Rules reference\n\n"
        "由 `python -m monitor.rulebook` 从检测器与规则文件生成，请勿手改。/ "
        "Generated from the detectors and the rules file by `python -m monitor.rulebook`; do not edit.\n\n"
        f"规则文件第 {rules.document.version} 版 / rules file version {rules.document.version}; "
        f"责任人 / owner: {rules.document.owner}; 自 / from {rules.document.valid_from}.\n"
        f"枢纽上限 / hub limit: {rules.hub_limit}.\n"
    )
    return head + "".join("\n" + chapter(detector, rules) for detector in all_detectors())


def chapter(detector: Detector, rules: Rules) -> str:
    """One rule as Markdown."""
    lines = [
        f"## {detector.title.zh} `{detector.id}@{detector.version}`",
        "",
        f"{detector.title.en}. 对象 / subject: {_SUBJECTS[detector.subject]}."
        + (" 每日一次，自有截面 / once a day, at cuts of its own." if detector.at_cut else ""),
        "",
        f"- {detector.finding.zh}",
        f"- {detector.finding.en}",
        "",
        "| 等级 level | 含义 meaning |",
        "|---|---|",
    ]
    for level, text in detector.levels.items():
        zh, en = LEVEL_NAMES[level]
        lines.append(f"| {level} {zh} {en} | {text.zh} / {text.en} |")
    lines += ["", "依据 / basis:", ""]
    lines += [f"- {basis.text} （{certainty_text(basis.certainty)}）" for basis in detector.basis]
    lines += ["", "已知误报 / known false positives:", ""]
    lines += [f"- {text.zh} / {text.en}" for text in detector.false_positives]
    lines += ["", f"如何消除 / what would end it: {detector.way_out.zh} / {detector.way_out.en}", ""]
    if rules.active(detector.id):
        lines += _parameters(detector, rules)
    else:
        lines.append("现行规则文件未启用 / not active in this rules file.")
    return "\n".join(lines) + "\n"


def _parameters(detector: Detector, rules: Rules) -> list[str]:
    in_force = rules.of(detector.id)
    lines = [
        f"状态 / status: {in_force.status}; 责任人 / owner: {in_force.owner}; 自 / from {in_force.valid_from}.",
        "",
        "| 参数 parameter | 值 value |",
        "|---|---|",
    ]
    lines += [f"| `{name}` | {_shown(value)} |" for name, value in in_force.parameters.items()]
    for place, values in (*in_force.by_region.items(), *in_force.by_kind.items()):
        lines += [f"| `{name}` ({place}) | {_shown(value)} |" for name, value in values.items()]
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {number}" for key, number in value.items())
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value)


if __name__ == "__main__":
    import sys

    from config.ruleset import load

    sys.stdout.write(rules_reference(load()))
