"""`credit-monitor rank`: all live subjects, most in need of attention first."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from config.ruleset import Rules
from config.settings import Settings
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.looks import county, seen, tell
from monitor.cli.run import HomeOption, OfficerOption, RulesOption
from monitor.store.home import Home
from monitor.store.reader import Reader
from monitor.store.work import ranking


def rank(
    home: HomeOption = None,
    region: Annotated[str | None, typer.Option("--region", help="县（市、区）代码 / county code")] = None,
    rules: RulesOption = None,
    officer: OfficerOption = None,
) -> None:
    """把存续主体按需要关注的程度排序，附理由。 / Ranks live subjects, most in need of attention first.

    A forecast that was promoted stands in place of the class; its reason says by how much it moved each.

    Example: credit-monitor rank --home ./home --region 330106 > ranked.jsonl
    """
    chosen = opening.settings(home=home, rules=rules)
    in_force = opening.rules_of(chosen)
    policy = in_force.document.queue
    notice = seen(home, officer, "rank", "enterprise", detail={"region": county(region)})
    encode = msgspec.json.Encoder().encode
    with opening.reading(home) as reader:
        tell(notice)
        chances = _chances(reader, chosen, in_force) if home is not None or chosen.database_url is None else None
        for row in ranking.ranked(reader.connection, reader.now() or 0, policy, region, chances):
            sys.stdout.write(encode(row).decode() + "\n")


def _chances(reader: Reader, chosen: Settings, in_force: Rules) -> dict[str, float] | None:
    """What the forecast in force says of each; None without one. Raises Failure where it may not be used."""
    from monitor.store.work import promotions

    promoted = promotions.in_force(reader.connection, "forecast")
    if promoted is None:
        return None
    # Models bring scikit-learn with them, a second of loading: only where one is in force.
    from models.keeping import ModelError
    from monitor.modelling.forecasting import foretell
    from monitor.modelling.reading import read_flow

    place = Home(chosen.home)
    flow, codes = read_flow(reader.connection, place.snapshots, opening.pseudonyms_of(chosen, place), in_force)
    try:
        return foretell(place.path, promoted.model, flow, codes).chances
    except ModelError as error:
        raise Failure(str(error)) from error
