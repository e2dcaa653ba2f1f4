"""Spectrograms as the float16 rows that a cache keeps."""

import numpy as np
from numpy.typing import NDArray

LARGEST = 65_504.0  # float16's largest number; a dB value is a few hundred at most


def to_half(mel: NDArray[np.floating], num_bands: int) -> NDArray[np.float16]:
    """(T, num_bands) dB values as contiguous float16, time-major.

    Raises:
        ValueError: the reason, where the shape is another, there is no frame, or a value is NaN, infinite or beyond
            float16.
    """
    if mel.ndim != 2 or mel.shape[1] != num_bands:
        raise ValueError(f"shape {mel.shape}, expected (frames, {num_bands})")
    if not len(mel):
        raise ValueError("no frames")
    for extreme in check_finite(mel):
        if abs(extreme) > LARGEST:
            raise ValueError(f"a value of {extreme:g}, expected dB within float16's +-{LARGEST:,.0f}")
    return np.ascontiguousarray(mel, dtype=np.float16)


def check_finite(mel: NDArray[np.floating]) -> tuple[float, float]:
    """The least and the largest of (T, bands) values; ValueError naming the first frame with NaN or infinity."""
    least, largest = float(mel.min()), float(mel.max())
    if np.isfinite(least) and np.isfinite(largest):  # NaN shows in both; no array of flags for the usual case
        return least, largest
    bad = ~np.isfinite(mel)
    frame = int(bad.any(axis=1).argmax())
    raise ValueError(f"{int(bad.sum()):,} of {mel.size:,} values are NaN or infinite, the first in frame {frame:,}")
