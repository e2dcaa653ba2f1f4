"""The composition root of training: the configuration becomes objects here, and below it there are only objects."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from omegaconf import DictConfig
from pytorch_lightning.loggers import Logger

from songmood.cache.disk import full_disk_is_named
from songmood.config import build
from songmood.corpora.corpus import Corpus
from songmood.errors import RunFolderError
from songmood.evaluation.submission import PREDICTIONS, TARGETS
from songmood.evaluation.thresholds import ThresholdRule
from songmood.loading.datamodule import MoodDataModule
from songmood.runs import parts
from songmood.runs.console import announce
from songmood.runs.ddp import leave_processes
from songmood.runs.pictures import elbow_curves, learning_curves, tag_chart
from songmood.runs.provenance import provenance
from songmood.runs.results import write_json, write_run, write_split
from songmood.runs.resume import check_resumable
from songmood.runs.scoring import load_weights, score_test, score_validation, thresholds_of
from songmood.runs.settings import check_settings
from songmood.training import tracking
from songmood.training.checkpoints import LAST, EpochCheckpoints
from songmood.training.history import METRICS_CSV, History
from songmood.training.speed import Speed
from songmood.training.tagger import Tagger
from songmood.training.thresholding import ThresholdFitting

OBJECTIVE = "pr_auc_macro"  # of validation: what a sweep that searches is to maximise


@dataclass
class TrainingRun:
    """The objects of one run.

    Attributes:
        folder: the run folder.
        config: the composed configuration, as plain types.
        composed: the same before interpolation; goes into the provenance.
        rule: fits the thresholds.
        checkpoints: the callback that keeps them.
        corpus: which tracks, tags and splits.
        data: the windows.
        tagger: the net with its loss, optimiser and thresholds.
        started: seconds on the monotonic clock.
    """

    folder: Path
    config: dict[str, Any]
    composed: dict[str, Any]
    rule: ThresholdRule
    checkpoints: EpochCheckpoints
    corpus: Corpus
    data: MoodDataModule
    tagger: Tagger
    started: float

    @property
    def name(self) -> str:
        """What tables and trackers call it."""
        return str(self.config["name"] or "-".join(parts.choices("model", "data")))


def train(composed: DictConfig, folder: Path) -> float:
    """One run, from corpus to results.

    Args:
        composed: `conf/train.yaml` with its overrides.
        folder: the run folder.

    Returns:
        Macro PR-AUC on validation.

    Raises:
        SongmoodError: for what the user can mend, before anything long starts.
    """
    last = folder / "checkpoints" / LAST
    remedy = f"make room and go on with ckpt_path={last}, or start again where it is not there yet"
    with full_disk_is_named(folder, RunFolderError, remedy):
        return _train(composed, folder)


def _train(composed: DictConfig, folder: Path) -> float:
    started = time.monotonic()
    config = parts.plain(composed)
    check_settings(config)
    speed = parts.prepare_process(config)
    rule: ThresholdRule = build(config["threshold"])
    checkpoints = EpochCheckpoints(folder / "checkpoints", config["report_epochs"])
    callbacks = [*parts.callbacks(config), ThresholdFitting(rule), History(folder), checkpoints]
    with _loggers(config) as loggers:
        trainer = parts.make_trainer(config["trainer"], speed, folder, callbacks, loggers)
        made = _make_corpus_data_and_tagger(config, speed)
        run = TrainingRun(folder, config, parts.plain(composed, resolve=False), rule, checkpoints, *made, started)
        for logger in loggers:
            logger.log_hyperparams(config)
        _fit(trainer, run)
        results = _score(trainer, run)
        if trainer.is_global_zero:
            _leave_results(run, results, loggers)
    return float(results["."]["validation"][OBJECTIVE])


def _make_corpus_data_and_tagger(config: dict[str, Any], speed: Speed) -> tuple[Corpus, MoodDataModule, Tagger]:
    """Build what is slow; what is quick to refuse is refused before the cache is opened or built."""
    corpus: Corpus = build(config["corpus"])
    pl.seed_everything(config["seed"], workers=True, verbose=False)
    card, net = parts.make_card_and_net(config, corpus)
    parts.check_windows(config["data"], net)
    if config["ckpt_path"] is not None:
        check_resumable(Path(config["ckpt_path"]), card)
    cache = corpus.open()
    data = parts.make_data(config["data"], corpus, cache, config["seed"])
    parts.fit_standardiser(net, corpus, cache, data)
    speed.prepare(net)
    card = replace(card, cache_fingerprint=cache.fingerprint)
    optimiser = parts.make_optimiser(config, speed)
    return corpus, data, Tagger(net, card, build(config["loss"]), optimiser, config["seed"])


@contextmanager
def _loggers(config: Mapping[str, Any]) -> Iterator[list[Logger]]:
    """The run's loggers, closed in any event, and the processes of a distributed run left."""
    loggers: list[Logger] = [build(node) for node in (config["logger"] or {}).values()]
    has_failed = True
    try:
        yield loggers
        has_failed = False
    finally:
        tracking.close(loggers, has_failed)
        leave_processes()


