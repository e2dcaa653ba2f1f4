"""The `songmood` command: its verbs, and one line for what the user can mend."""

import sys

import typer

import songmood
from songmood.commands import data, sweep
from songmood.commands.app import app as page
from songmood.commands.export import export
from songmood.commands.report import report
from songmood.commands.reproduce import reproduce
from songmood.commands.runs import FOR_HYDRA, evaluate, train
from songmood.commands.scores.compare import compare
from songmood.commands.scores.ensemble import ensemble
from songmood.commands.scores.score import score
from songmood.commands.scores.thresholds import thresholds
from songmood.commands.tag import tag
from songmood.commands.tune import tune
from songmood.errors import SongmoodError


def main() -> None:
    """Run the command line; 0 when done, 1 for what the user can mend, 2 for wrong arguments."""
    try:
        app()
    except SongmoodError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        raise SystemExit(1) from None


app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"songmood {songmood.__version__}")
        raise typer.Exit


@app.callback()
def songmood_command(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    """Train, evaluate and use mood-and-theme taggers for music."""


app.add_typer(data.app, name="data")
app.add_typer(sweep.app, name="sweep")
app.command(context_settings=FOR_HYDRA)(train)
app.command(context_settings=FOR_HYDRA)(evaluate)
for command in (tag, page, export, score, thresholds, ensemble, compare, report, reproduce, tune):
    app.command()(command)
