"""The callback that fits per-tag thresholds at validation end, so that every checkpoint carries its own."""

import logging
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch

from songmood.evaluation.quantiles import quantile_table
from songmood.evaluation.thresholds import ThresholdRule
from songmood.training.state import unfit
from songmood.training.tagger import Tagger

log = logging.getLogger(__name__)


class ThresholdFitting(pl.Callback):
    """Fits a rule's thresholds on the validation scores into the tagger, and the scale of its tracks' scores.

    Thresholds belong to the weights that they were fitted for: the first training step after a fit leaves them NaN, so
    that a checkpoint of weights that were never validated shows it. `Trainer.validate`, with which a run ends, fits
    them too; the sanity check, whose few batches would fit noise, does not. Every process fits on the same gathered
    scores and so holds the same thresholds.

    It goes before callbacks that exchange weights for a validation, such as weight averaging: it then fits while the
    weights that were scored are in their place, and the thresholds go where they go.

    Args:
        rule: such as `Elbow()`.
    """

    def __init__(self, rule: ThresholdRule) -> None:
        self.rule = rule
        self._is_stale = False

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A resumed run has thresholds."""
        self._is_stale = False

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Weights that move leave their thresholds behind."""
        if not self._is_stale:
            unfit(pl_module)
            self._is_stale = True

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """What this pass does not fit must show as NaN."""
        if not trainer.sanity_checking:
            unfit(pl_module)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Fit, keep, log."""
        if trainer.sanity_checking:
            return
        assert isinstance(pl_module, Tagger)
        split = pl_module.validation_scores()
        tracks = split.by_track()
        thresholds = self.rule.fit(split.scores, split.targets)
        pl_module.thresholds.copy_(torch.from_numpy(thresholds))
        pl_module.track_thresholds.copy_(torch.from_numpy(self.rule.fit(tracks.scores, tracks.targets)))
        pl_module.quantiles.copy_(torch.from_numpy(quantile_table(tracks.scores)))
        self._is_stale = False
        if trainer.state.fn == "fit":
            self._log(trainer, pl_module.card.tags, thresholds)

    def _log(self, trainer: pl.Trainer, tags: tuple[str, ...], thresholds: Any) -> None:
        fitted = {
            f"threshold/{tag}": float(value) for tag, value in zip(tags, thresholds, strict=True) if np.isfinite(value)
        }
        for logger in trainer.loggers:
            logger.log_metrics(fitted, step=trainer.global_step)
        never = [tag for tag in tags if f"threshold/{tag}" not in fitted]
        if never and trainer.current_epoch == 0 and trainer.is_global_zero:
            log.warning("never decided, for want of both classes in validation: %s", ", ".join(never))
