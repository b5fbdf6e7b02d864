"""`credit-monitor rank`: all live subjects, most in need of attention first."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any, Protocol

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
from monitor.store.work import forecasts, promotions, ranking
from monitor.supervision.scoring import FORECAST

if TYPE_CHECKING:
    from monitor.modelling.forecasting import Asked


def rank(
    home: HomeOption = None,
    region: Annotated[str | None, typer.Option("--region", help="县（市、区）代码 / county code")] = None,
    rules: RulesOption = None,
    explained: Annotated[
        int, typer.Option("--explained", min=0, help="前多少户附预测理由 / how many get the forecast's reasons")
    ] = 20,
    officer: OfficerOption = None,
) -> None:
    """把存续主体按需要关注的程度排序，附理由。 / Ranks live subjects, most in need of attention first.

    A forecast that was promoted stands in place of the class; its reason says by how much it moved each, and of the
    first ones what each feature contributed and what would halve the chance. On a cluster it is what the forecast said
    at the daily cut, with the reasons that were worked out then.

    Example: credit-monitor rank --home ./home --region 330106 > ranked.jsonl
    """
    chosen = opening.settings(home=home, rules=rules)
    in_force = opening.rules_of(chosen)
    policy = in_force.document.queue
    notice = seen(home, officer, "rank", "enterprise", detail={"region": county(region)})
    encode = msgspec.json.Encoder().encode
    with opening.reading(home) as reader:
        tell(notice)
        in_a_home = home is not None or chosen.database_url is None
        asked = _asked(reader, chosen, in_force) if in_a_home else _said(reader)
        chances = None if asked is None else asked.chances
        rows = ranking.ranked(reader.connection, reader.now() or 0, policy, region, chances)
        for row in rows if asked is None else _with_reasons(rows, asked, explained):
            sys.stdout.write(encode(row).decode() + "\n")


def _with_reasons(rows: Iterator[dict[str, Any]], asked: _Chances, first: int) -> Iterator[dict[str, Any]]:
    """The same rows; the forecast's reason of the `first` ones says why."""
    some = list(islice(rows, first))
    why = asked.told([row["subject"] for row in some])
    for row in some:
        for reason in row["reasons"]:
            if reason["part"] == FORECAST:
                reason.update(why.get(row["subject"], {}))
    yield from chain(some, rows)


class _Chances(Protocol):
    """What a forecast says; `chances`: of enterprises by code."""

    chances: Mapping[str, float]

    def told(self, codes: Iterable[str]) -> Mapping[str, dict[str, Any]]:
        """Why, of some enterprises, as JSON gives it; nothing of one for whom it is not known."""


class _ByCode:
    """The forecast in force, asked at Now."""

    def __init__(self, asked: Asked, codes: Mapping[int, str]) -> None:
        self._asked = asked
        self._numbers = {codes[ref]: ref for ref in asked.chances}
        self.chances: Mapping[str, float] = {codes[ref]: chance for ref, chance in asked.chances.items()}

    def told(self, codes: Iterable[str]) -> dict[str, dict[str, Any]]:
        """See `_Chances`: of those who are live."""
        numbers = {self._numbers[code]: code for code in codes if code in self._numbers}
        return {
            numbers[ref]: forecasts.explained(msgspec.to_builtins(why), numbers[ref])
            for ref, why in self._asked.told(numbers)
        }


class _Said:
    """What the forecast said at the last daily cut."""

    def __init__(self, reader: Reader, chances: Mapping[str, float]) -> None:
        self._reader = reader
        self.chances = chances

    def told(self, codes: Iterable[str]) -> dict[str, dict[str, Any]]:
        """See `_Chances`: of those whose reasons the cut worked out."""
        told = {code: forecasts.told(self._reader.connection, code) or {} for code in codes}
        return {code: {part: one[part] for part in ("reasons", "way_out") if part in one} for code, one in told.items()}


def _said(reader: Reader) -> _Said | None:
    """None where no forecast was asked yet."""
    chances = forecasts.of_all(reader.connection)
    return None if chances is None else _Said(reader, chances)


def _asked(reader: Reader, chosen: Settings, in_force: Rules) -> _ByCode | None:
    """The forecast in force, asked at Now; None without one. Raises Failure where it may not be used."""
    promoted = promotions.in_force(reader.connection, "forecast")
    if promoted is None:
        return None
    # Models bring scikit-learn with them, a second of loading: only where one is in force.
    from models.keeping import ModelError
    from monitor.modelling.columns import Histories
    from monitor.modelling.forecasting import Forecasts
    from monitor.modelling.gathering import facts_of
    from monitor.modelling.learning import marks_by_number
    from monitor.modelling.reading import read_flow

    place = Home(chosen.home)
    flow, codes = read_flow(reader.connection, place.snapshots, opening.pseudonyms_of(chosen, place), in_force)
    try:
        marks = marks_by_number(codes)
        return _ByCode(Forecasts(place.path).ask(Histories.of(flow), facts_of(flow), promoted.model, marks), codes)
    except ModelError as error:
        raise Failure(str(error)) from error
