"""`songmood reproduce`: every row of the paper's table, then the report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from songmood.report.rows import ReportRow
    from songmood.training.reproduction import Outcome


def reproduce(
    overrides: Annotated[list[str] | None, typer.Argument(help="Hydra overrides that every run gets.")] = None,
    corpus: Annotated[str, typer.Option(help="jamendo, demo or folder.")] = "jamendo",
    seeds: Annotated[int, typer.Option(min=1, help="Runs per row, with seeds from 0.")] = 1,
    out: Annotated[Path, typer.Option(help="Where runs and report go.")] = Path("results"),
    only: Annotated[list[str] | None, typer.Option(help="An experiment, such as run3; may be repeated.")] = None,
    report_only: Annotated[bool, typer.Option("--report-only", help="Report what is there; train nothing.")] = False,
) -> None:
    """Train every row of the paper's table that is not finished, then write RESULTS.md and index.html.

    A killed reproduction goes on where it was. A row that fails is named in the report with its log; the others go on,
    and the exit status is 1.
    """
    from songmood.training.reproduction import plan, reproduce_runs

    _show_log()
    runs = plan(corpus, seeds, out, overrides or [], only or [])
    outcomes = reproduce_runs(runs, is_training=not report_only)
    rows = [_as_row(outcome) for outcome in outcomes]
    from songmood.report.build import build_report

    made = build_report(rows, out)
    typer.echo(f"{made.markdown}\n{made.page}")
    if any(row.status == "failed" for row in rows):
        raise typer.Exit(1)


def _as_row(outcome: "Outcome") -> "ReportRow":
    from songmood.report.rows import ReportRow

    run = outcome.run
    return ReportRow(run.folder, run.experiment, run.seed, outcome.status, outcome.note, run.log)


def _show_log() -> None:
    import logging

    logging.basicConfig(level=logging.INFO, format="[%(asctime)s] %(message)s", datefmt="%H:%M:%S", force=True)
