"""Linear resampling of a stream of blocks, sample for sample as libsamplerate's *linear* converter does it.

The data set's spectrograms were made behind that converter, whose aliases are part of them: a better one would not do.
It is written out here because its Python binding (0.2.4) cannot take a stream: `Resampler` drops an input sample where
an output falls on a block's edge (16 and 32 kHz files, and most rates below the target), and `CallbackResampler` reads
memory that it has given back. On a whole signal both agree with this one; the tests hold it against the binding.
"""

import math

import numpy as np
from numpy.typing import NDArray


class LinearResampler:
    """Brings a mono signal from one sample rate to another, block by block.

    Args:
        source_rate: Hz of the blocks.
        target_rate: Hz of what is returned. Equal rates pass the blocks on as they are.
    """

    def __init__(self, source_rate: int, target_rate: int) -> None:
        self._is_identity = source_rate == target_rate
        # Essentia hands the ratio over in single precision: with the exact one the two would drift apart.
        self._step = 1.0 / float(np.float32(target_rate / source_rate))
        self._received = 0
        self._returned = 0
        self._last = np.zeros(1, dtype=np.float32)

    def __call__(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """What can be interpolated once `block` (any number of samples) has arrived.

        Output i lies at input position i * step - 1: libsamplerate starts one sample before the signal, where it
        takes the first sample to have been already.
        """
        if self._is_identity or len(block) == 0:
            return block
        if self._received == 0:
            self._last = block[:1]
        known = np.concatenate([self._last, block])
        end = self._received + len(block)
        stop = math.ceil(end / self._step)
        position = np.arange(self._returned, stop) * self._step - self._received
        below = np.minimum(position.astype(np.int64), len(block) - 1)  # rounding could reach the block's very end
        left = known[below]
        resampled: NDArray[np.float32] = (left + (position - below) * (known[below + 1] - left)).astype(np.float32)
        self._received, self._returned, self._last = end, stop, block[-1:].copy()
        return resampled
