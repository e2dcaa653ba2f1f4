"""The LightningModule: a net, its loss and optimiser, and the thresholds that turn its scores into decisions."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from songmood.config import build
from songmood.errors import CheckpointError, TrainingError
from songmood.evaluation.metrics import average_precision, roc_auc
from songmood.loading.batch import Batch
from songmood.training.card import ModelCard, read_checkpoint
from songmood.training.optimisation import OptimiserFactory, Schedule
from songmood.training.scores import ScoreCollector, SplitScores

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler

FOR_TRAINING = ("loss", "augment")  # parts that a checkpoint may hold tensors of and that scoring does without


class Tagger(pl.LightningModule):
    """Scores windows of music with a probability for each tag.

    Args:
        net: (B, 1, 96, T) windows and (B, F) features or None to (B, L) logits.
        card: what the net was made from and for; travels in the checkpoint.
        loss: (B, L) logits and (B, L) targets to a scalar; its parameters, if any, are trained as the net's. Not needed
            to score.
        optimiser: makes the optimiser of the parameters; not needed to score.
        seed: dropout and augmentation of epoch e are drawn from (seed, e, process): a resumed run repeats them.
        scheduler: the learning rate over time; the same throughout where there is none.
        augment: (B, 1, 96, T) windows in dB and (B, L) targets to others of these shapes, in training steps only.
    """

    thresholds: Tensor

    def __init__(
        self,
        net: nn.Module,
        card: ModelCard,
        loss: nn.Module | None = None,
        optimiser: OptimiserFactory | None = None,
        seed: int = 0,
        *,
        scheduler: Schedule | None = None,
        augment: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self.card = card
        self.loss = loss
        self.augment = augment
        self._optimiser = optimiser
        self._schedule = scheduler
        self._seed = seed
        self.register_buffer("thresholds", torch.full((len(card.tags),), torch.nan))
        self.train_loss = MeanMetric(nan_strategy="disable")  # looking for NaN would wait for the device in each step
        self.validation_loss = MeanMetric(nan_strategy="disable")
        self.collected = ScoreCollector()
        self.register_load_state_dict_pre_hook(_leave_out_what_scoring_lacks)  # type: ignore[no-untyped-call]

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]  # nothing but the file is needed
        cls, checkpoint_path: str | Path, map_location: Any = "cpu", *, trusted: Sequence[str] = ()
    ) -> "Tagger":
        """The tagger of a checkpoint, ready to score: dropout is off.

        Args:
            checkpoint_path: a run's, such as `RUN/checkpoints/last.ckpt`.
            map_location: the device that it goes to.
            trusted: packages beside songmood whose classes the checkpoint may name.

        Raises:
            CheckpointError: it is missing, damaged, or names what is not trusted.
        """
        path, own = Path(checkpoint_path), f"{cls.__module__}.{cls.__qualname__}"
        checkpoint = read_checkpoint(path)
        card = ModelCard.from_plain(checkpoint[ModelCard.KEY], path, [*trusted, own])
        node = card.tagger if cls is Tagger else card.tagger | {"_target_": own}
        tagger: Tagger = build(node, net=card.make_net(), card=card)
        try:
            tagger.load_state_dict(checkpoint["state_dict"])
        except (RuntimeError, KeyError, TypeError) as error:
            raise CheckpointError(
                f"{path} does not hold the weights of its net: {' '.join(str(error).split())}"
            ) from error
        return tagger.to(map_location).eval()

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
        """Seed by epoch: a run resumed here draws what the undisturbed one draws."""
        words = np.random.SeedSequence([self._seed, self.current_epoch, self.global_rank]).generate_state(1)
        torch.manual_seed(int(words[0]))

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The loss of one batch."""
        assert self.loss is not None
        if self.augment is not None:
            with torch.no_grad():
                mel, target = self.augment(batch.mel.float(), batch.target)
            batch = batch._replace(mel=mel, target=target)
        loss: Tensor = self.loss(self(batch), batch.target)
        self.train_loss.update(loss.detach().expand(len(batch.target)))
        return loss

    def on_train_epoch_end(self) -> None:
        """The epoch's mean loss.

        Raises:
            TrainingError: it is no number.
        """
        self._require_a_loss(float(self.train_loss.compute()))
        self.log("train/loss", self.train_loss, prog_bar=True)

    def on_validation_epoch_start(self) -> None:
        """A new pass."""
        self.collected.clear()

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Loss and scores of one batch, left on the device."""
        logits = self._scored(batch)
        if self.loss is not None:
            self.validation_loss.update(self.loss(logits, batch.target).expand(len(batch.target)))
        self._collect(logits, batch)

    def on_validation_epoch_end(self) -> None:
        """Exact areas over the windows of all processes, tags with one class left out."""
        split = self.validation_scores()
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
        self._collect(self._scored(batch), batch)

    def _scored(self, batch: Batch) -> Tensor:
        """(B, L) logits, not compiled: each split has shapes of its own, and each would cost a minute of compiling."""
        with torch.compiler.set_stance("force_eager"):
            logits: Tensor = self(batch)
        return logits

    def _collect(self, logits: Tensor, batch: Batch) -> None:
        self.collected.add(logits.sigmoid(), batch.target, batch.window, batch.track)

    def validation_scores(self) -> SplitScores:
        """What thresholds are fitted on and areas computed from after a validation pass; every process must call it.

        Raises:
            TrainingError: in training, a score is no number.
        """
        split = self.collected.gather()
        if self._trainer is not None and self.trainer.state.fn == "fit":
            self._require_a_loss(float(split.scores.sum()))
        return split

    def configure_optimizers(self) -> "OptimizerLRScheduler":
        """The optimiser and the schedule that the config names."""
        assert self._optimiser is not None
        optimiser = self._optimiser([parameter for part in self._trained_parts() for parameter in part.parameters()])
        return optimiser if self._schedule is None else self._schedule.of(optimiser, self.trainer)

    def _trained_parts(self) -> list[nn.Module]:
        return [self.net] if self.loss is None else [self.net, self.loss]

    def _require_a_loss(self, value: float) -> None:
        if math.isfinite(value):
            return
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        raise TrainingError(
            f"the loss was lost in epoch {self.current_epoch + 1}: it is {value}. The first suspect is the learning "
            f"rate, optimizer.lr={rate:g}: try a tenth of it, or trainer.gradient_clip_val=1"
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the card beside the weights: the checkpoint then needs no config file."""
        checkpoint[ModelCard.KEY] = self.card.to_plain()


def _mean_over_tags(areas: Any) -> float:
    known = areas[areas == areas]  # NaN where a tag has one class
    return float(known.mean()) if len(known) else float("nan")


def _leave_out_what_scoring_lacks(tagger: Tagger, state: dict[str, Any], *_: Any) -> None:
    """A checkpoint's tensors of a loss, such as the weights of tags, have no place in a tagger without."""
    unused = tuple(f"{part}." for part in FOR_TRAINING if getattr(tagger, part) is None)
    for key in [key for key in state if unused and key.startswith(unused)]:
        del state[key]
