"""A study: a folder with Optuna's journal, and what all of its trials have in common."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from songmood.errors import ConfigError

JOURNAL = "journal.log"
NAME = "tune"  # of the study in its journal; Hyperband shares trials out by it
METRICS = ("validation/pr_auc_macro", "validation/roc_auc_macro")
PRUNERS = ("median", "hyperband", "none")
PLAN, FAILURE, VALUES = "plan", "failure", "values"  # what the journal keeps beside Optuna's own


@dataclass(frozen=True)
class Plan:
    """What all trials of a study have in common.

    Attributes:
        overrides: of every run.
        space: names and sweeps, in their order.
        metric: of validation, which is to become as large as possible.
        seeds: of each trial's runs, whose mean counts.
        pruner: ends trials early: ``median``, ``hyperband`` or ``none``.
        epochs: of a run, which pruners reckon with.
    """

    overrides: tuple[str, ...]
    space: dict[str, Any]
    metric: str
    seeds: tuple[int, ...]
    pruner: str
    epochs: int

    def __post_init__(self) -> None:
        for option, value, known in (("--metric", self.metric, METRICS), ("--pruner", self.pruner, PRUNERS)):
            if value not in known:
                raise ConfigError(f"{option} {value}: expected one of {', '.join(known)}")

    @property
    def digest(self) -> str:
        """Eight letters that another plan does not have."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:8]

    def make_pruner(self) -> BasePruner:
        """Five whole trials and a quarter of the epochs go by before the median prunes."""
        if self.pruner == "median":
            return MedianPruner(n_startup_trials=5, n_warmup_steps=self.epochs // 4)
        return HyperbandPruner(max_resource=self.epochs) if self.pruner == "hyperband" else NopPruner()


def open_study(folder: Path, plan: Plan | None = None) -> tuple[optuna.Study, Plan]:
    """The study of a folder and its plan.

    Args:
        folder: the study's.
        plan: makes the study where there is none; None where it must be there.

    Raises:
        ConfigError: the study there has another plan.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    path = str(folder.resolve() / JOURNAL)  # its lock is a link, which a relative path would lead astray
    storage = JournalStorage(JournalFileBackend(path))
    if plan is not None:
        study = optuna.create_study(storage=storage, study_name=NAME, direction="maximize", load_if_exists=True)
        if PLAN not in study.user_attrs:
            study.set_user_attr(PLAN, asdict(plan))
        _require_same(folder, study.user_attrs[PLAN], json.loads(json.dumps(asdict(plan))))
    study = optuna.load_study(study_name=NAME, storage=storage)
    kept = study.user_attrs[PLAN]
    found = Plan(**kept | {name: tuple(kept[name]) for name in ("overrides", "seeds")})
    study.pruner = found.make_pruner()
    return study, found


def sampler_of(number: int) -> TPESampler:
    """For one trial: what it draws follows from its number and the trials before it, whatever was killed."""
    return TPESampler(seed=number)


def trial_of(study: optuna.Study, number: int) -> optuna.Trial:
    """A trial that has begun, to go on with."""
    return optuna.Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)


def run_folder(folder: Path, number: int, seed: int) -> Path:
    """Where a trial's run with that seed lies."""
    return folder / "trials" / f"{number:04d}" / f"seed-{seed}"


def _require_same(folder: Path, kept: dict[str, Any], wanted: dict[str, Any]) -> None:
    other = [name for name in wanted if kept[name] != wanted[name]]
    if other:
        raise ConfigError(f"{folder} holds a study with other {' and '.join(other)}; choose another --folder")
