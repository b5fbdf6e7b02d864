"""What the commands of officers share: an act is asked of the writer of the home, or of the workers of a cluster, and
durable when they return.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.replay import writer_of
from monitor.desk.acting import ACT
from monitor.desk.requests import ask
from monitor.store.home import Home

ReasonOption = Annotated[str | None, typer.Option("--reason", help="理由 / why")]
NeededReason = Annotated[str, typer.Option("--reason", help="理由（必填）/ why")]
RegionOption = Annotated[str | None, typer.Option("--region", help="县（市、区）代码 / county code")]

Reading = Callable[[str, Path | None], dict[str, Any]]
"""Gives an alert or task by its id, from a home. Raises Failure where there is none."""


def act(what: str, subject: str, officer: str | None, home: Path | None, **data: Any) -> str:
    """One act, by the type of its event; those of `data` that are None are left out. The id of what it was done to.
    Raises StoreError where it is refused.
    """
    chosen = opening.settings(home=home)
    given = {name: value for name, value in data.items() if value is not None}
    body: dict[str, Any] = {
        "type": what,
        "subject": subject,
        "data": {"officer": officer or chosen.officer, **given},
    }
    database = opening.database_of(chosen) if home is None else None
    if database is None:
        place = Home(chosen.home)
        done = ask(place, ACT, body, writer_of(place, chosen), lambda text: print(text, file=sys.stderr))
        return str(done["subject"])
    from monitor.cluster.supervision import asking  # what speaks to brokers is slow to import

    try:
        return str(asking.act(chosen, database, body)["subject"])
    finally:
        database.close()


def acted(read: Reading, kind: str, number: str, officer: str | None, home: Path | None, **data: Any) -> dict[str, Any]:
    """One act on an alert or task as it is seen now; what it is then. `kind`: the type of the event."""
    act(kind, number, officer, home, seen=read(number, home)["seen"], **data)
    return read(number, home)


def no_such(zh: str, en: str, name: str) -> NoReturn:
    """Fails: nothing has this id."""
    raise Failure(f"没有此{zh}，见 {en} list / there is no {en} {name}: see `{en} list`")
