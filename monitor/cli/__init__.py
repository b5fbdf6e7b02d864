"""The command line `credit-monitor`: one file per group of commands.

Data goes to standard output, everything else to standard error. Exit status: 0 success, 2 wrong use, 1 failure with
one line that says what to do.
"""

from __future__ import annotations

import logging
import sys

import typer
from rich.console import Console
from rich.logging import RichHandler
from sqlalchemy.exc import DatabaseError

from config.channels import ChannelsError
from config.officers import OfficersError
from config.ruleset import RulesError
from config.scorecards import ScorecardError
from monitor.cli import (
    address,
    backtest,
    cluster,
    demo,
    doctor,
    evaluate_forecast,
    explain,
    export,
    generate,
    mapping,
    outcomes,
    promote,
    rank,
    replay,
    rules,
    run,
    schema,
    serve,
    train,
)
from monitor.cli.alert import alert
from monitor.cli.audit import audit
from monitor.cli.database import database
from monitor.cli.draw import draw
from monitor.cli.evaluate import evaluate
from monitor.cli.failure import Failure
from monitor.cli.host import host
from monitor.cli.models import models
from monitor.cli.push import push
from monitor.cli.retention import retention
from monitor.cli.task import task
from monitor.cli.token import token
from monitor.cluster import ClusterError
from monitor.drawing import DrawError
from monitor.sources import SourceError
from monitor.store.errors import StoreError

_INTERRUPTED = 130
"""As shells have it: ended by an interrupt, here before a command was ready to end by itself."""

app = typer.Typer(
    name="credit-monitor",
    help="浙江经营主体信用风险监测：一址多照、一人多企、查无下落的早期预警。 / "
    "Early warning on registered enterprises.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("serve")(serve.serve)
app.add_typer(token, name="token")
app.add_typer(push, name="push")
app.add_typer(cluster.topics, name="topics")
app.command("produce")(cluster.produce)
app.command("worker")(cluster.worker)
app.add_typer(alert, name="alert")
app.add_typer(task, name="task")
app.add_typer(host, name="host")
app.command("outcomes")(outcomes.outcomes)
app.command("rank")(rank.rank)
app.command("export")(export.export)
app.command("replay-dead-letters")(replay.replay_dead_letters)
app.command("replay-parked")(replay.replay_parked)
app.command("address")(address.address)
app.add_typer(mapping.mapping, name="mapping")
app.command("rules")(rules.rules)
app.command("explain")(explain.explain)
app.add_typer(draw, name="draw")
app.command("train")(train.train)
app.command("promote")(promote.promote)
app.add_typer(models, name="models")
evaluate.command("forecast")(evaluate_forecast.forecast)
app.add_typer(evaluate, name="evaluate")
app.add_typer(database, name="database")
app.command("backtest")(backtest.backtest)
app.command("doctor")(doctor.doctor)
app.command("schema")(schema.schema)
app.add_typer(audit, name="audit")
app.add_typer(retention, name="retention")
app.command("generate")(generate.generate)


def main() -> None:
    """Entry point of the command."""
    console = Console(stderr=True)
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=console, show_time=False, show_path=False)],
    )
    try:
        app()  # ends wrong use with status 2 itself
    except (
        *(Failure, StoreError, SourceError, RulesError, ScorecardError, ChannelsError, ClusterError, DrawError),
        OfficersError,
    ) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or ''}：请检查路径、权限与磁盘 / {error.strerror}: check path, permissions and disk")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except DatabaseError as error:
        _fail(f"数据库出错，请检查磁盘后重试 / the database fails ({error.orig}): check the disk, then run again")


def _fail(told: str) -> None:
    """Ends with status 1 and one line."""
    print(f"credit-monitor: {' '.join(told.split())}", file=sys.stderr)
    sys.exit(1)
