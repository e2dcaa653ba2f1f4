"""What moves the weights: factories of the optimiser and of the learning rate's schedule, which only a run can call."""

import functools
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn
from torch.optim import Optimizer

from songmood.errors import ConfigError

if TYPE_CHECKING:
    import pytorch_lightning as pl
    from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig

OptimiserFactory = Callable[[Iterable[nn.Parameter]], Optimizer]

OWN_UPDATES = ("fused", "foreach", "differentiable")  # of which torch takes one


def with_fused_update(factory: OptimiserFactory) -> OptimiserFactory:
    """`factory`, updating all parameters in one kernel where its optimiser knows how and says nothing else itself."""
    chosen = getattr(factory, "keywords", {})
    is_settled = any(chosen.get(name) is not None for name in OWN_UPDATES)
    if is_settled or "fused" not in inspect.signature(factory).parameters:
        return factory
    return functools.partial(factory, fused=True)  # type: ignore[call-arg]  # the signature has it


@dataclass(frozen=True)
class Schedule:
    """The learning rate over time.

    Attributes:
        factory: from the optimiser to one of torch's schedulers; told the length of the run, in intervals, where it
            takes a `total`.
        interval: ``epoch`` or ``step``: how often the scheduler moves.
        monitor: what a scheduler such as torch's `ReduceLROnPlateau` looks at, such as ``validation/loss``.
    """

    factory: Callable[..., Any]
    interval: str = "epoch"
    monitor: str | None = None

    def __post_init__(self) -> None:
        if self.interval not in ("epoch", "step"):
            raise ConfigError(f"scheduler.interval={self.interval}: expected epoch or step")

    def make(self, optimiser: Optimizer, length: Callable[[], int]) -> Any:
        """The scheduler, over the length of a run where it is told one.

        Raises:
            ConfigError: for values that it does not take, with its own words.
        """
        total = {"total": length()} if "total" in inspect.signature(self.factory).parameters else {}
        try:
            return self.factory(optimiser, **total)
        except (TypeError, ValueError) as error:
            settings = getattr(self.factory, "keywords", {})
            raise ConfigError(f"scheduler.factory={settings}: {' '.join(str(error).split())}") from error

    def of(self, optimiser: Optimizer, trainer: "pl.Trainer") -> "OptimizerLRSchedulerConfig":
        """As Lightning wants it.

        Raises:
            ConfigError: the schedule spans the run, and the run has no end.
        """
        scheduler = self.make(optimiser, functools.partial(self._length, trainer))
        moves: dict[str, Any] = {"scheduler": scheduler, "interval": self.interval}
        if self.monitor is not None:
            moves["monitor"] = self.monitor
            if self.interval == "epoch" and self.monitor.startswith("validation/"):  # which is not in every epoch
                moves["frequency"] = trainer.check_val_every_n_epoch or 1
        return {"optimizer": optimiser, "lr_scheduler": moves}  # type: ignore[typeddict-item]

    def _length(self, trainer: "pl.Trainer") -> int:
        length = trainer.max_epochs if self.interval == "epoch" else trainer.estimated_stepping_batches
        if not isinstance(length, int) or length < 1:
            raise ConfigError(
                f"scheduler: it spans the run, and the run has no end; say trainer.max_epochs=... ({length})"
            )
        return length
