"""The organisers' popularity baseline: every track gets the tag that most training tracks have."""

import time
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from songmood.config import build
from songmood.corpora.corpus import Corpus
from songmood.loading.datamodule import MoodDataModule
from songmood.runs import parts
from songmood.runs.console import announce
from songmood.runs.provenance import provenance
from songmood.runs.results import Thresholds, write_json, write_run, write_split
from songmood.training.card import ModelCard
from songmood.training.scores import SplitScores

RULE = "most popular training tag"


def popularity(composed: DictConfig, folder: Path) -> float:
    """Score and decide by popularity; the run folder is a trained run's without what training leaves.

    Args:
        composed: `conf/train.yaml` with `baseline=popularity`.
        folder: the run folder.

    Returns:
        Macro PR-AUC on validation.
    """
    started = time.monotonic()
    config = parts.plain(composed)
    parts.prepare_process(config)
    corpus: Corpus = build(config["corpus"])
    cache = corpus.open()
    data = parts.make_data(config["data"], corpus, cache, config["seed"])
    frequency = data.split_targets("train").mean(axis=0)
    thresholds = Thresholds(np.full(len(corpus.tags), 0.5), RULE, "train")
    results: dict[str, Any] = {}
    for split, place in (("validation", folder / "validation"), ("test", folder)):
        scores = _scores(data, split, int(frequency.argmax()))
        results[split] = write_split(place, scores, thresholds, corpus.tags, data.track_ids[split])
    write_run(folder, results, thresholds, corpus.tags)
    card = ModelCard(tuple(corpus.tags), (), {}, {}, {}, {}, config["seed"], cache.fingerprint)
    name = config["name"] or "popularity"
    composed_plain = parts.plain(composed, resolve=False)
    write_json(folder / "provenance.json", provenance(name, composed_plain, card, time.monotonic() - started))
    announce(folder, name, results, {})
    return float(results["validation"]["pr_auc_macro"])


def _scores(data: MoodDataModule, split: str, most_popular: int) -> SplitScores:
    targets = data.split_targets(split).astype(bool)
    scores = np.zeros(targets.shape)
    scores[:, most_popular] = 1.0
    return SplitScores(scores, targets, np.arange(len(targets)))
