"""Audio files as mono samples: decoded, mixed down and resampled block by block.

libsndfile decodes (no system package is needed), the channels' mean is resampled linearly, as for the data set's
spectrograms: on the same decoded samples the result equals Essentia's MonoLoader. The decoders themselves may start
some samples apart: `docs/audio.md` says when and why.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from songmood.audio.container import cut_short, quiet_decoder
from songmood.audio.mpeg import with_known_length
from songmood.audio.resample import LinearResampler
from songmood.errors import CorpusError

AUDIO_SUFFIXES: tuple[str, ...] = (".wav", ".flac", ".mp3", ".ogg", ".opus")
BLOCK_FRAMES = 16_384  # decoded at once: stays in the processor's cache
MIN_DECODED = 0.95  # of the frames that the header promises; below, the file is cut short or damaged
UNKNOWN_FRAMES = 2**63 - 1  # libsndfile's answer where a header does not tell, as in a FLAC written to a pipe


def load_audio(path: Path | str, sample_rate: int) -> NDArray[np.float32]:
    """Decode a WAV, FLAC, MP3, OGG Vorbis or Opus file.

    Memory is twice the result's, for a moment.

    Args:
        path: the file; its suffix, in either case, must be one of `AUDIO_SUFFIXES`.
        sample_rate: Hz of the result.

    Returns:
        (S,) mono, full scale at 1. Silence is returned as it is.

    Raises:
        CorpusError: naming the file, when it is missing, not readable as audio, empty, cut short or damaged, or holds
            NaN or infinity.
    """
    return np.concatenate(list(audio_blocks(path, sample_rate)))


def audio_blocks(path: Path | str, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """As `load_audio`, block by block: memory is a block's, however long the file is.

    Yields:
        (S,) mono; laid end to end they are what `load_audio` returns.

    Raises:
        CorpusError: as `load_audio`, as soon as it shows.
    """
    path = Path(path)
    if path.suffix.lower() not in AUDIO_SUFFIXES:
        raise CorpusError(f"{path} is not an audio file that songmood reads: use one of {', '.join(AUDIO_SUFFIXES)}.")
    if not path.is_file():
        raise CorpusError(f"{path} is not there or not a file: correct the path, or take its row out of the TSV.")
    if evidence := cut_short(path):
        raise CorpusError(f"{path} is cut short: {evidence}. Fetch or export it again.")
    with _open(path) as file:
        resample = LinearResampler(file.samplerate, sample_rate)
        decoded = 0
        try:
            for block in mono_blocks(path, file):
                if not np.isfinite(block).all():
                    raise CorpusError(f"{path} holds NaN or infinite samples: export it again.")
                decoded += len(block)
                yield resample(block)
        except soundfile.LibsndfileError as error:
            after = f"{decoded / file.samplerate:.1f} s ({error.error_string.rstrip('.')})"
            raise CorpusError(f"{path} is damaged after {after}: fetch or export it again.") from error
        _require_all(path, file, decoded)


def _open(path: Path) -> "Stream":
    mended = with_known_length(path) if path.suffix.lower() == ".mp3" else None
    try:
        with quiet_decoder(path):
            return Stream(mended or os.fsencode(path))  # a name may hold bytes that are no UTF-8
    except soundfile.LibsndfileError as error:
        # Its text can mislead ("File does not exist" for an MP3 without a frame), so it is not quoted.
        raise CorpusError(f"{path} is not audio that can be opened as {path.suffix}: convert or replace it.") from error


def _require_all(path: Path, file: "Stream", decoded: int) -> None:
    if decoded == 0:
        raise CorpusError(f"{path} is empty: it has a header but no samples. Fetch or export it again.")
    if decoded < MIN_DECODED * file.frames and file.frames != UNKNOWN_FRAMES:
        raise CorpusError(
            f"{path} is cut short or damaged: {decoded / file.samplerate:.1f} s of the "
            f"{file.frames / file.samplerate:.1f} s in its header can be decoded. Fetch or export it again."
        )


class Stream(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file that is read from front to end."""

    def seekable(self) -> bool:
        """No: the seek after each block costs a third of decoding an OGG, and fails where the length is unknown."""
        return False


def mono_blocks(path: Path, file: Stream) -> Iterator[NDArray[np.float32]]:
    """The channels' mean, as Essentia mixes stereo down; (up to BLOCK_FRAMES,) at a time."""
    buffer = np.empty((BLOCK_FRAMES, file.channels), dtype=np.float32)
    weights = np.full(file.channels, 1.0 / file.channels, dtype=np.float32)  # a product is faster than mean(axis=1)
    block = buffer
    while len(block):
        with quiet_decoder(path):  # no longer than a read: a stream may pause for minutes
            block = file.read(out=buffer)
        if len(block):
            yield block @ weights
