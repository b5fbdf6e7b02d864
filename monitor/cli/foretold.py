"""What the forecast said of an enterprise at the last daily cut, as `explain` says it."""

from __future__ import annotations

from typing import Any


def forecast_lines(told: dict[str, Any] | None) -> list[str]:
    """For people; nothing without a forecast. `told`: see `monitor.store.work.forecasts.told`."""
    if told is None:
        return []
    lines = [
        "",
        f"  模型预测（第二意见） forecast, a second opinion  {told['model'][:12]}  {told['as_of']}",
        f"    十二个月内有不良事件的可能 {told['chance']:.1%} / chance of something adverse within twelve months",
    ]
    for one in told.get("reasons", ()):
        lines += [f"    {one['reason']['zh']}", f"      {one['reason']['en']}"]
        lines += [f"      依据 evidence {item['date']} {item['source']} {item['id']}" for item in one["evidence"][-3:]]
    way_out = told.get("way_out")
    if way_out is None:
        lines.append("    无信号，故未逐项说明，见 rank --explained / without signals no reasons: see rank --explained")
    else:
        lines.append(f"    {way_out['zh']} / {way_out['en']}")
    return lines
