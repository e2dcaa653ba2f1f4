"""Random bits as a pure function of where they are used: the same on every machine, in any order, in any process.

The generator is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) as a
keyed counter. NumPy promises no such thing for `Generator`'s methods, whose streams may change between versions.
"""

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, odd: the step of the counter
_ONE = np.ones(1, np.uint64)


def mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser: a bijection of 64-bit words in which each input bit moves half of the output's."""
    mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def random_bits(*coordinates: int | NDArray[np.uint64] | NDArray[np.int64]) -> NDArray[np.uint64]:
    """64 random bits for each place.

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
