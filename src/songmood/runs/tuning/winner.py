"""The best trial: as an experiment's file, scored once on the test split, and how far chance may have chosen it."""

import math
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, variance
from typing import Any

import optuna
import yaml
from optuna.trial import FrozenTrial, TrialState

from songmood.errors import TrainingError
from songmood.evaluation.files import write_atomically
from songmood.runs.api import FinishedRun
from songmood.runs.configuration import choices_of
from songmood.runs.tuning.space import overrides_of, parse
from songmood.runs.tuning.study import FAILURE, VALUES, Plan, run_folder, trial_of
from songmood.runs.tuning.trial import train_one

EXPERIMENT = Path("experiment/best.yaml")  # in the study's folder, which Hydra's --config-dir can name


def best_of(study: optuna.Study) -> FrozenTrial:
    """The trial with the largest value.

    Raises:
        TrainingError: none has one.
    """
    if not study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]):
        failures = [trial.user_attrs[FAILURE] for trial in study.trials if FAILURE in trial.user_attrs]
        raise TrainingError(f"no trial came to its end: {failures[-1] if failures else 'all were pruned'}")
    return study.best_trial


def noise(study: optuna.Study) -> float | None:
    """The standard deviation over seeds, pooled over the trials; None where trials have one run each."""
    values = [trial.user_attrs.get(VALUES, ()) for trial in study.get_trials(deepcopy=False)]
    variances = [variance(runs) for runs in values if len(runs) > 1]
    return math.sqrt(fmean(variances)) if variances else None


def score_winner(folder: Path, study: optuna.Study, plan: Plan) -> list[dict[str, Any]]:
    """What the best trial's runs score on the test split: the weights that validation saw, once, and kept.

    Returns:
        For each seed the split's part of `metrics.json`.
    """
    best = best_of(study)
    trial = trial_of(study, best.number)
    scored = []
    for seed in plan.seeds:
        run = FinishedRun(run_folder(folder, best.number, seed))
        if "test" not in run.metrics:
            run = train_one(folder, plan, trial, seed, "score_test=true")
        scored.append(dict(run.metrics["test"]))
    return scored


def write_experiment(folder: Path, plan: Plan, best: FrozenTrial) -> Path:
    """The best trial as a file of `conf/experiment`, to be chosen by ``--config-dir FOLDER experiment=best``."""
    overrides = [*plan.overrides, *overrides_of(best.params)]
    groups = choices_of("train", overrides)
    parents: list[Any] = []
    chosen: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for override in map(parse, overrides):
        key, value = override.get_key_element().lstrip("+"), override.value()
        if key == "experiment":
            parents = value if isinstance(value, list) else [value]
        elif key in groups and not isinstance(value, dict):
            chosen[f"override /{key}"] = value
        elif not key.startswith(("hydra", "~")):
            _put(settings, key.split("."), value)
    defaults = [*parents, *({group: option} for group, option in chosen.items()), "_self_"]
    text = (
        "# @package _global_\n"
        f"# Trial {best.number} of {folder.name}: {plan.metric} {best.value:.4f}, on validation.\n"
        f"# songmood train --config-dir {folder} experiment=best\n"
    ) + yaml.safe_dump({"defaults": defaults, **settings}, sort_keys=False)
    path = folder / EXPERIMENT
    write_atomically(path, text.encode())
    return path


def _put(node: dict[str, Any], keys: list[str], value: Any) -> None:
    for key in keys[:-1]:
        node = node.setdefault(key, {})
    node[keys[-1]] = dict(value) if isinstance(value, Mapping) else value
