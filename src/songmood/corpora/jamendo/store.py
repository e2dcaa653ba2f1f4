"""The data set on this machine: its metadata, the archives on their way, its cache, and what is still missing."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from songmood.audio.parameters import MelParameters
from songmood.cache.finish import finished_stems, is_finished
from songmood.cache.plan import CachePlan
from songmood.corpora.jamendo.acousticbrainz import FEATURES
from songmood.corpora.jamendo.archives import FRAME_BYTES, FRAMES_PER_SECOND, folder_of, largest_npy
from songmood.corpora.jamendo.catalogue import Dataset, RemoteFile
from songmood.corpora.jamendo.features import FeatureRows
from songmood.corpora.jamendo.metadata import read_checksums
from songmood.errors import CorpusError
from songmood.tracks import Track, read_tracks, tags_of

FEATURE_BYTES = 100_000  # of a track in a compressed archive of features; an estimate, on the safe side


@dataclass(frozen=True)
class Store:
    """One of the two collections of archives, as far as it is here."""

    dataset: Dataset  # which
    root: Path  # holds `metadata/`, `downloads/` while they are needed, and the features that were read
    cache_path: Path
    mel: MelParameters  # what the spectrograms were made with

    @property
    def metadata(self) -> Path:
        """The folder of text files, laid out as `data/` of the data set's repository."""
        return self.root / "metadata"

    @property
    def downloads(self) -> Path:
        """Where archives wait until they have been read."""
        return self.root / "downloads"

    def text(self, path: str) -> Path:
        """A file of the metadata; CorpusError where it is not here."""
        if not (file := self.metadata / path).is_file():
            raise CorpusError(f"no {file}; `songmood data fetch --metadata-only` brings it")
        return file

    def checksums(self, kind: str) -> dict[str, str]:
        """The SHA-256 sums of the archives of spectrograms or of features, by name."""
        return read_checksums(self.text(self.dataset.checksums(kind)))

    @cached_property
    def plan(self) -> CachePlan:
        """The cache: all tracks of the archives with all their tags, whatever split or subset is used later."""
        tracks = read_tracks(self.text(self.dataset.tracks))
        sums = self.checksums("melspecs")
        source = hashlib.sha256("\n".join(f"{value} {name}" for name, value in sums.items()).encode()).hexdigest()
        return CachePlan(self.cache_path, tracks, tags_of(tracks), self.mel, FEATURES, f"{self.dataset.name} {source}")

    @cached_property
    def _folders(self) -> Mapping[str, tuple[Track, ...]]:
        """The tracks of each folder, ``"00"`` to ``"99"``; none of any other name."""
        folders: dict[str, tuple[Track, ...]] = defaultdict(tuple)
        for track in self.plan.tracks:
            folders[track.path.split("/")[0]] += (track,)
        return folders

    def tracks_in(self, tar: str) -> tuple[Track, ...]:
        """The tracks of the folder that an archive of this name holds."""
        return self._folders[folder_of(tar)]

    @cached_property
    def feature_rows(self) -> FeatureRows:
        """The features that were read so far."""
        return FeatureRows(self.root / "features.journal", self.checksums("acousticbrainz"))

    @property
    def is_built(self) -> bool:
        """Whether the cache is there and is the one of this metadata."""
        return is_finished(self.plan)

    def archives(self, kind: str) -> list[RemoteFile]:
        """The archives of spectrograms or of features, as the list of checksums names them."""
        files = []
        for name, checksum in self.checksums(kind).items():
            limit = (1 << 20) + 2 * sum(largest_npy(track.duration) for track in self.tracks_in(name))
            files.append(RemoteFile(f"{self.dataset.name}/{kind}/{name}", checksum, limit))
        return files

    def pending(self, kind: str) -> list[RemoteFile]:
        """The archives that hold something that is not here yet."""
        if kind == "acousticbrainz":
            read = self.feature_rows.entries
            return [file for file in self.archives(kind) if file.name not in read]
        if self.is_built:
            return []
        done = finished_stems(self.plan)
        return [file for file in self.archives(kind) if {track.stem for track in self.tracks_in(file.name)} - done]

    def expected(self, tar: str) -> int:
        """Bytes that an archive has, about."""
        tracks = self.tracks_in(tar)
        if tar.endswith(".gz"):
            return FEATURE_BYTES * len(tracks)
        return sum(int(track.duration * FRAMES_PER_SECOND * FRAME_BYTES) + 2_048 for track in tracks)
