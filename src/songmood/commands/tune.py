"""`songmood tune`: a search for better settings, on validation."""

from pathlib import Path
from typing import Annotated

import typer


def tune(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="Hydra overrides that every run gets, such as experiment=run3 corpus=demo."),
    ] = None,
    space: Annotated[Path, typer.Option(help="Keys and sweeps in YAML, as in conf/space.")] = Path("recipe"),
    trials: Annotated[int, typer.Option(min=1, help="That the study is to have in the end.")] = 40,
    metric: Annotated[str, typer.Option(help="validation/pr_auc_macro or validation/roc_auc_macro.")] = (
        "validation/pr_auc_macro"
    ),
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each trial, whose mean counts.")] = 1,
    pruner: Annotated[str, typer.Option(help="median, hyperband or none: which ends bad trials early.")] = "median",
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Trials at a time; else one per GPU, or per two cores.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="The study's; below multirun/tune, named by what is asked.")
    ] = None,
) -> None:
    """Search settings with Optuna; the same command again goes on where it was killed.

    The first trial is the configuration as it stands. Trials see validation alone; at the end the best one is scored on
    the test split and written as an experiment, and a page shows the study.
    """
    try:
        import optuna  # noqa: F401 - an extra
    except ImportError:
        from songmood.errors import ConfigError

        raise ConfigError("songmood tune needs Optuna: pip install 'songmood[tune]'") from None
    import logging

    from songmood.report.study import build_study_page
    from songmood.runs.tuning.search import search

    logging.basicConfig(level=logging.INFO, format="[%(asctime)s] %(message)s", datefmt="%H:%M:%S", force=True)
    study = search(overrides or [], space, trials, metric, seeds, pruner, jobs, folder)
    typer.echo(f"{study / 'experiment/best.yaml'}\n{build_study_page(study)}")
