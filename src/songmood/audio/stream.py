"""A file's samples in blocks, whichever program it takes to decode it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songmood.audio.ffmpeg import FFMPEG_SUFFIXES, ffmpeg_blocks
from songmood.audio.samples import AUDIO_SUFFIXES, audio_blocks

STREAMED_SUFFIXES = (*AUDIO_SUFFIXES, *FFMPEG_SUFFIXES)


def file_blocks(path: Path, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """The mono samples of any file that songmood can listen to, in blocks; through FFmpeg where libsndfile cannot.

    Raises:
        CorpusError: as soon as it shows that the file is not whole; see `songmood.audio.samples.audio_blocks`.
    """
    decode = ffmpeg_blocks if path.suffix.lower() in FFMPEG_SUFFIXES else audio_blocks
    return decode(path, sample_rate)
