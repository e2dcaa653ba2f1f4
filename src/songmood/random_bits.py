"""Random numbers that stay what they are: the same on every machine and with every version of NumPy.

NumPy promises no such thing for `Generator`'s methods, whose streams may change between versions. `random_bits` is a
pure function of where its bits are used, so that windows can be drawn in any order and in any process; `Dice` is a
stream, for what is drawn one after the other.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, odd: the step of the counter
_ONE = np.ones(1, np.uint64)


def mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: a bijection of 64-bit words in which each input bit moves half of the output's.

    Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def random_bits(*coordinates: int | NDArray[np.uint64] | NDArray[np.int64]) -> NDArray[np.uint64]:
    """64 random bits for each place: SplitMix64 as a keyed counter.

    Args:
        *coordinates: what identifies a place, such as a seed, an epoch and the index of a window; whole numbers of at
            least 0 or arrays of them that broadcast against each other. Their order matters.

    Returns:
        An array of the broadcast shape, at least one-dimensional.
    """
    state = np.zeros(1, np.uint64)
    for coordinate in coordinates:
        words = np.atleast_1d(np.asarray(coordinate)).astype(np.uint64)
        state = mix(state + (words + _ONE) * _GOLDEN)
    return state


def random_integers(bits: NDArray[np.uint64], bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole numbers in ``[0, bound)``, uniform to one part in 2^32 / bound.

    Args:
        bits: from `random_bits`.
        bounds: at least 1 and below 2^31; broadcasts against `bits`.
    """
    return ((bits >> np.uint64(32)) * bounds.astype(np.uint64) >> np.uint64(32)).astype(np.int64)


def random_order(size: int, *coordinates: int) -> NDArray[np.int64]:
    """(size,) a permutation of ``0 .. size - 1`` that depends on the coordinates alone."""
    return np.argsort(random_bits(*coordinates, np.arange(size)), kind="stable")


class Dice:
    """A stream of uniform numbers from the raw bits of a PCG64, which NumPy keeps for ever.

    Args:
        *key: integers from 0 on, such as a seed and the number of a piece; streams of different keys are independent.
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
