"""The text files of the data set, as its repository lays them out: tracks, splits, tags, checksums."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from songmood.corpora.corpus import SPLITS
from songmood.corpora.jamendo.catalogue import DATASETS, SPLIT_NUMBERS, TAG_LISTS, TYPES, Dataset
from songmood.errors import ConfigError, CorpusError
from songmood.tracks import Track, read_lines, read_tag_list, read_tracks, tags_of

_CHECKSUM = re.compile(r"([0-9a-f]{64}) [ *]?(\S+)")
LARGEST = 64 << 20  # bytes; the largest, all tracks with their tags, has seven million


@dataclass(frozen=True)
class Metadata:
    """The metadata below a folder.

    Attributes:
        folder: laid out as `data/` of the data set's repository.
    """

    folder: Path

    def tracks(self, dataset: Dataset) -> tuple[Track, ...]:
        """All tracks in the archives of a data set, those outside of every split too."""
        return read_tracks(self._existing(dataset.tracks))

    def splits(self, dataset: Dataset, subset: str, number: int) -> dict[str, tuple[Track, ...]]:
        """The tracks of "train", "validation" and "test", each in its file's order."""
        return {split: read_tracks(self._existing(dataset.split_file(subset, number, split))) for split in SPLITS}

    def tags(self, subset: str, splits: dict[str, tuple[Track, ...]]) -> tuple[str, ...]:
        """The tags of a subset in the organisers' order, which is the alphabet's."""
        if subset in TAG_LISTS:
            return read_tag_list(self._existing(TAG_LISTS[subset]))
        return tags_of(track for tracks in splits.values() for track in tracks)

    def checksums(self, dataset: Dataset, kind: str) -> dict[str, str]:
        """The archives' SHA-256 sums, by name, in the list's order."""
        return read_checksums(self._existing(dataset.checksums(kind)))

    def has(self, path: str) -> bool:
        """Whether a file is there."""
        return (self.folder / path).is_file()

    def _existing(self, path: str) -> Path:
        if not self.has(path):
            raise CorpusError(f"no {self.folder / path}; `songmood data fetch --metadata-only` brings it")
        return self.folder / path


def read_checksums(path: Path) -> dict[str, str]:
    """The sums in a list of `<hex> <name>` lines.

    Raises:
        CorpusError: with file and line, where a line is none, a name is there twice, or the list is empty.
    """
    sums: dict[str, str] = {}
    for number, line in enumerate(read_lines(path), start=1):
        match = _CHECKSUM.fullmatch(line.strip())
        if match is None or match[2] in sums:
            raise CorpusError(f"{path}:{number}: {line[:80]!r}, expected '<SHA-256> <name>', each name once")
        sums[match[2]] = match[1]
    return sums


def wanted(dataset: Dataset) -> dict[str, Callable[[Path], object]]:
    """What has to be fetched of the metadata: for each path the reader that tells whether it is in order."""
    files: dict[str, Callable[[Path], object]] = {dataset.tracks: read_tracks}
    for subset in dataset.subsets:
        files |= {
            dataset.split_file(subset, number, split): read_tracks for number in SPLIT_NUMBERS for split in SPLITS
        }
        if subset in TAG_LISTS:
            files[TAG_LISTS[subset]] = read_tag_list
    files |= {dataset.checksums(kind): read_checksums for kind in TYPES}
    return files


def choose_dataset(name: str | None, subset: str) -> Dataset:
    """The data set of that name, or the smallest with the subset.

    Raises:
        ConfigError: there is no such data set, or it does not hold the subset.
    """
    holding = [dataset for dataset in DATASETS.values() if subset in dataset.subsets]
    if not holding:
        raise ConfigError(f"corpus.subset={subset}, expected one of {', '.join(DATASETS['raw_30s'].subsets)}")
    if name is None:
        return min(holding, key=lambda dataset: dataset.fetched)
    if name not in DATASETS:
        raise ConfigError(f"corpus.dataset={name}, expected one of {', '.join(DATASETS)}")
    if DATASETS[name] not in holding:
        raise ConfigError(f"corpus.dataset={name} does not hold the subset {subset}; corpus.dataset=raw_30s does")
    return DATASETS[name]
