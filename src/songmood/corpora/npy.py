"""Spectrograms in ``.npy`` files, read as hostile input: no pickle, nothing that the header does not say.

Taken is what the data set distributes: format 1.0-3.0, ``<f4``, shape (96, T) with at least one frame, Fortran order
(time is the slow axis on disk, so the bytes are (T, 96) already) or C order. NumPy reads the header, a literal of
bounded length, and no more; the number of bytes must be the header's to the byte; the values must be finite.
"""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from songmood.cache.half import check_finite
from songmood.errors import CorpusError

LONGEST_HEADER = 4096  # bytes; a plain array's has 118
LARGEST_FILE = 1 << 30  # bytes: 16 hours of 96 bands
_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,  # the same in UTF-8, which ASCII does not show
}


def read_mel_npy(path: Path, num_bands: int = 96) -> NDArray[np.float32]:
    """The (T, num_bands) spectrogram of a file, in dB.

    Raises:
        CorpusError: the file is missing, unreadable, larger than a GiB or not as the module says.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST_FILE:
                raise ValueError(f"{size:,} bytes, expected at most {LARGEST_FILE:,}")
            return parse_mel_npy(file.read(size), num_bands)
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CorpusError(f"{path}: {error}") from None


def parse_mel_npy(data: bytes | memoryview, num_bands: int = 96) -> NDArray[np.float32]:
    """The (T, num_bands) spectrogram in the bytes of a file, in dB: a view of them where their order allows.

    Raises:
        ValueError: the reason why there is none.
    """
    shape, fortran_order, dtype, start = _header(data)
    frames = _frames(shape, dtype, num_bands)
    expected, present = frames * num_bands * 4, len(data) - start
    if present < expected:
        raise ValueError(f"truncated, {present:,} bytes of values where the header says {expected:,}")
    if present > expected:
        raise ValueError(f"{present - expected:,} bytes after the array's end")
    values = np.frombuffer(data, np.dtype("<f4"), offset=start)
    mel = values.reshape(frames, num_bands) if fortran_order else values.reshape(num_bands, frames).T
    check_finite(mel)
    return mel


def _header(data: bytes | memoryview) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether the order is Fortran's, dtype, and where the values start."""
    file = io.BytesIO(data[: LONGEST_HEADER + 12])  # the header at most, and magic, version and length before it
    if not file.getvalue().startswith(np.lib.format.MAGIC_PREFIX):
        raise ValueError("not an .npy file (or a pickle), expected one that starts with \\x93NUMPY")
    try:
        version = np.lib.format.read_magic(file)
        shape, fortran_order, dtype = _READERS[version](file, max_header_size=LONGEST_HEADER)
    except Exception as error:  # mutated headers make it raise many kinds: KeyError, MemoryError, SyntaxError ...
        reason = " ".join(str(error).split())[:100]
        raise ValueError(f"not a header that NumPy can read ({type(error).__name__}: {reason})") from None
    if not file.getvalue()[12 : file.tell()].isascii():
        raise ValueError("a header that is not ASCII")
    return shape, fortran_order, dtype, file.tell()


def _frames(shape: tuple[int, ...], dtype: np.dtype[Any], num_bands: int) -> int:
    """The number of frames of an array that is a spectrogram."""
    if dtype.hasobject:
        raise ValueError("holds Python objects (a pickle), expected <f4")
    if dtype.str != "<f4":
        raise ValueError(f"dtype {dtype.str}, expected <f4 (little-endian float32)")
    if len(shape) != 2 or shape[0] != num_bands:
        raise ValueError(f"shape {str(shape)[:80]}, expected ({num_bands}, frames)")
    if not 0 < shape[1] <= LARGEST_FILE:
        raise ValueError(f"shape {str(shape)[:80]}: {'too many' if shape[1] > 0 else 'no'} frames")
    return shape[1]
