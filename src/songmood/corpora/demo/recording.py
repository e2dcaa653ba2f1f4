"""Recordings: pieces as FLAC files, and the job that brings one to the cache on the way of a user's own files."""

import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from songmood.audio.parameters import MelParameters
from songmood.cache.plan import Delivery
from songmood.corpora.demo.catalogue import Piece
from songmood.corpora.demo.dice import Dice
from songmood.corpora.demo.instruments import RATE, Samples
from songmood.corpora.demo.render import synthesise
from songmood.corpora.files import AudioFiles


def flac(samples: Samples) -> bytes:
    """A 16-bit FLAC file of samples in -1..1; plain rounding, so the same samples are the same file."""
    import soundfile

    file = io.BytesIO()
    whole = np.rint(samples.astype(np.float64) * 32767.0).astype(np.int16)
    soundfile.write(file, whole, RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()


@dataclass(frozen=True)
class Recording:
    """A job: one piece is composed, played, written as FLAC and read back as any audio file is.

    Attributes:
        piece: what is played.
        mel: what its spectrogram is made with.
        keep: where the FLAC file stays to be listened to; None: it is deleted.
    """

    piece: Piece
    mel: MelParameters
    keep: Path | None = None

    @property
    def name(self) -> str:
        """The track."""
        return self.piece.track.track_id

    @property
    def size(self) -> int:
        """Bytes of 16-bit samples."""
        return 2 * round(self.piece.attributes.seconds * RATE)

    @property
    def stems(self) -> tuple[str, ...]:
        """The track's alone."""
        return (self.piece.track.stem,)

    def run(self) -> Iterator[Delivery]:
        """One delivery."""
        contents = flac(synthesise(self.piece.attributes, Dice(*self.piece.key)))
        if self.keep:
            self.keep.parent.mkdir(parents=True, exist_ok=True)
            unfinished = self.keep.with_name(self.keep.name + ".partial")
            unfinished.write_bytes(contents)
            unfinished.replace(self.keep)
        with tempfile.TemporaryDirectory(prefix="songmood-") as folder:
            file = Path(folder) / f"{self.name}.flac"
            file.write_bytes(contents)
            yield from AudioFiles(self.stems, (file,), len(contents), self.mel, with_features=True).run()
