"""`credit-monitor promote`: brings a model into force, by a named officer with a reason; also an earlier one, again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import Settings
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.replay import writer_of
from monitor.cli.run import HomeOption, RulesOption
from monitor.cli.train import model_folder
from monitor.desk.promoting import PROMOTE
from monitor.desk.requests import ask
from monitor.store.home import Home
from monitor.store.postgresql.database import Database

if TYPE_CHECKING:
    from models.keeping import Card


OfficerOption = Annotated[str, typer.Option("--officer", help="谁负责 / the officer who answers for it")]
ReasonOption = Annotated[str, typer.Option("--reason", help="理由 / why")]


def promote(
    model: Annotated[str, typer.Argument(help="模型的散列或其开头 / the hash of a model, or its beginning")],
    officer: OfficerOption,
    reason: ReasonOption,
    home: HomeOption = None,
    rules: RulesOption = None,
) -> None:
    """启用模型；启用较早的模型即为回退。 / Brings a model into force; promoting an earlier one is a rollback.

    Without --home it is brought into force on the cluster that the settings name, and shared with its workers.

    Example: credit-monitor promote 3f2a91 --officer 张三 --reason 误报率更低 --home ./home
    """
    card = name(model, officer, reason, home, rules, lambda card: card.kind)
    print(f"已启用 / in force: {card.kind} {card.hash}", file=sys.stderr)


def name(
    model: str,
    officer: str,
    reason: str,
    home: Path | None,
    rules: Path | None,
    kind_of: Callable[[Card], str],
) -> Card:
    """A model that passes every check is in force, as what `kind_of` says, once this returns; its card. Raises Failure,
    also where `kind_of` does. Without a home it is so on the cluster that the settings name.
    """
    from models import checking, keeping

    if not officer.strip() or not reason.strip():
        raise typer.BadParameter("须有经办人和理由 / a named officer and a reason are needed")
    chosen = opening.settings(home=home, rules=rules)
    database = opening.database_of(chosen) if home is None else None
    if database is not None:
        return _on_a_cluster(chosen, database, model, officer.strip(), reason.strip(), kind_of)
    place = Home(chosen.home)
    place.reader().dispose()
    folder = model_folder(place.path, model)
    if folder.parent.resolve() != (place.path / keeping.FOLDER).resolve():
        raise Failure(f"请先将模型放入 {keeping.FOLDER} / put the model into this folder of the home first: {folder}")
    try:
        card = checking.promotable(folder)
    except keeping.ModelError as error:
        raise Failure(str(error)) from error
    body = {
        "file": f"{keeping.FOLDER}/{folder.name}/{keeping.MODEL_FILE}",
        "data": {
            "kind": kind_of(card),
            "model": card.hash,
            "seed": card.seed,
            "officer": officer.strip(),
            "reason": reason.strip(),
        },
    }
    ask(place, PROMOTE, body, writer_of(place, chosen), lambda text: print(text, file=sys.stderr))
    return card


def _on_a_cluster(
    chosen: Settings, database: Database, model: str, officer: str, reason: str, kind_of: Callable[[Card], str]
) -> Card:
    """The card of the model, once the cluster has it in force."""
    from models import keeping
    from monitor.cluster.modelling import commands  # what speaks to brokers is slow to import

    try:
        return commands.promote(chosen, database, model, officer, reason, kind_of)
    except (keeping.ModelError, OSError) as error:
        raise Failure(str(error)) from error
    finally:
        database.close()
