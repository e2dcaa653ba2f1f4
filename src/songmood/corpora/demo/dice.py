"""Dice: the random numbers of a piece, the same with every version of NumPy.

NumPy keeps the raw bits of a seeded PCG64 for ever, but not what `Generator`'s methods make of them.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class Dice:
    """A stream of uniform numbers; streams with different keys are independent.

    Args:
        *key: integers from 0 on, such as a seed and the number of a piece.
    """

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A number from `low` to below `high`."""
        return low + (high - low) * float(self.uniforms(1)[0])

    def uniforms(self, count: int) -> NDArray[np.float64]:
        """(count,) numbers from 0 to below 1."""
        raw: NDArray[np.uint64] = self._bits.random_raw(count)
        return (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, count: int) -> int:
        """A whole number from 0 to below `count`."""
        return int(self.uniform() * count)

    def pick(self, options: Sequence[str]) -> str:
        """One of the options, each as likely as the others."""
        return options[self.below(len(options))]

    def order(self, count: int) -> NDArray[np.int64]:
        """(count,) the numbers 0..count-1, shuffled."""
        return np.argsort(self.uniforms(count), kind="stable")
