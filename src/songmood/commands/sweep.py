"""`songmood sweep`: how far a sweep is, from any terminal."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Look at a sweep, running or not.")
SweepFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The sweep's folder, below multirun.")]


@app.command()
def status(folder: SweepFolder) -> None:
    """Print the table as it is now: means, SDs and differences, which jobs run, which failed and why."""
    from rich.console import Console

    from songmood.runs.sweeps.show import as_table
    from songmood.runs.sweeps.table import read_sweep

    Console().print(as_table(read_sweep(folder)))
