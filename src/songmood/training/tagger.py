"""The LightningModule: a net, its loss and optimiser, and the thresholds that turn its scores into decisions."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric

from songmood.config import build
from songmood.errors import TrainingError
from songmood.evaluation.metrics import average_precision, mean_over_tags, roc_auc
from songmood.loading.batch import Batch
from songmood.training.card import ModelCard, read_checkpoint
from songmood.training.optimisation.optimiser import OptimiserFactory, Schedule
from songmood.training.optimisation.phases import Phases
from songmood.training.scores import Prediction, ScoreCollector, SplitScores
from songmood.training.state import load_state, register_fitted

if TYPE_CHECKING:
    from pytorch_lightning.utilities.types import OptimizerLRScheduler


class Tagger(pl.LightningModule):
    """Scores windows of music with a probability for each tag.

    Example::

        tagger = Tagger.load_from_checkpoint("RUN/checkpoints/last.ckpt")
        scores = tagger(mel).sigmoid()  # mel: (B, 96, T) dB; scores: (B, L), in the order of tagger.card.tags
        predictions = trainer.predict(tagger, datamodule=data)

    Attributes:
        card: what the net was made from and for.
        thresholds: (L,) a tag is decided where its score is not below; NaN until fitted, +inf where it never is.
        track_thresholds: (L,) the same, fitted on each track's mean score.
        quantiles: (L, 101) of the validation tracks' mean scores; see `songmood.evaluation.quantiles`.

    Args:
        net: (B, 1, 96, T) windows and (B, F) features or None to (B, L) logits.
        card: what the net was made from and for; travels in the checkpoint.
        loss: (B, L) logits and (B, L) targets to a scalar; its parameters, if any, are trained as the net's. Not needed
            to score.
        optimiser: makes the optimiser of the parameters; not needed to score.
        seed: dropout and augmentation of epoch e are drawn from (seed, e, process): a resumed run repeats them.
        scheduler: the learning rate over time, or a factory of one of torch's schedulers, which moves once an epoch;
            the same rate throughout where there is none.
        augment: (B, 1, 96, T) windows in dB and (B, L) targets to others of these shapes, in training steps only.
    """

    thresholds: Tensor
    track_thresholds: Tensor
    quantiles: Tensor

    def __init__(
        self,
        net: nn.Module,
        card: ModelCard,
        loss: nn.Module | None = None,
        optimiser: OptimiserFactory | None = None,
        seed: int = 0,
        *,
        scheduler: Schedule | Phases | Callable[..., Any] | None = None,
        augment: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self.card = card
        self.loss = loss
        self.augment = augment
        self._optimiser = optimiser
        if scheduler is not None and not isinstance(scheduler, Schedule | Phases):
            scheduler = Schedule(scheduler)
        self._schedule = scheduler
        self._seed = seed
        register_fitted(self, len(card.tags))
        self.train_loss = MeanMetric(nan_strategy="disable")  # looking for NaN would wait for the device in each step
        self.validation_loss = MeanMetric(nan_strategy="disable")
        self.collected = ScoreCollector()

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
        load_state(tagger, checkpoint.get("state_dict", {}), path)
        return tagger.to(map_location).eval()

    @property
    def is_fitted(self) -> bool:
        """Whether the thresholds were fitted; they are NaN until then."""
        return not bool(self.thresholds.isnan().any())

    def forward(self, batch: Batch | Tensor, features: Tensor | None = None) -> Tensor:
        """Logits of windows, of which the sigmoid is the score.

        Args:
            batch: windows with their features, or (B, 1, 96, T) or (B, 96, T) dB alone.
            features: (B, F), beside windows alone; left aside by a net that does without.

        Returns:
            (B, L), float32.
        """
        mel, features = (batch.mel, batch.features) if isinstance(batch, Batch) else (batch, features)
        mel = mel.unsqueeze(1) if mel.ndim == 3 else mel
        logits: Tensor = self.net(mel.float(), features if self.card.uses_features else None)
        return logits.float()

    def on_train_epoch_start(self) -> None:
        """Seed by epoch: a run resumed here draws what the undisturbed one draws."""
        words = np.random.SeedSequence([self._seed, self.current_epoch, self.global_rank]).generate_state(1)
        torch.manual_seed(int(words[0]))

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """The loss of one batch."""
        assert self.loss is not None
        soften: Any = getattr(self.loss, "soften", None)
        if soften is not None:  # before mixup, which mixes a teacher's opinions as it does labels
            batch = batch._replace(target=soften(batch.target, batch.track))
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
            mean = mean_over_tags(area(split.scores, split.targets))
            self.log(f"validation/{name}_macro", mean, prog_bar=name == "roc_auc", rank_zero_only=True)

    def on_test_epoch_start(self) -> None:
        """A new pass."""
        self.collected.clear()

    def test_step(self, batch: Batch, batch_index: int) -> None:
        """Scores of one batch, left on the device."""
        self._collect(self._scored(batch), batch)

    def predict_step(self, batch: Batch, batch_index: int) -> Prediction:
        """Tracks, scores and decisions of one batch, on the CPU."""
        scores = self._scored(batch).sigmoid()
        data: Any = getattr(self.trainer, "datamodule", None)  # without songmood's, rows are all that is known
        ids = data.track_ids[data.predict_split] if hasattr(data, "predict_split") else None
        tracks = tuple(str(row) if ids is None else ids[row] for row in batch.track.tolist())
        return Prediction(tracks, scores.cpu(), (scores >= self.thresholds).cpu())

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
        split = split.by_track() if self.card.validates_by_track else split
        if self._trainer is not None and self.trainer.state.fn == "fit":
            self._require_a_loss(float(split.scores.sum()))
        return split

    def configure_callbacks(self) -> list[pl.Callback]:
        """The schedule, where it is one that changes the optimiser itself."""
        return [self._schedule] if isinstance(self._schedule, Phases) else []

    def configure_optimizers(self) -> "OptimizerLRScheduler":
        """The optimiser and the schedule that the config names."""
        assert self._optimiser is not None
        if isinstance(self._schedule, Phases):
            return self._schedule.optimiser(self._optimiser, self.trained_parameters())
        optimiser = self._optimiser(self.trained_parameters())
        return optimiser if self._schedule is None else self._schedule.of(optimiser, self.trainer)

    def trained_parameters(self) -> list[nn.Parameter]:
        """Of the net, and of a loss that has some."""
        return [*self.net.parameters(), *([] if self.loss is None else self.loss.parameters())]

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
