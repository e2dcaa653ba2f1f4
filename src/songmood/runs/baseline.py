"""The organisers' popularity baseline: every track gets the tag that most training tracks have."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from songmood.loading.datamodule import MoodDataModule
from songmood.runs.compose import make_card, make_corpus, make_data
from songmood.runs.processes import prepare_process
from songmood.runs.provenance import provenance
from songmood.runs.results import Thresholds, announce, write_json, write_results
from songmood.runs.settings import check_settings
from songmood.training.scores import SplitScores


def popularity(config: Mapping[str, Any], written: Mapping[str, Any], folder: Path) -> float:
    """Score and decide by popularity; the run folder is a trained run's without what training leaves.

    Args:
        config: `conf/train.yaml` with `baseline=popularity`, as plain types.
        written: the same before interpolation.
        folder: the run folder.

    Returns:
        Macro PR-AUC on validation.
    """
    started = time.monotonic()
    check_settings(config)
    prepare_process(config["threads"])
    corpus = make_corpus(config["corpus"])
    cache = corpus.open()
    data = make_data(config, corpus, cache)
    most_popular = int(data.split_targets("train").sum(axis=0, dtype=np.int64).argmax())
    splits = {split: _scores(data, split, most_popular) for split in ("validation", "test")}
    thresholds = Thresholds(np.full(len(corpus.tags), 0.5), "most popular training tag", "train")
    metrics = write_results(folder, splits, thresholds, corpus.tags, data.track_ids)
    card = make_card(config, corpus, cache.fingerprint)
    write_json(folder / "provenance.json", provenance(config["name"], written, card, time.monotonic() - started))
    announce(folder, config["name"], metrics, {})
    return float(metrics["validation"]["pr_auc_macro"])


def _scores(data: MoodDataModule, split: str, most_popular: int) -> SplitScores:
    targets = data.split_targets(split).astype(bool)
    scores = np.zeros(targets.shape)
    scores[:, most_popular] = 1.0
    return SplitScores(scores, targets, np.arange(len(targets)))
