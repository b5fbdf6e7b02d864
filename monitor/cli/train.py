"""`credit-monitor train`: learns a model from a home, beside its writer, and keeps it there until somebody promotes it.

scikit-learn is imported when it is needed: it would take longer to load than most commands take.
"""

from __future__ import annotations

import datetime as dt
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from config.moments import end_of_day
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.histories import histories
from monitor.cli.run import HomeOption, RulesOption


class Kind(StrEnum):
    """What can be trained."""

    ANOMALY = "anomaly"
    FORECAST = "forecast"


def train(
    home: HomeOption = None,
    kind: Annotated[Kind, typer.Option("--kind", help="anomaly, forecast")] = Kind.ANOMALY,
    as_of: Annotated[
        dt.datetime | None,
        typer.Option(
            "--as-of", formats=["%Y-%m-%d"], help="只用此日终了前已知的事实 / what was known by the end of a day"
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="随机种子 / random seed")] = None,
    rules: RulesOption = None,
) -> None:
    """训练模型并存入目录，经 promote 才会启用。 / Trains a model and keeps it; it is used once it is promoted.

    Without --home it learns from the log of the cluster that the settings name, and keeps the model in the home.

    Example: credit-monitor train --home ./home
    """
    from models import keeping
    from models.forecast.outcomes import NO_OUTCOMES
    from monitor.modelling.learning import material_of, outcomes_of
    from monitor.modelling.training import train_anomaly

    chosen = opening.settings(home=home, rules=rules)
    in_force = opening.rules_of(chosen)
    with histories(chosen, home, in_force) as (flow, codes, connection, data):
        moment = flow.now if as_of is None else min(end_of_day(as_of.date()) - 1, flow.now)
        material = material_of(connection, flow, codes, moment) if kind is Kind.ANOMALY else None
        outcomes = outcomes_of(connection, flow) if kind is Kind.FORECAST else NO_OUTCOMES
    chance = in_force.document.models.seed if seed is None else seed
    try:
        if material is None:
            from monitor.modelling.forecasting import train_forecast

            file, card = train_forecast(flow, outcomes, in_force, moment, chance, data)
        else:
            file, card = train_anomaly(material, in_force, moment, chance, data)
    except ValueError as error:
        raise Failure(str(error)) from error
    folder = keeping.keep(chosen.home, file, card)
    print(folder, file=sys.stderr)
    sys.stdout.write(card.hash + "\n")


def model_folder(home: Path, name: str) -> Path:
    """The folder of a model of a home. Raises Failure."""
    from models import keeping

    try:
        return keeping.find(home, name)
    except keeping.ModelError as error:
        raise Failure(str(error)) from error
