"""What the data set consists of and where it is: data sets, subsets, splits, archives, mirrors."""

from dataclasses import dataclass

MIRRORS = (
    "https://cdn.freesound.org/mtg-jamendo",  # the fast one
    "https://essentia.upf.edu/documentation/datasets/mtg-jamendo",
)
METADATA = "https://raw.githubusercontent.com/MTG/mtg-jamendo-dataset/1b4fa8c/data"  # a commit, so that nothing moves
SPLITS = (0, 1, 2, 3, 4)
PARTS = ("train", "validation", "test")
TYPES = ("melspecs", "acousticbrainz")

SUBSETS = {  # subset -> what its split files are called
    "moodtheme": "autotagging_moodtheme",
    "genre": "autotagging_genre",
    "instrument": "autotagging_instrument",
    "top50tags": "autotagging_top50tags",
    "all": "autotagging",
}


@dataclass(frozen=True)
class Dataset:
    """One of the two collections of archives.

    Attributes:
        name: as in the archives' names.
        subsets: which of `SUBSETS` its tracks cover.
        tracks: the file that lists all tracks in the archives. (`autotagging.tsv` is a link in the repository: fetched
            raw, it is the name of the file below.)
        fetched: what the mel-spectrogram archives weigh, in GB.
        kept: what the cache weighs, in GB.
    """

    name: str
    subsets: tuple[str, ...]
    tracks: str
    fetched: int
    kept: int

    def split_file(self, subset: str, split: int, part: str) -> str:
        """Where the tracks of one part of one split are listed, below the metadata."""
        return f"splits/split-{split}/{SUBSETS[subset]}-{part}.tsv"

    def checksums(self, kind: str, of: str) -> str:
        """The list of SHA-256 sums `of` the "tars" or the "tracks" in them, below the metadata."""
        return f"download/{self.name}_{kind}_sha256_{of}.txt"


DATASETS = {
    "autotagging_moodtheme": Dataset("autotagging_moodtheme", ("moodtheme",), "autotagging_moodtheme.tsv", 68, 36),
    "raw_30s": Dataset("raw_30s", tuple(SUBSETS), "raw_30s_cleantags_50artists.tsv", 229, 115),
}
TAG_LISTS = {"moodtheme": "tags/moodtheme_split.txt"}  # of the others the alphabet is the order, as in this one
