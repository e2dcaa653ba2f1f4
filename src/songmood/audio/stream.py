"""A file's mel spectrogram in blocks: frame for frame that of the whole file, in constant memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songmood.audio.ffmpeg import FFMPEG_SUFFIXES, ffmpeg_blocks
from songmood.audio.mel import CHUNK_FRAMES, MelSpectrogram
from songmood.audio.samples import AUDIO_SUFFIXES, audio_blocks

STREAMED_SUFFIXES = (*AUDIO_SUFFIXES, *FFMPEG_SUFFIXES)


def file_blocks(path: Path, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """The mono samples of any file that songmood can listen to, in blocks; through FFmpeg where libsndfile cannot.

    Raises:
        CorpusError: as soon as it shows that the file is not whole; see `songmood.audio.samples.audio_blocks`.
    """
    decode = ffmpeg_blocks if path.suffix.lower() in FFMPEG_SUFFIXES else audio_blocks
    return decode(path, sample_rate)


def mel_blocks(blocks: Iterable[NDArray[np.float32]], mel: MelSpectrogram) -> Iterator[NDArray[np.float32]]:
    """The spectrogram of a signal that comes in blocks.

    Args:
        blocks: (S,) each, at the sample rate of `mel`.
        mel: makes the frames.

    Yields:
        (n, bands) dB, `CHUNK_FRAMES` at a time, then the rest; laid end to end, the same bits as ``mel(samples)``.
    """
    hop, size = mel.parameters.hop, mel.parameters.frame_size
    wanted = (CHUNK_FRAMES - 1) * hop + size
    held = [np.zeros(size // 2, dtype=np.float32)]  # what has come and is not done with; the first frame's left half
    num_held, num_samples, num_done = size // 2, 0, 0
    for block in blocks:
        held.append(block)
        num_held += len(block)
        num_samples += len(block)
        if num_held < wanted:
            continue
        stretch = np.concatenate(held)
        while len(stretch) >= wanted:
            yield mel.of_stretch(stretch[:wanted])
            num_done += CHUNK_FRAMES
            stretch = stretch[CHUNK_FRAMES * hop :]
        held, num_held = [stretch], len(stretch)
    left = mel.parameters.num_frames(num_samples) - num_done
    if left > 0:
        missing = (left - 1) * hop + size - num_held  # zeros behind the signal's end, or samples that no frame sees
        held.append(np.zeros(max(missing, 0), dtype=np.float32))
        yield mel.of_stretch(np.concatenate(held)[: (left - 1) * hop + size])
