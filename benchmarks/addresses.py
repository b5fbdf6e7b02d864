"""How well and how fast addresses are normalised: `python -m benchmarks.addresses`.

Scores the two labelled sets (`tests/data/addresses`) as their README says. Of the gold set: all rows, the three cities
that the rules were tuned on, the eight others. Of the second set: all rows, the six cities that the rules were tuned
on, the five held out. All rows of both once more without the tables of roads and buildings. Then the speed, one core,
in processor time: addresses of the usual form, with a new road each, and written noisily; and the cost of the import.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path
from time import process_time
from typing import Any, Final

from benchmarks.machine import described, say
from monitor.addresses import gazetteer, normalise
from monitor.identifiers.regions import zhejiang

DATA: Final = Path(__file__).resolve().parents[1] / "tests" / "data" / "addresses"
TUNED: Final = ("3301", "3302", "3303")
HELD_OUT: Final = ("3302", "3304", "3306", "3308", "3310")
ADDRESSES: Final = 100_000
WITHOUT_TABLES: Final = "--without-tables"
IMPORT: Final = (
    "import msgspec, re, csv, importlib.resources\n"
    "from time import process_time\n"
    "began = process_time()\n"
    "import monitor.addresses\n"
    "print((process_time() - began) * 1000)"
)


def labelled(name: str) -> list[dict[str, Any]]:
    """The rows of a labelled set."""
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]


def score(rows: Sequence[dict[str, Any]], label: str, key: str) -> str:
    """Precision, recall and F1 of one key over all pairs of rows."""
    keys = [(row[label], getattr(normalise(row["text"]), key)) for row in rows]
    hits = predicted = wanted = 0
    for (gold, own), (other_gold, other_own) in combinations(keys, 2):
        if gold is None and other_gold is None:
            continue
        wanted += gold == other_gold
        predicted += own is not None and own == other_own
        hits += gold == other_gold and own is not None and own == other_own
    precision, recall = hits / predicted, hits / wanted
    return f"P {precision:.4f} R {recall:.4f} F1 {2 * precision * recall / (precision + recall):.4f}"


def report(name: str, rows: Sequence[dict[str, Any]]) -> None:
    """One line of figures for some rows of a labelled set."""
    regions = sum(normalise(row["text"]).region_code == row["region_code"] for row in rows) / len(rows)
    room, building = score(rows, "room_key_id", "room_key"), score(rows, "building_key_id", "building_key")
    say(f"{name:34} {len(rows):4} rows  room {room}  building {building}  region {regions:.4f}")


def usual(draws: random.Random, roads: Sequence[str]) -> str:
    """An address of the form of most registrations."""
    county = draws.choice(zhejiang())
    return (
        f"浙江省{county.city}{county.name}{draws.choice(roads)}{draws.randint(1, 999)}号{draws.randint(1, 30)}幢"
        f"{draws.randint(1, 4)}单元{draws.randint(1, 30)}{draws.randint(1, 30):02d}室"
    )


def noisy(draws: random.Random, roads: Sequence[str]) -> str:
    """The same with blanks, full-width digits, a named building or a mark in brackets."""
    text = usual(draws, roads)
    form = draws.randrange(4)
    if form == 0:
        return "".join(chr(ord(mark) + 0xFEE0) if mark.isascii() else mark for mark in text)
    if form == 1:
        return text + "（集群注册）"
    if form == 2:
        return text.replace("号", "号　", 1)
    return text.replace("号", "号金源大厦", 1)


def microseconds(make: Callable[[], str]) -> float:
    """Median over batches of the processor time of one address, all of them different."""
    texts: set[str] = set()
    while len(texts) < ADDRESSES:
        texts.add(make())
    mixed = sorted(texts)
    random.Random(2).shuffle(mixed)
    batches = []
    for start in range(0, ADDRESSES, 2000):
        began = process_time()
        for text in mixed[start : start + 2000]:
            normalise(text)
        batches.append((process_time() - began) / 2000 * 1e6)
    return sorted(batches)[len(batches) // 2]


def import_milliseconds() -> float:
    """Least processor time of the import in five fresh interpreters, without msgspec and the standard library."""
    runs = [
        subprocess.run([sys.executable, "-c", IMPORT], check=True, capture_output=True, text=True) for _ in range(5)
    ]
    return min(float(run.stdout) for run in runs)


def main() -> None:
    """Print all figures."""
    rows, second = labelled("zhejiang_gold.jsonl"), labelled("zhejiang_second.jsonl")
    if WITHOUT_TABLES in sys.argv:
        gazetteer.ROADS.clear()
        gazetteer.BUILDINGS.clear()
        report("gold, without roads, buildings", rows)
        report("second, without roads, buildings", second)
        return
    say(described())
    report("gold", rows)
    report("tuned on: 杭州 宁波 温州", [row for row in rows if (row["region_code"] or "")[:4] in TUNED])
    report("the other eight cities", [row for row in rows if (row["region_code"] or "3301")[:4] not in TUNED])
    report("second", second)
    placed = [row for row in second if row["region_code"]]
    report("second, six cities tuned on", [row for row in placed if row["region_code"][:4] not in HELD_OUT])
    report("second, five held out", [row for row in placed if row["region_code"][:4] in HELD_OUT])
    subprocess.run([sys.executable, "-m", "benchmarks.addresses", WITHOUT_TABLES], check=True)
    draws = random.Random(1)
    roads = sorted({road for _, road in gazetteer.ROADS})
    few = draws.sample(roads, 20)
    say(f"{ADDRESSES:,} different addresses on 20 roads: {microseconds(lambda: usual(draws, few)):.1f} µs")
    say(f"the same on {len(roads):,} roads: {microseconds(lambda: usual(draws, roads)):.1f} µs")
    say(f"written noisily, on 20 roads: {microseconds(lambda: noisy(draws, few)):.1f} µs")
    say(f"import: {import_milliseconds():.0f} ms")


if __name__ == "__main__":
    main()
