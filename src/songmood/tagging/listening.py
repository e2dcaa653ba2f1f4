"""Hearing a track: its mel spectrogram in blocks, behind the features that some networks want."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from songmood.audio.features import AUDIO_FEATURES, audio_features
from songmood.audio.mel import MelSpectrogram
from songmood.audio.parameters import MelParameters
from songmood.audio.resample import LinearResampler
from songmood.audio.stream import file_blocks

FEATURE_SECONDS = 3600  # of a track's start that its features are measured in: they need it whole, in memory
MAX_CHANNELS = 8
LOUDEST = 16.0  # full scale is 1, and an honest overshoot is not ten times that
RATES = (1_000, 768_000)  # Hz
BLOCK = 1 << 20  # samples


class Wanted(NamedTuple):
    """What networks have to hear.

    Attributes:
        mel: of the spectrogram.
        features: names, in the network's order; empty for none.
    """

    mel: MelParameters
    features: tuple[str, ...] = ()


class Ear:
    """Hears tracks one after the other, in blocks.

    Args:
        wanted: by the networks that the tracks are for.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._mel = MelSpectrogram(wanted.mel)

    def file_features(self, path: Path) -> NDArray[np.float32] | None:
        """(F,) features of a file's first hour, NaN for those that audio does not tell; None where none are wanted."""
        return self._features(file_blocks(path, self._wanted.mel.sample_rate)) if self._wanted.features else None

    def sample_features(self, mono: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32] | None:
        """The same of samples (S,)."""
        blocks = resampled(mono, sample_rate, self._wanted.mel.sample_rate)
        return self._features(blocks) if self._wanted.features else None

    def _features(self, blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
        heard, room = [], FEATURE_SECONDS * self._wanted.mel.sample_rate
        for block in blocks:
            heard.append(block[:room])
            room -= len(block)
            if room <= 0:
                break
        samples = np.concatenate(heard)
        measured = dict(zip(AUDIO_FEATURES, audio_features(samples, self._mel(samples), self._wanted.mel), strict=True))
        return np.array([measured.get(name, np.nan) for name in self._wanted.features], dtype=np.float32)

    def file(self, path: Path) -> Iterator[NDArray[np.float32]]:
        """A file's spectrogram, (n, bands) at a time.

        Raises:
            CorpusError: naming the file and what is wrong with it.
        """
        return self._mel.of_blocks(file_blocks(path, self._wanted.mel.sample_rate))

    def samples(self, mono: NDArray[np.float32], sample_rate: int) -> Iterator[NDArray[np.float32]]:
        """The spectrogram of samples (S,), (n, bands) at a time."""
        return self._mel.of_blocks(resampled(mono, sample_rate, self._wanted.mel.sample_rate))


def resampled(mono: NDArray[np.float32], source_rate: int, target_rate: int) -> Iterator[NDArray[np.float32]]:
    """Samples in blocks at another rate, resampled as a file's are."""
    resample = LinearResampler(source_rate, target_rate)
    for first in range(0, len(mono), BLOCK):
        yield resample(mono[first : first + BLOCK])


def mono_samples(samples: object, sample_rate: int | None) -> tuple[NDArray[np.float32], int]:
    """What a caller hands over, as mono float32 with full scale at 1, once it makes sense.

    Args:
        samples: (S,), (S, channels) or (channels, S); float with full scale at 1, or int16 or int32.
        sample_rate: Hz.

    Raises:
        ValueError: the rate is missing or impossible, or the samples are no sound.
    """
    if sample_rate is None:
        raise ValueError(
            "samples need their sample_rate, such as tag(samples, sample_rate=44100): a wrong one gives wrong tags"
        )
    if isinstance(sample_rate, bool) or sample_rate != int(sample_rate) or not RATES[0] <= sample_rate <= RATES[1]:
        raise ValueError(f"sample_rate={sample_rate!r}: expected Hz, a whole number from {RATES[0]} to {RATES[1]}")
    array = np.asarray(samples)
    if array.dtype in (np.int16, np.int32):
        array = array.astype(np.float32) / -float(np.iinfo(array.dtype).min)
    elif array.dtype.kind != "f":
        raise ValueError(f"samples of type {array.dtype}: expected float with full scale at 1, int16 or int32")
    mono = _mixed(array.astype(np.float32))
    if len(mono) == 0 or not np.isfinite(mono).all():
        raise ValueError("samples are empty, or hold NaN or infinity")
    if (peak := float(np.abs(mono).max())) > LOUDEST:
        raise ValueError(
            f"samples reach {peak:,.0f}: expected full scale at 1; divide them, by 32768 if they were int16"
        )
    return mono, int(sample_rate)


def _mixed(array: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the channels, which are the axis with at most `MAX_CHANNELS` entries."""
    if array.ndim == 1:
        return array
    channels = [axis for axis in range(array.ndim) if array.shape[axis] <= MAX_CHANNELS]
    if array.ndim != 2 or len(channels) != 1:
        raise ValueError(f"samples of shape {array.shape}: expected (S,), (S, channels) or (channels, S)")
    mixed: NDArray[np.float32] = array.mean(axis=channels[0])
    return mixed
