"""`credit-monitor models`: the models of a home or cluster, their cards, and how two of them agree."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from config.moments import as_text
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.histories import histories
from monitor.cli.promote import OfficerOption, ReasonOption, name
from monitor.cli.run import HomeOption, RulesOption
from monitor.store.work import promotions, shadows

if TYPE_CHECKING:
    from models.keeping import Card

models = typer.Typer(
    help="模型：列表、模型卡、比较。 / The models: list, card, comparison.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@models.command("list")
def listed(home: HomeOption = None) -> None:
    """列出模型及启用记录，JSON Lines。 / Lists the models and when each was promoted, as JSON Lines.

    Of a home; without --home those that the cluster of the settings shares, and promotions there.

    Example: credit-monitor models list --home ./home
    """
    with opening.reading(home) as reader:
        history = [one for kind in ("anomaly", "forecast") for one in promotions.history(reader.connection, kind)]
        now = {kind: promotions.in_force(reader.connection, kind) for kind in ("anomaly", "forecast")}
        challenger = promotions.challenger(reader.connection, "anomaly")
    for card in _cards(home):
        holds = now[card.kind]
        row = {
            "model": card.hash,
            "kind": card.kind,
            "as_of": card.as_of,
            "seed": card.seed,
            "in_force": holds is not None and holds.model == card.hash,
            "in_shadow": card.hash == challenger,
            "promoted": [
                {"at": as_text(one.at), "officer": one.officer, "reason": one.reason}
                for one in history
                if one.model == card.hash
            ],
        }
        sys.stdout.write(msgspec.json.encode(row).decode() + "\n")


@models.command()
def show(
    model: Annotated[str, typer.Argument(help="散列或其开头 / its hash, or the beginning of it")],
    home: HomeOption = None,
) -> None:
    """显示模型卡。 / Shows the card of a model.

    Example: credit-monitor models show 3f2a91 --home ./home
    """
    from models import keeping

    with _folder(home, model) as folder:
        card = keeping.card_of(folder)
    with opening.reading(home) as reader:
        holds = promotions.in_force(reader.connection, card.kind)
    sys.stdout.write(keeping.as_page(card, promoted=holds is not None and holds.model == card.hash))


@models.command()
def shadow(
    model: Annotated[str, typer.Argument(help="挑战者的散列或其开头 / the hash of the challenger, or its beginning")],
    officer: OfficerOption,
    reason: ReasonOption,
    home: HomeOption = None,
    rules: RulesOption = None,
) -> None:
    """指定挑战者：每日影子运行，只记录，不产生预警。 / Names a challenger: asked each day in shadow, it raises nothing.

    Example: credit-monitor models shadow 3f2a91 --officer 张三 --reason 试用 --home ./home

    Naming the model in force ends it.
    """
    card = name(model, officer, reason, home, rules, _as_challenger)
    print(f"影子运行 / in shadow: {card.hash}", file=sys.stderr)


def _as_challenger(card: Card) -> str:
    if card.kind != "anomaly":
        raise Failure("只有异常模型可作挑战者 / only an anomaly model can be a challenger")
    return f"{card.kind}-challenger"


@models.command()
def compare(
    model: Annotated[str, typer.Argument(help="挑战者 / the challenger")],
    against: Annotated[str | None, typer.Option("--against", help="默认为在用模型 / default: the one in force")] = None,
    home: HomeOption = None,
    rules: RulesOption = None,
) -> None:
    """对现有主体评分，比较发现，并列出影子运行记录。 / Counts how far two models agree, now and at each cut in shadow.

    Example: credit-monitor models compare 3f2a91 --home ./home
    """
    from models.anomaly import storing
    from models.anomaly.findings import score_all
    from models.anomaly.shadow import agreement
    from monitor.modelling.learning import material_of
    from monitor.modelling.limits import limits_of

    chosen = opening.settings(home=home, rules=rules)
    in_force = opening.rules_of(chosen)
    with histories(chosen, home, in_force) as (flow, codes, connection, _):
        if against is None:
            holds = promotions.in_force(connection, "anomaly")
            if holds is None:
                raise Failure("尚无在用模型，请用 --against 指定 / no model is in force yet: name one with --against")
            against = holds.model
        material = material_of(connection, flow, codes, flow.now)
    pair = []
    for one in (against, model):
        with _folder(home, one) as folder:
            pair.append(storing.opened(folder))
    with opening.reading(home) as reader:
        record = shadows.read(reader.connection, pair[1][0].hash)
    mine, theirs = (score_all(material.matrix, material.marks, one, partial(limits_of, in_force)) for _, one in pair)
    value = msgspec.to_builtins(agreement(mine, theirs))
    value["in_shadow"] = [{**msgspec.to_builtins(one), "as_of": as_text(one.as_of)} for one in record]
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def _cards(home: Path | None) -> list[Card]:
    """The cards of the home, or of the cluster and the home. Raises Failure."""
    from models import keeping

    chosen = opening.settings(home=home)
    try:
        if home is not None or chosen.database_url is None:
            return [keeping.card_of(folder) for folder in keeping.kept(chosen.home)]
        from monitor.cluster.modelling import commands  # what speaks to brokers is slow to import

        return commands.cards(chosen)
    except (keeping.ModelError, OSError) as error:
        raise Failure(str(error)) from error


@contextmanager
def _folder(home: Path | None, model: str) -> Iterator[Path]:
    """The folder of a model of the home, or of the cluster, where it is copied for now. Raises Failure."""
    from models import keeping

    chosen = opening.settings(home=home)
    try:
        if home is not None or chosen.database_url is None:
            yield keeping.find(chosen.home, model)
            return
        from monitor.cluster.modelling import commands

        with commands.model_in(chosen, model) as folder:
            yield folder
    except (keeping.ModelError, OSError) as error:
        raise Failure(str(error)) from error
