"""What the data set consists of and where it is: data sets, subsets, splits, archives, mirrors."""

from dataclasses import dataclass

from songmood.errors import ConfigError

MIRRORS = (
    "https://cdn.freesound.org/mtg-jamendo",  # the fast one
    "https://essentia.upf.edu/documentation/datasets/mtg-jamendo",
)
COMMIT = "1b4fa8c32e076c73b5175c1703ae805b4109309d"  # of the data set's repository, so that nothing moves
METADATA = f"https://raw.githubusercontent.com/MTG/mtg-jamendo-dataset/{COMMIT}/data"
PINS = {  # SHA-256 of that commit's lists of checksums, on which everything else hangs
    "download/autotagging_moodtheme_melspecs_sha256_tars.txt": (
        "4a3700f3e077880e9e30c2053b486271292b454967d2ef6d12e3e70869fd7042"
    ),
    "download/autotagging_moodtheme_acousticbrainz_sha256_tars.txt": (
        "5cbc397aaaafa32eef9b2f95241e78d216d0052c431899836642a381668f96bb"
    ),
}
SPLIT_NUMBERS = (0, 1, 2, 3, 4)
TYPES = ("melspecs", "acousticbrainz")

SUBSETS = {  # subset -> what its split files are called
    "moodtheme": "autotagging_moodtheme",
    "genre": "autotagging_genre",
    "instrument": "autotagging_instrument",
    "top50tags": "autotagging_top50tags",
    "all": "autotagging",
}


@dataclass(frozen=True)
class RemoteFile:
    """A file that mirrors hold."""

    path: str  # below a mirror's base, with forward slashes
    sha256: str | None = None  # what its bytes must hash to; None where the data set publishes no checksum
    limit: int = 1 << 36  # bytes beyond which it cannot be the right file: a rogue server is not to fill the disk

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Dataset:
    """One of the two collections of archives."""

    name: str  # as in the archives' names
    subsets: tuple[str, ...]  # which of `SUBSETS` its tracks cover
    tracks: str  # the file that lists all tracks in the archives
    fetched: int  # what the mel-spectrogram archives weigh, in GB
    kept: int  # what the cache weighs, in GB

    def split_file(self, subset: str, number: int, split: str) -> str:
        """Where the tracks of "train", "validation" or "test" are listed, in the split of that number."""
        return f"splits/split-{number}/{SUBSETS[subset]}-{split}.tsv"

    def checksums(self, kind: str) -> str:
        """The list of the archives' SHA-256 sums, below the metadata."""
        return f"download/{self.name}_{kind}_sha256_tars.txt"


DATASETS = {  # the smaller one first
    "autotagging_moodtheme": Dataset("autotagging_moodtheme", ("moodtheme",), "autotagging_moodtheme.tsv", 68, 36),
    # `autotagging.tsv` is a link in the repository: fetched raw, it is the name of this file.
    "raw_30s": Dataset("raw_30s", tuple(SUBSETS), "raw_30s_cleantags_50artists.tsv", 229, 115),
}
TAG_LISTS = {"moodtheme": "tags/moodtheme_split.txt"}  # of the others the alphabet is the order, as in this one


def choose_dataset(name: str | None, subset: str) -> Dataset:
    """The data set of that name, or the smallest with the subset.

    Raises:
        ConfigError: there is no such data set, or it does not hold the subset.
    """
    if subset not in SUBSETS:
        raise ConfigError(f"corpus.subset={subset}, expected one of {', '.join(SUBSETS)}")
    if name is None:
        return next(dataset for dataset in DATASETS.values() if subset in dataset.subsets)
    if name not in DATASETS:
        raise ConfigError(f"corpus.dataset={name}, expected one of {', '.join(DATASETS)}")
    if subset not in DATASETS[name].subsets:
        raise ConfigError(f"corpus.dataset={name} does not hold the subset {subset}; corpus.dataset=raw_30s does")
    return DATASETS[name]
