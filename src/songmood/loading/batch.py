"""The batch that data hands to training, and the letters of its axes.

Axes, here and in every shape comment: B windows of a batch, T frames of a window, L tags, F features, N tracks of a
split, M windows of a split, 96 mel bands.
"""

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """Windows with what is known of their tracks.

    Attributes:
        mel: (B, 1, 96, T) float16 dB, a view of time-major memory: strides (96 T, -, 1, 96). Whoever computes with
            it converts it on the device, where that is cheap, after half the bytes have travelled.
        features: (B, F) float32, NaN where absent; None where the cache has no features.
        target: (B, L) float32, 0 or 1.
        track: (B,) int64, the row of the window's track in the split's list of tracks.
        window: (B,) int64, the row of the window in the split's list of windows, which is ordered by track.
    """

    mel: Tensor
    features: Tensor | None
    target: Tensor
    track: Tensor
    window: Tensor
