"""Scoring any split of a corpus again from a checkpoint alone."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from songmood.cache.read import MelCache
from songmood.config import build
from songmood.corpora.corpus import Corpus
from songmood.errors import CheckpointError, ConfigError
from songmood.runs import parts
from songmood.runs.console import announce
from songmood.runs.ddp import leave_processes
from songmood.runs.results import write_run, write_split
from songmood.runs.resume import require_same_tags
from songmood.runs.scoring import score_test, thresholds_of
from songmood.runs.settings import check_settings
from songmood.training.card import ModelCard, read_checkpoint
from songmood.training.tagger import Tagger

CENTRE = {"_target_": "songmood.loading.windows.CentreWindow"}
SPLITS = ("train", "validation", "test")
WINDOWS = ("same", "centre", "all")


def rescore(composed: DictConfig, folder: Path) -> float:
    """Score a split and write it as the training run wrote it.

    Args:
        composed: `conf/evaluate.yaml` with its overrides.
        folder: gets the files of a run folder's split.

    Returns:
        Macro PR-AUC of the split.

    Raises:
        SongmoodError: such as CheckpointError for a checkpoint of another tag set or other spectrograms.
    """
    config = parts.plain(composed)
    check_settings(config)
    for key, choices in (("split", SPLITS), ("windows", WINDOWS)):
        if config[key] not in choices:
            raise ConfigError(f"{key}={config[key]}: expected one of {', '.join(choices)}")
    path, split = Path(config["checkpoint"]), config["split"]
    checkpoint = read_checkpoint(path)
    card = ModelCard.from_plain(checkpoint[ModelCard.KEY], path, config["trusted"])
    speed = parts.prepare_process(config)
    corpus: Corpus = build(config["corpus"])
    cache = _matching_cache(path, card, corpus)
    tagger = Tagger(card.make_net(), card)
    tagger.load_state_dict(checkpoint["state_dict"])
    if not tagger.is_fitted:
        raise CheckpointError(
            f"{path} has no fitted thresholds: it is of before the first validation; take a later one"
        )
    speed.prepare(tagger.net)
    ids = [track.track_id for track in corpus.splits[split]]
    data = build(_windows(config, card), cache=cache, splits={"test": ids}, seed=card.seed)
    trainer = parts.make_trainer(config["trainer"], speed, folder, [], [])
    try:
        scores = score_test(trainer, tagger, data, per_window=split == "validation" and config["windows"] == "same")
    finally:
        leave_processes()
    thresholds = thresholds_of(tagger, build(card.threshold).name)
    metrics = {split: write_split(folder, scores, thresholds, card.tags, data.track_ids["test"])}
    write_run(folder, metrics, thresholds, card.tags)
    if trainer.is_global_zero:
        announce(folder, path.name, metrics, {})
    return float(metrics[split]["pr_auc_macro"])


def _matching_cache(path: Path, card: ModelCard, corpus: Corpus) -> MelCache:
    """The corpus's cache, if the network can be used on it."""
    require_same_tags(path, card.tags, tuple(corpus.tags))
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


def _windows(config: Mapping[str, Any], card: ModelCard) -> dict[str, Any]:
    """The run's window settings with the sampling that was asked for in the place of the test split's."""
    trained = card.windows
    if config["windows"] == "centre":
        sampling = CENTRE
    elif config["windows"] == "all":
        sampling = {"_target_": "songmood.loading.windows.AllWindows", "hop": config["hop"]}
    elif config["split"] == "validation":
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
