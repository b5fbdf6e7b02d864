"""The whole province: plots and background, written to a folder in random order with their truth beside them.

The top of the generator; `credit-monitor generate` and `demo` call `write_province`.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import IO, Final

import msgspec
import numpy as np

from models.population.block import Hosts, Province, draw_block
from models.population.identities import Codes, People
from models.population.lines import DAY, TYPES, Lines, seconds
from models.population.lives import Lives
from models.population.mixing import Compression, Mixer
from models.population.officers import as_yaml, made_up_officers
from models.population.places import PLAIN, County, Places, zhejiang_counties
from models.population.planting import plots
from models.population.plot import Plot, Truth
from models.population.poison import Poison

DEFAULT_END: Final = dt.date(2025, 12, 31)
MADE_UP_ZH: Final = "本目录内容全部由程序虚构：企业、人员、证件号码、电话和事件均不真实，如有雷同纯属巧合。"
MADE_UP_EN: Final = (
    "Everything in this folder is made up by a program: enterprises, persons, numbers, telephones, events. "
    "Any likeness to real ones is chance."
)

_BLOCK: Final = 8_192
_PLOTS_AT_ONCE: Final = 500
_REPEATED: Final = 0.005
_BYTES_PER_ENTERPRISE_YEAR: Final = 450
_MIXING: Final = 0.3
"""Of the whole work, what mixing takes: only for the display of progress."""

Progress = Callable[[int, int], None]


class Summary(msgspec.Struct, frozen=True):
    """What was written. `events` counts distinct good events, `lines` everything."""

    enterprises: int
    events: int
    lines: int
    repeats: int
    poison: dict[str, int]
    types: dict[str, int]
    planted: dict[str, int]
    planted_enterprises: int
    truths: int
    bytes: int
    events_file: str


def write_province(
    enterprises: int,
    years: int,
    seed: int,
    out: Path,
    *,
    end: dt.date = DEFAULT_END,
    poison: float = 0.0,
    compress: Compression = "none",
    on_progress: Progress | None = None,
) -> Summary:
    """Writes a made-up province: `events.jsonl`, `truth.jsonl`, `officers.yaml`, `ABOUT.json` and `README.md`.

    The same arguments give the same bytes. Memory hardly grows with `enterprises`: a block, a bucket and the
    hosts are held, nothing else.

    Args:
        enterprises: how many ever exist, at least 1; about ten events each in five years.
        years: length of the window of events, 1 to 50; the stock before it is older.
        seed: not negative.
        out: the folder; made where it is not there, files in it are replaced.
        end: the last day of the window; nothing is later, and a tick of the clock marks it.
        poison: bad lines for each good one, 0 to 1 (see `poison`).
        compress: `gz` and `zst` give `events.jsonl.gz` and `events.jsonl.zst`.
        on_progress: is told work done and work in all, in enterprises.

    Raises:
        ValueError: an argument is out of range.
    """
    if enterprises < 1 or not 1 <= years <= 50 or seed < 0 or not 0 <= poison <= 1:
        msg = "needs enterprises >= 1, years from 1 to 50, seed >= 0, poison from 0 to 1"
        raise ValueError(msg)
    out.mkdir(parents=True, exist_ok=True)
    for packing in ("", ".gz", ".zst"):
        (out / f"events.jsonl{packing}").unlink(missing_ok=True)
    province = _province(enterprises, years, seed, end, zhejiang_counties())
    bad = Poison(poison, province.lines.ids, np.random.default_rng([seed, 4]))
    chance = np.random.default_rng([seed, 5])
    planted = _Planted(province, np.random.default_rng([seed, 7]))
    tell = on_progress or _silent
    lines_in_all = repeats = 0
    expected = enterprises * _BYTES_PER_ENTERPRISE_YEAR * (years + 1)
    with Mixer(out, expected, np.random.default_rng([seed, 6])) as mixer:
        with (out / "truth.jsonl").open("wb") as truth:
            for done, lines in chain(planted.lines(truth), _background(province, planted, seed)):
                again = chance.integers(len(lines), size=chance.binomial(len(lines), _REPEATED)).tolist()
                repeats += len(again)
                lines += [lines[index] for index in again] + bad.for_lines(len(lines))
                lines_in_all += len(lines)
                mixer.add(lines)
                tell(int(done * (1 - _MIXING)), enterprises)
            planted.write_hosts(truth)

        def mixed(done: int, total: int) -> None:
            tell(int(enterprises * (1 - _MIXING + _MIXING * done / total)), enterprises)

        file = out / ("events.jsonl" if compress == "none" else f"events.jsonl.{compress}")
        size = mixer.write(file, compress, mixed)
    summary = Summary(
        enterprises=enterprises,
        events=province.lines.counts.total(),
        lines=lines_in_all,
        repeats=repeats,
        poison=dict(sorted(bad.counts.items())),
        types=dict(sorted(province.lines.counts.items())),
        planted=dict(sorted(planted.plots.items())),
        planted_enterprises=planted.enterprises,
        truths=planted.truths,
        bytes=size,
        events_file=file.name,
    )
    asked = {"enterprises": enterprises, "years": years, "seed": seed, "end": end, "poison": poison}
    about = {"made_up": True, "zh": MADE_UP_ZH, "en": MADE_UP_EN, "arguments": asked, "content": summary}
    (out / "ABOUT.json").write_bytes(msgspec.json.format(msgspec.json.encode(about), indent=2) + b"\n")
    (out / "officers.yaml").write_text(as_yaml(made_up_officers(seed, end)), encoding="utf-8")
    (out / "README.md").write_text(f"{MADE_UP_ZH}\n\n{MADE_UP_EN}\n", encoding="utf-8")
    return summary


def _silent(done: int, total: int) -> None:
    """Progress that nobody asked for."""


def _province(enterprises: int, years: int, seed: int, end: dt.date, counties: tuple[County, ...]) -> Province:
    last = seconds(end) + DAY - 60
    places = Places(enterprises, counties, seed)
    return Province(
        enterprises=enterprises,
        start=seconds(end) - int(365.25 * years) * DAY,
        end=last,
        places=places,
        codes=Codes(tuple(county.code for county in counties), seed),
        people=People(seed),
        hosts=Hosts.draw(enterprises, places, np.random.default_rng([seed, 8])),
        lines=Lines(last, seed),
    )


class _Planted:
    """The planted part of a province, and the account of it."""

    def __init__(self, province: Province, rng: np.random.Generator) -> None:
        self.enterprises = 0
        self.truths = 0
        self.plots: Counter[str] = Counter()
        self._province = province
        self._rng = rng

    def lines(self, truth: IO[bytes]) -> Iterator[tuple[int, list[str]]]:
        """Lines in batches, with the number of enterprises told so far; truth goes to its file."""
        batch: list[Plot] = []
        for plot in plots(self._province, self._rng):
            self.plots[plot.kind] += 1
            self.enterprises += len(plot.firms)
            for row in plot.truths:
                self._record(row, truth)
            batch.append(plot)
            if len(batch) == _PLOTS_AT_ONCE:
                yield self.enterprises, self._told(batch)
                batch = []
        if batch:
            yield self.enterprises, self._told(batch)

    def write_hosts(self, truth: IO[bytes]) -> None:
        """Hosts of the background: lawful, whatever their number of occupants."""
        hosts, places = self._province.hosts, self._province.places
        for county, style, unit, occupants in zip(
            hosts.county.tolist(),
            hosts.style.tolist(),
            hosts.unit.tolist(),
            hosts.occupants.tolist(),
            strict=True,
        ):
            subject = {
                "kind": "address",
                "text": places.text(county, style, unit, PLAIN),
                "region": places.counties[county].code,
            }
            for detector in ("one-address-many-licences", "address-burst"):
                row = Truth(-1, "host", detector, False, None, subject, [], "", "", occupants=occupants)
                self._record(row, truth)

    def _record(self, row: Truth, truth: IO[bytes]) -> None:
        self.truths += 1
        truth.write(msgspec.json.encode(row) + b"\n")

    def _told(self, batch: list[Plot]) -> list[str]:
        """Events of many plots, written down type by type."""
        by_type: dict[str, list[tuple[str, int, str]]] = {type_: [] for type_ in TYPES}
        for plot in batch:
            for type_, events in plot.events.items():
                by_type[type_] += events
        lines = []
        for type_, events in by_type.items():
            if events:
                codes, times, data = zip(*events, strict=True)
                lines += self._province.lines.events(type_, codes, np.array(times), data)
        return lines


def _background(province: Province, planted: _Planted, seed: int) -> Iterator[tuple[int, list[str]]]:
    """Everybody else, block after block, and the ticks of the clock; begins where the plots ended."""
    for first in range(planted.enterprises, province.enterprises, _BLOCK):
        size = min(_BLOCK, province.enterprises - first)
        rng = np.random.default_rng([seed, 9, first])
        yield first + size, Lives(province, draw_block(province, first, size, rng), rng).write()
    ticks = np.append(np.arange(province.start, province.end, 30 * DAY), province.end)
    yield (
        province.enterprises,
        province.lines.events("clock.ticked", ["clock"] * ticks.size, ticks, [""] * ticks.size),
    )