def _fit(trainer: pl.Trainer, run: TrainingRun) -> None:
    resume_from = run.config["ckpt_path"]
    try:
        trainer.fit(run.tagger, datamodule=run.data, ckpt_path=resume_from, weights_only=True)
    except SystemExit:  # how Lightning ends a run on SIGINT and SIGTERM
        raise parts.interrupted(run.folder / "checkpoints" / LAST) from None


def _score(trainer: pl.Trainer, run: TrainingRun) -> dict[str, dict[str, Any]]:
    """Score validation and test with each reported epoch's weights, the last epoch's first."""
    tags, splits = run.corpus.tags, run.data.track_ids
    epochs = {f"epoch_{epoch:02d}": path for epoch, path in run.checkpoints.kept(trainer.max_epochs or 0).items()}
    results: dict[str, dict[str, Any]] = {}
    for place, checkpoint in {".": run.checkpoints.folder / LAST, **epochs}.items():
        load_weights(run.tagger, checkpoint)
        validation = score_validation(trainer, run.tagger, run.data)
        test = score_test(trainer, run.tagger, run.data)
        thresholds = thresholds_of(run.tagger, run.rule.name, validation)
        if trainer.is_global_zero:
            folder = run.folder / place
            validated = write_split(folder / "validation", validation, thresholds, tags, splits["validation"])
            results[place] = {"validation": validated}
            results[place]["test"] = write_split(folder, test, thresholds, tags, splits["test"])
            write_run(folder, results[place], thresholds, tags)
        else:
            results[place] = {"validation": {OBJECTIVE: float("nan")}}
    load_weights(run.tagger, run.checkpoints.folder / LAST)
    return results


def _leave_results(run: TrainingRun, results: dict[str, dict[str, Any]], loggers: list[Logger]) -> None:
    """Provenance and pictures into the run folder and to the trackers, a table on the terminal."""
    write_json(
        run.folder / "provenance.json",
        provenance(run.name, run.composed, run.tagger.card, time.monotonic() - run.started),
    )
    learning_curves(run.folder / METRICS_CSV, run.folder / "learning_curves.png")
    tag_chart(results["."]["test"], run.folder / "tags.png")
    _draw_elbows(run)
    thresholds = thresholds_of(run.tagger, run.rule.name)
    tracking.log_results(loggers, results["."], thresholds.rows(run.corpus.tags), sorted(run.folder.glob("*.png")))
    earlier = {
        f"test, epoch {int(place.removeprefix('epoch_'))}": scored["test"]
        for place, scored in results.items()
        if place != "."
    }
    announce(run.folder, run.name, results["."], earlier)


def _draw_elbows(run: TrainingRun) -> None:
    """The paper's idea, seen: each threshold on the curve that it was fitted on."""
    fitted = run.folder / "validation"
    elbow_curves(
        np.load(fitted / PREDICTIONS),
        np.load(fitted / TARGETS),
        thresholds_of(run.tagger, run.rule.name).values,
        run.corpus.tags,
        run.folder / "elbows.png",
    )
