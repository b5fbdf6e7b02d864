"""The command line `credit-monitor`: one file per group of commands.

Data goes to standard output, everything else to standard error. Exit status: 0 success, 2 wrong use, 1 failure with
one line that says what to do.
"""

from __future__ import annotations

import logging
import os
import sys

import click
import typer
from rich.console import Console
from rich.logging import RichHandler

from config.ruleset import RulesError
from monitor.cli import address, demo, explain, export, generate, rules, run, schema
from monitor.cli.failure import Failure
from monitor.sources import SourceError
from monitor.store.home import HomeError

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
app.command("serve")(demo.serve)
app.command("export")(export.export)
app.command("address")(address.address)
app.command("rules")(rules.rules)
app.command("explain")(explain.explain)
app.command("schema")(schema.schema)
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
        app(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except (Failure, HomeError, SourceError, RulesError) as error:
        print(f"credit-monitor: {error}", file=sys.stderr)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
