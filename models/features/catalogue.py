"""The catalogue of features for people, written from the registry: `docs/features.md`."""

from __future__ import annotations

from typing import Final

from config.scorecards import DIMENSIONS
from models.features.feature import FORBIDDEN, Feature
from models.features.registry import FEATURES

_DIRECTIONS: Final = {1: "↑", -1: "↓", 0: "–"}

_HEAD: Final = """# 特征 / Features

由 `python -m models.features.catalogue` 从登记表生成，请勿手改。/
Generated from the registry by `python -m models.features.catalogue`; do not edit.

模型（异常、预测）所见的每户 {count} 个数，都由公开可查的事件算出。模型只是第二意见：提高优先级，不单独行动。
What the models (anomaly, forecast) know of an enterprise: {count} numbers, each computed from events that can be looked
up. The models are a second opinion: they raise priority and never act alone.

```sh
credit-monitor export features --home home > features.jsonl                        # 现在 / now
credit-monitor export features --home home --as-of 2024-12-31 --format csv > f.csv  # 截至某日 / as of a day
```

- **截至 / as of**: 只用 `time` 与 `recordedtime` 都不晚于该时刻的事件；与日志截断到该时刻所得逐位相同。
  Only events with both `time` and `recordedtime` at or before the moment; bit for bit the same as from the log
  cut there.
- **空值 / empty**: 不知道，不是零。Not known, which is not zero.
- **修复 / repair**: 已修复或异议被支持的文书不计。
  Documents that are repaired, or whose objection was upheld, count nowhere.
- **方向 / direction**: ↑ 越大越差，↓ 越小越差，– 无定论；有方向的，预测模型只许朝该方向变化。
  ↑ more is worse, ↓ less is worse, – neither; the forecast may only move that way.
- **天 / days**: 满 24 小时为一天；窗口不含其起点。Whole 24 hours; a window leaves its first moment out.
- **枢纽 / hubs**: 超过 200 户的房间或人不构成关联。Rooms and persons of more than 200 enterprises tie nobody.
- **绝不使用 / never used**（登记表拒收 / refused by the registry）: {forbidden}。
  浙江省公共信用信息管理条例第十四条；年龄、性别、籍贯是受保护的事实。
- **同类 / peers**: 种类 × 行业门类 × 年限；地址不写明县的登记簿，以地址开头代县。
  Kind × section of industry × span of age; where addresses name no county, their beginning stands for it.
"""


def catalogue() -> str:
    """The whole catalogue as Markdown."""
    out = [_HEAD.format(count=len(FEATURES), forbidden=", ".join(FORBIDDEN))]
    for dimension, (zh, en) in DIMENSIONS.items():
        out += [
            f"## {zh} / {en}",
            "",
            "| 特征 feature | 单位 unit | 方向 | 计算 computed | 意义 why | 事件 events |",
            "|---|---|---|---|---|---|",
            *(_row(feature) for feature in FEATURES if feature.dimension == dimension),
            "",
        ]
    return "\n".join(out).rstrip() + "\n"


def _row(feature: Feature) -> str:
    events = ", ".join(f"`{event}`" for event in feature.events)
    return (
        f"| `{feature.name}` {feature.zh} {feature.en} | {feature.unit} | {_DIRECTIONS[feature.direction]} "
        f"| {feature.computed[0]}。{feature.computed[1]} | {feature.why[0]}。{feature.why[1]} | {events} |"
    )


if __name__ == "__main__":
    import sys

    sys.stdout.write(catalogue())
