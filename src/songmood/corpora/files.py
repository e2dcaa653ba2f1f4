"""Jobs that bring the files of a folder: ``.npy`` spectrograms as distributed, or audio."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from songmood.audio.parameters import MelParameters
from songmood.cache.plan import Delivery
from songmood.corpora.npy import read_mel_npy
from songmood.errors import CorpusError

if TYPE_CHECKING:
    from songmood.audio.mel import MelSpectrogram


@dataclass(frozen=True)
class Files:
    """A job of some files, one for each track.

    Attributes:
        stems: of the tracks.
        files: for each its file.
    """

    stems: tuple[str, ...]
    files: tuple[Path, ...]

    @property
    def name(self) -> str:
        """The first of the files."""
        return str(self.files[0])

    def run(self) -> Iterator[Delivery]:
        """One delivery per file; a file that cannot be used is refused."""
        for stem, file in zip(self.stems, self.files, strict=True):
            try:
                delivery = self.read(stem, file)
            except CorpusError as error:
                delivery = Delivery(stem, refusal=str(error).replace(str(file), file.name))
            yield delivery

    def read(self, stem: str, file: Path) -> Delivery:
        """What a file holds; CorpusError where it cannot be used."""
        raise NotImplementedError


@dataclass(frozen=True)
class NpyFiles(Files):
    """Spectrogram files of the data set's own format, each of `num_bands` bands."""

    num_bands: int

    def read(self, stem: str, file: Path) -> Delivery:
        """As `Files`."""
        return Delivery(stem, read_mel_npy(file, self.num_bands))


@dataclass(frozen=True)
class AudioFiles(Files):
    """Audio files: decoded, turned into spectrograms of `mel` and, `with_features`, measured."""

    mel: MelParameters
    with_features: bool

    def read(self, stem: str, file: Path) -> Delivery:
        """As `Files`."""
        from songmood.audio.features import audio_features
        from songmood.audio.samples import load_audio

        samples = load_audio(file, self.mel.sample_rate)
        with one_thread():
            mel = _spectrogram(self.mel)(samples)
            features = audio_features(samples, mel, self.mel) if self.with_features else None
        return Delivery(stem, mel, features)


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
