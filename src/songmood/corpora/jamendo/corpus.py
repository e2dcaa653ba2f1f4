"""MTG-Jamendo as a corpus: a split and a subset are lists of tracks over one cache of all of them."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from songmood.audio.parameters import MelParameters
from songmood.cache.partial import partial_path
from songmood.cache.read import MelCache
from songmood.corpora.corpus import check_splits, corpus_tags
from songmood.corpora.jamendo.acousticbrainz import FeatureSet, absent_features
from songmood.corpora.jamendo.catalogue import SPLIT_NUMBERS
from songmood.corpora.jamendo.metadata import choose_dataset
from songmood.corpora.jamendo.selection import Selection, select
from songmood.corpora.jamendo.store import Store
from songmood.errors import CacheError, ConfigError, CorpusError
from songmood.tracks import Track


class JamendoCorpus:
    """One split of one subset of the data set.

    Attributes:
        store: what is here of the data set, shared by all splits and subsets.
        features: which AcousticBrainz values a track's features are.
    """

    def __init__(
        self,
        root: Path | str,
        *,
        split: int = 0,
        subset: str = "moodtheme",
        dataset: str | None = None,
        features: FeatureSet | None = None,
        cache_path: Path | str | None = None,
        mel: MelParameters | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            root: holds `metadata/` and, while they are needed, the archives.
            split: 0 to 4.
            subset: moodtheme, genre, instrument, top50tags or all.
            dataset: autotagging_moodtheme or raw_30s; None: the smaller one that holds the subset.
            features: None for none.
            cache_path: of the HDF5 file; None: beside `root`.
            mel: what the spectrograms were made with; None: the data set's parameters.

        Raises:
            ConfigError: there is no such split, subset or data set.
        """
        if split not in SPLIT_NUMBERS:
            raise ConfigError(f"corpus.split={split}, expected one of {', '.join(map(str, SPLIT_NUMBERS))}")
        self.split = split
        self.subset = subset
        self.features = features
        chosen = choose_dataset(dataset, subset)
        suffix = "" if chosen.name == "autotagging_moodtheme" else f"-{chosen.name}"
        root = Path(root)
        path = Path(cache_path) if cache_path is not None else root.with_name(f"{root.name}{suffix}.h5")
        self.store = Store(chosen, root, path, mel or MelParameters())

    @property
    def name(self) -> str:
        """Such as ``"jamendo-moodtheme-split0"``."""
        return f"jamendo-{self.subset}-split{self.split}"

    @property
    def cache_path(self) -> Path:
        """Of the HDF5 file."""
        return self.store.cache_path

    @property
    def mel(self) -> MelParameters:
        """What the spectrograms were made with."""
        return self.store.mel

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns of the features."""
        return tuple(self.features.columns) if self.features else ()

    @cached_property
    def splits(self) -> Mapping[str, tuple[Track, ...]]:
        """The tracks of "train", "validation" and "test", in the order of their files.

        Raises:
            CorpusError: a file of the split is missing or damaged.
        """
        splits = self.store.metadata.splits(self.store.dataset, self.subset, self.split)
        check_splits(splits)
        return splits

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags in the organisers' order.

        Raises:
            CacheError: nothing of the data set is here: names three ways on, since a run asks for the tags first.
            CorpusError: a file of the split is missing or damaged.
        """
        train = self.store.dataset.split_file(self.subset, self.split, "train")
        if not (self.cache_path.exists() or self.store.metadata.has(train)):
            raise self._missing()
        listed = self.store.metadata.tags(self.subset, dict(self.splits))
        return corpus_tags(self.splits, listed, self.name)

    def open(self) -> Selection:
        """The cache, with the subset's targets and the feature set's columns.

        Raises:
            CacheError: there is none: names three ways on; or it is another one, or damaged.
        """
        if not self.cache_path.exists():
            raise self._missing()
        return select(MelCache.open(self.cache_path, self.mel), self.splits, self.tags, self.feature_names)

    def absent_features(self, cache: MelCache) -> tuple[str, ...]:
        """Which columns of the feature set are in no track of `cache`."""
        return absent_features(cache.features, cache.feature_names)

    def check_features(self, cache: MelCache) -> None:
        """For those who need the features: does `cache` have them?

        Raises:
            CorpusError: some are in no track; names them, and the feature set that the distribution does hold.
        """
        if self.features is None:
            raise CorpusError(f"{self.name} was made without features; choose some with corpus/features=distribution")
        absent = self.absent_features(cache)
        if len(absent) == len(self.feature_names):
            raise CorpusError(
                f"{self.cache_path} holds no AcousticBrainz features; add them with "
                "`songmood data build --type acousticbrainz`"
            )
        if absent:
            raise CorpusError(explain_absence(self.features.name, absent))

    def _missing(self) -> CacheError:
        if partial_path(self.cache_path).exists():
            return CacheError(f"{self.cache_path} is not finished; `songmood data build` goes on with it")
        dataset = self.store.dataset
        command = (
            "`make data`" if dataset.subsets == ("moodtheme",) else f"`songmood data build --dataset {dataset.name}`"
        )
        return CacheError(
            f"no mel cache at {self.cache_path}. Build it with {command} ({dataset.fetched} GB to fetch, "
            f"{dataset.kept} GB kept), or try `corpus=demo` (made here in a minute) or "
            "`corpus=folder corpus.root=DIR` (your own music)."
        )


def explain_absence(name: str, absent: tuple[str, ...]) -> str:
    """Why a feature set cannot be had, and which can."""
    blocks = sorted({feature.split(".")[0] for feature in absent})
    return (
        f"the features {name} cannot be had: no track has {', '.join(absent)} (the distribution has no block "
        f"{', '.join(blocks)}; NN/ID.json.highlevel.json files in the archives would bring highlevel). "
        "corpus/features=distribution takes what it holds"
    )
