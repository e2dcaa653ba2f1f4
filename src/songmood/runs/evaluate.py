"""Scoring any split of a corpus again from a checkpoint alone."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from songmood.cache.read import MelCache
from songmood.config import build
from songmood.corpora.corpus import Corpus
from songmood.errors import CheckpointError
from songmood.runs.compose import make_corpus, make_speed, make_trainer
from songmood.runs.processes import leave_processes
from songmood.runs.results import Thresholds, announce, score_test, write_results
from songmood.runs.settings import check_settings
from songmood.training.card import ModelCard
from songmood.training.tagger import Tagger

log = logging.getLogger(__name__)


def rescore(config: Mapping[str, Any], written: Mapping[str, Any], folder: Path) -> float:
    """Score a split and write it as the training run wrote it.

    Args:
        config: `conf/evaluate.yaml` with its overrides, as plain types.
        written: the same before interpolation; not needed.
        folder: gets the files of a run folder's split.

    Returns:
        Macro PR-AUC of the split.

    Raises:
        SongmoodError: such as CheckpointError for a checkpoint of another tag set or other spectrograms.
    """
    check_settings(config)
    speed = make_speed(config)
    path, split = Path(config["checkpoint"]), config["split"]
    tagger = Tagger.load_from_checkpoint(path, trusted=config["trusted"])
    if not tagger.is_fitted:
        raise CheckpointError(f"{path} has no fitted thresholds: it is of before a validation; take a later one")
    card = tagger.card
    corpus = make_corpus(config["corpus"])
    cache = _matching_cache(path, card, corpus)
    speed.prepare(tagger.net)
    trainer = make_trainer(config["trainer"], speed, folder, [], [])
    try:
        data = build(_windows(config, card, split), cache=cache, splits={"test": _ids(corpus, split)}, seed=card.seed)
        scores = score_test(trainer, tagger, data)
        thresholds = _thresholds(config, tagger, corpus, cache, trainer)
        is_first = trainer.is_global_zero
    finally:
        leave_processes()
    if not is_first:
        return float("nan")
    is_per_window = split == "validation" and config["windows"] == "same" and not tagger.card.validates_by_track
    splits = {split: scores if is_per_window else scores.by_track()}  # as thresholds are fitted on it
    metrics = write_results(folder, splits, thresholds, card.tags, {split: data.track_ids["test"]})
    announce(folder, path.name, metrics, {})
    return float(metrics[split]["pr_auc_macro"])


def _thresholds(
    config: Mapping[str, Any], tagger: Tagger, corpus: Corpus, cache: MelCache, trainer: pl.Trainer
) -> Thresholds:
    """The checkpoint's; for other windows than the run's, fitted anew on validation tracks that are scored in them."""
    card = tagger.card
    rule = build(card.threshold)
    if config["windows"] == "same":
        return Thresholds.of(tagger, rule.name)
    ids = _ids(corpus, "validation")
    if not ids:
        log.warning("no validation tracks here: thresholds are those that the run fitted on windows of its own")
        return Thresholds.of(tagger, rule.name)
    data = build(_windows(config, card, "validation"), cache=cache, splits={"test": ids}, seed=card.seed)
    validation = score_test(trainer, tagger, data).by_track()
    values = torch.from_numpy(rule.fit(validation.scores, validation.targets))
    tagger.thresholds.copy_(values)
    return Thresholds.of(tagger, rule.name, validation)


def _ids(corpus: Corpus, split: str) -> list[str]:
    return [track.track_id for track in corpus.splits.get(split, ())]


def _matching_cache(path: Path, card: ModelCard, corpus: Corpus) -> MelCache:
    """The corpus's cache, if the network can be used on it."""
    card.require_tags(corpus.tags, path)
    if card.features and tuple(corpus.feature_names) != card.features:
        raise CheckpointError(f"{path} wants the features {', '.join(card.features[:3])}, ...; this corpus has others")
    if asdict(corpus.mel) != card.mel:
        raise CheckpointError(
            f"{path} was trained on spectrograms with {card.mel}, this corpus has {asdict(corpus.mel)}"
        )
    cache = corpus.open()
    if card.features:
        corpus.check_features(cache)
    return cache


def _windows(config: Mapping[str, Any], card: ModelCard, split: str) -> dict[str, Any]:
    """The run's window settings with the sampling that was asked for in the place of the test split's."""
    trained = card.windows
    if config["windows"] == "centre":
        sampling = {"_target_": "songmood.loading.windows.CentreWindow"}
    elif config["windows"] == "all":
        sampling = {"_target_": "songmood.loading.windows.AllWindows", "hop": config["hop"]}
    elif split == "validation":
        sampling = trained["validation_sampling"] or trained["sampling"]
    else:
        sampling = trained["test_sampling"]
    return {
        **trained,
        "test_sampling": sampling,
        "evaluation_batch_size": config["batch_size"],
        "num_workers": config["num_workers"],
        "shuffle_targets": False,
    }
