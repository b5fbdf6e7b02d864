"""`credit-monitor draw`: the random part of inspection plans (双随机), and its proof."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.status import Status

from config import officers
from config.moments import shanghai_date
from config.settings import Settings
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.run import HomeOption
from monitor.drawing import folder as disk
from monitor.drawing.candidates import candidates, logged_in
from monitor.drawing.opening import audit as check_all
from monitor.drawing.opening import open_draw
from monitor.drawing.plan import ClassFile, KnownClasses, parse_plan
from monitor.drawing.proof import Proof
from monitor.drawing.proof import verify as prove
from monitor.drawing.published import PRIVATE, SEED, TABLE
from monitor.drawing.sealing import Sealed, seal
from monitor.events.envelope import Event
from monitor.store.home import Home
from monitor.store.reader import Reader, Store, looking
from monitor.store.work.classes import by_code

draw = typer.Typer(no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]})

FolderArgument = Annotated[
    Path,
    typer.Argument(metavar="FOLDER", help="承诺的目录，或公布的文件 / folder of the draw, or of what was published"),
]
ClassesOption = Annotated[
    Path | None,
    typer.Option("--classes", help="等级文件；不给则用本目录的 / as `export classes` prints them; else of the home"),
]


class Form(StrEnum):
    """How a result is written."""

    CSV = "csv"
    JSON = "json"


@draw.callback()
def draws() -> None:
    """随机抽查（双随机）：先承诺，后抽取，人人可核验。 / Random inspections: committed to, drawn, proved to anybody.

    Example: credit-monitor draw commit plan.yaml --home ./home --officers officers.yaml --out draw-q3
    """


@draw.command()
def commit(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="抽查计划 / the plan (YAML)")],
    directory: Annotated[Path, typer.Option("--officers", help="执法人员名录 / the officers' directory (YAML, CSV)")],
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="输出目录 / folder for what is made")],
    classes: ClassesOption = None,
    home: HomeOption = None,
) -> None:
    """固定名单与种子，给出承诺；须在公开值揭晓前公布其摘要。 / Fixes list and seed; prints the commitment's digest.

    Publish OUT/public at once, and the digest where it cannot be changed; keep OUT/private for auditors.

    Example: credit-monitor draw commit plan.yaml --home ./home --officers officers.yaml --out draw-q3
    """
    text = _text_of(plan)
    parsed = parse_plan(text)
    people = officers.load(directory)
    file = None if classes is None else ClassFile(classes)
    chosen = opening.settings(home=home)
    store = opening.store_of(chosen, home)
    with looking(store) as reader:
        as_of = reader.now()
        if as_of is None:
            raise Failure(f"{store}：尚无事件，请先 run / there are no events yet: credit-monitor run first")
        grades = file or KnownClasses(by_code(reader.connection, parsed.counties))
        with _working("读日志 reading the log"):
            listed = candidates(_logged(chosen, store, reader), parsed.counties, parsed.rule)
    with _working("封存 sealing"):
        sealed = seal(
            text,
            listed,
            grades,
            people,
            key=secrets.token_hex(32),
            seed=secrets.token_hex(32),
            as_of=as_of,
            at=time.time_ns() // 1000,
        )
    disk.write_sealed(out, sealed)
    print(sealed.digest)
    _tell_commitment(sealed, out)


@draw.command()
def make(
    folder: FolderArgument,
    public_value: Annotated[str, typer.Option("--public-value", help="已揭晓的公开值 / the value, as the plan says")],
) -> None:
    """公开值揭晓后抽取主体与执法人员，仅此一次。 / Draws enterprises and officers, once, after the value is known.

    Example: credit-monitor draw make draw-q3 --public-value 3456.78
    """
    private, seed = disk.read_private(folder, PRIVATE), disk.read_private(folder, SEED)
    files = disk.read_public(folder)
    with _working("抽取 drawing"):
        made = open_draw(files, private, seed, public_value, shanghai_date(time.time_ns() // 1000))
    disk.write_result(folder, made)
    proof = prove({**files, **made})
    _say(f"{disk.public(folder)}：已抽取，请整体公布 / drawn: publish the whole folder\n{_told(proof)}")


@draw.command()
def verify(
    folder: FolderArgument,
    digest: Annotated[
        str | None, typer.Option("--commitment", help="事先公布的承诺摘要 / the digest that was made known before")
    ] = None,
    public_value: Annotated[
        str | None, typer.Option("--public-value", help="自己查到的公开值 / the value as you looked it up yourself")
    ] = None,
) -> None:
    """仅凭公布的文件核验一次抽取。 / Proves a draw from the published files alone.

    Example: credit-monitor draw verify draw-q3/public --public-value 3456.78
    """
    proof = prove(disk.read_public(folder), digest, public_value)
    print(f"核验通过 / proved\n{_told(proof)}")
    if public_value is None:
        value = proof.plan.public_value
        _say(
            f"请自行核对公开值 / compare the public value yourself: {proof.result.public_value}\n"
            f"  {value.what}（{value.source}，{value.known_on}）"
        )
    if digest is None:
        _say(f"请与事先公布的承诺摘要核对 / compare with the digest made known before: {proof.digest}")


@draw.command()
def audit(folder: FolderArgument, classes: ClassesOption = None) -> None:
    """审计：凭私有名单核验等级分层与人员回避。 / For auditors: also proves strata and officers, by the private list.

    Example: credit-monitor draw audit draw-q3 --classes classes.jsonl
    """
    private = disk.read_private(folder, PRIVATE)
    with _working("审计 auditing"):
        proof = check_all(disk.read_public(folder), private, None if classes is None else ClassFile(classes))
    print(f"审计通过 / audited\n{_told(proof)}")


@draw.command()
def export(
    folder: FolderArgument, form: Annotated[Form, typer.Option("--format", help="csv | json")] = Form.CSV
) -> None:
    """导出供公示的结果，不含等级；先核验。 / Prints the result for publication, without classes, once it is proved.

    Example: credit-monitor draw export draw-q3 --format json
    """
    files = disk.read_public(folder)
    proof = prove(files)
    sys.stdout.reconfigure(encoding="utf-8", newline="")  # type: ignore[union-attr]
    if form is Form.CSV:
        sys.stdout.write(files[TABLE])
        return
    plan = proof.plan
    told = {
        "plan": {"id": plan.id, "name": plan.name, "owner": plan.owner, "agency": plan.agency},
        "counties": plan.counties,
        "commitment": proof.digest,
        "public_value": proof.result.public_value,
        "selected": [
            {
                "code": one.code,
                "name": one.name,
                "county": one.county,
                "officers": [{"name": card.name, "agency": card.agency} for card in one.officers],
            }
            for one in proof.result.selected
        ],
    }
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")


def _logged(chosen: Settings, store: Store, reader: Reader) -> Iterator[Event]:
    """The log of the home, or of the cluster whose database that is."""
    if isinstance(store, Home):
        return logged_in(reader.connection, opening.pseudonyms_of(chosen, store))
    from monitor.cluster.logreading import ClusterLog  # what speaks to brokers is slow to import
    from monitor.cluster.wire.keys import pseudonyms_of

    return ClusterLog(chosen, pseudonyms_of(chosen)).events()


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise Failure(f"{path}：不是 UTF-8，请转换编码 / is not UTF-8: convert it") from error


def _tell_commitment(sealed: Sealed, out: Path) -> None:
    strata = sealed.commitment.strata
    size, drawn = sum(one.size for one in strata), sum(one.drawn for one in strata)
    largest = max(one.drawn for one in strata)
    _say(
        f"候选 candidates {size:,}，将抽 to draw {drawn:,}（{drawn / size:.1%}）\n"
        f"抽中者中同一等级至多占 / of those drawn, one class makes at most {largest / drawn:.0%}\n"
        f"{out / 'public'}：现在公布，并另处公布上面的摘要 / publish now, and the digest above in another place\n"
        f"{out / 'private'}：保密，留待抽取与审计 / keep secret, for the draw and for auditors"
    )


def _told(proof: Proof) -> str:
    strata = proof.commitment.strata
    without = sum(not one.officers for one in proof.result.selected)
    passed = sum(len(one.passed_over) for one in proof.result.selected)
    lines = [
        f"  计划 plan {proof.plan.id}：{proof.plan.name}（{proof.plan.owner}）",
        f"  承诺 commitment {proof.digest}（{proof.commitment.committed_at}）",
        f"  候选 candidates {sum(one.size for one in strata):,}，抽中 drawn {len(proof.result.selected):,}",
        f"  跳过执法人员 officers passed over {passed:,}",
    ]
    if without:
        lines.append(f"  {without:,} 户不足两名合格人员，请增派 / enterprises have fewer than two officers: add some")
    return "\n".join(lines)


def _working(what: str) -> Status:
    """Told on a terminal, about a millisecond a candidate."""
    return Console(stderr=True).status(what)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
