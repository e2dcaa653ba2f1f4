"""A search from its first check to the winner's test."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from songmood.errors import ConfigError
from songmood.runs.configuration import compose_config
from songmood.runs.sweeps.slots import slots_for
from songmood.runs.tuning.check import beginning, check_space
from songmood.runs.tuning.space import Space, read_space
from songmood.runs.tuning.study import Plan, open_study
from songmood.runs.tuning.supervisor import Supervisor
from songmood.runs.tuning.winner import best_of, score_winner, write_experiment

log = logging.getLogger(__name__)


def search(
    overrides: Sequence[str],
    space_file: Path,
    trials: int,
    metric: str,
    seeds: int = 1,
    pruner: str = "median",
    jobs: int | None = None,
    folder: Path | None = None,
) -> Path:
    """Bring a study to its number of trials, from wherever it is; then its best is written down and tested.

    Args:
        overrides: of every run.
        space_file: see `songmood.runs.tuning.space`.
        trials: that the study is to have in the end.
        metric: to be made large, such as ``validation/pr_auc_macro``.
        seeds: runs of each trial, from the configuration's seed on.
        pruner: ``median``, ``hyperband`` or ``none``.
        jobs: trials at a time; None for one on each GPU, or on every two cores of a CPU.
        folder: the study's; None for one below `multirun` that is named by all of the above but the number of trials.

    Returns:
        The study's folder.

    Raises:
        SongmoodError: for what the user can mend: before the first trial, or where none comes to its end.
    """
    lines = read_space(space_file)
    space, config = Space.of(lines), compose_config("train", overrides)
    numbers = tuple(range(config.seed, config.seed + seeds))
    plan = Plan(tuple(overrides), lines, metric, numbers, pruner, config.trainer.max_epochs)
    log.info("trying the ends of the space %s", space_file.stem)
    check_space(space, overrides)
    folder = folder or Path("multirun", "tune", f"{space_file.stem}-{plan.digest}")
    with _alone(folder):
        study, plan = open_study(folder, plan)
        if not study.trials:
            first = beginning(space, overrides)
            if first is None:
                log.info("the configuration as it stands is not in the space: the first trial is drawn, too")
            else:
                study.enqueue_trial(first)
        Supervisor(study, space, folder, trials).run(slots_for(config.trainer, jobs))
        write_experiment(folder, plan, best_of(study))
        score_winner(folder, study, plan)
    return folder


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise ConfigError(f"{folder}: another songmood tune is at work there; wait for it or stop it") from None
    with lock:
        yield
