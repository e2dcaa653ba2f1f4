"""Scoring the splits with a trained tagger, in as many processes as trained it."""

from pathlib import Path

import numpy as np
import pytorch_lightning as pl
from numpy.typing import NDArray

from songmood.loading.datamodule import MoodDataModule
from songmood.runs.results import Thresholds
from songmood.training.card import read_checkpoint
from songmood.training.scores import SplitScores
from songmood.training.tagger import Tagger


def load_weights(tagger: Tagger, path: Path) -> None:
    """Put a checkpoint's weights and thresholds into the tagger."""
    tagger.load_state_dict(read_checkpoint(path)["state_dict"])


def score_validation(trainer: pl.Trainer, tagger: Tagger, data: MoodDataModule) -> SplitScores:
    """The validation windows, as thresholds are fitted on them; every process must call it."""
    trainer.validate(tagger, datamodule=data, verbose=False)
    return tagger.collected.gather()


def score_test(trainer: pl.Trainer, tagger: Tagger, data: MoodDataModule, *, per_window: bool = False) -> SplitScores:
    """The test tracks, a row each, or a row for each of their windows; every process must call it."""
    trainer.test(tagger, datamodule=data, verbose=False)
    windows = tagger.collected.gather()
    return windows if per_window else windows.by_track()


def thresholds_of(tagger: Tagger, rule: str, validation: SplitScores | None = None) -> Thresholds:
    """The tagger's fitted thresholds with the counts of the set that they were fitted on, where it is at hand."""
    values: NDArray[np.float64] = tagger.thresholds.cpu().double().numpy()
    if validation is None:
        return Thresholds(values, rule, "validation")
    positives = validation.targets.sum(axis=0, dtype=np.int64)
    return Thresholds(values, rule, "validation", positives, len(validation.targets) - positives)
