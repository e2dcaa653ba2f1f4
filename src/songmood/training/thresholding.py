"""The callback that fits per-tag thresholds at validation end, so that every checkpoint carries its own."""

import logging
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from songmood.evaluation.thresholds import ThresholdRule
from songmood.training.tagger import Tagger

log = logging.getLogger(__name__)


class ThresholdFitting(pl.Callback):
    """Fits a rule's thresholds on the validation windows of each training epoch into `Tagger.thresholds`.

    Not in the sanity check, whose few batches would fit noise; not outside training, where the checkpoint's own
    thresholds are to be kept. Every process fits on the same gathered scores and so holds the same thresholds.

    Args:
        rule: such as `Elbow()`.
    """

    def __init__(self, rule: ThresholdRule) -> None:
        self.rule = rule

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """An unfitted threshold must show as NaN, not as the last epoch's."""
        if self._is_fitting(trainer):
            assert isinstance(pl_module, Tagger)
            pl_module.thresholds.fill_(torch.nan)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Fit, keep, log."""
        if not self._is_fitting(trainer):
            return
        assert isinstance(pl_module, Tagger)
        split = pl_module.collected.gather()
        thresholds = self.rule.fit(split.scores, split.targets)
        pl_module.thresholds.copy_(torch.from_numpy(thresholds))
        self._log(trainer, pl_module.card.tags, thresholds)

    @staticmethod
    def _is_fitting(trainer: pl.Trainer) -> bool:
        return trainer.state.fn == "fit" and not trainer.sanity_checking

    def _log(self, trainer: pl.Trainer, tags: tuple[str, ...], thresholds: Any) -> None:
        fitted = {
            f"threshold/{tag}": float(value) for tag, value in zip(tags, thresholds, strict=True) if np.isfinite(value)
        }
        for logger in trainer.loggers:
            logger.log_metrics(fitted, step=trainer.global_step)
        never = [tag for tag in tags if f"threshold/{tag}" not in fitted]
        if never and trainer.current_epoch == 0 and trainer.is_global_zero:
            log.warning("never decided, for want of both classes in validation: %s", ", ".join(never))
