"""`songmood sweep`: how far a sweep is, and how it goes on, from any terminal."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Look at a sweep, running or not; go on with it.")
SweepFolder = Annotated[Path, typer.Argument(metavar="DIR", help="The sweep's folder, below multirun.")]


@app.command()
def status(folder: SweepFolder) -> None:
    """Print the table as it is now: means, SDs and differences, which jobs run, which failed and why."""
    from rich.console import Console

    from songmood.runs.sweeps.show import as_table
    from songmood.runs.sweeps.table import read_sweep

    Console().print(as_table(read_sweep(folder)))


@app.command()
def resume(folder: SweepFolder) -> None:
    """Go on with a sweep: what is finished is kept, jobs in Slurm's queue are found again, all else is run."""
    from omegaconf import OmegaConf

    from songmood.errors import RunFolderError
    from songmood.runs.configuration import as_written, quoted
    from songmood.runs.entry import run
    from songmood.runs.sweeps.names import MULTIRUN

    if not (folder / MULTIRUN).is_file():
        raise RunFolderError(f"{folder} is no sweep: expected a folder with {MULTIRUN}, as `train.py -m` leaves it")
    hydra = OmegaConf.load(folder / MULTIRUN).hydra
    own = [item for item in as_written(hydra.overrides.hydra) if not item.startswith("hydra.mode=")]
    place = f"hydra.sweep.dir={quoted(folder.absolute())}"
    run(str(hydra.job.config_name), ["-m", *as_written(hydra.overrides.task), *own, place])
