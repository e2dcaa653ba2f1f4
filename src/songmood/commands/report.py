"""`songmood report`: run folders in, one page out."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="RUN_FOLDER...", help="Folders that training runs wrote; or that of a sweep."),
    ],
    out: Annotated[Path, typer.Option(help="Where index.html and RESULTS.md go.")] = Path("report"),
    bootstrap: Annotated[int, typer.Option(min=100, help="Resamples behind intervals and p-values.")] = 1000,
) -> None:
    """Put runs side by side: the paper's table, what is significant, and each run's curves, tag by tag.

    Runs of one experiment with different seeds share a row of the table; the page needs no network and no other file.
    Of a sweep it shows the table, the runs behind each row, learning curves as bands and differences tag by tag.
    """
    from songmood.runs.sweeps.names import is_sweep

    if len(folders) == 1 and is_sweep(folders[0]):
        from songmood.report.build import PAGE
        from songmood.report.sweep_page import build_sweep_page

        build_sweep_page(folders[0], out / PAGE)
        typer.echo(str(out / PAGE))
        return
    from songmood.report.build import MARKDOWN, PAGE, build_report
    from songmood.report.rows import ReportRow

    build_report([ReportRow(folder) for folder in folders], out, resamples=bootstrap, skip_unreadable=False)
    typer.echo(f"{out / PAGE}\n{out / MARKDOWN}")
