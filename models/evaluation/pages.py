"""Pictures of an evaluation: PNG, and one HTML page that holds them and the figures."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.arrays import Floats
from models.evaluation.truth import Judgement


def calibration_picture(series: Mapping[str, Floats]) -> bytes:
    """The share of p-values at or below each nominal share, both on a logarithmic scale, as PNG; the diagonal is what
    was promised. `series`: p-values by name.
    """
    figure = Figure(figsize=(5.5, 5.0), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    nominal = np.logspace(-4, 0, 60)
    for name, p in series.items():
        if len(p):
            axes.plot(nominal, (np.sort(p).searchsorted(nominal, side="right")) / len(p), label=f"{name} ({len(p):,})")
    axes.plot(nominal, nominal, color="black", linewidth=0.8, linestyle="--", label="promised")
    axes.set(xscale="log", yscale="log", xlabel="p", ylabel="share of enterprises at or below p")
    axes.set_ylim(1e-5, 1.2)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return _png(figure)


def reliability_picture(forecast: Floats, happened: Floats, bins: int = 10) -> bytes:
    """Forecast chances against what happened, in bins of equally many, as PNG. `happened`: 0 or 1."""
    figure = Figure(figsize=(5.5, 5.0), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    groups = np.array_split(np.argsort(forecast, kind="stable"), bins)
    points = [(float(forecast[rows].mean()), float(happened[rows].mean())) for rows in groups if len(rows)]
    axes.plot(*zip(*points, strict=True), marker="o", label="forecast")
    most = max(max(point) for point in points) or 1.0
    axes.plot([0, most], [0, most], color="black", linewidth=0.8, linestyle="--", label="promised")
    axes.set(xlabel="forecast chance", ylabel="share that happened")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return _png(figure)


def rules_picture(judgements: Mapping[str, Judgement], base: float | None = None) -> bytes:
    """Precision and recall of each rule as bars, as PNG; `base`: the precision of chance, where all rules are held
    against the same truth.
    """
    figure = Figure(figsize=(7.5, 1.2 + 0.42 * max(len(judgements), 1)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    places = np.arange(len(judgements), dtype=float)
    for shift, name in ((-0.2, "precision"), (0.2, "recall")):
        values = [float(getattr(one, name) or 0.0) for one in judgements.values()]
        axes.barh(places + shift, values, height=0.38, label=name)
    if base is not None:
        axes.axvline(base, color="black", linewidth=0.8, linestyle="--", label=f"chance ({base:.3f})")
    labels = [f"{name} ({one.true:,} of {one.found:,})" for name, one in judgements.items()]
    axes.set_yticks(places, labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02)
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3, fontsize=8)
    return _png(figure)


def page(title: str, figures: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    """One HTML page without anything from elsewhere: pictures inside, figures as they are."""
    shown = "".join(
        f'<h2>{html.escape(name)}</h2><img alt="{html.escape(name)}" '
        f'src="data:image/png;base64,{base64.b64encode(content).decode()}">'
        for name, content in pictures.items()
    )
    told = html.escape(json.dumps(figures, ensure_ascii=False, indent=2))
    return (
        f'<!doctype html><html lang="zh"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        "<style>body{font-family:sans-serif;max-width:60rem;margin:2rem auto}img{max-width:100%}</style></head>"
        f"<body><h1>{html.escape(title)}</h1>{shown}<h2>数据 figures</h2><pre>{told}</pre></body></html>\n"
    )


def _png(figure: Figure) -> bytes:
    made = io.BytesIO()
    figure.savefig(made, format="png", bbox_inches="tight", metadata={"Software": None})
    return made.getvalue()
