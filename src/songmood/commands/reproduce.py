"""`songmood reproduce`: every row of the paper's table, or of the one beyond it, then the report."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from songmood.report.rows import ReportRow
    from songmood.runs.sweeps.reproduction import Outcome


ENSEMBLE = "crnn_modern_ensemble"  # its row of the table beyond


def reproduce(
    overrides: Annotated[list[str] | None, typer.Argument(help="Hydra overrides that every run gets.")] = None,
    corpus: Annotated[str, typer.Option(help="jamendo, demo or folder.")] = "jamendo",
    seeds: Annotated[int, typer.Option(min=1, help="Runs per row, with seeds from 0.")] = 1,
    out: Annotated[Path, typer.Option(help="Where runs and report go.")] = Path("results"),
    only: Annotated[list[str] | None, typer.Option(help="An experiment, such as run3; may be repeated.")] = None,
    table: Annotated[
        Literal["paper", "beyond"], typer.Option(help="The paper's, or that of the recipes and networks since.")
    ] = "paper",
    report_only: Annotated[bool, typer.Option("--report-only", help="Report what is there; train nothing.")] = False,
) -> None:
    """Train every row of a table that is not finished, then write RESULTS.md and index.html.

    MTG-Jamendo is fetched first where it is not here. A killed reproduction goes on where it was. A row that fails is
    named in the report with its log; the others go on, and the exit status is 1. The report also shows what there is of
    the other table.
    """
    from songmood.report.build import MARKDOWN, PAGE, build_report
    from songmood.report.rows import WITHOUT_RESULTS, ReportRow
    from songmood.runs.sweeps.job import held
    from songmood.runs.sweeps.reproduction import plan, reproduce_runs
    from songmood.runs.sweeps.standing import is_complete

    _show_log()
    changes = list(overrides or [])
    if corpus == "jamendo":
        changes += _prepare_jamendo(changes, is_building=not report_only)
    runs = plan(corpus, seeds, out, changes, only or [], table)
    if report_only:
        outcomes = reproduce_runs(runs, is_training=False)
    else:
        out.mkdir(parents=True, exist_ok=True)
        with held(out):  # a second one would begin the folder anew that the first is at work in
            outcomes = reproduce_runs(runs, is_training=True)
    other: Literal["paper", "beyond"] = "beyond" if table == "paper" else "paper"
    there = [run for run in plan(corpus, seeds, out, changes, [], other) if is_complete(run.folder)]
    outcomes += reproduce_runs(there, is_training=False)
    told = [(outcome.run, outcome.status, outcome.note) for outcome in outcomes]
    rows = [
        ReportRow(run.folder, run.experiment, run.seed, status, note, run.log if run.log.is_file() else None)
        for run, status, note in told
    ]
    rows += ensemble_rows(outcomes, out / "runs" / corpus / ENSEMBLE)
    build_report(rows, out)
    typer.echo(f"{out / MARKDOWN}\n{out / PAGE}")
    if any(row.status in WITHOUT_RESULTS for row in rows):
        raise typer.Exit(1)


def _prepare_jamendo(changes: list[str], *, is_building: bool) -> list[str]:
    """Bring spectrograms and features that are missing, and choose features that can be had.

    Returns:
        The override that chooses them: none where the distribution holds those that the configuration asks for.
    """
    from songmood.commands import data
    from songmood.errors import CorpusError

    corpus = data.corpus_of(changes, None)
    if is_building:
        has_cache = corpus.cache_path.exists()
        if not has_cache or len(corpus.absent_features(corpus.open())) == len(corpus.feature_names):
            data.build(changes, kinds="melspecs,acousticbrainz")
    try:
        corpus.check_features(corpus.open())
    except CorpusError as error:
        logging.getLogger(__name__).warning("%s: the runs with features take those", error)
        return ["corpus/features=distribution"]
    return []


def ensemble_rows(outcomes: Sequence["Outcome"], folder: Path) -> list["ReportRow"]:
    """The row of the members together, combined anew; none before all of them are there, stale where one of them is."""
    from songmood.commands.scores.ensemble import combine_runs
    from songmood.report.rows import WITHOUT_RESULTS, ReportRow
    from songmood.runs.sweeps.reproduction import ENSEMBLED, MEMBERS

    trained = [outcome for outcome in outcomes if outcome.run.experiment == ENSEMBLED]
    members = [outcome for outcome in trained if outcome.status not in WITHOUT_RESULTS]
    if len(members) < MEMBERS:
        return []
    combine_runs([member.run.folder for member in members[:MEMBERS]], folder)
    if stale := [member for member in members[:MEMBERS] if member.status == "stale"]:
        note = f"{len(stale)} of its {MEMBERS} members are stale, the first {stale[0].note}"
        return [ReportRow(folder, ENSEMBLE, status="stale", note=note)]
    return [ReportRow(folder, ENSEMBLE)]


def _show_log() -> None:
    logging.basicConfig(level=logging.INFO, format="[%(asctime)s] %(message)s", datefmt="%H:%M:%S", force=True)
