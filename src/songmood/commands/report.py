"""`songmood report`: run folders in, one page out."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN_FOLDER...", help="Folders that training runs wrote.")],
    out: Annotated[Path, typer.Option(help="Where index.html and RESULTS.md go.")] = Path("report"),
    bootstrap: Annotated[int, typer.Option(min=100, help="Resamples behind intervals and p-values.")] = 1000,
) -> None:
    """Put runs side by side: the paper's table, what is significant, and each run's curves, tag by tag.

    Runs of one experiment with different seeds share a row of the table; the page needs no network and no other file.
    """
    from songmood.report.build import MARKDOWN, PAGE, build_report
    from songmood.report.rows import ReportRow

    build_report([ReportRow(folder) for folder in folders], out, resamples=bootstrap, skip_unreadable=False)
    typer.echo(f"{out / PAGE}\n{out / MARKDOWN}")
