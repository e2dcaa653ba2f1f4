"""Jobs that bring the files of a folder: ``.npy`` spectrograms as distributed, or audio."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from songmood.audio.parameters import MelParameters
from songmood.cache.plan import Delivery
from songmood.corpora.npy import MelFileError, read_mel_npy
from songmood.errors import CorpusError

if TYPE_CHECKING:
    from songmood.audio.mel import MelSpectrogram


@dataclass(frozen=True)
class NpyFiles:
    """Spectrogram files of the data set's own format.

    Attributes:
        stems: of the tracks.
        files: for each its file.
        num_bands: that each must have.
    """

    stems: tuple[str, ...]
    files: tuple[Path, ...]
    num_bands: int

    @property
    def name(self) -> str:
        """The first of the files."""
        return str(self.files[0])

    def run(self) -> Iterator[Delivery]:
        """One delivery per file; a file that cannot be used is refused."""
        for stem, file in zip(self.stems, self.files, strict=True):
            try:
                delivery = Delivery(stem, read_mel_npy(file, self.num_bands))
            except MelFileError as error:
                delivery = Delivery(stem, refusal=f"{file.name}: {error.reason}")
            yield delivery


@dataclass(frozen=True)
class AudioFiles:
    """Audio files: decoded, turned into spectrograms, and measured.

    Attributes:
        stems: of the tracks.
        files: for each its file.
        mel: what the spectrograms are made with.
        with_features: whether to compute `AUDIO_FEATURES` too.
    """

    stems: tuple[str, ...]
    files: tuple[Path, ...]
    mel: MelParameters
    with_features: bool

    @property
    def name(self) -> str:
        """The first of the files."""
        return str(self.files[0])

    def run(self) -> Iterator[Delivery]:
        """One delivery per file; a file that cannot be used is refused."""
        from songmood.audio.features import audio_features
        from songmood.audio.samples import load_audio

        spectrogram = _spectrogram(self.mel)
        for stem, file in zip(self.stems, self.files, strict=True):
            try:
                samples = load_audio(file, self.mel.sample_rate)
            except CorpusError as error:
                yield Delivery(stem, refusal=str(error).replace(str(file), file.name))
                continue
            with one_thread():
                mel = spectrogram(samples)
                features = audio_features(samples, mel, self.mel) if self.with_features else None
            yield Delivery(stem, mel, features)


@dataclass(frozen=True)
class MissingFiles:
    """Tracks without a file.

    Attributes:
        stems: of the tracks.
        reason: said of each.
    """

    stems: tuple[str, ...]
    reason: str
    name: ClassVar[str] = "missing files"

    def run(self) -> Iterator[Delivery]:
        """Only refusals."""
        for stem in self.stems:
            yield Delivery(stem, refusal=self.reason.format(stem=stem))


@contextmanager
def one_thread() -> Iterator[None]:
    """Keeps torch to one thread: sums are then taken in one order, whatever the machine and the number of workers."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@lru_cache(maxsize=2)
def _spectrogram(parameters: MelParameters) -> "MelSpectrogram":
    """Made once per worker process."""
    from songmood.audio.mel import MelSpectrogram

    return MelSpectrogram(parameters)
