"""Stochastic weight averaging: the mean of the last epochs' weights, the schedule untouched."""

import itertools
import logging
from typing import Any

import pytorch_lightning as pl
import torch
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim.swa_utils import AveragedModel, update_bn

from songmood.ranges import check_number
from songmood.training.state import unfit
from songmood.training.tagger import Tagger

log = logging.getLogger(__name__)

TRAINED = "trained_net"  # key of a checkpoint: the net's own weights, which training goes on from


class LastEpochsMean(pl.Callback):
    """At the end of training, the net becomes the mean of its weights after each of the last epochs.

    Then batch norm's statistics are computed anew, as their plain mean over one pass of the training windows without
    augmentation. Until the end an epoch's checkpoint holds its own weights, with the mean so far beside them; the last
    one holds the mean, and the pass over validation with which a run ends fits its thresholds. Beside it are the net's
    own weights, from which a run that ended early, or is extended, goes on. The mean and the statistics are torch's
    (`torch.optim.swa_utils`). Lightning's `StochasticWeightAveraging` takes over the learning rate, which this leaves
    alone.

    Args:
        share: of the run's epochs; 0.2 are the last 40 of 200.
    """

    def __init__(self, share: float = 0.2) -> None:
        expected = "more than 0 and at most 1, of the run's epochs"
        check_number("averaging.share", share, lambda share: 0 < share <= 1, expected)
        self.share = share
        self._mean: AveragedModel | None = None
        self._state: dict[str, Any] = {}  # of a run that goes on, until there is a mean to put it into
        self._trained: dict[str, Any] = {}  # the net's own state, once the mean has taken its place

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Make room for the mean."""
        net: Any = pl_module.net
        self._mean, self._trained = AveragedModel(net), {}
        if self._state:
            self._mean.load_state_dict(self._state)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin anew where the run is extended, and the mean has epochs that are not among its last any more."""
        first, now = self._first(trainer), trainer.current_epoch
        if self._mean is None or self._mean.n_averaged <= max(now - first, 0):
            return
        self._mean.n_averaged.zero_()
        if now > first and trainer.is_global_zero:
            log.warning(
                "averaging: the mean begins with epoch %d, not %d: it held some that are not among the last now",
                now + 1,
                first + 1,
            )

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Add the epoch's weights; after the last epoch, the mean takes their place before they are saved."""
        if trainer.current_epoch >= self._first(trainer):
            assert self._mean is not None
            net: Any = pl_module.net
            self._mean.update_parameters(net)
        if trainer.current_epoch + 1 == trainer.max_epochs:
            self._apply(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A run that ends early has no last epoch that could be told before."""
        self._apply(trainer, pl_module)
        if not self._trained and trainer.is_global_zero:
            first = self._first(trainer) + 1
            log.warning(
                "averaging: the run ended before epoch %d, the first that is averaged: its weights are as trained",
                first,
            )

    def _first(self, trainer: pl.Trainer) -> int:
        """The first epoch that is averaged, counted from 0."""
        last = trainer.max_epochs or 0
        return last - max(round(last * self.share), 1)

    def _apply(self, trainer: pl.Trainer, tagger: pl.LightningModule) -> None:
        assert self._mean is not None
        assert isinstance(tagger, Tagger)
        if self._trained or self._mean.n_averaged == 0:
            return
        self._trained = {name: value.clone() for name, value in tagger.net.state_dict().items()}
        with torch.no_grad():
            for mean, weight in zip(self._mean.module.parameters(), tagger.net.parameters(), strict=True):
                weight.copy_(mean)
        _recompute_batch_norm(trainer, tagger)
        unfit(tagger)

    def state_dict(self) -> dict[str, Any]:
        """The mean so far."""
        return {} if self._mean is None else {"mean": dict(self._mean.state_dict())}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with it."""
        self._state = state_dict.get("mean", {})

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep the net's own weights, too, from the first averaged epoch on: any may turn out to be the last."""
        net: Any = pl_module.net
        if self._mean is not None and self._mean.n_averaged > 0:
            checkpoint[TRAINED] = self._trained or net.state_dict()

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Go on from there."""
        net: Any = pl_module.net
        if TRAINED in checkpoint:
            net.load_state_dict(checkpoint[TRAINED])


def _recompute_batch_norm(trainer: pl.Trainer, tagger: Tagger) -> None:
    """The statistics of one pass over the training windows, each process over its own."""
    strategy, loader = trainer.strategy, trainer.train_dataloader
    assert loader is not None
    batches = itertools.islice(loader, int(trainer.num_training_batches))
    on_device = ([strategy.batch_to_device(batch)] for batch in batches)  # of a list, torch takes the first for input
    with trainer.precision_plugin.forward_context(), torch.compiler.set_stance("force_eager"):
        update_bn(on_device, tagger)
    for module in tagger.net.modules():
        if isinstance(module, _BatchNorm):
            for statistic in (module.running_mean, module.running_var):
                assert statistic is not None
                statistic.copy_(strategy.reduce(statistic, reduce_op="mean"))
