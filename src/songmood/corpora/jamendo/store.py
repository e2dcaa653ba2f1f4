"""The data set on this machine: its metadata, the archives on their way, its cache, and what is still missing."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from songmood.audio.parameters import MelParameters
from songmood.cache.finish import finished_stems
from songmood.cache.header import read_preamble
from songmood.cache.partial import partial_path
from songmood.cache.plan import CachePlan
from songmood.corpora.jamendo.acousticbrainz import FEATURES
from songmood.corpora.jamendo.catalogue import Dataset
from songmood.corpora.jamendo.feature_pass import FeatureRows
from songmood.corpora.jamendo.jobs import FRAME_BYTES, FRAMES_PER_SECOND, folder_of, largest_npy
from songmood.corpora.jamendo.metadata import Metadata
from songmood.corpora.jamendo.transfer import RemoteFile
from songmood.tracks import Track, tags_of

FEATURE_BYTES = 100_000  # of a track in a compressed archive of features; an estimate, on the safe side


@dataclass(frozen=True)
class Store:
    """One of the two collections of archives, as far as it is here.

    Attributes:
        dataset: which.
        root: holds `metadata/`, `downloads/` while they are needed, and the features that were read.
        cache_path: of the cache.
        mel: what the spectrograms were made with.
    """

    dataset: Dataset
    root: Path
    cache_path: Path
    mel: MelParameters

    @property
    def metadata(self) -> Metadata:
        """The text files."""
        return Metadata(self.root / "metadata")

    @property
    def downloads(self) -> Path:
        """Where archives wait until they have been read."""
        return self.root / "downloads"

    @cached_property
    def plan(self) -> CachePlan:
        """The cache: all tracks of the archives with all their tags, whatever split or subset is used later."""
        tracks = self.metadata.tracks(self.dataset)
        sums = self.metadata.checksums(self.dataset, "melspecs")
        source = hashlib.sha256("\n".join(f"{value} {name}" for name, value in sums.items()).encode()).hexdigest()
        return CachePlan(self.cache_path, tracks, tags_of(tracks), self.mel, FEATURES, f"{self.dataset.name} {source}")

    @cached_property
    def folders(self) -> Mapping[str, tuple[Track, ...]]:
        """The tracks of each folder, ``"00"`` to ``"99"``: an archive holds one."""
        folders: dict[str, list[Track]] = defaultdict(list)
        for track in self.plan.tracks:
            folders[track.path.split("/")[0]].append(track)
        return {folder: tuple(tracks) for folder, tracks in folders.items()}

    @cached_property
    def feature_rows(self) -> FeatureRows:
        """The features that were read so far."""
        return FeatureRows(self.root / "features.journal", self.metadata.checksums(self.dataset, "acousticbrainz"))

    @property
    def is_built(self) -> bool:
        """Whether the cache is there and is the one of this metadata."""
        return self.cache_path.exists() and read_preamble(self.cache_path).plan == self.plan.digest

    def archives(self, kind: str) -> list[RemoteFile]:
        """The archives of spectrograms or of features, as the list of checksums names them."""
        sums = self.metadata.checksums(self.dataset, kind)
        return [
            RemoteFile(f"{self.dataset.name}/{kind}/{name}", value, self.limit(name)) for name, value in sums.items()
        ]

    def pending(self, kind: str) -> list[RemoteFile]:
        """The archives that hold something that is not here yet."""
        if kind == "acousticbrainz":
            read = self.feature_rows.entries
            return [file for file in self.archives(kind) if file.name not in read]
        if self.is_built:
            return []
        done = finished_stems(self.plan)
        folders = {track.path.split("/")[0] for track in self.plan.tracks if track.stem not in done}
        return [file for file in self.archives(kind) if folder_of(file.name) in folders]

    def expected(self, tar: str) -> int:
        """Bytes that an archive has, about."""
        tracks = self.folders.get(folder_of(tar), ())
        if tar.endswith(".gz"):
            return FEATURE_BYTES * len(tracks)
        return sum(int(track.duration * FRAMES_PER_SECOND * FRAME_BYTES) + 2_048 for track in tracks)

    def limit(self, tar: str) -> int:
        """Bytes that an archive has at most."""
        tracks = self.folders.get(folder_of(tar), ())
        return (1 << 20) + 2 * sum(largest_npy(track.duration) for track in tracks)

    def missing_cache_bytes(self) -> int:
        """What the unfinished cache will still take of the disk."""
        if self.is_built:
            return 0
        partial = partial_path(self.cache_path)
        present = partial.stat().st_blocks * 512 if partial.exists() else 0
        return max(0, int(self.plan.slots[-1]) * 2 * self.mel.num_bands - present)
