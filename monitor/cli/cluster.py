"""`credit-monitor topics`, `produce` and `worker`: topics of the cluster, files to Kafka, and a streaming worker.

The libraries of the cluster are imported by the commands that need them, not with the command line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from config import officers
from monitor.cli import opening
from monitor.cli.failure import Failure
from monitor.cli.push import PushOption, pushing_alone
from monitor.cli.run import Stop, shown_progress, spare_the_collector, tell_trouble
from monitor.runners import embedded
from monitor.sources import open_source

if TYPE_CHECKING:
    from monitor.cluster.produce import Produced
    from monitor.cluster.topics import Found

topics = typer.Typer(help="集群的 Kafka 主题：创建、核对。 / Topics of the cluster.", no_args_is_help=True)

PartitionsOption = Annotated[
    int | None, typer.Option("--partitions", min=1, max=1000, help="分区数 / partitions of a topic (12)")
]


@topics.command("create")
def create(
    partitions: PartitionsOption = None,
    replication: Annotated[
        int, typer.Option("--replication", min=1, max=9, help="副本数，建议 3 / copies of each partition; 3 is advised")
    ] = 1,
) -> None:
    """创建缺少的主题，不改动已有的。 / Makes the topics that are missing; changes none that is there.

    Example: credit-monitor topics create --partitions 12 --replication 3
    """
    from monitor.cluster import topics as declared

    _report(declared.create(opening.settings(), partitions=partitions, replication=replication))


@topics.command("check")
def check(
    partitions: PartitionsOption = None,
    replication: Annotated[
        int | None, typer.Option("--replication", min=1, max=9, help="副本数 / copies that each partition should have")
    ] = None,
) -> None:
    """核对主题与声明是否一致。 / Compares the topics with what is declared.

    Example: credit-monitor topics check
    """
    from monitor.cluster import topics as declared

    _report(declared.check(opening.settings(), partitions=partitions, replication=replication))


def _report(found: Sequence[Found]) -> None:
    """Prints a line for each topic. Raises Failure where one is not as it should be."""
    table = Table("主题 topic", "分区 partitions", "副本 copies", "状态 state", box=None, pad_edge=False)
    for one in found:
        state = "已创建 created" if one.was_created else "正常 ok"
        if one.is_missing:
            state = "缺失 missing"
        elif one.differences:
            state = f"不同 differs: {'; '.join(one.differences)}"
        table.add_row(one.topic, str(one.partitions or "-"), str(one.replication or "-"), state)
    console = Console(highlight=False, markup=False, file=sys.stdout)
    if not console.is_terminal:
        console.width = 300
    console.print(table)
    if any(one.is_missing for one in found):
        raise Failure("缺少主题 / topics are missing: run `credit-monitor topics create`")
    differing = [one for one in found if one.differences]
    if any(difference.startswith("partitions ") for one in differing for difference in one.differences):
        raise Failure(
            "分区数不同，即另一代主题 / another number of partitions is another generation of topics: "
            "set another CREDIT_MONITOR_KAFKA_PREFIX, run `topics create --partitions N`, then replay the log into it"
        )
    if differing:
        raise Failure(
            f"主题设置与声明不同 / {len(differing)} topics are not as declared: set them right by the broker's own "
            "kafka-configs.sh --alter (replication: kafka-reassign-partitions.sh), then check again"
        )


def produce(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="文件、目录或 - / files, folders, or -")],
    mapping: Annotated[Path | None, typer.Option("--mapping", help="表格映射 / mapping of tables")] = None,
    state: Annotated[
        Path | None, typer.Option("--state", help="进度目录，默认在 home 中 / folder that remembers what was sent")
    ] = None,
    batch: Annotated[
        int, typer.Option("--batch", min=1, max=10_000, help="每条消息的事件数 / events of a message at most")
    ] = 256,
) -> None:
    """把文件和表格写入 Kafka。 / Sends files and tables to Kafka, each line once; run it again to go on.

    Example: credit-monitor produce incoming/ --mapping shops.yaml
    """
    from monitor.cluster.produce import Producing

    chosen = opening.settings()
    stop = Stop()
    sources = [opened for path in paths for opened in open_source(path, mapping)]
    spare_the_collector()
    with shown_progress() as show:
        producing = Producing(
            chosen,
            state or chosen.home / "produce",
            batch=batch,
            should_stop=stop,
            on_progress=lambda at: show(embedded.Progress(events=at.lines, done=at.done, source=at.source)),
            tell=tell_trouble,
        )
        try:
            produced = producing.run(sources)
        finally:
            producing.close()
    _tell_produced(produced)
    for source in sources:
        for note in source.notes():
            print(note, file=sys.stderr)
        source.close()
    if produced.problems:
        raise Failure("；".join(produced.problems))


def worker(
    snapshots: Annotated[
        str | None,
        typer.Option("--snapshots", help="快照目录或对象存储，各节点共用 / folder or store, shared"),
    ] = None,
    rules: Annotated[Path | None, typer.Option("--rules", help="规则文件 / rules file")] = None,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", min=0, max=65535, help="指标与健康检查端口 / metrics and health")
    ] = None,
    metrics_host: Annotated[str | None, typer.Option("--metrics-host", help="监听地址 / address to listen on")] = None,
    tick_seconds: Annotated[
        float, typer.Option("--tick-seconds", min=0.0, help="时钟事件间隔，0 为不发 / seconds between ticks, 0: none")
    ] = 60.0,
    live: Annotated[
        bool,
        typer.Option("--live", help="历史已补完，此后预警面向人员 / the backfill is over"),
    ] = False,
    push: PushOption = None,
    models: Annotated[
        str | None, typer.Option("--models", help="共用的模型目录或对象存储 / folder or store of the shared models")
    ] = None,
) -> None:
    """运行一个流处理节点，可启动多个。 / Runs one streaming worker; start as many as there are machines.

    Example: credit-monitor worker --snapshots snapshots/
    """
    from monitor.cluster.running import run_worker

    chosen = opening.settings(
        cluster_snapshots=snapshots,
        cluster_models=models,
        rules=rules,
        metrics_port=metrics_port,
        metrics_host=metrics_host,
        push=push,
    )
    channels, database = opening.channels_of(chosen), opening.database_of(chosen)
    spare_the_collector()
    with nullcontext() if database is None else pushing_alone(database, channels):
        run_worker(
            chosen,
            opening.rules_of(chosen),
            opening.cards_of(chosen),
            None if chosen.officers is None else officers.load(chosen.officers),
            opening.database_of(chosen),
            tick_seconds=tick_seconds,
            live=live,
        )


def _tell_produced(produced: Produced) -> None:
    """What came of it, on standard error."""
    told = f"已发送 sent {produced.lines:,}"
    if produced.there:
        told += f"　已在主题中 there already {produced.there:,}"
    if not produced.is_complete:
        told += "　部分未确认，请再次运行 / some are not acknowledged: run it again, nothing is lost or sent twice"
    print(told, file=sys.stderr)
