"""A training run: fit, score with each reported epoch's weights, leave the results."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning.callbacks import WeightAveraging

from songmood.cache.disk import full_disk_is_named
from songmood.errors import ConfigError, RunFolderError, SongmoodError
from songmood.evaluation.submission import PREDICTIONS, TARGETS
from songmood.evaluation.thresholds import read_thresholds
from songmood.runs.compose import Run, compose
from songmood.runs.configuration import as_typed
from songmood.runs.pictures import elbow_curves, learning_curves, tag_chart
from songmood.runs.processes import killed_process, leave_processes
from songmood.runs.provenance import provenance
from songmood.runs.results import Thresholds, announce, score_test, score_validation, write_json, write_results
from songmood.training import tracking
from songmood.training.card import read_checkpoint
from songmood.training.checkpoints import LAST, keep_state
from songmood.training.history import METRICS_CSV

NO_SUCH_METRIC = "Early stopping conditioned on metric"  # the one such fault that Lightning has another kind for
OBJECTIVE = "pr_auc_macro"  # of validation: what a sweep that searches is to maximise


def train(config: Mapping[str, Any], written: Mapping[str, Any], folder: Path) -> float:
    """One run, from corpus to results.

    Args:
        config: `conf/train.yaml` with its overrides, as plain types.
        written: the same before interpolation; goes into the provenance.
        folder: the run folder.

    Returns:
        Macro PR-AUC on validation; NaN in all processes of a distributed run but the first.

    Raises:
        SongmoodError: for what the user can mend, before anything long starts.
        KeyboardInterrupt: on SIGINT or SIGTERM; the checkpoint of the last epoch is kept.
    """
    started = time.monotonic()
    way_on = as_typed("ckpt_path", folder / "checkpoints" / LAST)
    remedy = f"make room and go on with {way_on}, or start again where it is not there"
    with full_disk_is_named(folder, RunFolderError, remedy):
        run = compose(config, folder)
        with _closing(run):
            fit(run)
            results = score(run)
            if not run.trainer.is_global_zero:
                return float("nan")
            seconds, precision = time.monotonic() - started, str(run.trainer.precision)
            origin = provenance(run.name, written, run.tagger.card, seconds, precision)
            leave(run, results, origin)
    return float(results["."]["validation"][OBJECTIVE])


@contextmanager
def _closing(run: Run) -> Iterator[None]:
    """Whatever happens, loggers are closed and the processes of a distributed run left.

    Raises:
        SongmoodError: one of these was killed.
    """
    has_failed = True
    try:
        yield
        has_failed = False
    except RuntimeError as error:
        if death := killed_process(run.trainer):
            raise SongmoodError(death) from error
        raise
    finally:
        tracking.close(run.loggers, has_failed)
        leave_processes()


def fit(run: Run) -> None:
    """Train, or go on from the checkpoint that the configuration names.

    Raises:
        ConfigError: with Lightning's words, where it finds only now that parts do not fit each other.
    """
    for logger in run.loggers:
        logger.log_hyperparams(tracking.hyperparameters(run.config, run.tagger.net))
    try:
        run.trainer.fit(run.tagger, datamodule=run.data, ckpt_path=run.config["ckpt_path"], weights_only=True)
    except SystemExit:  # how Lightning ends a run on SIGINT and SIGTERM
        raise KeyboardInterrupt from None
    except (MisconfigurationException, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not str(error).startswith(NO_SUCH_METRIC):
            raise
        raise ConfigError(" ".join(str(error).split())) from error


def score(run: Run) -> dict[str, dict[str, Any]]:
    """Score validation, and test unless it is not to be looked at, with the run's weights and those of reported epochs.

    Returns:
        The content of `metrics.json` for each folder that was written, ``.`` and ``epoch_08``; every process must call
        it, and the first one writes.
    """
    _score_whole_validation(run.trainer)
    earlier = run.checkpoints.kept(run.trainer.max_epochs or 0)
    places = {f"epoch_{epoch:02d}": path for epoch, path in earlier.items()} | {".": run.checkpoints.scored}
    results = {}
    for place, checkpoint in places.items():  # the run's own last: its weights stay in the tagger
        run.tagger.load_state_dict(read_checkpoint(checkpoint)["state_dict"])
        validation = score_validation(run.trainer, run.tagger, run.data)
        splits = {"validation": validation}
        if run.config["score_test"]:
            splits["test"] = score_test(run.trainer, run.tagger, run.data).by_track()
        if run.trainer.is_global_zero:
            keep_state(checkpoint, run.tagger.state_dict())  # the thresholds may have been fitted just now
            thresholds = Thresholds.of(run.tagger, run.rule.name, validation)
            tags, folder = run.corpus.tags, run.folder / place
            results[place] = write_results(folder, splits, thresholds, tags, run.data.track_ids)
    return results


def _score_whole_validation(trainer: pl.Trainer) -> None:
    """Whatever part of it the fit looked at, and with the checkpoints' weights, which averaging would exchange."""
    if isinstance(trainer.limit_test_batches, float):  # else a part is wanted of both
        trainer.limit_val_batches = 1.0
    callbacks: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    callbacks[:] = [callback for callback in callbacks if not isinstance(callback, WeightAveraging)]


def leave(run: Run, results: Mapping[str, dict[str, Any]], origin: Mapping[str, Any]) -> None:
    """Provenance and, where wanted, pictures into the run folder; what `score` found to trackers and terminal."""
    folder, last = run.folder, results["."]
    split = "test" if "test" in last else "validation"
    write_json(folder / "provenance.json", origin)
    table = read_thresholds(folder / "thresholds.tsv")
    if run.config["pictures"]:
        learning_curves(folder / METRICS_CSV, folder / "learning_curves.png")
        tag_chart(last[split], folder / "tags.png")
        fitted_on = folder / "validation" if split == "test" else folder
        scores, targets = (np.load(fitted_on / name) for name in (PREDICTIONS, TARGETS))
        elbow_curves(scores, targets, table.thresholds, table.tags, folder / "elbows.png")
    told = tracking.hyperparameters(run.config, run.tagger.net)
    tracking.log_results(run.loggers, told, last, table, sorted(folder.glob("*.png")))
    tracking.log_models(run.loggers, run.checkpoints.scored)
    earlier = {
        f"{split}, epoch {int(place.removeprefix('epoch_'))}": scored[split]
        for place, scored in results.items()
        if place != "."
    }
    announce(folder, run.name, last, earlier)
