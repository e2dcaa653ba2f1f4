"""The shape that all benchmarks share: rows of ratios, each side timed in turn in the same run."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table that `make bench` prints.

    Attributes:
        what: the work that is timed.
        obvious: the rate of the obvious way, in `unit`; None where it could not be measured.
        ours: the rate of songmood, in `unit`; None where it could not be measured.
        unit: such as ``"windows/s"``: more is better.
        target: the ratio that we aim at.
        same: how both sides were seen to compute the same thing.
    """

    what: str
    obvious: float | None
    ours: float | None
    unit: str
    target: float
    same: str

    @property
    def ratio(self) -> float | None:
        """Ours over the obvious way; None where a side was not measured."""
        return self.ours / self.obvious if self.obvious and self.ours else None


def without_gpu(what: str, target: float) -> Row:
    """The row of something that only a GPU could measure, and none was there."""
    return Row(what, None, None, "", target, "needs a CUDA device")


def rates(sides: dict[str, Callable[[], int]], rounds: int = 5) -> dict[str, float]:
    """Median work per second of each side, the sides taking turns so that a noisy machine hits all of them.

    Args:
        sides: for each name a function that does some work and returns how much, in the row's unit.
        rounds: how often each side runs after one warm-up.
    """
    for work in sides.values():
        work()
    seen: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, work in sides.items():
            start = time.perf_counter()
            amount = work()
            seen[name].append(amount / (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in seen.items()}
