"""`credit-monitor explain CODE`: why a subject has its signals and its class, and what would change them."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from detectors.base import LEVEL_NAMES
from detectors.registry import by_id
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.foretold import forecast_lines
from monitor.cli.looks import seen, tell
from monitor.cli.place import queue_lines, queue_value
from monitor.cli.reckoning import class_lines, class_value
from monitor.cli.run import HomeOption, OfficerOption
from monitor.store.work import forecasts


def explain(
    code: Annotated[str, typer.Argument(help="统一社会信用代码 / the enterprise's code")],
    home: HomeOption = None,
    officer: OfficerOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON")] = False,
) -> None:
    """说明一户为何有这些信号和类别、怎样改变。 / Says why an enterprise has its signals and class, and the way out.

    Example: credit-monitor explain 91330106MA2H8Y6W27 --home ./home
    """
    with opening.reading(home) as reader:
        enterprise = reader.enterprise(code)
        signals = reader.signals_of(code)
        if enterprise is None:
            # Not what was typed: it may be the number of a person.
            seen(home, officer, "explain", "enterprise", detail={"found": False})
            raise Failure(f"{code}：未收到过该主体的事件 / no event about this enterprise was received")
        tell(seen(home, officer, "explain", "enterprise", code, {"found": True}))
        found = reader.class_of(code)
        foretold = forecasts.told(reader.connection, code)
        if as_json:
            value = {**enterprise, "class": class_value(reader, found), "signals": signals, **queue_value(reader, code)}
            value["forecast"] = foretold
            sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
            return
        reckoning = class_lines(reader, found)
        queued = queue_lines(reader, code)
    out = [f"{enterprise['code']}  {enterprise['name']}"]
    if enterprise["identifier_suspect"]:
        out.append("  代码校验位不符，请核对 / the code's check character fails: verify it")
    if not signals:
        out.append("  没有信号 / no signals")
    for one in signals:
        title, (zh, en) = by_id(one["detector"]).title, LEVEL_NAMES[one["level"]]
        out += [
            "",
            f"  [{one['level']} {zh} {en}] {title.zh} {title.en}  {one['detector']}@{one['version']}",
            f"    {one['reason']['zh']}（{one['subject']['label'] or one['subject']['key']}）",
            f"    {one['reason']['en']}",
            f"    自 since {one['since']}",
        ]
        if one["weak_identity"]:
            out.append("    仅凭姓名认定，可能是同名 / rests on a bare name: may be a namesake")
        out += [
            f"    依据 evidence {item['date']} {item['subject']} {item['source']} {item['id']}"
            for item in one["evidence"][-10:]
        ]
        out += [f"    期限 deadline {item}" for item in one["deadlines"]]
        out.append(f"    消除 way out {one['way_out']['zh']} / {one['way_out']['en']}")
    sys.stdout.write("\n".join(out + reckoning + queued + forecast_lines(foretold)) + "\n")
