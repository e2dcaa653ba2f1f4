"""One trial in a process of its own: `python -m songmood.runs.tuning.trial FOLDER NUMBER`.

It is told the number alone and finds the rest in the study's journal, where it leaves what came of it: a trial has
ended when, and only when, its one last line is there.
"""

import logging
import os
import sys
from pathlib import Path
from statistics import fmean

import pytorch_lightning as pl
from optuna import Trial, TrialPruned
from optuna.trial import TrialState

from songmood.errors import SongmoodError, TrainingError
from songmood.runs.api import FinishedRun, train
from songmood.runs.configuration import quoted
from songmood.runs.sweeps.slots import leave_with_parent
from songmood.runs.tuning.space import overrides_of
from songmood.runs.tuning.study import FAILURE, VALUES, Plan, open_study, run_folder, trial_of
from songmood.training.checkpoints import LAST


class Reporting(pl.Callback):
    """Tells the study what each validation of a fit measures, and ends a run that the study's pruner gives up.

    Args:
        folder: the study's.
        number: the trial's.
    """

    def __init__(self, folder: str, number: int) -> None:
        study, plan = open_study(Path(folder))
        self._trial, self._metric = trial_of(study, number), plan.metric
        self._known = set(study.get_trials(deepcopy=False)[number].intermediate_values)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report; every process ends where one does.

        Raises:
            TrialPruned: the trial is not worth going on with.
        """
        if trainer.sanity_checking or trainer.state.fn != "fit":
            return
        is_given_up, epoch = False, trainer.current_epoch + 1
        if trainer.is_global_zero:
            if epoch not in self._known:  # a resumed run has told of its first epochs
                self._trial.report(float(trainer.callback_metrics[self._metric]), epoch)
                self._known.add(epoch)
            is_given_up = self._trial.should_prune()
        if trainer.strategy.broadcast(is_given_up):
            raise TrialPruned


def carry_out(folder: Path, number: int) -> None:
    """Train a trial's runs, from their last checkpoints where a killed process left some, and tell the study.

    Raises:
        SongmoodError: a run cannot be carried out; the study is not told.
    """
    study, plan = open_study(folder)
    trial = trial_of(study, number)
    try:
        values = [_measure(folder, plan, trial, seed) for seed in plan.seeds]
    except TrialPruned:
        study.tell(number, state=TrialState.PRUNED)
    except (
        TrainingError
    ) as error:  # settings under which a loss is lost are as bad as can be, and the sampler learns it
        trial.set_user_attr(FAILURE, str(error))
        study.tell(number, state=TrialState.PRUNED)
    else:
        trial.set_user_attr(VALUES, values)
        study.tell(number, fmean(values))


def train_one(folder: Path, plan: Plan, trial: Trial, seed: int, *overrides: str) -> FinishedRun:
    """A run of a trial, which goes on where its folder has a checkpoint."""
    place = run_folder(folder, trial.number, seed)
    checkpoint = place / "checkpoints" / LAST
    resumed = [f"ckpt_path={quoted(checkpoint)}"] if checkpoint.is_file() else []
    return train([*plan.overrides, *overrides_of(trial.params), f"seed={seed}", *resumed, *overrides], place)


def _measure(folder: Path, plan: Plan, trial: Trial, seed: int) -> float:
    """The metric of a run; those of further seeds are not reported, and so never pruned."""
    run = FinishedRun(run_folder(folder, trial.number, seed))
    if not (run.folder / "metrics.json").is_file():
        reporting = []
        if seed == plan.seeds[0]:
            named = {"_target_": f"{__package__}.trial.Reporting", "folder": quoted(folder), "number": trial.number}
            reporting = [f"+callbacks.trial.{key}={value}" for key, value in named.items()]
        run = train_one(folder, plan, trial, seed, "score_test=false", "pictures=false", *reporting)
    split, metric = plan.metric.split("/")
    return float(run.metrics[split][metric])


def main(folder: str, number: str) -> None:
    """Carry out a trial, unless the process that started it ends."""
    leave_with_parent()
    for name, value in (("WANDB_RUN_GROUP", Path(folder).name), ("WANDB_JOB_TYPE", "trial")):
        os.environ.setdefault(name, value)
    logging.basicConfig(level=logging.INFO, format="[%(asctime)s] %(message)s", datefmt="%H:%M:%S", force=True)
    try:
        carry_out(Path(folder), int(number))
    except SongmoodError as error:
        raise SystemExit(f"{type(error).__name__}: {error}") from None


if __name__ == "__main__":
    main(*sys.argv[1:])
