"""DemoCorpus: music that is made here, in a minute, with tags that can be learnt from its sound.

It is laid out as any folder of music: split TSVs and ``audio/NN/ID.flac``.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from functools import cached_property
from functools import partial as bind
from pathlib import Path

import numpy as np

from songmood.audio.features import AUDIO_FEATURES
from songmood.audio.parameters import MelParameters
from songmood.cache.build import Job, open_or_build
from songmood.cache.plan import CachePlan
from songmood.cache.pool import usable_cores
from songmood.cache.read import MelCache
from songmood.corpora.corpus import SPLITS, check_splits, corpus_tags
from songmood.corpora.demo.catalogue import Catalogue, Piece
from songmood.corpora.demo.instruments import RATE
from songmood.corpora.demo.mixing import synthesise
from songmood.corpora.demo.moods import TAGS
from songmood.corpora.demo.styles import Attributes
from songmood.corpora.files import Content, Files, read_audio
from songmood.random_bits import Dice
from songmood.tracks import Track, write_tracks

VERSION = 1  # of the synthesiser: raised with every change of its sound, so that no cache of another one is taken


def perform(file: Path, piece: Piece, mel: MelParameters) -> Content:
    """Composes and plays a piece, writes it as a 16-bit FLAC file and reads that as any audio file is read."""
    import soundfile

    samples = synthesise(piece.attributes, Dice(*piece.key))
    whole = np.rint(samples.astype(np.float64) * 32767.0).astype(np.int16)  # the same samples are the same file
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".partial")
    soundfile.write(unfinished, whole, RATE, format="FLAC", subtype="PCM_16")
    unfinished.replace(file)
    return read_audio(file, mel, with_features=True)


class DemoCorpus:
    """Implements `Corpus` for synthesised music.

    Below `root` come to lie the cache ``demo.h5``, the splits as ``tracks-*.tsv``, what each piece was composed with as
    ``attributes.tsv``, and the pieces to listen to as ``audio/NN/ID.flac``, a megabyte each.

    Args:
        root: the folder, made where it is missing; None for ``demo`` below ``SONGMOOD_DATA``, else below ``data``.
        num_tracks: in all splits together.
        num_artists: three in five train, one in five validate, one in five test.
        seed: another one is other music.
        workers: processes that build; None for one per core, 0 for this process.
        mel: what the spectrograms are made with.
        seconds: mean length of a piece.

    Raises:
        ConfigError: for numbers of which no corpus can be made.
    """

    name = "demo"
    tags = TAGS
    feature_names = AUDIO_FEATURES

    def __init__(
        self,
        root: Path | str | None = None,
        num_tracks: int = 240,
        num_artists: int = 48,
        seed: int = 0,
        workers: int | None = None,
        mel: MelParameters | None = None,
        seconds: float = 36.0,
    ) -> None:
        self.root = Path(root) if root else Path(os.environ.get("SONGMOOD_DATA", "data")) / "demo"
        self.cache_path = self.root / "demo.h5"
        self.mel = mel or MelParameters()
        self.workers = workers
        self.catalogue = Catalogue(num_tracks, num_artists, seed, seconds)

    @cached_property
    def splits(self) -> Mapping[str, tuple[Track, ...]]:
        """Each artist is in one split."""
        check_splits(self.catalogue.splits)
        corpus_tags(self.catalogue.splits, TAGS, "the demo corpus")
        return self.catalogue.splits

    def check_features(self, cache: MelCache) -> None:
        """Nothing to check: the features are measured with the spectrograms."""

    def open(self) -> MelCache:
        """The cache; composed, played and measured first where there is none of these numbers yet.

        Where another process builds it, that one's end is awaited.

        Raises:
            CacheError: it cannot be written, or was made with other mel parameters.
        """
        workers = usable_cores() if self.workers is None else self.workers
        return open_or_build(self.plan, self.jobs(), workers=workers)

    @cached_property
    def plan(self) -> CachePlan:
        """What the cache is made of; rows are the tracks of train, validation and test."""
        c = self.catalogue
        source = f"demo synthesiser {VERSION}: {c.num_tracks} tracks by {c.num_artists} artists, seed {c.seed}"
        tracks = tuple(track for split in SPLITS for track in self.splits[split])
        return CachePlan(self.cache_path, tracks, TAGS, self.mel, AUDIO_FEATURES, source)

    def jobs(self) -> Iterator[Job]:
        """One per piece, in the order of the catalogue; whoever asks for the first gets the tables too."""
        self._write_tables()
        for piece in self.catalogue.pieces:
            stem = piece.track.stem
            yield Files({stem: self.root / "audio" / f"{stem}.flac"}, bind(perform, piece=piece, mel=self.mel))

    def _write_tables(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        for split, tracks in self.splits.items():
            write_tracks(self.root / f"tracks-{split}.tsv", tracks)
        rows = [("track_id", *(field.name for field in fields(Attributes)))]
        rows += [(p.track.track_id, *map(str, asdict(p.attributes).values())) for p in self.catalogue.pieces]
        text = "".join("\t".join(row) + "\n" for row in rows)
        (self.root / "attributes.tsv").write_text(text, encoding="utf-8", newline="\n")
