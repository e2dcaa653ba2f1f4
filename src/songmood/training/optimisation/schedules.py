"""Learning rates over a run, as factors of the optimiser's own: factories for `Schedule`."""

import math
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR

from songmood.ranges import check_share, check_whole


def cosine(optimiser: Optimizer, total: int, warm_up: int = 0) -> LambdaLR:
    """Half a cosine from the optimiser's rate to zero at the end of the run, after a linear rise.

    Args:
        optimiser: has the highest rate.
        total: intervals of the run: epochs or steps.
        warm_up: how many of those the rise takes; its first has 1 / (warm_up + 1) of the rate.
    """
    check_whole("scheduler.factory.warm_up", warm_up, 0, "intervals")
    return LambdaLR(optimiser, partial(cosine_factor, total=total, warm_up=warm_up))


def linear(optimiser: Optimizer, total: int, constant: float = 0.2, warm_up: int = 0) -> LambdaLR:
    """The optimiser's rate for a share of the run, then a straight line to zero at its end.

    Args:
        optimiser: has the highest rate.
        total: intervals of the run.
        constant: share of the run before the line begins; 0.2 are CP-JKU's 50 of 250 epochs.
        warm_up: intervals of a linear rise at the beginning, as in `cosine`.
    """
    check_share("scheduler.factory.constant", constant, "the run's share before the line begins")
    check_whole("scheduler.factory.warm_up", warm_up, 0, "intervals")
    return LambdaLR(optimiser, partial(linear_factor, total=total, constant=constant, warm_up=warm_up))


def one_cycle(optimiser: Optimizer, total: int, **options: Any) -> OneCycleLR:
    """Torch's `OneCycleLR` up to the optimiser's rate and down again, over the run.

    Args:
        optimiser: has the highest rate.
        total: steps of the run.
        **options: others of `OneCycleLR`.
    """
    return OneCycleLR(optimiser, [group["lr"] for group in optimiser.param_groups], total_steps=total, **options)


def cosine_factor(at: int, total: int, warm_up: int) -> float:
    """The factor after `at` intervals."""
    if at < warm_up:
        return (at + 1) / (warm_up + 1)
    share = min((at - warm_up) / max(total - warm_up, 1), 1.0)
    return (1 + math.cos(math.pi * share)) / 2


def linear_factor(at: int, total: int, constant: float, warm_up: int) -> float:
    """The factor after `at` intervals."""
    if at < warm_up:
        return (at + 1) / (warm_up + 1)
    left = (total - at) / max(total * (1 - constant), 1e-9)
    return min(max(left, 0.0), 1.0)
