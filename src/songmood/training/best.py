"""Whether an epoch is the best so far, by a metric that validation logs."""

import math
from dataclasses import dataclass

import pytorch_lightning as pl

from songmood.errors import ConfigError


@dataclass
class Best:
    """The best value so far.

    Attributes:
        metric: as it is logged, such as ``validation/roc_auc_macro``; of one that ends in ``loss`` less is better.
        value: None before the first validation; one that is no number is none.
    """

    metric: str
    value: float | None = None

    def is_beaten(self, trainer: pl.Trainer) -> bool:
        """Take the value of the epoch that ends here, if it is better than any before; every process must call it.

        Raises:
            ConfigError: nothing of that name was logged.
        """
        found = trainer.callback_metrics.get(self.metric)  # areas are known to the first process alone
        known = sorted(name for name in trainer.callback_metrics if name.startswith("validation/"))
        if found is None and known and trainer.is_global_zero:
            raise ConfigError(f"best_by={self.metric}: expected one of {', '.join(known)}")
        value = trainer.strategy.broadcast(None if found is None else float(found))
        sign = -1 if self.metric.endswith("loss") else 1
        if value is None or math.isnan(value) or (self.value is not None and sign * value <= sign * self.value):
            return False
        self.value = value
        return True
