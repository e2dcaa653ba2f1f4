"""A training in phases: an optimiser after the other, each from the weights of the best epoch so far."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
from torch import Tensor, nn
from torch.optim import Optimizer

from songmood.errors import ConfigError
from songmood.ranges import check_number, check_whole
from songmood.training.best import Best


@dataclass(frozen=True)
class Phase:
    """What moves the weights for some epochs.

    Attributes:
        epochs: how many; None until the end of the run.
        optimiser: of the parameters; None to go on with that of the phase before.
        lr: another learning rate for that one, which keeps its momentum.
    """

    epochs: int | None = None
    optimiser: Callable[[Iterable[nn.Parameter]], Optimizer] | None = None
    lr: float | None = None

    def __post_init__(self) -> None:
        if self.epochs is not None and (not isinstance(self.epochs, int) or self.epochs < 1):
            raise ConfigError(
                f"scheduler: a phase of epochs={self.epochs}: expected a whole number, 1 or more, or null"
            )
        if self.lr is not None:
            check_number("scheduler: a phase of lr", self.lr, lambda rate: rate > 0, "a rate above 0")
        if (self.optimiser is None) == (self.lr is None):
            raise ConfigError("scheduler: each phase after the first takes an optimiser of its own, or another lr")


class Phases(pl.Callback):
    """The run's optimiser for some epochs, then that of each phase, from the best epoch so far.

    The tagger hands itself over to this callback, which travels in the checkpoint with the best weights.

    Args:
        first: epochs with the run's own optimiser.
        then: the phases after that.
        best_by: the metric of validation that says which epoch is best.
    """

    def __init__(self, first: int, then: Sequence[Phase], best_by: str = "validation/roc_auc_macro") -> None:
        check_whole("scheduler.first", first, 1, "epochs with the run's own optimizer, such as 60")
        self.ends = [first, *(phase.epochs for phase in then)]
        self.phases = list(then)
        if None in self.ends[:-1]:
            raise ConfigError("scheduler: only the last phase may last until the end of the run")
        self._best = Best(best_by)
        self._weights: dict[str, Tensor] = {}
        self._current = 0  # 0: the run's own optimiser, 1: the first of `then`
        self._epochs = 0  # behind it in the current phase

    def optimiser(
        self, first: Callable[[Iterable[nn.Parameter]], Optimizer], parameters: Sequence[nn.Parameter]
    ) -> Optimizer:
        """That of the phase that a run begins in, or goes on in."""
        made = [phase.optimiser for phase in self.phases[: self._current] if phase.optimiser is not None]
        return made[-1](parameters) if made else first(parameters)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Begin the next phase where the last one is over; not before, so that an epoch ends with its own weights."""
        if self._epochs != self.ends[self._current]:
            return
        if self._current == len(self.phases):
            return
        phase: Phase = self.phases[self._current]
        self._current, self._epochs = self._current + 1, 0
        tagger: Any = pl_module
        if self._weights:
            tagger.net.load_state_dict(self._weights)
        if phase.optimiser is not None:
            trainer.optimizers = [phase.optimiser(tagger.trained_parameters())]
        for group in trainer.optimizers[0].param_groups:
            group["lr"] = phase.lr or group["lr"]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the weights of the best epoch."""
        self._epochs += 1
        if self._best.is_beaten(trainer):
            net: Any = pl_module.net
            self._weights = {name: value.detach().clone() for name, value in net.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """Where the run is, and the best weights."""
        state = {"current": self._current, "epochs": self._epochs, "best": self._best.value}
        return {**state, "weights": self._weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on there."""
        self._current, self._epochs = state_dict["current"], state_dict["epochs"]
        self._best.value, self._weights = state_dict["best"], dict(state_dict["weights"])
