"""The evaluation of a forecast as pictures and a page: how much is found from the top on, and whether chances hold."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Final

import matplotlib

matplotlib.use("Agg")

from matplotlib.figure import Figure

from models.evaluation.forecast import OURS, Evaluation, Judged, curve

GAINS: Final = "forecast-gains.png"
CALIBRATION: Final = "forecast-calibration.png"
PAGE: Final = "forecast.html"
_SHOWN: Final = 0.25
"""The share of all, from the top, that the curve of gains shows."""


def write_plots(judged: Judged, folder: Path) -> list[Path]:
    """Writes two pictures and a page that shows them with the figures; what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [folder / GAINS]
    _gains(judged).savefig(made[0], dpi=120)
    if judged.found.calibration:
        made.append(folder / CALIBRATION)
        _calibration(judged.found).savefig(made[1], dpi=120)
    page = folder / PAGE
    page.write_text(_page(judged.found, [path.name for path in made]), encoding="utf-8")
    return [*made, page]


def _gains(judged: Judged) -> Figure:
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    for name, scores in judged.orders.items():
        shares, found = curve(scores, judged.truth)
        shown = shares <= _SHOWN
        axes.plot(shares[shown] * 100, found[shown] * 100, label=name, linewidth=2.4 if name == OURS else 1.0)
    axes.set_xlabel("top share of all (%)")
    axes.set_ylabel("share of those befallen that it holds (%)")
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    return figure


def _calibration(found: Evaluation) -> Figure:
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.plot([row["chance"] for row in found.calibration], [row["befallen"] for row in found.calibration], marker="o")
    axes.set_xlabel("mean chance foretold")
    axes.set_ylabel("share befallen")
    axes.grid(alpha=0.3)
    return figure


def _page(found: Evaluation, pictures: list[str]) -> str:
    shares = list(next(iter(found.orders.values())))
    head = "".join(f"<th>{share}</th>" for share in shares)
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td>"
        + "".join(f"<td>{at.hits:,.0f} ({at.lift:.2f}×)</td>" for at in row.values())
        + "</tr>"
        for name, row in found.orders.items()
    )
    ratios = "".join(
        f"<tr><td>÷ {html.escape(name)}</td>"
        + "".join(f"<td>{one.ratio:.3f} [{one.low:.3f}, {one.high:.3f}]</td>" for one in row.values())
        + "</tr>"
        for name, row in found.ratios.items()
    )
    images = "".join(f'<p><img src="{name}" alt="{name}"></p>' for name in pictures)
    return (
        '<!doctype html><html lang="zh"><meta charset="utf-8"><title>预测检验 forecast evaluation</title>'
        "<style>body{font-family:sans-serif;max-width:60rem;margin:2rem auto}td,th{padding:.2rem .8rem;"
        "text-align:right}td:first-child{text-align:left}</style>"
        "<h1>预测检验 forecast evaluation</h1>"
        f"<p>{found.enterprises:,} 户 enterprises，其中 of whom "
        f"{found.befallen:,} 户有不良事件 befallen，{found.days} 天 days</p>"
        f"<table><tr><th></th>{head}</tr>{rows}{ratios}</table>"
        f"{images}</html>\n"
    )
