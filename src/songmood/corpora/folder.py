"""A folder of music with split TSVs, as the corpus of a user's own; `docs/corpora.md` says what lies where in it."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from functools import partial as bind
from pathlib import Path

from songmood.audio.parameters import MelParameters
from songmood.cache.build import Job, open_or_build
from songmood.cache.plan import CachePlan
from songmood.cache.pool import usable_cores
from songmood.cache.read import MelCache
from songmood.corpora.corpus import SPLITS, check_splits, corpus_tags
from songmood.corpora.files import Files, read_audio, read_npy
from songmood.errors import ConfigError, CorpusError
from songmood.tracks import Track, read_tag_list, read_tracks

SPLIT_FILES = {split: f"tracks-{split}.tsv" for split in SPLITS}
NPY_BATCH = 16  # files per job: one takes milliseconds
QUICK_BYTES = 500_000_000  # of spectrogram files: as long as it takes to start worker processes


class FolderCorpus:
    """Implements `Corpus` for a folder: split TSVs, with spectrograms in ``melspecs`` or audio in ``audio`` or ``NN``.

    Args:
        root: the folder.
        cache_path: where the HDF5 file is, or will be; None for a place below ``SONGMOOD_DATA``, else ``data``.
        splits: split to TSV, relative to `root`.
        tags: in the order of the targets' columns, or a file with one per line; None for all of the TSVs, sorted.
        features: compute audio features where there is audio.
        strict: stop at the first track that cannot be used, instead of leaving it out.
        workers: processes that build; None for one per core, or for this process where starting others costs more.
        mel: what spectrograms of audio are made with, and what those in ``melspecs`` must have been made with; None for
            the data set's.

    Raises:
        CorpusError: the folder, or a TSV, is missing or wrong; splits share a track; a tag is not in `tags`.
        ConfigError: a split is not named, or a negative number of workers.
    """

    def __init__(
        self,
        root: Path | str,
        cache_path: Path | str | None = None,
        *,
        splits: Mapping[str, str] | None = None,
        tags: Path | str | Sequence[str] | None = None,
        features: bool = True,
        strict: bool = False,
        workers: int | None = None,
        mel: MelParameters | None = None,
    ) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise CorpusError(f"no folder {self.root}; set corpus.root to one with {', '.join(SPLIT_FILES.values())}")
        if workers is not None and workers < 0:
            raise ConfigError(
                f"corpus.workers={workers}, expected 0 (no further process), a number of processes or null"
            )
        self._tables = {split: self.root / name for split, name in (splits or SPLIT_FILES).items()}
        if set(self._tables) != set(SPLITS):
            raise ConfigError(
                f"corpus.splits names {', '.join(self._tables)}, expected a TSV for each of {', '.join(SPLITS)}"
            )
        self.name = self.root.resolve().name
        self.cache_path = Path(cache_path) if cache_path else default_cache_path(self.root)
        self.mel = mel or MelParameters()
        self.strict = strict
        self.workers = workers
        self.splits = {split: read_tracks(self._tables[split]) for split in SPLITS}
        check_splits(self.splits)
        listed = read_tag_list(Path(tags)) if isinstance(tags, str | Path) else tags
        self.tags = corpus_tags(self.splits, listed, str(self.root))
        self.has_melspecs = (self.root / "melspecs").is_dir()
        self._with_features = features and not self.has_melspecs

    def check_features(self, cache: MelCache) -> None:
        """Nothing to check: the features are measured with the spectrograms."""

    def open(self) -> MelCache:
        """The cache; built where it is missing or where TSVs, tags or files changed since.

        Where another process builds it, that one's end is awaited.

        Raises:
            CacheError: it cannot be opened or built, or was made with other mel parameters.
            CorpusError: no track can be used, or one cannot and `strict`.
        """
        return open_or_build(self.plan, self.jobs(), workers=self._num_workers(), strict=self.strict)

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Of all splits, in the order of the cache's rows."""
        return tuple(track for split in SPLITS for track in self.splits[split])

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns of the cache's features; none where spectrograms are given, of which they cannot be computed."""
        if not self._with_features:
            return ()
        from songmood.audio.features import AUDIO_FEATURES

        return AUDIO_FEATURES

    @cached_property
    def plan(self) -> CachePlan:
        """What the cache is made of; its source is a hash over the TSVs and each file's name, size and time."""
        source = hashlib.sha256()
        for split in SPLITS:
            source.update(self._tables[split].read_bytes())
        for stem, file in self.files.items():
            status = file.stat() if file else None
            place = file and file.relative_to(self.root).as_posix()
            source.update(repr((stem, place, status and (status.st_size, status.st_mtime_ns))).encode())
        return CachePlan(
            self.cache_path, self.tracks, self.tags, self.mel, self.feature_names, f"folder {source.hexdigest()}"
        )

    @cached_property
    def files(self) -> dict[str, Path | None]:
        """Stem to file; None where there is none."""
        return {track.stem: next(filter(Path.is_file, self._places(track)), None) for track in self.tracks}

    def jobs(self) -> Iterator[Job]:
        """All of them, in the order of the tracks; tracks without a file come last."""
        if self.has_melspecs:
            read, batch, absent = bind(read_npy, num_bands=self.mel.num_bands), NPY_BATCH, "melspecs/{stem}.npy"
        else:
            read, batch = bind(read_audio, mel=self.mel, with_features=self._with_features), 1
            absent = "audio file for {stem}"
        present = [stem for stem, file in self.files.items() if file]
        batches = [present[first : first + batch] for first in range(0, len(present), batch)]
        for stems in (*batches, [stem for stem, file in self.files.items() if not file]):
            if stems:
                yield Files({stem: self.files[stem] for stem in stems}, read, f"no {absent} in {self.root.name}")

    def _num_workers(self) -> int:
        if self.workers is not None:
            return self.workers
        present = [file for file in self.files.values() if file]
        is_quick = self.has_melspecs and sum(file.stat().st_size for file in present) < QUICK_BYTES
        return 0 if is_quick else min(usable_cores(), len(present))

    def _places(self, track: Track) -> Iterator[Path]:
        """Where a track's file may be, the first choice first."""
        if self.has_melspecs:
            yield self.root / "melspecs" / f"{track.stem}.npy"
            return
        from songmood.audio.samples import AUDIO_SUFFIXES

        for folder in (self.root / "audio", self.root):
            for name in (track.path, *(track.stem + suffix for suffix in AUDIO_SUFFIXES)):
                if name.lower().endswith(AUDIO_SUFFIXES):
                    yield folder / name


def default_cache_path(root: Path) -> Path:
    """One per folder: its name, and a hash of where it is for two of the same name."""
    place = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:8]
    return Path(os.environ.get("SONGMOOD_DATA", "data")) / f"{root.resolve().name}-{place}.h5"
