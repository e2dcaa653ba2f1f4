"""The files of a folder as a job: spectrograms as distributed, audio, or whatever else a function reads."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songmood.audio.parameters import MelParameters
from songmood.cache.plan import Delivery
from songmood.corpora.npy import read_mel_npy
from songmood.errors import CorpusError

Content = tuple[NDArray[np.float32], NDArray[np.float32] | None]  # (T, bands) dB, and (F,) features where there are any


@dataclass(frozen=True)
class Files:
    """A job of some files, one for each track."""

    files: Mapping[str, Path | None]  # by the tracks' stems; None where there is none
    read: Callable[[Path], Content]  # what a file holds, or a CorpusError why it is of no use; picklable
    absent: str = ""  # said of a track without a file, with its ``{stem}``

    @property
    def name(self) -> str:
        """The first of the files."""
        stem, file = next(iter(self.files.items()))
        return str(file or stem)

    @property
    def stems(self) -> tuple[str, ...]:
        """Of the tracks."""
        return tuple(self.files)

    def run(self) -> Iterator[Delivery]:
        """One delivery per track; a file that cannot be used is refused."""
        for stem, file in self.files.items():
            if file is None:
                yield Delivery(stem, refusal=self.absent.format(stem=stem))
                continue
            try:
                yield Delivery(stem, *self.read(file))
            except CorpusError as error:
                yield Delivery(stem, refusal=str(error).replace(str(file), file.name))


def read_npy(file: Path, num_bands: int) -> Content:
    """A spectrogram file of the data set's own format; it has no features."""
    return read_mel_npy(file, num_bands), None


def read_audio(file: Path, mel: MelParameters, *, with_features: bool) -> Content:
    """An audio file: decoded, turned into a spectrogram of `mel` and, `with_features`, measured."""
    import torch

    from songmood.audio.features import audio_features
    from songmood.audio.mel import MelSpectrogram
    from songmood.audio.samples import load_audio

    samples = load_audio(file, mel.sample_rate)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums are then taken in one order, whatever the machine and the number of workers
    try:
        decibels = MelSpectrogram(mel)(samples)
        return decibels, audio_features(samples, decibels, mel) if with_features else None
    finally:
        torch.set_num_threads(threads)
