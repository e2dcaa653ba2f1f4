"""The LightningModule: a net, its loss and optimiser, and the thresholds that turn its scores into decisions."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from songmood.evaluation.metrics import average_precision, roc_auc
from songmood.loading.batch import Batch
from songmood.training.card import ModelCard
from songmood.training.scores import ScoreCollector

OptimiserFactory = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


class Tagger(pl.LightningModule):
    """Scores windows of music with a probability for each tag.

    Args:
        net: (B, 1, 96, T) windows and (B, F) features or None to (B, L) logits.
        card: what the net was made from and for; travels in the checkpoint.
        loss: (B, L) logits and (B, L) targets to a scalar; not needed to score.
        optimiser: makes the optimiser of the net's parameters; not needed to score.
        seed: dropout of epoch e is drawn from (seed, e, process), so that a resumed run repeats it.
    """

    thresholds: Tensor

    def __init__(
        self,
        net: nn.Module,
        card: ModelCard,
        loss: nn.Module | None = None,
        optimiser: OptimiserFactory | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.net = net
        self.card = card
        self.loss = loss
        self._optimiser = optimiser
        self._seed = seed
        self.register_buffer("thresholds", torch.full((len(card.tags),), torch.nan))
        self.train_loss = MeanMetric(nan_strategy="disable")  # looking for NaN would wait for the device in each step
        self.validation_loss = MeanMetric(nan_strategy="disable")
        self.collected = ScoreCollector()

    @property
    def is_fitted(self) -> bool:
        """Whether the thresholds were fitted; they are NaN until then."""
        return not bool(self.thresholds.isnan().any())

    def forward(self, batch: Batch) -> Tensor:
        """(B, L) logits, float32."""
        features = batch.features if self.card.uses_features else None
        logits: Tensor = self.net(batch.mel.float(), features)
        return logits.float()

    def on_train_epoch_start(self) -> None:
        """Seed dropout by epoch: a run resumed here draws what the undisturbed one draws."""
        words = np.random.SeedSequence([self._seed, self.current_epoch, self.global_rank]).generate_state(1)
        torch.manual_seed(int(words[0]))

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The loss of one batch."""
        assert self.loss is not None
        loss: Tensor = self.loss(self(batch), batch.target)
        self.train_loss.update(loss.detach().expand(len(batch.target)))
        return loss

    def on_train_epoch_end(self) -> None:
        """The epoch's mean loss."""
        self.log("train/loss", self.train_loss, prog_bar=True)

    def on_validation_epoch_start(self) -> None:
        """A new pass."""
        self.collected.clear()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Loss and scores of one batch, left on the device."""
        logits = self(batch)
        if self.loss is not None:
            self.validation_loss.update(self.loss(logits, batch.target).expand(len(batch.target)))
        self._collect(logits, batch)

    def on_validation_epoch_end(self) -> None:
        """Exact areas over all windows of all processes, tags with one class left out."""
        split = self.collected.gather()
        if self.loss is not None:
            self.log("validation/loss", self.validation_loss)
        for name, area in (("roc_auc", roc_auc), ("pr_auc", average_precision)):
            mean = _mean_over_tags(area(split.scores, split.targets))
            self.log(f"validation/{name}_macro", mean, prog_bar=name == "roc_auc", rank_zero_only=True)

    def on_test_epoch_start(self) -> None:
        """A new pass."""
        self.collected.clear()

    def test_step(self, batch: Batch, batch_index: int) -> None:
        """Scores of one batch, left on the device."""
        self._collect(self(batch), batch)

    def _collect(self, logits: Tensor, batch: Batch) -> None:
        self.collected.add(logits.sigmoid(), batch.target, batch.window, batch.track)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimiser that the config names."""
        assert self._optimiser is not None
        return self._optimiser(self.net.parameters())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the card beside the weights: the checkpoint then needs no config file."""
        checkpoint[ModelCard.KEY] = self.card.to_plain()


def _mean_over_tags(areas: Any) -> float:
    known = areas[areas == areas]  # NaN where a tag has one class
    return float(known.mean()) if len(known) else float("nan")
